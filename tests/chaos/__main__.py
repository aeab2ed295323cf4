"""Run experiments: `python -m tests.chaos [NAME ...] [--short | --times N] [--jobs N] [--chunk N] [--fresh]`."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

from tests.chaos import life
from tests.chaos.chunks import Run
from tests.chaos.registry import EXPERIMENTS
from tests.chaos.speaker import speaking


def main() -> int:
    """Perform what was asked for; 0 when every experiment held."""
    known = {one.name: one for one in EXPERIMENTS}
    asked = _arguments(list(known))
    if asked.fresh:
        shutil.rmtree(asked.folder, ignore_errors=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    life.prepare()
    with speaking() as model_url:
        say = partial(print, flush=True)
        run = Run(asked.folder, model_url, asked.short, asked.times, asked.jobs, asked.chunk, say)
        wanted = [known[name] for name in asked.names or known]
        together = [wanted] if asked.short else [[one] for one in wanted]
        results = [run.perform(some) for some in together]
    return 0 if all(results) else 1


def _arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which experiments: {', '.join(names)}; all of them")
    parser.add_argument("--short", action="store_true", help="the short form, as in the tests")
    parser.add_argument("--times", type=int, default=0, help="so many units instead of the full number")
    parser.add_argument("--jobs", type=int, default=2, help="chunks at the same time")
    parser.add_argument("--chunk", type=int, help="only this chunk: a replay of its seed")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs have finished")
    parser.add_argument("--folder", type=Path, default=Path(".chaos"), help="where results are kept")
    asked = parser.parse_args()
    if strangers := set(asked.names) - set(names):
        parser.error(f"there is no experiment {', '.join(sorted(strangers))}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
