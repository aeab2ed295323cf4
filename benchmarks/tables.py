"""What the report shows of each scenario: a table over all peers, with ratios to one of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.plan import PEERS, SCENARIOS
from benchmarks.samples import Samples
from benchmarks.scenarios import GROWTH_ROUNDS
from benchmarks.targets import growth, over, times_messages

Value = Callable[[Samples, str], float | None]
MISSING = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of every peer; with `base` as a multiple of that peer's."""

    title: str
    value: Value
    base: str = ""
    digits: int = 0

    def cell(self, samples: Samples, peer: str) -> str:
        value = self.value(samples, peer)
        if value is None:
            return MISSING
        if not self.base:
            return f"{value:,.{self.digits}f}"
        multiple = over(value, self.value(samples, self.base))
        return MISSING if multiple is None or multiple < 0 else f"{multiple:,.2f}"


@dataclass(frozen=True, slots=True)
class Table:
    scenario: str
    title: str
    explained: str
    columns: tuple[Column, ...]

    def rows(self, samples: Samples) -> list[list[str]]:
        """One row per peer that was measured, the title row first."""
        taken = samples.taken.get(self.scenario, {})
        titles = ["", *(column.title for column in self.columns), "n"]
        peers = [peer for peer in SCENARIOS[self.scenario].peers if peer in taken]
        return [titles, *(self._row(samples, peer, len(taken[peer])) for peer in peers)]

    def _row(self, samples: Samples, peer: str, count: int) -> list[str]:
        return [PEERS[peer].label, *(column.cell(samples, peer) for column in self.columns), str(count)]


def lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table in Markdown, its columns aligned so that it can be read as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    first, *rest = [_line(row, widths) for row in rows]
    return [first, "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rest]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
    return "| " + " | ".join(cells) + " |"


def _median(scenario: str, figure: str) -> Value:
    return lambda samples, peer: samples.median(scenario, peer, figure)


def _bytes(name: str) -> Column:
    return Column(f"{name}: x its messages", partial(_times, name=name), digits=2)


def _times(samples: Samples, peer: str, name: str) -> float | None:
    return times_messages(samples, peer, name)


TABLES = (
    Table(
        "loop",
        "Ten rounds",
        "One call a round, 1 kB results. CPU per model call. "
        "The rows with a database store every round; the others store nothing.",
        (
            Column("µs per call", _median("loop", "cpu_us_per_call")),
            Column("x SDK", _median("loop", "cpu_us_per_call"), "sdk"),
            Column("x raw", _median("loop", "cpu_us_per_call"), "raw"),
        ),
    ),
    Table(
        "growth",
        "Growing conversations",
        "One call a round, 4 kB results. CPU per model call in µs over the whole run; the last columns say what a "
        "call costs more at 200 rounds than at 10.",
        (
            *(Column(f"{rounds} rounds", _median("growth", f"cpu_us_per_call_{rounds}")) for rounds in GROWTH_ROUNDS),
            Column("growth", growth),
            Column("x raw's growth", growth, "raw"),
        ),
    ),
    Table(
        "stream",
        "A streamed reply",
        "64 chunks in one write, a listener that takes the text. CPU per reply in µs: reading the stream, not "
        "waiting for it.",
        (
            Column("µs per reply", _median("stream", "cpu_us_per_reply")),
            Column("x raw", _median("stream", "cpu_us_per_reply"), "raw"),
            Column("x SDK", _median("stream", "cpu_us_per_reply"), "sdk"),
        ),
    ),
    Table(
        "pause",
        "Pause and resume",
        "Ten rounds of 1 kB, then a call that needs approval. *Pause*: CPU of the run to the gate, durable, minus "
        "the same run without the gate (median of pairs, turn by turn). Nod has stored the rounds before by then, "
        "as the loop above shows; its run without the gate leaves its last commit out. LangGraph stores every step, "
        "the last one too, so that its difference says nothing. *Resume*: new objects on the same database load, "
        "approve, run the call, ask the model once and store the end. A difference near zero or below it is noise: "
        "the pause is small beside its run.",
        (
            Column("pause µs", _median("pause", "pause_cpu_us")),
            Column("x raw", _median("pause", "pause_cpu_us"), "raw"),
            Column("resume µs", _median("pause", "resume_cpu_us")),
            Column("x raw", _median("pause", "resume_cpu_us"), "raw"),
            Column("run and pause µs", _median("pause", "run_and_pause_cpu_us")),
        ),
    ),
    Table(
        "bytes",
        "Stored bytes",
        "One finished run with a gate: every value in every table that it added, over the compact JSON of its "
        "messages. Nod's rows hold calls, approvals, audit, outbox and the conversation's turn too.",
        (
            _bytes("10x1k"),
            _bytes("25x4k"),
            _bytes("50x4k"),
            Column("50x4k: bytes", _median("bytes", "at_end_50x4k")),
        ),
    ),
    Table(
        "concurrent",
        "500 conversations at once",
        "Ten rounds each, the model takes 20 ms; all of them start at once in one process on one core. *Late*: the "
        "worst lateness of a heartbeat in the same event loop, wall; where many conversations are ready at once it "
        "is their sum. *Longest step*: the longest single callback, CPU; collections by the garbage collector "
        "count.",
        (
            Column("calls/s per core", _median("concurrent", "calls_per_cpu_s")),
            Column("x SDK", _median("concurrent", "calls_per_cpu_s"), "sdk"),
            Column("µs per call", _median("concurrent", "cpu_us_per_call")),
            Column("connections each", _median("concurrent", "connections_per_conversation"), digits=2),
            Column("late ms", _median("concurrent", "worst_stall_ms")),
            Column("longest step ms", _median("concurrent", "longest_step_ms"), digits=1),
        ),
    ),
    Table(
        "start",
        "A click in a fresh process",
        "One process runs ten rounds to the gate and ends; another starts, opens the same database, approves and "
        "finishes. All CPU of the second process in ms, imports included.",
        (
            Column("ms to the end", _median("start", "start_to_resumed_cpu_ms")),
            Column("x LangGraph", _median("start", "start_to_resumed_cpu_ms"), "langgraph-sqlite"),
            Column("ms until ready", _median("start", "start_to_ready_cpu_ms")),
        ),
    ),
    Table(
        "help",
        "The command line",
        "`python -m bot --help`, wall.",
        (Column("seconds", _median("help", "wall_s"), digits=3),),
    ),
)
