"""SIGKILL against the real process: `python -m bot run`, with people at its web page."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import aiohttp

from tests.chaos import records
from tests.chaos.chunks import Chunk, Experiment, pick, share
from tests.chaos.judge import Findings, judge
from tests.chaos.kills import new_messages
from tests.chaos.sigterm import click_on, restart_and_finish
from tests.chaos.site import Person, Site, lines_of, until

PAUSE_S = 0.15


def work(chunk: Chunk, found: Findings) -> None:
    """So many lives of one bot, each killed; then one that finishes."""
    asyncio.run(_kills(chunk, found))
    judge(chunk.box, found, with_chat=False)


async def _kills(chunk: Chunk, found: Findings) -> None:
    dice = random.Random(chunk.seed)
    site = Site(chunk.box, ["alice"], {records.PAUSE_MS: str(round(PAUSE_S * 1000))})
    unsure: dict[str, tuple[str, str]] = {}
    said: dict[str, str] = {}
    for number in range(chunk.size):
        for one in new_messages(dice, number, prefix="event-"):
            unsure[one.id] = (one.thread, one.text)
            said[one.id] = one.thread
        site.start()
        if number and dice.random() < 0.12:
            await asyncio.sleep(0.4 + dice.random() * 1.2)  # while it starts, or recovers
        else:
            await _talk_until_killed(site, dice, unsure)
        found.figures["kills"] += site.kill() == -9
        begun, ended = lines_of(chunk.box.ledger, "begin"), lines_of(chunk.box.ledger, "end")
        found.figures["inside"] += begun - ended > found.figures["left_open"]
        found.figures["left_open"] = begun - ended
    if unsure:
        await _say_what_is_unsure(site, unsure)
    await restart_and_finish(site, said, found)


async def _talk_until_killed(site: Site, dice: random.Random, unsure: dict[str, tuple[str, str]]) -> None:
    """Say what is not known to have arrived, click, and come back in the middle of an effect."""
    await site.ready()
    async with Person(site, "alice") as alice:
        await alice.sign_in()
        before = lines_of(site.box.ledger, "begin")
        clicking = asyncio.create_task(click_on(alice, dice))
        for event_id, (thread, text) in list(unsure.items()):
            await alice.say(thread, text, event_id)
            if dice.random() < 0.8:
                del unsure[event_id]
        await until(lambda: lines_of(site.box.ledger, "begin") > before, within_s=5)
        await asyncio.sleep(dice.random() * PAUSE_S * 0.6)
        clicking.cancel()
        with suppress(asyncio.CancelledError, aiohttp.ClientError):
            await asyncio.wait([clicking])


async def _say_what_is_unsure(site: Site, unsure: dict[str, tuple[str, str]]) -> None:
    """One more life that takes what may not have arrived; it is killed too."""
    site.start()
    await site.ready()
    async with Person(site, "alice") as alice:
        await alice.sign_in()
        for event_id, (thread, text) in unsure.items():
            await alice.say(thread, text, event_id)
    site.kill()


def line(figures: Counter[str]) -> dict[str, object]:
    names = ("messages", "answered", "effects", "doubles", "lost", "unknown", "reported", "failed_runs")
    return {"inside_call": share(figures["inside"], figures["kills"]), **pick(figures, *names)}


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    if figures["kills"] < units:
        yield f"{figures['kills']} kills of {units}"
    if figures["inside"] < 0.6 * units:
        yield f"only {figures['inside']} of {units} kills hit a call at work"
    if figures["done"] < 0.5 * units or figures["answered"] < figures["messages"]:
        yield f"{figures['done']} calls came to a good end, {figures['answered']} answers"
    if figures["reported"] != figures["unknown"]:
        yield f"{figures['unknown']} unknown calls, {figures['reported']} reports"


EXPERIMENT = Experiment("real", 200, 2, 20, 400, work, line, too_little, short_chunk=2)
