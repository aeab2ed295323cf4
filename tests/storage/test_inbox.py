"""The inbox: what was delivered is kept once, under all of its keys, until it is taken; then it is only known."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from bot.config.settings import Settings
from bot.envelopes import Envelope
from bot.errors import StoreError
from bot.inbox import Inbox
from bot.retention import DAY_MS, KNOWN_DAYS
from bot.storage.database import Database, open_database
from bot.storage.inbox import InboxRows
from bot.storage.people import PeopleRows
from tests.models.endpoint import ScriptedEndpoint
from tests.service.kit import opened
from tests.storage.lives import found_in_file, people_of

KEYS = ("Ev1", "T1:C1:170.5")
BOB = "slack:T1/U1"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    one = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'nod.db'}")
    yield one
    await one.aclose()


@pytest.fixture
def inbox(database: Database) -> Inbox:
    return Inbox(InboxRows(database), redact=lambda text: text.replace("hunter22", "[secret]"))


async def rows(tmp_path: Path) -> list[tuple[object, ...]]:
    def read() -> list[tuple[object, ...]]:
        with contextlib.closing(sqlite3.connect(tmp_path / "nod.db")) as connection:
            return connection.execute("SELECT key, state, body, author FROM inbox ORDER BY id").fetchall()

    return await asyncio.to_thread(read)


async def kept(inbox: Inbox, *keys: str, body: str = "{}", author: str = "") -> Envelope:
    envelope = await inbox.keep("slack", keys or KEYS, body, author=author)
    assert envelope is not None
    return envelope


async def test_what_is_kept_is_durable_when_keep_returns(inbox: Inbox, tmp_path: Path) -> None:
    envelope = await kept(inbox, body='{"a": 1}', author=BOB)

    assert (envelope.body, envelope.attempts) == ('{"a": 1}', 0)
    assert await rows(tmp_path) == [("Ev1", "waiting", '{"a": 1}', BOB), ("T1:C1:170.5", "settled", "", "")]


async def test_what_is_taken_leaves_its_keys_alone(inbox: Inbox, tmp_path: Path) -> None:
    await inbox.settled(await kept(inbox, body='{"a": 1}', author=BOB))

    assert await rows(tmp_path) == [("Ev1", "settled", "", ""), ("T1:C1:170.5", "settled", "", "")]
    assert await inbox.left("slack") == []


@pytest.mark.parametrize("keys", [KEYS, ("Ev1",), ("Ev2", "T1:C1:170.5"), ("Ev1", "T1:C1:170.6")])
async def test_what_is_known_by_any_key_is_taken_no_second_time(inbox: Inbox, keys: tuple[str, ...]) -> None:
    """A post comes as a message and as a mention, each repeated up to three times."""
    first = await kept(inbox)
    while_it_waits = await inbox.keep("slack", keys, "{}")
    await inbox.settled(first)

    assert while_it_waits == first
    assert await inbox.keep("slack", keys, "{}") is None


async def test_the_other_keys_of_a_repetition_are_known_from_then_on(inbox: Inbox) -> None:
    await inbox.settled(await kept(inbox, "Ev1", "T1:C1:170.5"))
    await inbox.keep("slack", ("Ev2", "T1:C1:170.5"), "{}")

    assert await inbox.keep("slack", ("Ev2", "T1:C1:999.9"), "{}") is None


async def test_platforms_do_not_share_keys(inbox: Inbox) -> None:
    await inbox.settled(await kept(inbox))

    assert await inbox.keep("teams", KEYS, "{}") is not None


async def test_the_same_event_with_another_body_is_told_and_the_first_counts(inbox: Inbox) -> None:
    """Row 46."""
    first = await kept(inbox, body='{"text": "a"}')

    with structlog.testing.capture_logs() as logs:
        same = await inbox.keep("slack", KEYS, '{"text": "a"}')
        other = await inbox.keep("slack", KEYS, '{"text": "b"}')

    assert (same, other) == (first, first)
    assert [(one["event"], one["log_level"]) for one in logs] == [
        ("event.repeated", "info"),
        ("event.differs", "warning"),
    ]


async def test_the_pair_of_a_message_and_its_mention_is_no_difference(inbox: Inbox) -> None:
    await kept(inbox, "Ev1", "T1:C1:170.5", body='{"type": "message"}')

    with structlog.testing.capture_logs() as logs:
        await inbox.keep("slack", ("Ev2", "T1:C1:170.5"), '{"type": "app_mention"}')

    assert logs == []


async def test_what_a_process_left_is_found_in_order_and_counted(inbox: Inbox) -> None:
    for number in range(3):
        await kept(inbox, f"Ev{number}", body=f"[{number}]")
    await inbox.settled(await kept(inbox, "Ev1"))

    first, second = await inbox.left("slack"), await inbox.left("slack")

    assert [(one.body, one.attempts) for one in first] == [("[0]", 1), ("[2]", 1)]
    assert [(one.body, one.attempts) for one in second] == [("[0]", 2), ("[2]", 2)]


async def test_a_failure_is_counted_where_the_next_process_sees_it(inbox: Inbox) -> None:
    failed = await inbox.failed(await kept(inbox))

    assert failed.attempts == 1
    assert [one.attempts for one in await inbox.left("slack")] == [2]


@pytest.mark.parametrize("key", KEYS)
async def test_what_is_taken_back_before_it_was_taken_is_gone(inbox: Inbox, tmp_path: Path, key: str) -> None:
    await kept(inbox, body='{"text": "a slip"}', author=BOB)

    await inbox.withdrawn("slack", key)

    assert await inbox.left("slack") == []
    assert {row[2:] for row in await rows(tmp_path)} == {("", "")}


async def test_taking_back_what_nobody_knows_changes_nothing(inbox: Inbox) -> None:
    await kept(inbox)

    await inbox.withdrawn("slack", "T1:C1:nothing")
    await inbox.withdrawn("teams", "Ev1")

    assert len(await inbox.left("slack")) == 1


async def test_known_secrets_are_masked_in_what_is_kept(inbox: Inbox) -> None:
    assert (await kept(inbox, body='{"text": "it is hunter22"}')).body == '{"text": "it is [secret]"}'


@pytest.mark.parametrize("text", ["\ud800", "\0", "\U0001f600"])
async def test_whatever_comes_can_be_kept(inbox: Inbox, text: str) -> None:
    await kept(inbox, f"Ev{text}", body=text)

    assert len(await inbox.left("slack")) == 1


# --- many at once ---


async def test_what_comes_at_once_is_committed_together(database: Database, inbox: Inbox, tmp_path: Path) -> None:
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    connection = database._connection._conn
    await database._on_its_thread(lambda: connection.set_trace_callback(count))
    await asyncio.gather(*(kept(inbox, f"Ev{number}") for number in range(100)))
    await database._on_its_thread(lambda: connection.set_trace_callback(None))

    assert commits <= 3
    assert [row[0] for row in await rows(tmp_path)] == [f"Ev{number}" for number in range(100)]


async def test_of_many_copies_at_once_one_is_kept(inbox: Inbox) -> None:
    copies = await asyncio.gather(*(kept(inbox) for _ in range(20)))

    assert {one.number for one in copies} == {copies[0].number}
    assert len(await inbox.left("slack")) == 1


async def test_a_database_that_refuses_tells_everybody_who_waits(database: Database, inbox: Inbox) -> None:
    await database.aclose()

    told = await asyncio.gather(*(inbox.keep("slack", (f"Ev{n}",), "{}") for n in range(3)), return_exceptions=True)

    assert [type(one) for one in told] == [StoreError] * 3


async def test_a_caller_who_is_gone_takes_nothing_along(inbox: Inbox) -> None:
    waits = [asyncio.create_task(kept(inbox, f"Ev{number}")) for number in range(3)]
    await asyncio.sleep(0)

    waits[0].cancel()
    await asyncio.wait(waits)

    assert waits[0].cancelled()
    assert [one.body for one in await inbox.left("slack")] == ["{}"] * 3


# --- personal data ---


async def test_after_some_days_nobody_knows_that_it_was_there(database: Database, inbox: Inbox, tmp_path: Path) -> None:
    await inbox.settled(await kept(inbox))
    now_ms = await database.run(lambda tx: tx.now_ms)
    people = PeopleRows(database)

    await people.forget_delivered(before_ms=now_ms - DAY_MS)
    kept_for_a_day = await rows(tmp_path)
    await people.forget_delivered(before_ms=now_ms + DAY_MS)

    assert len(kept_for_a_day) == 2
    assert await rows(tmp_path) == []


async def test_the_sweep_forgets_it_whatever_else_is_kept_for_good(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    settings = settings.model_copy(update={"retention_days": 0, "audit_days": 0})
    async with opened(settings, endpoint) as one:
        await one.service.inbox.keep("slack", KEYS, "{}")
        await one.tamper(f"UPDATE inbox SET at_ms = at_ms - {(KNOWN_DAYS + 1) * DAY_MS}")
        await one.service.inbox.keep("slack", ("Ev2",), "{}")

        await one.service.sweep()

        assert await one.plain("SELECT key FROM inbox") == [("Ev2",)]


async def test_erasing_somebody_takes_what_was_not_taken_yet(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await one.service.inbox.keep("slack", KEYS, '{"text": "BOB-text"}', author=BOB)
        await one.service.inbox.keep("slack", ("Ev2",), '{"text": "alices"}', author="slack:T1/U2")
        people = people_of(one)
        counted, (exported,) = await people.count(BOB), (await people.export(BOB))["delivered"]

        erased = await people.erase(BOB, by="slack:T1/U9", scope="slack:T1")

        assert (counted["untaken messages"], erased["untaken messages"]) == (1, 1)
        assert (exported["key"], exported["body"]) == ("Ev1", '{"text": "BOB-text"}')
        assert [left.body for left in await one.service.inbox.left("slack")] == ['{"text": "alices"}']
        assert await found_in_file(one, ("BOB-text",)) == []
        assert (await people.count(BOB))["untaken messages"] == 0
