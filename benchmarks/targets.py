"""What Nod wants to reach, each as a number made from the samples of one run. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.replies import transcript
from benchmarks.samples import Samples
from benchmarks.scenarios import BYTES_TASKS, GROWTH_ROUNDS
from benchmarks.stored import json_bytes

Measure = Callable[[Samples], float | None]
FEW, MANY = GROWTH_ROUNDS[0], GROWTH_ROUNDS[-1]


@dataclass(frozen=True, slots=True)
class Target:
    """`limit` is a ceiling, with `is_floor` a floor; `unit` "x" for ratios of the same run. `dominates` says what most
    of the figure is, for those that are missed."""

    number: str
    claim: str
    measure: Measure
    limit: float
    is_floor: bool = False
    unit: str = "x"
    dominates: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured, None where a peer or a scenario was left out."""

    target: Target
    measured: float | None

    @property
    def is_met(self) -> bool:
        if self.measured is None:
            return False
        limit = self.target.limit
        return self.measured >= limit if self.target.is_floor else self.measured <= limit

    @property
    def text(self) -> str:
        if self.measured is None:
            return "not measured"
        if self.is_met:
            return "met"
        times = self.measured / self.target.limit
        return f"missed by {abs(times - 1):.0%}" if times < 2 else f"missed, {times:,.1f} times the target"


def verdicts(samples: Samples) -> list[Verdict]:
    return [Verdict(target, target.measure(samples)) for target in TARGETS]


def growth(samples: Samples, peer: str) -> float | None:
    """Microseconds of CPU that one call costs more after many rounds than after few."""
    few, many = (samples.median("growth", peer, f"cpu_us_per_call_{rounds}") for rounds in (FEW, MANY))
    return None if few is None or many is None else many - few


def times_messages(samples: Samples, peer: str, name: str) -> float | None:
    """What one finished run holds in the database, over the JSON of its messages."""
    stored = samples.median("bytes", peer, f"at_end_{name}")
    return None if stored is None else stored / json_bytes(transcript(BYTES_TASKS[name]))


def over(measured: float | None, base: float | None) -> float | None:
    """A ratio, None where it cannot be made."""
    return None if measured is None or base is None or base <= 0 else measured / base


def _ratio(scenario: str, figure: str, peer: str, base: str) -> Measure:
    return lambda samples: over(samples.median(scenario, peer, figure), samples.median(scenario, base, figure))


def _absolute(scenario: str, figure: str, peer: str) -> Measure:
    return lambda samples: samples.median(scenario, peer, figure)


def _times_messages(name: str) -> Measure:
    return lambda samples: times_messages(samples, "nod-sqlite", name)


def _growth_beside_raw(samples: Samples) -> float | None:
    return over(growth(samples, "nod"), growth(samples, "raw"))


def _budgeted(samples: Samples) -> float | None:
    few, many = (samples.median("growth", "nod-budget", f"cpu_us_per_call_{rounds}") for rounds in (FEW, MANY))
    return over(many, few)


def _twice_the_rounds(samples: Samples) -> float | None:
    fifty, half = (samples.median("bytes", "nod-sqlite", f"at_end_{name}") for name in ("50x4k", "25x4k"))
    return over(fifty, half)


_CALL = "cpu_us_per_call"
TARGETS = (
    Target(
        "1",
        "ten rounds, nothing stored: CPU per call over the bare SDK loop",
        _ratio("loop", _CALL, "nod", "sdk"),
        0.20,
    ),
    Target(
        "2",
        "ten rounds, every one durable: CPU per call over the bare SDK loop, which stores nothing",
        _ratio("loop", _CALL, "nod-sqlite", "sdk"),
        0.35,
    ),
    Target(
        "3",
        f"4 kB results: CPU per call at {MANY} rounds minus at {FEW}, over raw aiohttp's own growth",
        _growth_beside_raw,
        1.5,
    ),
    Target(
        "4",
        f"the same with the context budget on: CPU per call at {MANY} rounds over at {FEW}",
        _budgeted,
        1.3,
        dominates=(
            "Larger requests: at 10 rounds a request is 25 kB on average, with the budget on between 70 and 145 kB. "
            "Joining and sending those bytes is about half of the difference, raw aiohttp pays it too; the rest is "
            "cutting each old result two or three times in a run, and one look at each message per request."
        ),
    ),
    Target(
        "5",
        "a reply streamed in 64 chunks: CPU over raw aiohttp",
        _ratio("stream", "cpu_us_per_reply", "nod", "raw"),
        3.0,
    ),
    Target(
        "6a",
        "pause (dump and durable store): CPU over raw aiohttp",
        _ratio("pause", "pause_cpu_us", "nod-sqlite", "raw"),
        3.0,
    ),
    Target(
        "6b",
        "warm resume (load, approve, finish, store): CPU over raw aiohttp",
        _ratio("pause", "resume_cpu_us", "nod-sqlite", "raw"),
        3.0,
        dominates=(
            "Four durable commits where raw aiohttp makes one: the decision, the claim before the effect, its result, "
            "and the end, each with its audit and outbox rows."
        ),
    ),
    Target(
        "7a",
        "bytes stored for one run, 10 rounds of 1 kB and a gate: over its messages' JSON",
        _times_messages("10x1k"),
        1.5,
    ),
    Target("7b", "the same for 50 rounds of 4 kB and a gate", _times_messages("50x4k"), 1.5),
    Target("7c", "bytes grow with the rounds: 50 rounds over 25", _twice_the_rounds, 2.1),
    Target(
        "8a",
        "500 conversations at once: calls per second and core over the bare SDK loop",
        _ratio("concurrent", "calls_per_cpu_s", "nod", "sdk"),
        8.0,
        is_floor=True,
    ),
    Target(
        "8b",
        "the same: connections opened per conversation",
        _absolute("concurrent", "connections_per_conversation", "nod"),
        1.0,
    ),
    Target(
        "8c",
        "the same: longest time one step holds the event loop (absolute)",
        _absolute("concurrent", "longest_step_ms", "nod"),
        50.0,
        unit="ms",
        dominates="The garbage collector's full passes: raw aiohttp has steps of the same length for the same reason.",
    ),
    Target(
        "8d",
        "the same: worst lateness of a heartbeat in that loop (absolute)",
        _absolute("concurrent", "worst_stall_ms", "nod"),
        50.0,
        unit="ms",
        dominates=(
            "500 conversations that begin in the same moment: the heartbeat waits for the first step of each of them. "
            "Raw aiohttp is late for the same reason."
        ),
    ),
    Target("9a", "`python -m bot --help`, wall (absolute)", _absolute("help", "wall_s", "nod"), 0.3, unit="s"),
    Target(
        "9b",
        "fresh process from its start to the resumed click: CPU over LangGraph with AsyncSqliteSaver",
        _ratio("start", "start_to_resumed_cpu_ms", "nod-sqlite", "langgraph-sqlite"),
        0.5,
        dominates=(
            "Imports: the openai package a third of all, SQLAlchemy a seventh, aiohttp a tenth. The resume itself is a "
            "fiftieth."
        ),
    ),
)
