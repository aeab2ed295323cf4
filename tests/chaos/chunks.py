"""Experiments in chunks: each with a seed and a folder of its own, in a forked worker that may not hang.

Finished chunks are lines in `.chaos/results.jsonl`: a stopped run goes on with those that are missing there. A line
counts only for the very code it was measured on.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.chaos.box import Box
from tests.chaos.judge import Findings
from tests.chaos.speaker import ROOT


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of an experiment: `size` of its units, the `number`th of all, with whatever chance there is in `seed`."""

    experiment: str
    number: int
    size: int
    seed: int
    is_short: bool
    box: Box

    @property
    def name(self) -> str:
        return f"{self.experiment}-{self.number}"


Work = Callable[[Chunk, Findings], None]
Verdict = Callable[[Counter[str], int], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Experiment:
    """`times` units in all (`short` of them in the short form), `chunk` at a time, each chunk within `limit_s`.

    `line` are the figures of the summary; `too_little` says what was not done often enough to prove anything.
    """

    name: str
    times: int
    short: int
    chunk: int
    limit_s: float
    work: Work
    line: Callable[[Counter[str]], dict[str, object]]
    too_little: Verdict
    short_chunk: int = 0
    jobs: int = 2


@dataclass
class Outcome:
    """A chunk that has ended."""

    figures: Counter[str]
    faults: list[str]


@dataclass
class Run:
    """One run of some experiments. `only`: a single chunk, to replay it."""

    folder: Path
    model_url: str
    is_short: bool = False
    times: int = 0
    jobs: int = 2
    only: int | None = None
    say: Callable[[str], None] = print
    workers: dict[int, tuple[Experiment, Chunk, int, float]] = field(default_factory=dict)

    def perform(self, experiments: Sequence[Experiment]) -> bool:
        """Run what is missing of some experiments side by side, and print a line for each; whether all was well."""
        known = {one.name: {} if self.only is not None else self._known(one) for one in experiments}
        missing = [
            (one, chunk) for one in experiments for chunk in self._chunks(one) if chunk.number not in known[one.name]
        ]
        jobs = min(self.jobs, *(one.jobs for one in experiments)) if len(experiments) == 1 else self.jobs
        try:
            while missing or self.workers:
                while missing and len(self.workers) < jobs:
                    self._start(*missing.pop(0))
                for chunk, outcome in self._ended():
                    known[chunk.experiment][chunk.number] = outcome
                    self._keep(chunk, outcome)
        finally:
            self._end_workers()
        results = [self._report(one, self._chunks(one), known[one.name]) for one in experiments]
        return all(results)

    def _chunks(self, experiment: Experiment) -> list[Chunk]:
        times = self.times or (experiment.short if self.is_short else experiment.times)
        each = (experiment.short_chunk or experiment.chunk) if self.is_short else experiment.chunk
        sizes = [min(each, times - begin) for begin in range(0, times, each)]
        made = [
            Chunk(experiment.name, number, size, _seed(experiment.name, number), self.is_short, self._box("unused"))
            for number, size in enumerate(sizes)
        ]
        return made if self.only is None else [one for one in made if one.number == self.only]

    def _box(self, folder: str) -> Box:
        return Box(Path(folder), self.model_url)

    # --- workers ---

    def _start(self, experiment: Experiment, chunk: Chunk) -> None:
        folder = tempfile.mkdtemp(prefix=f"chaos-{chunk.name}-")
        chunk = Chunk(chunk.experiment, chunk.number, chunk.size, chunk.seed, chunk.is_short, self._box(folder))
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reading)
            os.setpgid(0, 0)
            _be_worker(experiment, chunk, writing)
        os.close(writing)
        self.workers[pid] = (experiment, chunk, reading, time.monotonic() + experiment.limit_s)

    def _ended(self) -> Iterable[tuple[Chunk, Outcome]]:
        ready = select.select([reading for _, _, reading, _ in self.workers.values()], [], [], 0.2)[0]
        for pid, (experiment, chunk, reading, until_s) in list(self.workers.items()):
            is_late = time.monotonic() > until_s
            if reading not in ready and not is_late:
                continue
            outcome = _read_outcome(reading) if reading in ready else None
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # the worker's own group: the bots that it may have left
            os.waitpid(pid, 0)
            os.close(reading)
            del self.workers[pid]
            why = f"hang: no end within {experiment.limit_s:.0f} s" if is_late else "the worker died"
            yield chunk, outcome or Outcome(Counter(hangs=1), [why])

    def _end_workers(self) -> None:
        """Whoever stops a run leaves nothing behind: neither processes nor folders."""
        for pid, (_, chunk, _, _) in self.workers.items():
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            shutil.rmtree(chunk.box.folder, ignore_errors=True)
        self.workers.clear()

    # --- results ---

    @property
    def _results(self) -> Path:
        return self.folder / "results.jsonl"

    def _known(self, experiment: Experiment) -> dict[int, Outcome]:
        """The chunks of an earlier run that count for this one: the same code, the same sizes, and well."""
        lines = self._results.read_text("utf-8").splitlines() if self._results.exists() else []
        wanted = {one.number: one for one in self._chunks(experiment)}
        known = {}
        for line in map(json.loads, lines):
            chunk = wanted.get(line["number"])
            is_same = chunk is not None and _identity(chunk) == line["identity"]
            if is_same and not line["faults"]:
                known[line["number"]] = Outcome(Counter(line["figures"]), [])
        return known

    def _keep(self, chunk: Chunk, outcome: Outcome) -> None:
        """Write the result down; keep the folder of a chunk that failed, for whoever looks for the cause."""
        self.folder.mkdir(exist_ok=True)
        line = {
            "identity": _identity(chunk),
            "number": chunk.number,
            "figures": outcome.figures,
            "faults": outcome.faults,
            "seed": chunk.seed,
        }
        with self._results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if outcome.faults:
            kept = self.folder / "failed" / chunk.name
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(chunk.box.folder, kept, dirs_exist_ok=True)
        shutil.rmtree(chunk.box.folder, ignore_errors=True)

    def _report(self, experiment: Experiment, chunks: list[Chunk], known: dict[int, Outcome]) -> bool:
        figures: Counter[str] = Counter()
        for outcome in known.values():
            _merge(figures, outcome.figures)
        units = sum(one.size for one in chunks)
        faults = [(one, text) for one in chunks for text in known[one.number].faults]
        little = [] if self.only is not None else list(experiment.too_little(figures, units))
        is_well = not faults and not little
        listed = " ".join(f"{name}={value}" for name, value in experiment.line(figures).items())
        self.say(
            f"{experiment.name}={units} {listed} worked={figures['took_ms'] // 1000}s {'ok' if is_well else 'FAILED'}"
        )
        for text in little:
            self.say(f"    too little was done: {text}")
        for chunk, text in faults[:20]:
            self.say(f"    chunk {chunk.number} seed {chunk.seed}: {text}")
        if faults:
            self.say(f"    {len(faults)} faults; replay one: python -m tests.chaos {experiment.name} --chunk NUMBER")
        return is_well


