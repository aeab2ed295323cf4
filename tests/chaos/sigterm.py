"""SIGTERM with a hundred runs in flight: the bot goes in time, a second one is harmless, a restart ends all runs."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import aiohttp

from tests.chaos import records
from tests.chaos.chunks import Chunk, Experiment, pick
from tests.chaos.judge import UNSENT, Findings, judge
from tests.chaos.site import READY_S, Person, Site, until
from tests.chaos.speaker import script

RUNS, SHORT_RUNS = 100, 30
EXIT_S = 12.0
"""The bound of the full form; in the short one, which shares the machine with the others, only hanging counts."""
FINISH_S = 30.0
IN_FLIGHT = "SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'waiting')"
WAITING = "SELECT count(*) FROM approvals WHERE state = 'pending'"


def work(chunk: Chunk, found: Findings) -> None:
    """So many stops, each of a bot of its own."""
    asyncio.run(_stops(chunk, found))
    judge(chunk.box, found, with_chat=False)


async def _stops(chunk: Chunk, found: Findings) -> None:
    dice = random.Random(chunk.seed)
    site = Site(chunk.box, ["alice"], {records.PAUSE_MS: "150"})
    threads: dict[str, str] = {}
    for number in range(chunk.size):
        site.start()
        await site.ready()
        async with Person(site, "alice") as alice:
            await alice.sign_in()
            clicking = asyncio.create_task(click_on(alice, dice))
            count = SHORT_RUNS if chunk.is_short else RUNS
            await asyncio.gather(*(_say(alice, dice, threads, f"{number}-{at}", chunk) for at in range(count)))
            await asyncio.sleep(dice.random() * (0.2 if chunk.is_short else 0.8))
            found.figures["in_flight"] += site.count(IN_FLIGHT)
            await _stop(site, dice, found, is_short=chunk.is_short)
            clicking.cancel()
            with suppress(asyncio.CancelledError):
                await clicking
        await restart_and_finish(site, threads, found)
        threads.clear()


async def _say(alice: Person, dice: random.Random, threads: dict[str, str], name: str, chunk: Chunk) -> None:
    """One message in a thread of its own. Some models take longer than the bot has left to live."""
    replies = [[dice.choice(("free", "gated", "stamp")) for _ in range(dice.randrange(1, 3))] for _ in range(3)]
    slow = {"slow_ms": 15_000} if dice.random() < 0.05 and not chunk.is_short else {}
    event_id = f"event-{chunk.number:04}-{name}x"
    thread = f"t{name.replace('-', 'x')}"
    threads[event_id] = thread
    text = script(event_id, replies, delay_ms=dice.randrange(100, 400 if chunk.is_short else 1500), **slow)
    await alice.say(thread, text, event_id)


async def click_on(alice: Person, dice: random.Random) -> None:
    """Decide whatever waits, until the page does not answer any more."""
    with suppress(aiohttp.ClientError, AssertionError, ValueError, KeyError):
        while True:
            for approval in await alice.waiting():
                await alice.click(approval, "deny" if dice.random() < 0.25 else "approve")
            await asyncio.sleep(0.05)


async def _stop(site: Site, dice: random.Random, found: Findings, *, is_short: bool) -> None:
    """Two signals, the second at any moment before the end."""
    told = time.monotonic()
    site.terminate()
    await asyncio.sleep(dice.random() * 1.5)
    site.terminate()
    code = await site.ended(within_s=EXIT_S + 8)
    took_s = time.monotonic() - told
    found.at_most("exit_ms", took_s * 1000)
    found.figures["stops"] += 1
    found.must(took_s <= EXIT_S or is_short, "late", f"it took {took_s:.1f} s to end")
    found.must(code == 0, "bad_exit", f"it ended with {code}")
    if code is None:
        site.kill()


async def restart_and_finish(site: Site, threads: dict[str, str], found: Findings) -> None:
    """Start again and decide what waits: everything is over in time, and people see it. Then stop the idle bot.

    `threads`: for each event the thread it was said in.
    """
    site.start()
    found.must(await site.ready() <= READY_S, "hangs", "a restart was not ready in time")
    async with Person(site, "alice") as alice:
        await alice.sign_in()
        clicking = asyncio.create_task(click_on(alice, random.Random(1)))
        started = time.monotonic()
        is_over = await until(lambda: site.count(IN_FLIGHT) + site.count(UNSENT) == 0, within_s=FINISH_S)
        found.at_most("finish_ms", (time.monotonic() - started) * 1000)
        left = f"{site.count(IN_FLIGHT)} runs were not over, {site.count(UNSENT)} deliveries not sent"
        found.must(is_over, "stuck", f"{left} {FINISH_S:.0f} s after the restart")
        clicking.cancel()
        await _check_threads(alice, threads, found)
    site.terminate()
    found.must(await site.ended(within_s=EXIT_S) == 0, "bad_exit", "it did not end well with nothing to do")


async def _check_threads(alice: Person, threads: dict[str, str], found: Findings) -> None:
    """What people see in the end: each message was answered once, each unknown call reported once."""
    shown = {thread: await alice.thread(thread) for thread in set(threads.values())}
    for event_id, thread in threads.items():
        count = len(re.findall(rf"the end {event_id}\b(?!-)", shown[thread]))
        found.figures["answered"] += count == 1
        found.must(count == 1, "doubles" if count else "unanswered", f"{event_id} was answered {count} times")
    found.figures["reported"] += sum(len(re.findall(r"[Ii]t is not known whether", text)) for text in shown.values())
    found.figures["messages"] += len(threads)


def line(figures: Counter[str]) -> dict[str, object]:
    names = ("stops", "in_flight", "answered", "effects", "doubles", "lost", "unknown", "reported")
    return {**pick(figures, *names), "longest_exit_s": figures["exit_ms_max"] / 1000}


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    if figures["stops"] < units:
        yield f"{figures['stops']} stops of {units}"
    runs = figures["runs"]
    if figures["in_flight"] < 0.7 * runs:
        yield f"only {figures['in_flight']} of {runs} runs were in flight when the signal came"
    if figures["done"] < 2 * runs or figures["answered"] < runs:
        yield f"only {figures['done']} calls came to a good end in {runs} runs, {figures['answered']} answers"
    if figures["reported"] != figures["unknown"]:
        yield f"{figures['unknown']} unknown calls, {figures['reported']} reports"


EXPERIMENT = Experiment("sigterm", 50, 1, 5, 600, work, line, too_little, short_chunk=1)
