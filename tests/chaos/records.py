"""What happened, written by whoever did it, outside the bot: one JSON line each, appended in one write.

The bot's own rows never judge the bot. A line that a kill cut off cannot be: O_APPEND and one `write` per line.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

Record = dict[str, Any]

FOLDER = "CHAOS_FOLDER"
SIGNALS = "CHAOS_SIGNALS"
PAUSE_MS = "CHAOS_PAUSE_MS"


def note(path: Path, **fields: Any) -> None:
    """Append one line, with the size the database's log has at this moment."""
    wal = path.parent / "data" / "nod.db-wal"
    line = {**fields, "pid": os.getpid(), "at": time.time(), "wal": wal.stat().st_size if wal.exists() else 0}
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)


def read(path: Path) -> list[Record]:
    """All lines of one file, none where it is not there."""
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def ledger() -> Path:
    """Where the tools of this process note their effects."""
    return Path(os.environ[FOLDER]) / "ledger"


def signal(letter: str) -> None:
    """Tell whoever aims at this process where it is: `r`ecovers, `o`pen, `b`egins an effect, `e`nded one."""
    if handle := os.environ.get(SIGNALS):
        os.write(int(handle), letter.encode())


def pause_s() -> float:
    """How long an effect takes."""
    return float(os.environ.get(PAUSE_MS, "20")) / 1000
