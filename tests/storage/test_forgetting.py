"""Retention: what is old is forgotten in batches, nothing that is open, and nothing twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.chat import Upload
from bot.config.settings import Settings, load
from bot.engine.machine import apply
from bot.engine.steps import Answered
from bot.engine.types import Actor, Place, Run
from bot.retention import DAY_MS, Retention, forget_old
from bot.storage.audit import AuditRows
from bot.storage.context import ContextRows, Summary
from bot.storage.database import Database, open_database
from bot.storage.forgetting import _OLD
from bot.storage.people import PeopleRows
from bot.storage.runs import RunRows
from bot.storage.statements import Statement
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.pictures import PNG
from tests.service.kit import ALICE, PLACE, Bench, opened
from tests.storage.lives import BOB, VERSION, a_life_of_bob, found_in_file, he_waits, people_of

LATER_MS = 1 << 45
"""After everything a test does."""
PLACES = [Place("web", "", "general", f"t{number}") for number in range(3)]


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    one = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'nod.db'}", clock=Clock())
    yield one
    await one.aclose()


async def settled(database: Database, number: int) -> None:
    """One message and its answer."""
    rows = RunRows(database)
    run = Run(
        f"r{number}", f"task {number}", (), requester=Actor("web", "", "bob", "Bob"), place=PLACES[number % len(PLACES)]
    )
    await rows.enqueue(run, event_id=f"e{number}", at_ms=number)
    await rows.start(run)
    fact = Answered(f"answer {number}")
    await rows.commit(run, [fact], apply(run, fact))


async def tasks(database: Database) -> list[str]:
    rows = await database.run(lambda tx: [tx.scalar(Statement(text("SELECT json_group_array(task) FROM runs")))])
    found: list[str] = json.loads(rows[0])
    return found


# --- batches ---


async def test_the_oldest_go_first_a_batch_at_a_time(database: Database) -> None:
    for number in range(5):
        await settled(database, number)
    people = PeopleRows(database)

    first = await people.forget(before_ms=LATER_MS, audit_before_ms=None, at_most=2)
    after_one = await tasks(database)
    others = [await people.forget(before_ms=LATER_MS, audit_before_ms=None, at_most=2) for _ in range(3)]

    assert after_one == ["[erased]", "[erased]", "task 2", "task 3", "task 4"]
    assert (first, others) == (2, [2, 1, 0])
    assert await tasks(database) == ["[erased]"] * 5


async def test_only_what_settled_before_then_goes(database: Database) -> None:
    await settled(database, 0)
    then = await database.run(lambda tx: tx.now_ms)
    await settled(database, 1)

    forgotten = await PeopleRows(database).forget(before_ms=then, audit_before_ms=None)

    assert forgotten == 1
    assert await tasks(database) == ["[erased]", "task 1"]


async def test_never_is_never(database: Database) -> None:
    await settled(database, 0)

    assert await PeopleRows(database).forget(before_ms=None, audit_before_ms=None) == 0
    assert await tasks(database) == ["task 0"]


async def test_a_message_that_says_what_stands_for_nothing_is_forgotten_like_any(database: Database) -> None:
    rows = RunRows(database)
    run = Run("r", "[erased]", (), requester=Actor("web", "", "bob", "Bob"), place=PLACE)
    await rows.enqueue(run, event_id="e", at_ms=1)
    await rows.start(run)
    await rows.commit(run, [Answered("secret")], apply(run, Answered("secret")))

    assert await PeopleRows(database).forget(before_ms=LATER_MS, audit_before_ms=None) == 1
    assert (await rows.load("r")).run.answer == "[erased]"


async def test_the_batch_is_found_by_an_index_of_what_is_kept(database: Database) -> None:
    values = {"before": 1, "at_most": 1, **_OLD.constants}

    plan = await database.run(lambda tx: tx._connection.execute(f"EXPLAIN QUERY PLAN {_OLD.sql}", values).fetchall())

    assert "ix_runs_settled_ms (settled_ms<?)" in str(plan[0])
    assert "TEMP B-TREE" not in str(plan)


# --- what goes and what stays ---


async def everything(one: Bench) -> int:
    return await people_of(one).forget(before_ms=LATER_MS, audit_before_ms=None)


async def test_what_was_said_and_done_is_forgotten_and_notes_stay(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with opened(settings, endpoint, vision=True) as one:
        await a_life_of_bob(one, endpoint)

        assert await everything(one) == 6

        talk = ("BOB-task", "BOB-answer", "BOB-file", "BOB-text", "BOB-picture", "BOB-denied", "BOB-summary")
        kept = await people_of(one).export("web:bob")
        found = json.dumps({name: kept[name] for name in ("messages", "attachments", "tool_calls", "notices", "votes")})
        assert [word for word in talk if word in found] == []
        assert await one.plain("SELECT count(*) FROM run_messages") == [(0,)]
        assert await one.plain("SELECT count(*) FROM turns WHERE run_id <> '' AND text <> '[erased]'") == [(0,)]
        assert await one.plain("SELECT text FROM summaries") == [("",)]
        assert await one.plain("SELECT text FROM notes ORDER BY id") == [("BOB-note",), ("dave's note",)]
        assert await found_in_file(one, ("BOB-task 1", "BOB-answer", "BOB-text", "BOB-thinks")) == []
        audit = await AuditRows(one.app.database).read(filters={"outcome": "done", "tool": "deploy"})
        assert [row["arguments"] for row in audit] == [VERSION]
        runs = [str(row[0]) for row in await one.plain("SELECT id FROM runs")]
        assert [(await RunRows(one.app.database).load(run_id)).status for run_id in runs] == ["done"] * 6


async def test_a_run_that_waits_is_never_touched(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        run_id = await he_waits(one, endpoint)
        before = await RunRows(one.app.database).load(run_id)

        assert await everything(one) == 0
        assert await RunRows(one.app.database).load(run_id) == before
        endpoint.script += [says("deployed")]
        await one.click((await one.only_card()).approval_id, actor=Actor("web", "", "carol"))
        assert one.answers() == ["deployed"]


async def test_an_image_that_an_open_run_shows_stays_until_it_is_over(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("a cat"), calls(("deploy", {"version": "1"})), says("deployed")]
    async with opened(settings, endpoint, vision=True) as one:
        await one.say("look", Upload("cat.png", PNG), actor=BOB)
        await one.say("deploy that", actor=ALICE)

        assert await everything(one) == 0
        await one.click((await one.only_card()).approval_id, actor=Actor("web", "", "carol"))
        assert one.answers() == ["a cat", "deployed"]
        assert await everything(one) == 2
        assert await one.plain("SELECT count(*) FROM attachments") == [(0,)]


async def test_a_summary_stays_while_some_of_its_turns_do(database: Database) -> None:
    await settled(database, 0)
    then = await database.run(lambda tx: tx.now_ms)
    await settled(database, 3)
    context, people = ContextRows(database), PeopleRows(database)
    await context.keep_summary(PLACES[0], Summary(4, "both"), model="m")

    await people.forget(before_ms=then, audit_before_ms=None)
    while_one_is_kept = (await context.of(PLACES[0], at_most=10)).summary
    await people.forget(before_ms=LATER_MS, audit_before_ms=None)

    assert while_one_is_kept == Summary(4, "both")
    assert (await context.of(PLACES[0], at_most=10)).summary == Summary(4, "")


async def test_old_rows_of_the_audit_are_removed(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        rows = int(str((await one.plain("SELECT count(*) FROM audit"))[0][0]))
        await one.tamper("UPDATE audit SET at_ms = 5 WHERE id <= 7")

        forgotten = await people_of(one).forget(before_ms=None, audit_before_ms=6, at_most=2)

        assert forgotten == 0
        assert await one.plain("SELECT count(*), min(id) FROM audit") == [(rows - 7, 8)]


# --- when ---


async def test_the_settings_say_when(tmp_path: Path, endpoint: ScriptedEndpoint) -> None:
    said = {"DATA_DIR": str(tmp_path / "data"), "RETENTION_DAYS": "30", "AUDIT_DAYS": "400"}
    endpoint.script = [says("fine")]
    async with opened(load(said, None)[0], endpoint) as one:
        await one.say("how are you?")
        now_ms = int(str((await one.plain("SELECT settled_ms FROM runs"))[0][0]))
        parts, people = one.service._parts, people_of(one)

        early = await forget_old(parts, people, now_ms + 30 * DAY_MS)
        due = await forget_old(parts, people, now_ms + 30 * DAY_MS + 1)

        assert (early, due) == (0, 1)
        assert await one.plain("SELECT task, answer FROM runs") == [("[erased]", "[erased]")]


async def test_without_settings_everything_stays(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("fine")]
    async with opened(settings, endpoint) as one:
        await one.say("how are you?")

        assert await forget_old(one.service._parts, people_of(one), LATER_MS) == 0
        assert await one.plain("SELECT answer FROM runs") == [("fine",)]


async def test_it_is_looked_at_once_an_hour(tmp_path: Path, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("one"), says("two")]
    settings = load({"DATA_DIR": str(tmp_path / "data"), "RETENTION_DAYS": "1"}, None)[0]
    async with opened(settings, endpoint) as one:
        retention, parts, people = Retention(), one.service._parts, people_of(one)
        await one.say("first")
        first = await retention.sweep(parts, people, LATER_MS)
        await one.say("second")

        soon = await retention.sweep(parts, people, LATER_MS + 3_599_999)
        later = await retention.sweep(parts, people, LATER_MS + 3_600_000)

        assert (first, soon, later) == (1, 0, 1)
