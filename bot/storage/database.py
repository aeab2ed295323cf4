"""Open the database: one connection, durable commits, migrations at start, one owner process.

A transaction is one function, run from BEGIN to COMMIT on the driver's thread: nothing can come in between, a cancelled
caller cannot leave it open, and the event loop is asked once, not once a statement.

SQLite facts behind it: a deferred transaction that reads first and writes later fails at once when another has
committed, so every transaction starts with BEGIN IMMEDIATE; `synchronous=FULL` because NORMAL may lose the mark that
a call has started on power loss (sqlite.org/wal.html).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import ConfigError, InUse, StoreBusy, StoreError, Taken
from bot.storage.statements import Statement

T = TypeVar("T")
CLOSE_S = 2.0
PRAGMAS = ("journal_mode=WAL", "secure_delete=ON", "synchronous=FULL", "busy_timeout=200", "foreign_keys=ON")
PATIENCE_S = 3.0
"""How long a database that refuses (locked, full, an I/O error) is tried again."""
RETRIED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL})
TOUCH = Statement(text("UPDATE alembic_version SET version_num = version_num"))
NOW = "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 5.0
NOTHING: Mapping[str, Any] = {}


class Transaction:
    """What a function does inside its transaction. Raises `Taken` where a row with this key is there already."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], int] | None = None) -> None:
        self._connection = connection
        self._clock = clock

    @cached_property
    def now_ms(self) -> int:
        """Milliseconds since 1970 by the database's clock, the same for the whole transaction."""
        return self._clock() if self._clock else int(self._connection.execute(NOW).fetchone()[0])

    def execute(self, statement: Statement, values: Mapping[str, Any] = NOTHING) -> int:
        """Give how many rows it changed."""
        return self._cursor(statement, values).rowcount

    def execute_all(self, statement: Statement, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            self._cursor(statement, row)

    def insert(self, statement: Statement, values: Mapping[str, Any]) -> int:
        """Give the new row's id."""
        return self._cursor(statement, values).lastrowid or 0

    def all(self, statement: Statement, **values: Any) -> list[Any]:
        return list(map(statement.row, self._cursor(statement, values)))

    def first(self, statement: Statement, **values: Any) -> Any:
        """The first row, or None."""
        row = self._cursor(statement, values).fetchone()
        return None if row is None else statement.row(row)

    def scalar(self, statement: Statement, **values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self._cursor(statement, values).fetchone()
        return None if row is None else row[0]

    def _cursor(self, statement: Statement, values: Mapping[str, Any]) -> sqlite3.Cursor:
        constants = statement.constants
        try:
            return self._connection.execute(statement.sql, {**constants, **values} if constants else values)
        except sqlite3.IntegrityError as err:
            raise Taken(f"The database refused: {_plain(err)}.") from err


class Whole(asyncio.Future[T]):
    """Cannot be cancelled: who waits for it is cancelled when it is done."""

    def cancel(self, msg: object = None) -> bool:
        return False


class Database:
    """One open database. `clock` replaces the database's own, for tests."""

    def __init__(self, connection: aiosqlite.Connection, *, clock: Callable[[], int] | None = None) -> None:
        self._connection = connection
        self._clock = clock
        self._pinging: asyncio.Task[int] | None = None

    async def run(self, work: Callable[[Transaction], T], *, patience_s: float = PATIENCE_S) -> T:
        """Run `work` in one transaction: committed when it returns, rolled back when it raises.

        It is waited for even when the caller is cancelled: it happens wholly or not at all. While the database refuses
        (locked, full, an I/O error) the whole of it is tried again for `patience_s`. Raises `StoreError`.
        """
        give_up_at = time.monotonic() + patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await self._on_its_thread(partial(self._transact, work))
            except sqlite3.OperationalError as err:
                if not _may_pass(err):
                    raise StoreError(f"The database refused: {_plain(err)}.") from err
                if time.monotonic() + pause_s > give_up_at:
                    raise StoreBusy(f"The database refused: {_plain(err)}.") from err
            except (sqlite3.Error, OverflowError, UnicodeError, ValueError) as err:
                raise StoreError(f"The database refused: {_plain(err)}.") from err
            await asyncio.sleep(pause_s * (0.5 + random.random() / 2))  # jitter
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _transact(self, work: Callable[[Transaction], T]) -> T:
        connection = self._connection._conn
        try:
            return self._from_begin_to_commit(connection, work)
        except sqlite3.OperationalError as err:
            if "Could not decode" not in str(err):
                raise
        connection.text_factory = _lenient  # a damaged row: let whoever reads it find out which
        try:
            return self._from_begin_to_commit(connection, work)
        finally:
            connection.text_factory = str

    def _from_begin_to_commit(self, connection: sqlite3.Connection, work: Callable[[Transaction], T]) -> T:
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(Transaction(connection, self._clock))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # some errors of SQLite have rolled back already
                connection.execute("ROLLBACK")
            raise
        return result

    async def _on_its_thread(self, function: Callable[[], T]) -> T:
        """Run `function` on the driver's thread; a cancellation that comes meanwhile is raised once it has ended.

        The driver's own way there would let a cancelled caller go while the thread still works.
        """
        if not self._connection._running or self._connection._connection is None:
            raise StoreError("The database is closed.")
        whole: Whole[T] = Whole()
        self._connection._tx.put_nowait((whole, function))
        try:
            return await whole
        except asyncio.CancelledError:
            if whole.done():
                whole.exception()  # the cancellation comes first: nobody reads this one any more
            raise

    async def ping(self, *, within_s: float = 2.0) -> None:
        """Raise `StoreError` unless the database takes a write in time."""
        if self._pinging is None or self._pinging.done():
            self._pinging = asyncio.create_task(self.run(lambda tx: tx.execute(TOUCH), patience_s=0))
        await asyncio.wait([self._pinging], timeout=within_s)
        if not self._pinging.done():
            raise StoreBusy("The database does not answer.")
        self._pinging.result()

    async def migrate(self) -> str:
        """Bring the schema up to date; gives the revision. Safe to run again."""
        from bot.storage.migrate import upgrade

        try:
            return await self._on_its_thread(lambda: upgrade(self._connection._conn))
        except sqlite3.Error as err:
            raise StoreError(f"The database refused: {_plain(err)}.") from err

    async def leave_no_trace(self, *, rewrite: bool = False) -> None:
        """Let the log hold nothing of what was deleted, and with `rewrite` the file neither.

        `secure_delete` overwrites what is deleted, but SQLite may leave bytes of it in pages that it split before: a
        few of thousands of rows, as measured. Only writing the file anew takes them too: about 1 s for 100 MB, and
        meanwhile nothing else is stored. Raises `StoreError` when the database refuses, or somebody else reads it.
        """

        def tidy() -> None:
            connection = self._connection._conn
            if rewrite:
                connection.execute("VACUUM")
            if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise sqlite3.OperationalError("somebody reads it")

        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await self._on_its_thread(tidy)
            except sqlite3.Error as err:
                if time.monotonic() > give_up_at or not isinstance(err, sqlite3.OperationalError):
                    raise StoreError(f"The file may still hold traces of what was deleted: {_plain(err)}.") from err
            await asyncio.sleep(LONGEST_PAUSE_S / 10)

    async def aclose(self) -> None:
        """Close, and wait for the driver's thread: aiosqlite's own close leaves it a last word to the loop."""
        if self._pinging is not None:
            await asyncio.wait([self._pinging])
        await self._connection.close()
        await asyncio.to_thread(self._connection._thread.join, CLOSE_S)


def is_there(url: str) -> bool:
    """Whether the database's file exists."""
    return Path(_path(url)).is_file()


async def open_database(url: str, *, clock: Callable[[], int] | None = None) -> Database:
    """Open and migrate. Raises `ConfigError` when the URL is none, or the file cannot be used."""
    path = _path(url)
    connection = aiosqlite.connect(path, isolation_level=None, cached_statements=256)
    try:
        await connection
    except sqlite3.Error as err:
        await asyncio.to_thread(connection._thread.join, CLOSE_S)
        raise ConfigError("DATABASE_URL", f"{path} cannot be used: {_plain(err)}") from err
    database = Database(connection, clock=clock)
    try:
        for pragma in PRAGMAS:
            await connection.execute(f"PRAGMA {pragma}")
        await database.migrate()
    except (StoreError, sqlite3.Error) as err:
        await database.aclose()
        why = err.user_message if isinstance(err, StoreError) else _plain(err)
        raise ConfigError("DATABASE_URL", f"{path} cannot be used: {why}") from err
    except BaseException:
        await database.aclose()
        raise
    return database


def _may_pass(err: sqlite3.OperationalError) -> bool:
    """Whether what the database refused for may be over in a moment."""
    return getattr(err, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF in RETRIED


def _lenient(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _path(url: str) -> str:
    try:
        parts = make_url(url)
    except ArgumentError as err:
        raise ConfigError("DATABASE_URL", "it is not a database URL: sqlite+aiosqlite:///path") from err
    if parts.host or parts.query:
        raise ConfigError("DATABASE_URL", "write it without a host and without options: sqlite+aiosqlite:///path")
    return parts.database or ":memory:"


def _plain(err: Exception) -> str:
    """The driver's own words, without the statement and its values."""
    return str(err)[:200] or type(err).__name__


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
