"""Compare Nod with its peers in one run; `--write` puts the figures into docs/performance.md."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from benchmarks.environments import FOLDER, ROOT
from benchmarks.plan import FULL_REPEATS, PEERS, QUICK_PEERS, QUICK_REPEATS, SCENARIOS
from benchmarks.report import page, summary
from benchmarks.samples import Samples, read_samples
from benchmarks.taking import TRIES, take

SAMPLES = FOLDER / "samples.json"
PAGE = ROOT / "docs" / "performance.md"


def main() -> None:
    given = _options().parse_args()
    if given.again:
        samples = read_samples(SAMPLES)
    else:
        samples = Samples(repeats=given.repeats or (QUICK_REPEATS if given.quick else FULL_REPEATS))
        try:
            peers = given.only or list(QUICK_PEERS if given.quick else PEERS)
            take(samples, peers=peers, scenarios=given.scenarios, tries=1 if given.quick else TRIES)
        finally:
            samples.write(SAMPLES)
    print(summary(samples))
    if given.write:
        PAGE.write_text(page(samples))
        print(f"Written to {PAGE.relative_to(ROOT)}.")


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer peers, two repeats at most: some minutes")
    options.add_argument("--only", type=_peers, default=None, metavar="PEERS", help=", ".join(PEERS))
    options.add_argument(
        "--scenarios", type=_scenarios, default=list(SCENARIOS), metavar="SCENARIOS", help=", ".join(SCENARIOS)
    )
    options.add_argument("--repeats", type=int, default=None, metavar="N", help="samples of each figure (default: 5)")
    options.add_argument("--write", action="store_true", help="write docs/performance.md")
    options.add_argument("--again", action="store_true", help="report the last run's samples, measure nothing")
    return options


def _peers(text: str) -> list[str]:
    return _among(text, PEERS)


def _scenarios(text: str) -> list[str]:
    return _among(text, SCENARIOS)


def _among(text: str, known: Collection[str]) -> list[str]:
    """The names in a comma-separated text, in the order of `known`."""
    named = text.split(",")
    if unknown := [one for one in named if one not in known]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return [one for one in known if one in named]


if __name__ == "__main__":
    main()
