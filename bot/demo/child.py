"""What both of the demo's model servers share as child processes: arguments, the READY line, and no orphans."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time

POLL_S = 0.5


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--parent-pid", type=int, required=True)
    return parser.parse_args()


def end_with_parent(parent_pid: int) -> None:
    """Watch the parent from a thread and end this process when it is gone, even by `kill -9`."""
    threading.Thread(target=_watch, args=(parent_pid,), daemon=True).start()


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(POLL_S)
    os._exit(0)


def announce(url: str) -> None:
    """Tell the parent where we serve, and nothing ever after: it does not go on reading."""
    print("READY", url, flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
