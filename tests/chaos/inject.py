"""A failure at every store, model and platform operation in turn, and a cancellation at every await.

A unit is one fault in one of six scripted runs, and a part of its operations: each in turn fails, the bot does what it
does, is started again over the same file, and finishes; then the judge. `python -m tests.chaos.inject` runs this
experiment alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import shutil
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bot.app import open_app
from bot.config.settings import load
from bot.errors import BotError
from bot.models.config import from_mapping
from bot.models.registry import Registry
from tests.chaos import inject_tools, life, records
from tests.chaos.box import Box
from tests.chaos.chunks import Chunk, Experiment, Run, pick
from tests.chaos.inject_faults import FAULTS, Fault, Probe, Seam, Target, seam_for
from tests.chaos.inject_judge import judge
from tests.chaos.inject_model import Speaker, speaking
from tests.chaos.inject_world import IDLE_S, SCRIPTS, STUCK_S, Platform, Script, World, event_of
from tests.chaos.judge import Findings

LIFE_S = 30.0
CLOSE_S = 0.2
SWEEPS = 2
CLEAN = 2
NOTHING: Target = ("", 0)
MODEL_S = 20.0
HANGING_MODEL_S = 0.5


@dataclass(frozen=True, slots=True)
class Unit:
    """One fault in one script, at all operations that fall to this part."""

    script: Script
    fault: Fault
    part: int

    def has(self, target: Target) -> bool:
        return zlib.crc32(f"{target}".encode()) % self.fault.parts == self.part


UNITS = tuple(Unit(script, fault, part) for fault in FAULTS for script in SCRIPTS for part in range(fault.parts))


def work(chunk: Chunk, found: Findings) -> None:
    """Perform the units of one chunk."""
    chunk.box.folder.mkdir(exist_ok=True)
    with chunk.box.log.open("a") as log, contextlib.redirect_stderr(log), speaking() as speaker:
        for unit in _units(chunk):
            asyncio.run(_perform(unit, chunk, speaker, found))


def _units(chunk: Chunk) -> list[Unit]:
    if not chunk.is_short:
        begin = chunk.number * EXPERIMENT.chunk
        return list(UNITS[begin : begin + chunk.size])
    begin = chunk.number * EXPERIMENT.short_chunk
    return _short_units()[begin : begin + chunk.size]


def _short_units() -> list[Unit]:
    """All units in a chance order, one of each kind before the second of any."""
    dice = random.Random("inject")
    kinds = ("store", "cancel", "send", "model", "show")
    piles = [[unit for unit in UNITS if unit.fault.kind == kind] for kind in kinds]
    for pile in piles:
        dice.shuffle(pile)
    rounds = itertools.zip_longest(*piles)
    return [unit for some in rounds for unit in some if unit is not None]


async def _perform(unit: Unit, chunk: Chunk, speaker: Speaker, found: Findings) -> None:
    bench = Bench(chunk.box.folder / "inject", speaker, found)
    dice = random.Random(f"{chunk.seed} {unit}")
    known: Counter[str] = Counter()
    for _ in range(1 if chunk.is_short else CLEAN):
        known |= await bench.case(unit, NOTHING)
    targets = [(name, k + 1) for name, times in sorted(known.items()) for k in range(times)]
    if chunk.is_short:
        targets = sorted(dice.sample(targets, min(2, len(targets))))
    for target in targets:
        if chunk.is_short or unit.has(target):
            await bench.case(unit, target)


@dataclass
class Bench:
    """Where the cases of a chunk are run, one after the other."""

    folder: Path
    speaker: Speaker
    found: Findings

    async def case(self, unit: Unit, target: Target) -> Counter[str]:
        """Fail one operation, start again, judge; gives how many operations there were before the restart, by name."""
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "data").mkdir(parents=True)
        (self.folder / "tools").mkdir()
        shutil.copy(inject_tools.__file__, self.folder / "tools" / "work.py")
        os.environ[records.FOLDER] = str(self.folder)
        os.environ[records.PAUSE_MS] = "1"
        before = len(self.found.faults)
        counts = await Case(self, unit, target).run()
        is_reached = is_in(target, counts)
        self.found.figures["injected" if is_reached else "missed" if target[1] else "clean"] += 1
        self.found.figures[unit.fault.kind] += is_reached
        for number in range(before, len(self.found.faults)):
            where = f"{unit.fault.name} at '{target[0]}:{target[1]}' in {unit.script.name}"
            self.found.faults[number] = f"{where}: {self.found.faults[number]}"
        if len(self.found.faults) > before:
            kept = (
                self.folder.parent / f"{unit.fault.name}-{unit.script.name}-{target[0].replace(' ', '_')}-{target[1]}"
            )
            shutil.copytree(self.folder, kept, dirs_exist_ok=True)
        return counts


def is_in(target: Target, counts: Counter[str]) -> bool:
    """Whether an operation took place."""
    return 0 < target[1] <= counts[target[0]]


@contextlib.contextmanager
def _pause_ms(pause_ms: int) -> Iterator[None]:
    """How long the effects take."""
    os.environ[records.PAUSE_MS] = str(pause_ms)
    try:
        yield
    finally:
        os.environ[records.PAUSE_MS] = "1"


class Case:
    """One fault at one number in one script."""

    def __init__(self, bench: Bench, unit: Unit, target: Target) -> None:
        self.fault, self.target = unit.fault, target
        self.found, self.speaker = bench.found, bench.speaker
        platform = Platform(is_streamed=unit.fault.is_streamed)
        self.world = World(unit.script, bench.folder, platform, [event_of(unit.script)])
        self.probe = Probe(self.world.file)
        self.has_played = False

    async def run(self) -> Counter[str]:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unhandled)
        if self.world.script.is_cut:
            await self._cut_life()
        with seam_for(self.fault, self.target, self.world.platform, self.speaker, self.probe) as seam:
            await self._life(seam)
            counts, has_clipped = seam.counts.copy(), bool(self.speaker.clipped_calls)
        self._between(counts)
        await self._life(None)
        loop.set_exception_handler(None)
        for where in self.probe.is_open:
            self.found.fault("open", f"a transaction was open at {where}")
        judge(self.world, self.fault, self.found)
        done = self.world.number("SELECT count(*) FROM runs WHERE status = 'done'")
        self.found.must(not (has_clipped and done), "clipped", "calls of a reply that was not whole were taken")
        return counts

    def _between(self, counts: Counter[str]) -> None:
        """The bot is down. Hours pass; whoever finds that a place works again writes there."""
        self.probe.ask("the end of the first life")
        for err in self.world.raised:
            self.found.must(isinstance(err, BotError), "leaked", f"a caller got {err!r}")
        self.world.raised.clear()
        is_gone = self.fault.name == "send-gone" and is_in(self.target, counts)
        queued = "SELECT count(*) FROM runs WHERE status IN ('queued', 'running')"
        left = self.world.number(queued) if self.has_played else 0
        self.found.figures[f"stalled_{self.fault.name}"] += left
        parked = self.world.number("SELECT count(*) FROM outbox WHERE state = 'parked'")
        self.found.must(parked == is_gone, "parked", f"{parked} deliveries are parked")
        self.found.must(not (left and self.fault.with_sweep), "unhealed", "the bot did not go on by itself")
        if is_gone:
            self.world.inbounds.append(event_of(SCRIPTS[0], "e2"))
        self.world.hours_pass()

    async def _cut_life(self) -> None:
        """A life that is stopped inside an effect."""
        with _pause_ms(1000):
            async with open_app(self._settings(), models=self._models()) as app:
                app.add_adapter(self.world.platform)
                await app.service.recover()
                self.found.must(await self.world.be_cut(app), "broken", "no effect has begun")
                await app.service.aclose(within_s=0)
        self.world.hours_pass()

    async def _life(self, seam: Seam | None) -> None:
        """One life of the bot: it is opened, played with, and closed."""
        try:
            async with asyncio.timeout(LIFE_S):
                await self._opened(seam)
        except TimeoutError:
            self.found.fault("hangs", f"a life took longer than {LIFE_S:g} s")
        except BotError as err:  # a process that ends with an error: the next one has to cope
            self.found.must(seam is not None and self.fault.kind == "store", "broken", f"closing failed with {err!r}")
        await self._check_tasks()

    async def _opened(self, seam: Seam | None) -> None:
        world = self.world
        async with open_app(self._settings(), models=self._models()) as app:
            app.add_adapter(world.platform)
            if seam is not None:
                seam.armed(app)
            if await world.attempt(app.service.recover()) is not None:
                may_hang = seam is not None and self.fault.may_hang
                sweeps = SWEEPS if seam is None or self.fault.with_sweep else 0
                has_rested = await world.play(app, sweeps=sweeps, within_s=STUCK_S if may_hang else IDLE_S)
                self.has_played = True
                self.found.must(has_rested or may_hang, "hangs", f"no rest in life {1 if seam else 2}")
            self.found.must(seam is not None or not world.raised, "broken", f"the last life raised {world.raised}")
            self.probe.ask("the end of a life")
            await app.service.aclose(within_s=CLOSE_S)

    def _settings(self) -> Any:
        data, tools = self.world.folder / "data", self.world.folder / "tools"
        return load({"DATA_DIR": str(data), "TOOLS_DIR": str(tools), "LOG_LEVEL": "error"}, None)[0]

    def _models(self) -> Registry:
        is_hanging = self.fault.kind == "model" and self.fault.how == "hang"
        timeout_s = HANGING_MODEL_S if is_hanging else MODEL_S
        row = {"label": "m", "api_url": self.speaker.url, "model_name": "m", "host_type": "generic"}
        return Registry([from_mapping({**row, "timeout_s": timeout_s})], default="m")

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.found.fault("unhandled", f"{context.get('message')}: {context.get('exception')!r}")

    async def _check_tasks(self) -> None:
        """Nothing of the bot works on once it is closed."""
        for _ in range(5):
            await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        self.found.must(not left, "left_running", f"after the bot was closed: {left}")
        for task in left:
            task.cancel()


# --- verdict ---------------------------------------------------------------------------------------------------------


def line(figures: Counter[str]) -> dict[str, object]:
    platform = figures["send"] + figures["show"]
    return {
        **pick(figures, "injected", "store", "model"),
        "platform": platform,
        **pick(
            figures, "cancel", "missed", "clean", "runs", "effects", "decided", "doubles", "lost", "unknown", "reported"
        ),
        **pick(figures, "open", "hangs", "failed_runs"),
    }


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    """Most of it has to end well: a bot that answers everything with a refusal proves nothing."""
    is_full = units == len(UNITS)
    for kind, least in (("store", 2000), ("model", 180), ("send", 180), ("show", 300), ("cancel", 900)):
        wanted = least if is_full else 2
        if figures[kind] < wanted:
            yield f"{figures[kind]} injections of the kind {kind}, {wanted} were expected"
    if figures["missed"] > 3 + 0.03 * figures["injected"]:
        yield f"{figures['missed']} operations were not there when they were to fail"
    if figures["failed_runs"] > 0.3 * figures["runs"]:
        yield f"{figures['failed_runs']} of {figures['runs']} runs were given up"
    if figures["done"] < figures["injected"]:
        yield f"only {figures['done']} calls came to a good end"
    if figures["unknown"] > 0.4 * figures["effects"]:
        yield f"{figures['unknown']} of {figures['effects']} outcomes are unknown"


EXPERIMENT = Experiment("inject", len(UNITS), 20, 1, 300, work, line, too_little, short_chunk=10)


def main() -> int:
    """Run this experiment alone; 0 when it held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.inject", description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--chunk", type=int, help="only this chunk")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="only faults whose name begins so, in this process")
    parser.add_argument("--script", default="", help="with --only: only this script")
    parser.add_argument("--at", help="with --only: only this operation, NAME:NUMBER")
    parser.add_argument("--folder", type=Path, default=Path(".chaos"))
    asked = parser.parse_args()
    life.prepare()
    if asked.only:
        return _replay(asked)
    run = Run(asked.folder, "", asked.short, 0, asked.jobs, asked.chunk, partial(print, flush=True))
    return 0 if run.perform([EXPERIMENT]) else 1


def _replay(asked: argparse.Namespace) -> int:
    found = Findings()
    folder = asked.folder / "replay"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    chunk = Chunk("inject", 0, 0, 0, False, Box(folder.absolute(), ""))

    async def replay(speaker: Speaker) -> None:
        for unit in UNITS:
            if unit.fault.name.startswith(asked.only) and unit.script.name.startswith(asked.script):
                if asked.at is None:
                    await _perform(unit, chunk, speaker, found)
                elif unit.part == 0:
                    name, _, number = asked.at.rpartition(":")
                    await Bench(folder.absolute() / "inject", speaker, found).case(unit, (name, int(number)))

    with (folder / "log").open("a") as log, contextlib.redirect_stderr(log), speaking() as speaker:
        asyncio.run(replay(speaker))
    for fault in found.faults:
        print(fault)
    print(dict(found.figures))
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
