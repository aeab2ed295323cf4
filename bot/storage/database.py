"""Open the database: one connection, durable commits, migrations at start, one owner process.

SQLite facts behind it: a deferred transaction that reads first and writes later fails at once when another has
committed, so every transaction starts with BEGIN IMMEDIATE; `synchronous=FULL` because NORMAL may lose the mark that
a call has started on power loss (sqlite.org/wal.html).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bot.errors import ConfigError, InUse, StoreError

T = TypeVar("T")
CLOSE_S = 2.0
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON")


class Transaction:
    """A connection inside one transaction. A statement that was begun is waited for, even when its caller is cancelled:
    the driver's thread would go on with it anyway, and leave the transaction open behind the caller's back."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(self, statement: Executable, rows: Any = None) -> CursorResult[Any]:
        result = await to_its_end(self._connection.execute(statement, rows))
        assert isinstance(result, CursorResult)
        return result

    async def exec_driver_sql(self, statement: str) -> CursorResult[Any]:
        return await to_its_end(self._connection.exec_driver_sql(statement))

    async def run_sync(self, function: Callable[[Connection], T]) -> T:
        return await to_its_end(self._connection.run_sync(function))


class Database:
    """One open database. `begin()` gives one transaction that commits, or rolls back on any error and cancellation."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._workers: list[Thread] = []
        event.listen(engine.sync_engine, "connect", self._prepare)
        event.listen(engine.sync_engine, "begin", _begin_immediate)

    def _prepare(self, dbapi: Any, _record: object) -> None:
        self._workers.append(dbapi.driver_connection._thread)
        _set_pragmas(dbapi)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        try:
            connection = await to_its_end(self._engine.connect().start(), undo=AsyncConnection.close)
            try:
                await to_its_end(connection.begin().start())
                yield Transaction(connection)
                await to_its_end(connection.commit())
            finally:
                await to_its_end(connection.close())  # rolls back what was not committed
        except DBAPIError as err:
            raise StoreError(f"The database refused: {_plain(err)}.") from err

    async def ping(self) -> None:
        """Raise `StoreError` unless the database answers."""
        async with self.begin() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def migrate(self) -> str:
        """Bring the schema up to date; gives the revision. Safe to run again."""
        from bot.storage.migrate import upgrade

        async with self.begin() as connection:
            return await connection.run_sync(upgrade)

    async def aclose(self) -> None:
        """Close, and wait for the driver's threads: aiosqlite's own close leaves its thread a last word to the loop."""
        await to_its_end(self._engine.dispose())
        for worker in self._workers:
            await asyncio.to_thread(worker.join, CLOSE_S)


async def to_its_end(work: Coroutine[Any, Any, T], *, undo: Callable[[T], Awaitable[None]] | None = None) -> T:
    """Await `work` to its end; a cancellation that comes meanwhile is raised then, after `undo` of what it gave."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if task.cancelled():
            raise
        if task.exception() is None and undo is not None:
            await to_its_end(_as_coroutine(undo(task.result())))
        raise


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work


async def open_database(url: str) -> Database:
    """Open and migrate. Raises `ConfigError` when the URL is none, or the file cannot be used."""
    try:
        engine = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0, pool_timeout=60)
    except SQLAlchemyError as err:
        raise ConfigError("DATABASE_URL", "it is not a database URL: sqlite+aiosqlite:///path") from err
    database = Database(engine)
    try:
        await database.migrate()
    except StoreError as err:
        await database.aclose()
        raise ConfigError("DATABASE_URL", f"{engine.url.database} cannot be used: {err.user_message}") from err
    except BaseException:
        await database.aclose()
        raise
    return database


def _set_pragmas(dbapi: Any) -> None:
    dbapi.isolation_level = None
    try:
        cursor = dbapi.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
    except BaseException:
        dbapi.close()  # the pool does not know this connection yet
        raise


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _plain(err: DBAPIError) -> str:
    """The driver's own words, without the statement and its values."""
    return str(err.orig)[:200] if err.orig else type(err).__name__


# --- one owner -----------------------------------------------------------------------------------------------------


@contextmanager
def own(data_dir: Path, url: str = "") -> Iterator[None]:
    """Hold the data folder, and the database's own where it is elsewhere, for this process.

    Raises `ConfigError` when another process owns one of them.
    """
    prepare_data_dir(data_dir)
    with ExitStack() as stack:
        stack.enter_context(_held(data_dir, "DATA_DIR"))
        elsewhere = Path(url.partition(":///")[2].partition("?")[0]).parent if ":///" in url else data_dir
        if elsewhere.is_dir() and not elsewhere.samefile(data_dir):
            stack.enter_context(_held(elsewhere, "DATABASE_URL"))
        yield


@contextmanager
def _held(folder: Path, key: str) -> Iterator[None]:
    try:
        handle = os.open(folder / "nod.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as err:
        raise ConfigError(key, f"{folder} cannot be written to ({type(err).__name__})") from err
    try:
        if not _lock(handle):
            raise InUse(key, f"{folder} is in use by another process of Nod")
        yield
    finally:
        os.close(handle)


def prepare_data_dir(data_dir: Path) -> None:
    """Make the folder, readable by its owner only. Raises `ConfigError` when it cannot be used."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError:
        raise ConfigError("DATA_DIR", f"{data_dir} is a file, not a folder") from None
    except (OSError, RuntimeError) as err:
        raise ConfigError("DATA_DIR", f"{data_dir} cannot be made ({type(err).__name__})") from err
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise ConfigError("DATA_DIR", f"{data_dir} cannot be written to")


def _lock(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: one process is the operator's promise there
        return True
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