def _be_worker(experiment: Experiment, chunk: Chunk, writing: int) -> None:
    found = Findings()
    started = time.monotonic()
    try:
        experiment.work(chunk, found)
    except BaseException:  # the rim of a worker: whatever it was, the experiment did not hold
        found.fault("broken", traceback.format_exc())
    found.figures["took_ms"] = round((time.monotonic() - started) * 1000)
    try:
        with os.fdopen(writing, "w") as pipe:
            pipe.write(json.dumps({"figures": found.figures, "faults": found.faults[:200]}))
    finally:
        os._exit(0)


def _read_outcome(reading: int) -> Outcome | None:
    text = b""
    while piece := os.read(reading, 1 << 16):
        text += piece
    if not text:
        return None
    said = json.loads(text)
    return Outcome(Counter(said["figures"]), said["faults"])


def _merge(figures: Counter[str], more: Counter[str]) -> None:
    for name, value in more.items():
        figures[name] = max(figures[name], value) if name.endswith("_max") else figures[name] + value


def _seed(experiment: str, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{experiment} {number}".encode()).digest()[:6], "big")


def _identity(chunk: Chunk) -> str:
    return f"{chunk.experiment} {chunk.number} of size {chunk.size} {'short' if chunk.is_short else 'full'} {_code()}"


@cache
def _code() -> str:
    """A digest of the bot and of its judge."""
    digest = hashlib.sha256()
    for folder in ("bot", "adapters", "tests/chaos"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def share(part: int, whole: int) -> str:
    """A part as whole percents."""
    return f"{100 * part // whole}%" if whole else "-"


def pick(figures: Counter[str], *names: str) -> dict[str, Any]:
    """Some figures as they are."""
    return {name: figures[name] for name in names}
