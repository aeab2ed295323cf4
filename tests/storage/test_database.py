"""The database: durable settings, one owner, and no cancellation that leaves a transaction open."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from bot.engine.machine import apply
from bot.engine.steps import Asked, Decided, Replied
from bot.engine.types import Actor, Decision, Message, Place, Run, ToolCall, Verdict, message
from bot.errors import ConfigError, StaleRun, StoreBusy, StoreError
from bot.storage import migrate
from bot.storage.database import Database, Transaction, open_database, own
from bot.storage.runs import RunRows
from bot.storage.schema import metadata
from bot.storage.statements import Statement
from tests.fakes import says


def sqlite_url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    one = await open_database(sqlite_url(tmp_path / "nod.db"))
    yield one
    await one.aclose()


def plain(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """What plain SQL says, through a connection of its own."""
    with contextlib.closing(sqlite3.connect(folder / "nod.db")) as connection, connection:
        return connection.execute(sql).fetchall()


async def test_commits_are_durable_and_the_log_is_write_ahead(database: Database) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys")

    read = [await database.run(lambda tx, name=name: tx.scalar(Statement(text(f"PRAGMA {name}")))) for name in names]

    assert read == ["wal", 2, 1]


async def test_migrating_again_changes_nothing(database: Database) -> None:
    assert await database.migrate() == await database.migrate()


async def test_the_migrations_make_exactly_the_schema(database: Database, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'nod.db'}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    one = await open_database(sqlite_url(tmp_path / "nod.db"))
    plain(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    await one.aclose()

    with pytest.raises(ConfigError, match="newer version"):
        await open_database(sqlite_url(tmp_path / "nod.db"))


async def test_a_cancellation_at_any_step_leaves_no_transaction_open(database: Database, tmp_path: Path) -> None:
    independent = sqlite3.connect(tmp_path / "nod.db", timeout=0, isolation_level=None)
    cancelled, steps = 0, 0
    while True:
        run = Run(id=f"r{steps}", task="x", messages=(), requester=Actor("web", "", "a"), place=Place("web"))
        task = asyncio.create_task(RunRows(database).enqueue(run, event_id=run.id, at_ms=1))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

        independent.execute("BEGIN IMMEDIATE")
        independent.execute("ROLLBACK")
        await database.ping()
        if not task.cancelled():
            break  # so many steps are enough for it to finish
        cancelled += 1
        steps += 1 + steps // 8

    independent.close()
    assert cancelled >= 5


def test_one_process_owns_the_folder(tmp_path: Path) -> None:
    with own(tmp_path / "data"), pytest.raises(ConfigError, match="in use by another process"), own(tmp_path / "data"):
        pass
    with own(tmp_path / "data"):
        pass


def test_one_process_owns_a_database_that_lies_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    url = sqlite_url(tmp_path / "db" / "nod.db")

    with own(tmp_path / "a", url), pytest.raises(ConfigError, match="DATABASE_URL"), own(tmp_path / "b", url):
        pass


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite://host/x?foo=bar", "nonsense", "sqlite+aiosqlite:////nowhere/at/all/x.db"]
)
async def test_a_database_url_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await open_database(url)

    assert refused.value.key == "DATABASE_URL"


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(ConfigError, match="is a file, not a folder"), own(tmp_path / "file"):
        pass


async def test_a_database_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nod.db").write_bytes(b"this is no database" * 1000)

    with pytest.raises(ConfigError, match="not a database"):
        await open_database(sqlite_url(tmp_path / "nod.db"))


# --- runs in rows ---------------------------------------------------------------------------------------------------

ASK = Verdict("ask", "gated", effect="once", approver="requester")


async def waiting(database: Database) -> tuple[RunRows, Run]:
    """A stored run with one waiting call."""
    runs = RunRows(database)
    run = Run(
        id="r",
        task="go",
        messages=(),
        model="m",
        requester=Actor("web", "", "alice"),
        place=Place("web", "", "general"),
    )
    await runs.enqueue(run, event_id="e", at_ms=1)
    run = Run(
        id="r",
        task="go",
        messages=(message("user", "go"),),
        model="m",
        requester=run.requester,
        place=run.place,
    )
    await runs.start(run)
    call = ToolCall("c1", 1, "p1", "p1", "deploy", '{"v": "caf\\u00e9 \U0001f600"}')
    replied = Replied(says("").__class__(message("assistant", ""), "", (call,)))
    for fact in (replied, Asked((("c1", ASK),))):
        after = apply(run, fact)
        await runs.commit(run, [fact], after)
        run = after
    return runs, run


async def test_a_run_read_back_is_the_run_that_was_stored(database: Database) -> None:
    runs, run = await waiting(database)

    assert (await runs.load("r")).run == run


async def test_of_two_drivers_the_second_is_stale_and_writes_nothing(database: Database, tmp_path: Path) -> None:
    runs, run = await waiting(database)
    approve, deny = Decided("c1", Decision("approve", "alice")), Decided("c1", Decision("deny", "bob"))
    await runs.commit(run, [approve], apply(run, approve))

    with pytest.raises(StaleRun):
        await runs.commit(run, [deny], apply(run, deny))

    assert plain(tmp_path, "SELECT state, decided_name FROM approvals") == [("approved", "alice")]
    audited = plain(tmp_path, "SELECT event FROM audit ORDER BY id")
    assert audited == [("call.waiting",), ("call.approved",)]


async def test_arguments_are_stored_as_the_text_that_came_with_its_hash(database: Database, tmp_path: Path) -> None:
    _, run = await waiting(database)

    ((text, digest),) = plain(tmp_path, "SELECT arguments, arguments_sha256 FROM approvals")
    assert text == run.calls[0].arguments
    assert len(digest) == 64


# --- a database that refuses ------------------------------------------------------------------------------------------


async def test_a_lock_that_passes_is_waited_for(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "nod.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    working = asyncio.create_task(database.run(lambda tx: tx.now_ms))
    await asyncio.sleep(0.5)
    assert not working.done()

    other.execute("ROLLBACK")
    other.close()

    assert await working > 0


async def test_a_lock_that_stays_is_said_and_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "nod.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreBusy, match="The database refused: database is locked"):
        await database.run(lambda tx: tx.now_ms, patience_s=0.3)
    with pytest.raises(StoreBusy):
        await database.ping()

    other.execute("ROLLBACK")
    other.close()
    await database.ping()


async def test_a_full_disk_refuses_the_whole_transaction(database: Database, tmp_path: Path) -> None:
    pages = await database.run(lambda tx: tx.scalar(Statement(text("PRAGMA page_count"))))
    await database._on_its_thread(lambda: database._connection._conn.execute(f"PRAGMA max_page_count = {pages}"))
    runs = RunRows(database)
    huge = Run("r", "x" * 1_000_000, (), requester=Actor("web", "", "a"), place=Place("web"))

    with pytest.raises(StoreError, match="full"):
        await runs.enqueue(huge, event_id="e", at_ms=1)

    assert plain(tmp_path, "SELECT COUNT(*) FROM runs") == [(0,)]


async def test_a_fault_that_will_not_pass_is_not_tried_again(database: Database) -> None:
    tried = 0

    def work(tx: Transaction) -> int:
        nonlocal tried
        tried += 1
        return tx.execute(Statement(text("SELECT a FROM nowhere")))

    with pytest.raises(StoreError, match="no such table") as refused:
        await database.run(work)

    assert not isinstance(refused.value, StoreBusy)
    assert tried == 1


async def test_a_message_whose_commit_lost_its_word_is_not_taken_for_a_duplicate(database: Database) -> None:
    """Fault F30: the first attempt was committed, its outcome was not known, so it is tried again."""
    runs = RunRows(database)
    run = Run("r", "x", (), requester=Actor("web", "", "a"), place=Place("web"))

    first = await runs.enqueue(run, event_id="e", at_ms=1)
    again = await runs.enqueue(run, event_id="e", at_ms=1)

    assert first == again
    assert not again.is_known


def test_the_newest_revision_is_the_head_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))

    assert migrate.newest() == ScriptDirectory.from_config(config).get_current_head()


async def test_what_is_sent_comes_back_exactly_however_little_of_it_is_stored(
    database: Database, tmp_path: Path
) -> None:
    said = b'{"role":"assistant","content":null,"tool_calls":[{"id":"a","arguments":"{\\"content\\":null}"}]}'
    messages = (
        message("user", "Hi"),
        Message("assistant", said, said.replace(b'"content":null,"tool', b'"content":"","tool'), "m"),
        Message("assistant", said, b'{"role":"assistant","content":"mended"}', "m"),
        Message("assistant", said, b"", "m"),
    )
    run = Run("r", "Hi", messages, requester=Actor("web", "", "alice"), place=Place("web", "", "general", "t"))
    rows = RunRows(database)
    await rows.enqueue(run, event_id="e", at_ms=1)
    await rows.start(run)

    read = (await rows.load("r")).run.messages
    stored = await asyncio.to_thread(plain, tmp_path, "SELECT sent FROM run_messages ORDER BY seq")

    assert read == messages
    assert [len(str(sent or "")) for (sent,) in stored] == [0, 1, 39, 0]
