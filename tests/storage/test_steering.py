"""What was said to a run that works, in rows: taken up once or not at all, and read back as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.engine.compaction import Cut
from bot.engine.machine import apply
from bot.engine.steps import Compacted, Fact, Replied, Returned, Started, Steered, Stopped
from bot.engine.types import Actor, CallState, FilePart, Place, Reply, Run, ToolCall, ToolResult, Verdict, message
from bot.errors import StaleRun
from bot.storage.database import Database, open_database
from bot.storage.runs import RunRows

BOB = Actor("web", "", "bob", "bob")
PLACE = Place("web", "", "general", "t1")
READ = Verdict("run", "free", effect="read")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    one = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'nod.db'}")
    yield one
    await one.aclose()


async def said(rows: RunRows, run_id: str, *, actor: Actor = BOB, place: Place = PLACE, files: int = 0) -> Run:
    run = Run(run_id, f"task {run_id}", (), requester=actor, place=place)
    await rows.enqueue(run, event_id=run_id, at_ms=1, attachments=[FilePart("a.md", "milk")] * files)
    return run


async def committed(rows: RunRows, run: Run, *facts: Fact) -> Run:
    after = run
    for fact in facts:
        after = apply(after, fact)
    await rows.commit(run, facts, after)
    return after


async def at_work(rows: RunRows) -> Run:
    """A run that has read something, and is about to ask its model again."""
    run = await said(rows, "r1")
    run = Run("r1", run.task, (message("user", run.task),), requester=BOB, place=PLACE)
    await rows.start(run)
    call = ToolCall("c1", 1, "p1", "p1", "look", "{}")
    reply = Reply(message("assistant", "calling"), "", (call,))
    done = Returned("c1", CallState.DONE, ToolResult("row " * 100))
    return await committed(rows, run, Replied(reply), Started("c1", READ), done)


async def test_only_what_their_person_said_here_before_anything_came_with_it_is_handed_over(
    database: Database,
) -> None:
    rows = RunRows(database)
    run = await at_work(rows)
    await said(rows, "r2")
    await said(rows, "alices", actor=Actor("web", "", "alice", "alice"))
    await said(rows, "elsewhere", place=Place("web", "", "general", "t2"))
    await said(rows, "r3")
    then = await rows.newest()
    await said(rows, "r4")
    await said(rows, "r5", files=1)
    await said(rows, "r6")

    assert await rows.said_since(run, seq=0) == Steered(("task r2", "task r3", "task r4"), ("r2", "r3", "r4"))
    assert await rows.said_since(run, seq=then) == Steered(("task r4",), ("r4",))
    assert await rows.said_since(run, seq=await rows.newest()) is None


async def test_what_is_taken_up_is_over_and_the_run_is_read_back_as_it_was(database: Database) -> None:
    rows = RunRows(database)
    run = await at_work(rows)
    await said(rows, "r2")

    run = await committed(rows, run, Steered(("task r2",), ("r2",)))
    steered = await rows.load("r1")
    run = await committed(rows, run, Compacted((Cut(2, message("tool", "row", tool_call_id="p1").sent),)))
    shortened = await rows.load("r1")
    taken_up = await rows.load("r2")

    assert steered.is_steered
    assert [one.role for one in steered.run.messages] == ["user", "assistant", "tool", "assistant", "user"]
    assert (shortened.run.messages, shortened.run.task) == (run.messages, "task r1\n\ntask r2")
    assert (taken_up.status, taken_up.run.answer, taken_up.is_steered) == ("done", None, False)
    assert await rows.said_since(run, seq=0) is None


@pytest.mark.parametrize("end", ["stopped", "started", "taken up"])
async def test_what_is_not_in_the_queue_any_more_is_not_taken_up_and_nothing_is_stored(
    database: Database, end: str
) -> None:
    rows = RunRows(database)
    run = await at_work(rows)
    await said(rows, "r2")
    last = await said(rows, "r3")
    found = await rows.said_since(run, seq=0)
    assert found is not None
    match end:
        case "stopped":
            await committed(rows, last, Stopped("", is_quiet=True))
        case "started":
            await rows.start(last)
        case "taken up":
            await committed(rows, run, found)
    before = [await rows.load(run_id) for run_id in ("r1", "r2", "r3")]

    with pytest.raises(StaleRun):
        await rows.commit(run, [found], apply(run, found))

    assert [await rows.load(run_id) for run_id in ("r1", "r2", "r3")] == before
