"""The report as text: all of `docs/performance.md` comes from here, so that nothing in it goes stale by hand. Pure."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator

from benchmarks.plan import PEERS
from benchmarks.samples import Samples
from benchmarks.tables import MISSING, TABLES, Table, lines
from benchmarks.targets import Verdict, verdicts

_WIDTH = 118
_HEAD = """\
# Performance

What Nod costs beside other ways to write the same loop, measured side by side in one run against a mock model. This
page is written by `make bench`; do not edit it.
"""

_HOW = """\
## How it is measured

- **The model** is a mock of `/v1/chat/completions` in a process of its own, on the first core. Its reply is a
  function of the request, and it refuses a request without the system prompt, the ten tools, or the newest tool
  result as the tool gave it; every answer is compared with the right one. So every peer does the same work: a system
  prompt of 1.2 kB, the same ten tools, the same results.
- **Each sample is a fresh process** on the second core, in the peer's own interpreter, warmed up first. The peers
  take turns, so that what the machine does meanwhile hits all of them. Figures are medians over the repeats (`n`).
- **The unit is CPU of the client process**, user and system, all its threads, so a database's thread counts. Wall
  time is used only where a row says so.
- **Disturbed samples are taken again**: a fixed piece of work runs between conversations, and a process in which it
  took more than 20 % longer than in the calmest one is repeated (at most twice; not when it takes longer than 10
  seconds, and for five minutes in all).
- **Targets are ratios within this run**, except those that say *absolute*. Never compare figures of two runs.

## What is fair to say

- *raw aiohttp* and *bare SDK loop* check nothing: no argument validation, no policy, no caps. They are what the work
  costs at least, and what it costs the way everybody writes it; they are not rivals.
- *Nod* does more in the same figures: it validates every call's arguments against the tool's types, asks the policy
  at every step and again before the call runs, counts caps and usage, bounds each tool's time, and masks known
  secrets where there are any. Stored, it also writes an audit, the outbox's rows and the conversation's turns.
- *openai-agents*, *pydantic-ai* and *LangGraph* do more that Nod does not: hooks, callbacks, guardrails, handoffs or
  graphs. Tracing is off in all of them.
- *LangGraph, AsyncSqliteSaver* and *Nod, SQLite FULL* store every step; the other peers have no store of their own, and
  get one row per run for its whole state, written at the gate and at its end. All of it is SQLite in WAL, synchronous
  FULL.
- Each peer is used as its documentation shows, untuned.

## What the measurement cannot tell

CPU time moves by 20 % and more on shared machines: **trust ratios of 1.3 and more, not less**, and differences of
large numbers (pause, growth) less than that. The stream is written in one piece. TLS, real networks, real disks'
fsync, memory over hours and several processes on one database are not measured.
"""

_AGAIN = """\
## Again

    make bench                                     # everything; writes this page
    python -m benchmarks --quick                   # fewer peers, one or two repeats, some minutes
    python -m benchmarks --only nod,sdk,raw --scenarios loop,stream

The peers' packages come from hashed locks (`requirements/bench-*.txt`) into `.bench/`; a peer that cannot be
installed is left out, and this page says so. Every sample of the last run is in `.bench/samples.json`; `python -m
benchmarks --again --write` makes this page from it.
"""


def page(samples: Samples) -> str:
    """The whole page in Markdown."""
    return "\n".join(_sections(samples)).rstrip() + "\n"


def summary(samples: Samples) -> str:
    """What the terminal shows: targets, then the tables."""
    parts = [*_targets(samples), *(line for table in TABLES for line in _table(table, samples, is_explained=False))]
    return "\n".join([*parts, *_left_out(samples)]).rstrip() + "\n"


def _sections(samples: Samples) -> Iterator[str]:
    yield _HEAD
    yield from _targets(samples)
    yield _about(samples)
    yield from _left_out(samples)
    for table in TABLES:
        yield from _table(table, samples, is_explained=True)
    yield _HOW
    yield from _versions(samples)
    yield _AGAIN


def _targets(samples: Samples) -> Iterator[str]:
    yield "## Targets"
    yield ""
    rows = [["", "what", "measured", "target", ""]]
    yield from lines(rows + [_verdict_row(verdict) for verdict in verdicts(samples)])
    yield ""
    missed = [one for one in verdicts(samples) if one.measured is not None and not one.is_met]
    if any(one.target.dominates for one in missed):
        yield "What most of the missed figures is:"
        yield ""
        yield from (_filled(f"- **{one.target.number}** {one.target.dominates}", "  ") for one in missed)
        yield ""


def _verdict_row(verdict: Verdict) -> list[str]:
    target = verdict.target
    unit = "" if target.unit == "x" else f" {target.unit}"
    measured = MISSING if verdict.measured is None else f"{verdict.measured:.{_digits(target.limit)}f}{unit}"
    return [
        target.number,
        target.claim,
        measured,
        f"{'≥' if target.is_floor else '≤'} {target.limit:g}{unit}",
        verdict.text,
    ]


def _digits(limit: float) -> int:
    return 0 if limit >= 50 else 2


def _about(samples: Samples) -> str:
    spread = samples.spread()
    apart = (
        "" if spread is None else f" Repeats of a CPU figure lay {spread:.2f} apart (largest over smallest, median)."
    )
    said = (
        f"Measured on {samples.cores} cores ({samples.system}), Python {samples.python}: at most {samples.repeats} "
        f"repeats, {samples.minutes:.0f} minutes, {samples.retaken} samples taken again.{apart}"
    )
    return _filled(said) + "\n"


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _left_out(samples: Samples) -> Iterator[str]:
    if samples.left_out:
        by_reason = itertools.groupby(sorted(samples.left_out.items(), key=_reason), key=_reason)
        said = "; ".join(f"{', '.join(what for what, _ in group)} ({why})" for why, group in by_reason)
        yield _filled(f"**Left out of this run:** {said}.") + "\n"


def _reason(left_out: tuple[str, str]) -> str:
    return left_out[1]


def _table(table: Table, samples: Samples, *, is_explained: bool) -> Iterator[str]:
    if not samples.taken.get(table.scenario):
        return
    yield f"## {table.title}"
    yield ""
    if is_explained:
        yield _filled(table.explained)
        yield ""
    yield from lines(table.rows(samples))
    yield ""


def _versions(samples: Samples) -> Iterator[str]:
    yield "## Versions"
    yield ""
    for peer, versions in samples.versions.items():
        listed = ", ".join(f"{name} {version}" for name, version in versions.items())
        yield _filled(f"- {PEERS[peer].label}: {listed}", indent="  ")
    yield ""
