"""SIGKILL, aimed: most hit a tool at work, some the recovery, some anything."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator

from tests.chaos import records
from tests.chaos.box import Box, Message, message
from tests.chaos.chunks import Chunk, Experiment, pick, share
from tests.chaos.judge import Findings, judge
from tests.chaos.life import FINISH_S, KILLED, Life, Plan, begin, finish

KINDS = ("free", "gated", "gated", "gated", "stamp", "forbidden")
PAUSE_S = 0.02
FULL_S = 2.0
FAULTY = 0.03


def work(chunk: Chunk, found: Findings) -> None:
    """So many lives, each killed; then one that finishes; then the judge."""
    dice = random.Random(chunk.seed)
    messages: list[Message] = []
    for number in range(chunk.size):
        messages += new_messages(dice, number)
        plan = Plan(tuple(redelivered(dice, messages)), dice.randrange(1 << 30), faulty=FAULTY)
        life = begin(chunk.box, plan)
        aim(life, dice, found)
        life.kill()
        found.must(life.code == KILLED, "died", f"a life ended by itself with {life.code}: {_last_words(chunk.box)}")
        found.figures["kills"] += life.code == KILLED
        found.figures["inside"] += _was_inside(chunk.box, life.pid)
    end(chunk.box, Plan(tuple(messages), chunk.seed, faulty=FAULTY), found)
    judge(chunk.box, found)
    found.figures["messages"] += len(messages)
    found.must(found.figures["answered"] == len(messages), "lost", "not every message was answered")


def new_messages(dice: random.Random, number: int, *, prefix: str = "") -> Iterator[Message]:
    """One or two messages; some follow others in their thread, so that runs queue."""
    for at in range(dice.choice((1, 1, 2))):
        replies = [[dice.choice(KINDS) for _ in range(dice.randrange(1, 4))] for _ in range(dice.randrange(1, 3))]
        replies[0][0] = "gated"
        yield message(f"{prefix}e{number}-{at}x", f"t{dice.randrange(number + 3)}", replies)


def redelivered(dice: random.Random, messages: list[Message]) -> list[Message]:
    """The newest messages, and some older ones once more: a platform repeats what it is not sure of."""
    older = dice.sample(messages, min(len(messages), 4))
    return messages[-4:] + older


def aim(life: Life, dice: random.Random, found: Findings) -> None:
    """Wait for the moment to kill."""
    match dice.choices(("inside", "recovery", "anywhere"), (90, 5, 5))[0]:
        case "inside":
            if life.heard("b", times=dice.choice((1, 1, 1, 2)), within_s=FULL_S):
                time.sleep(dice.random() * PAUSE_S * 0.6)
        case "recovery":
            if life.heard("r", within_s=FULL_S):
                found.figures["in_recovery"] += 1
                time.sleep(dice.random() * 0.03)
        case "anywhere":
            time.sleep(dice.random() * 0.5)


def end(box: Box, plan: Plan, found: Findings) -> None:
    """Let one life finish everything within the time that is allowed after a restart."""
    took_s = finish(box, plan)
    found.must(took_s is not None, "hangs", f"the last life failed, or did not finish: {_last_words(box)}")
    if took_s is not None:
        found.at_most("finish_ms", took_s * 1000)
        found.must(took_s <= FINISH_S, "hangs", f"it took {took_s:.0f} s to finish")


def _was_inside(box: Box, pid: int) -> bool:
    """Whether a life left an effect that it had begun and not ended."""
    mine = Counter(line["event"] for line in records.read(box.ledger) if line["pid"] == pid)
    return mine["begin"] > mine["end"]


def _last_words(box: Box) -> str:
    return box.log.read_text("utf-8", "replace")[-600:] if box.log.exists() else ""


def line(figures: Counter[str]) -> dict[str, object]:
    return {
        "inside_call": share(figures["inside"], figures["kills"]),
        **pick(figures, "in_recovery", "messages", "effects", "doubles", "lost", "unknown", "reported"),
        **pick(figures, "failed_runs", "never_driven"),
        "longest_restart_s": figures["finish_ms_max"] / 1000,
    }


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    if figures["kills"] < units:
        yield f"{figures['kills']} kills of {units}"
    if figures["inside"] < 0.8 * units:
        yield f"only {figures['inside']} of {units} kills hit a call at work"
    if figures["done"] < 0.5 * units:
        yield f"only {figures['done']} calls came to a good end"
    if figures["failed_runs"] > 0.1 * figures["messages"]:
        yield f"{figures['failed_runs']} of {figures['messages']} runs were given up"
    if figures["never_driven"] > 0.003 * figures["messages"]:  # three kills in a row may hit a run before its start
        yield f"{figures['never_driven']} of {figures['messages']} runs were given up without having been driven"


EXPERIMENT = Experiment("kills", 5_000, 24, 25, 300, work, line, too_little, short_chunk=12)
