"""Every named crash point: the bot ends itself there, starts again, and finishes."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator

from bot import crash
from tests.chaos import records
from tests.chaos.box import Box, Message, message
from tests.chaos.chunks import Chunk, Experiment, pick
from tests.chaos.judge import Findings, judge
from tests.chaos.kills import end
from tests.chaos.life import KILLED, Plan, begin

REACHED_S = 5.0
PAUSE = {records.PAUSE_MS: "3"}


def work(chunk: Chunk, found: Findings) -> None:
    """One point after the other, each with a bot of its own."""
    for at in range(chunk.size):
        point = crash.POINTS[(chunk.number * chunk.size + at) % len(crash.POINTS)]
        box = Box(chunk.box.folder / f"{at}-{point}", chunk.box.model_url)
        box.folder.mkdir()
        before = len(found.faults)
        crash_at(point, box, random.Random(f"{chunk.seed} {at}"), found)
        if len(found.faults) == before:
            shutil.rmtree(box.folder)
        for number in range(before, len(found.faults)):
            found.faults[number] = f"at {point}: {found.faults[number]}"


def crash_at(point: str, box: Box, dice: random.Random, found: Findings) -> None:
    """Perhaps a life that was killed at work, then one that ends at the point, then one that finishes."""
    messages = [_message(dice, number) for number in range(5)]
    is_start = point.startswith(("migrate", "recovery"))
    if not point.startswith("migrate") and dice.random() < (1.0 if is_start else 0.3):
        _be_killed_at_work(box, messages[:2], dice)
    armed = point if is_start else f"{point}:{dice.choice((1, 1, 2, 3))}"
    seed, environment = dice.randrange(1 << 30), {**PAUSE, "CRASH_AT": armed}
    life = begin(box, Plan(tuple(messages), seed, deny_share=0.1, is_kept=True, environment=environment))
    code = life.wait(within_s=REACHED_S)
    life.kill()
    found.must(code == KILLED, "not_reached", f"{armed} was not reached, the life ended with {code}")
    found.figures["crashes"] += code == KILLED
    end(box, Plan(tuple(messages), 1, is_kept=True, environment=PAUSE), found)
    judge(box, found)
    found.figures["messages"] += len(messages)


def _be_killed_at_work(box: Box, messages: list[Message], dice: random.Random) -> None:
    life = begin(box, Plan(tuple(messages), dice.randrange(1 << 30), is_kept=True, environment=PAUSE))
    life.heard("b", within_s=5)
    time.sleep(dice.random() * 0.003)
    life.kill()


def _message(dice: random.Random, number: int) -> Message:
    replies = [["gated", dice.choice(("gated", "stamp", "free"))][: dice.randrange(1, 3)] for _ in range(2)]
    return message(f"e{number}", f"t{number % 3}", replies)


def line(figures: Counter[str]) -> dict[str, object]:
    names = ("crashes", "messages", "answered", "effects", "doubles", "lost", "unknown", "reported", "failed_runs")
    return {"points": len(crash.POINTS), **pick(figures, *names)}


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    if figures["crashes"] < units:
        yield f"{figures['crashes']} crashes of {units}"
    if figures["answered"] < figures["messages"] or figures["done"] < 2 * units:
        yield f"{figures['answered']} answers to {figures['messages']} messages, {figures['done']} calls done"
    if figures["failed_runs"]:
        yield f"{figures['failed_runs']} runs were given up after a single crash"


EXPERIMENT = Experiment("points", 50 * len(crash.POINTS), 39, 39, 300, work, line, too_little, short_chunk=11)
