"""A start with ten thousand waiting approvals: it is ready in time, and an old button still works."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.chaos import records
from tests.chaos.box import Box
from tests.chaos.chunks import Chunk, Experiment, pick
from tests.chaos.judge import UNSENT, Findings, judge
from tests.chaos.site import Person, Site, lines_of, until
from tests.chaos.speaker import script

WAITING = 10_000
READY_S = 5.0
"""The bound of the full form; in the short one, which shares the machine with the others, only hanging counts."""
ANSWER_S = 3.0
CLICKS = 5
STEP = 100
_ITS = "conversation_id = (SELECT conversation_id FROM runs)"
OF_IT = (
    ("conversations", "thread = 't0'"),
    *(("runs", "1"), ("run_messages", "1"), ("calls", "1"), ("approvals", "1"), ("audit", "1")),
    *(("outbox", _ITS), ("turns", _ITS)),
)
"""The tables that hold something of the one conversation, and which of their rows."""
PENDING = "SELECT count(*) FROM approvals WHERE state = 'pending'"


def work(chunk: Chunk, found: Findings) -> None:
    """Ask once, multiply what the bot wrote, start again, click."""
    asyncio.run(_starts(chunk, found))
    judge(chunk.box, found, may_wait=True, with_chat=False)


async def _starts(chunk: Chunk, found: Findings) -> None:
    dice = random.Random(chunk.seed)
    site = Site(chunk.box, ["alice"], {records.PAUSE_MS: "2"})
    await _ask_once(site)
    multiply(chunk.box, WAITING - 1)
    for _ in range(chunk.size):
        site.start()
        took_s = await site.ready()
        found.figures["starts"] += 1
        found.at_most("cards", site.count(PENDING))
        found.at_most("ready_ms", took_s * 1000)
        found.must(took_s <= READY_S or chunk.is_short, "late", f"it took {took_s:.1f} s to be ready")
        async with Person(site, "alice") as alice:
            await alice.sign_in()
            for _ in range(CLICKS):
                await _click_an_old_button(site, alice, dice, found)
            is_sent = await until(lambda: site.count(UNSENT) == 0, within_s=30)
            found.must(is_sent, "late", "an answer was not sent")
        site.kill()


async def _ask_once(site: Site) -> None:
    site.start()
    await site.ready()
    async with Person(site, "alice") as alice:
        await alice.sign_in()
        await alice.say("t0", script("e0", [["gated"]]), "event-000000")
        assert await until(lambda: site.count(PENDING) == 1, within_s=20), "nothing waits"
    site.terminate()
    assert await site.ended(within_s=15) == 0


async def _click_an_old_button(site: Site, alice: Person, dice: random.Random, found: Findings) -> None:
    """A button of any of the cards: its effect happens, once, soon."""
    ids = site.column("SELECT id FROM approvals WHERE state = 'pending' ORDER BY id")
    before = lines_of(site.box.ledger, "end")
    status, text = await alice.click(dice.choice(ids), "approve")
    found.must(status == 200, "refused", f"an old button was answered with {status}: {text}")
    has_run = await until(lambda: lines_of(site.box.ledger, "end") > before, within_s=ANSWER_S)
    found.must(has_run, "late", f"an approved call did not run within {ANSWER_S:.0f} s")
    answered = "SELECT count(*) FROM runs WHERE status = 'done'"
    is_over = await until(lambda: site.count(answered) == lines_of(site.box.ledger, "end"), within_s=ANSWER_S)
    found.must(is_over, "late", "an approved run did not end")
    found.figures["clicked"] += 1


def multiply(box: Box, times: int) -> None:
    """Copy the one waiting conversation, in every table that holds something of it, with ids of its own."""
    with box.rows() as rows:
        own = {name: [dict(row) for row in rows.execute(f"SELECT * FROM {name} WHERE {mine}")] for name, mine in OF_IT}
        texts = [own[name][0]["id"] for name in ("runs", "calls", "approvals")]
        rows.execute("PRAGMA foreign_keys = OFF")
        rows.execute("BEGIN")
        for number in range(1, times + 1):
            for name, copies in own.items():
                _insert(rows, name, [_copied(row, texts, number) for row in copies])
        rows.execute("COMMIT")


def _copied(row: dict[str, Any], ids: list[str], number: int) -> dict[str, Any]:
    """The same row for another conversation: other ids in every text, other numbers where numbers are keys."""
    copied = {name: _renamed(value, ids, number) if isinstance(value, str) else value for name, value in row.items()}
    for name in ("id", "conversation_id"):
        if isinstance(row.get(name), int):
            copied[name] = row[name] + number * STEP
    if "conversation_id" in row and "seq" in row:
        copied["seq"] = row["seq"] + number
    return copied


def _renamed(text: str, ids: list[str], number: int) -> str:
    for one in ids:
        text = text.replace(one, f"{number:08x}{one[8:]}")
    text = text.replace("event-000000", f"event-{number:06}")
    return f"t{number}" if text == "t0" else text.replace('"thread":"t0"', f'"thread":"t{number}"')


def _insert(rows: sqlite3.Connection, table: str, copies: list[dict[str, Any]]) -> None:
    for one in copies:
        names = ", ".join(one)
        rows.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(one))})", list(one.values()))


def line(figures: Counter[str]) -> dict[str, object]:
    return {
        "waiting": figures["cards_max"],
        **pick(figures, "clicked", "effects", "doubles", "lost"),
        "ready_s": figures["ready_ms_max"] / 1000,
    }


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    if figures["cards_max"] < 0.9 * WAITING:
        yield f"only {figures['waiting']} approvals waited"
    if figures["clicked"] < CLICKS * units or figures["done"] != figures["clicked"]:
        yield f"{figures['clicked']} buttons were pressed, {figures['done']} calls ran"


EXPERIMENT = Experiment("waiting", 5, 1, 5, 300, work, line, too_little, short_chunk=1, jobs=1)
