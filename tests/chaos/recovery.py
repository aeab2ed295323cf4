"""A bot that is killed in its recovery, again and again; then everything finishes."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator

from tests.chaos.box import Message, message
from tests.chaos.chunks import Chunk, Experiment, pick, share
from tests.chaos.judge import Findings, judge
from tests.chaos.kills import end
from tests.chaos.life import KILLED, Plan, begin

POINTS = ("recovery.before", "recovery.inside", "recovery.after")
WORDS = 6


def work(chunk: Chunk, found: Findings) -> None:
    """Leave much open, then kill so many recoveries in a row, then let one finish."""
    dice = random.Random(chunk.seed)
    messages = tuple(_message(dice, number) for number in range(WORDS))
    for at in range(3):
        life = begin(chunk.box, Plan(messages, dice.randrange(1 << 30)))
        life.heard("b", times=1 + at, within_s=3)
        time.sleep(dice.random() * 0.01)
        life.kill()
    for _ in range(chunk.size):
        _kill_a_recovery(chunk, dice, found)
    end(chunk.box, Plan(messages, 1), found)
    judge(chunk.box, found)
    found.figures["messages"] += WORDS


def _kill_a_recovery(chunk: Chunk, dice: random.Random, found: Findings) -> None:
    """By one of its own points, or a moment after it has begun."""
    armed = {"CRASH_AT": dice.choice(POINTS)} if dice.random() < 0.5 else {}
    life = begin(chunk.box, Plan((), dice.randrange(1 << 30), environment=armed))
    if armed:
        life.wait(within_s=3)
    else:
        life.heard("r", within_s=5)
        time.sleep(dice.random() * 0.01)
    life.kill()
    found.figures["kills"] += life.code == KILLED
    found.figures["in_recovery"] += "r" in life.seen and "o" not in life.seen
    found.must(life.code == KILLED, "died", f"a recovery ended by itself with {life.code}")


def _message(dice: random.Random, number: int) -> Message:
    replies = [[dice.choice(("gated", "stamp", "free")) for _ in range(dice.randrange(1, 3))] for _ in range(2)]
    replies[0][0] = "gated"
    return message(f"e{number}", f"t{number % 4}", replies)


def line(figures: Counter[str]) -> dict[str, object]:
    names = ("messages", "answered", "effects", "doubles", "lost", "unknown", "reported", "failed_runs")
    return {
        "in_recovery": share(figures["in_recovery"], figures["kills"]),
        **pick(figures, *names),
        "longest_restart_s": figures["finish_ms_max"] / 1000,
    }


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    if figures["kills"] < units or figures["in_recovery"] < 0.5 * units:
        yield f"{figures['kills']} kills of {units}, {figures['in_recovery']} of them inside a recovery"
    if figures["answered"] < figures["messages"] or not figures["effects"]:
        yield f"{figures['answered']} answers to {figures['messages']} messages, {figures['effects']} effects"


EXPERIMENT = Experiment("recovery", 500, 16, 50, 300, work, line, too_little, short_chunk=16)
