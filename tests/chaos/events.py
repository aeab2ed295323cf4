"""A flood: every event is delivered one to four times, shuffled, over lives that are killed in the middle of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator

from bot.app import open_app
from tests.chaos import records
from tests.chaos.box import Box, Message, message
from tests.chaos.chunks import Chunk, Experiment, pick
from tests.chaos.judge import Findings, judge
from tests.chaos.kills import end
from tests.chaos.life import KILLED, ChaosAdapter, Plan, begin, deliver

LIVES = 3
AT_ONCE = 32


def work(chunk: Chunk, found: Findings) -> None:
    """Deliver everything until it was taken; lives but the last are killed on the way."""
    dice = random.Random(chunk.seed)
    events = [_event(chunk, dice, number) for number in range(chunk.size)]
    deliveries = [one for one in events for _ in range(dice.randrange(1, 5))]
    dice.shuffle(deliveries)
    for _ in range(LIVES - 1):
        life = begin(chunk.box, Plan(tuple(_unsure(chunk.box, deliveries)), dice.randrange(1 << 30)), work=flood)
        life.heard("o", within_s=10)
        time.sleep(dice.random() * 0.005 * chunk.size)
        life.kill()
        found.figures["kills"] += life.code == KILLED
    life = begin(chunk.box, Plan(tuple(deliveries), chunk.seed), work=flood)
    found.must(life.heard("d", within_s=120), "hangs", "not everything was taken")
    life.kill()
    end(chunk.box, Plan((), chunk.seed), found)
    judge(chunk.box, found)
    found.figures["events"] += chunk.size
    found.figures["delivered"] += len(records.read(chunk.box.acks))
    for kind in ("runs", "acked", "answered"):
        found.must(found.figures[kind] == chunk.size, "lost", f"{found.figures[kind]} {kind} of {chunk.size} events")


def _event(chunk: Chunk, dice: random.Random, number: int) -> Message:
    """One event of 60 conversations; a few call a tool that needs nobody."""
    replies = [["free"]] if dice.random() < 0.1 else []
    return message(f"e{chunk.number}-{number}", f"t{dice.randrange(60)}", replies)


def _unsure(box: Box, deliveries: list[Message]) -> list[Message]:
    """What the platform delivers: everything not taken yet, and some of the rest again."""
    taken = {line["event"] for line in records.read(box.acks)}
    return [one for at, one in enumerate(deliveries) if one.id not in taken or at % 5 == 0]


async def flood(box: Box, plan: Plan) -> None:
    """Take everything, so many at once; then work on."""
    room = asyncio.Semaphore(AT_ONCE)
    async with open_app(box.settings(), models=box.models()) as app:
        app.add_adapter(ChaosAdapter(box))
        await app.service.recover()
        records.signal("o")

        async def hand_in(one: Message) -> None:
            async with room:
                await deliver(app, box, one)

        await asyncio.gather(*map(hand_in, plan.messages))
        records.signal("d")
        await asyncio.sleep(3600)


def line(figures: Counter[str]) -> dict[str, object]:
    names = ("delivered", "kills", "runs", "answered", "doubles", "lost", "unanswered")
    return pick(figures, *names)


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    if figures["events"] < units or figures["delivered"] < 2 * units:
        yield f"{figures['delivered']} deliveries of {figures['events']} events"


EXPERIMENT = Experiment("events", 20_000, 120, 500, 300, work, line, too_little, short_chunk=120)
