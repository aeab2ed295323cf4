"""The faults, one seam for each kind: where a transaction runs, the model's endpoint, the platform, a task's step.

Every seam counts what passes it by its name, and fails what it was told to: the third commit of a `Started`, the first
card that is sent. Right then a stranger has to be able to begin a transaction of its own.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bot.app import App
from bot.errors import PlaceGone, SendError
from tests.chaos import inject_model
from tests.chaos.inject_model import Speaker
from tests.chaos.inject_world import Platform

KABOOM = "kaboom in the driver"
"""In what the platform raises: nobody may ever see it."""
TASKS = ("Runner._until_done", *(f"ChatService.{name}" for name in ("receive", "decide", "sweep", "recover")))
"""What is cancelled: who drives runs and deliveries, and the callers at the door."""
Target = tuple[str, int]
"""The k-th operation of a name, from 1 on: numbers over all of them would differ from run to run. 0: none."""
ALL_PAGES = 1 << 30


@dataclass(frozen=True, slots=True)
class Fault:
    """`how` something of this `kind` fails. `may_hang`: the bot need not come to rest before it is started again."""

    kind: str
    how: str
    with_sweep: bool = False
    is_streamed: bool = False
    may_hang: bool = False
    parts: int = 1
    """Into so many units the numbers of its operations are dealt."""

    @property
    def name(self) -> str:
        more = [word for word, is_so in (("sweep", self.with_sweep), ("streamed", self.is_streamed)) if is_so]
        return "-".join([self.kind, self.how, *more])


def _faults() -> Iterator[Fault]:
    for with_sweep in (False, True):
        for how in ("before", "inside", "after"):
            yield Fault("store", how, with_sweep, parts=2)
    yield Fault("store", "locked", parts=2)
    yield Fault("store", "filled", parts=2)
    yield Fault("store", "full", may_hang=True, parts=2)
    for is_streamed in (False, True):
        for how in inject_model.FAULTS:
            yield Fault("model", how, is_streamed=is_streamed)
    for how in ("refused", "later", "gone", "crash", "lost", "reset"):
        yield Fault("send", how)
    yield Fault("send", "hang", may_hang=True)
    for how in ("refused", "gone", "crash", "lost", "reset"):
        yield Fault("show", how, is_streamed=True)
    yield Fault("show", "hang", is_streamed=True, may_hang=True)
    yield Fault("cancel", "once", parts=4)
    yield Fault("cancel", "twice", is_streamed=True, parts=4)
    yield Fault("cancel", "once", with_sweep=True, parts=4)


FAULTS = tuple(_faults())


class Seam(Protocol):
    """Counts its operations from `armed` on; fails one of them."""

    @property
    def counts(self) -> Counter[str]: ...

    def armed(self, app: App) -> None: ...

    def disarmed(self) -> None: ...


@dataclass
class Counts:
    """Operations by name, and the one that is to fail."""

    target: Target
    counts: Counter[str] = field(default_factory=Counter)

    def is_meant(self, name: str) -> bool:
        """Count one; whether it is the one."""
        self.counts[name] += 1
        return (name, self.counts[name]) == self.target


@dataclass
class Probe:
    """A stranger with a connection of its own, who wants to write at once."""

    file: Path
    is_open: list[str] = field(default_factory=list)

    def ask(self, where: str, *, within_s: float = 0.5) -> None:
        """Note it when a transaction is open. `within_s`: for one that is at work on another thread."""
        with closing(sqlite3.connect(self.file, timeout=within_s, isolation_level=None)) as rows:
            try:
                rows.execute("BEGIN IMMEDIATE")
                rows.execute("ROLLBACK")
            except sqlite3.OperationalError as err:
                self.is_open.append(f"{where}: {err}")


# --- store -----------------------------------------------------------------------------------------------------------


@dataclass
class StoreSeam:
    """Around `Database._transact`, the one place where a transaction runs, on the driver's thread."""

    how: str
    passing: Counts
    probe: Probe
    hits: int = 0
    _is_full: bool = False

    @property
    def counts(self) -> Counter[str]:
        return self.passing.counts

    def armed(self, app: App) -> None:
        self._real = app.database._transact
        self._database = app.database
        app.database._transact = self._transact  # type: ignore[method-assign]

    def disarmed(self) -> None:
        """The database is closed: nothing passes any more."""

    def _transact(self, work: Callable[[Any], Any]) -> Any:
        name = _transaction_name(work)
        if self.passing.is_meant(name):
            try:
                return self._failing(work)
            finally:
                self.probe.ask(name, within_s=0)
        return self._in_little_room(work) if self._is_full else self._real(work)

    def _failing(self, work: Callable[[Any], Any]) -> Any:
        connection = self._database._connection._conn
        match self.how:
            case "before":
                raise self._refusal()
            case "inside":
                return self._real(lambda tx: self._refused(work(tx)))
            case "after":
                self._real(work)
                raise self._refusal()
            case "locked":
                return self._beside_another(connection, work)
            case _:
                connection.execute("PRAGMA max_page_count = 1")
                self._is_full = True
                return self._in_little_room(work)

    def _refusal(self) -> sqlite3.OperationalError:
        self.hits += 1
        return sqlite3.OperationalError("disk I/O error")

    def _refused(self, _: Any) -> Any:
        raise self._refusal()

    def _beside_another(self, connection: sqlite3.Connection, work: Callable[[Any], Any]) -> Any:
        """Another process writes for longer than the driver waits."""
        connection.execute("PRAGMA busy_timeout = 5")
        with closing(sqlite3.connect(self.probe.file, isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")
            try:
                return self._real(work)
            except sqlite3.OperationalError:
                self.hits += 1
                raise
            finally:
                another.execute("ROLLBACK")
                connection.execute("PRAGMA busy_timeout = 5000")

    def _in_little_room(self, work: Callable[[Any], Any]) -> Any:
        try:
            return self._real(work)
        except sqlite3.OperationalError:
            self.hits += 1
            if self.how == "filled":  # somebody makes room
                self._is_full = False
                self._database._connection._conn.execute(f"PRAGMA max_page_count = {ALL_PAGES}")
            raise


def _transaction_name(work: Callable[..., Any]) -> str:
    """Its function, and which facts it commits."""
    name = _name(getattr(work, "func", work)).replace(".<locals>", "").replace(".<lambda>", "")
    held = [cell.cell_contents for cell in getattr(work, "__closure__", None) or ()]
    facts = [type(fact).__name__ for some in held if isinstance(some, list | tuple) for fact in some]
    return " ".join([name, *sorted(set(facts), key=facts.index)]) if name == "RunRows.commit.commit" else name


# --- model -----------------------------------------------------------------------------------------------------------


@dataclass
class ModelSeam:
    """The endpoint does it all."""

    how: str
    target: Target
    speaker: Speaker

    @property
    def counts(self) -> Counter[str]:
        return Counter({"ask": self.speaker.asked})

    def armed(self, app: App) -> None:
        self.speaker.aim(self.how, self.target[1])

    def disarmed(self) -> None:
        self.speaker.aim()


# --- platform --------------------------------------------------------------------------------------------------------


@dataclass
class PlatformSeam:
    """The platform's `send` or `show`."""

    kind: str
    how: str
    passing: Counts
    platform: Platform
    probe: Probe
    _failing: asyncio.Task[Any] | None = None

    @property
    def counts(self) -> Counter[str]:
        return self.passing.counts

    def armed(self, app: App) -> None:
        self.platform.before, self.platform.after = self._before, self._after

    def disarmed(self) -> None:
        self.platform.before = self.platform.after = None

    async def _before(self, operation: str, what: str) -> None:
        if operation != self.kind or not self.passing.is_meant(what):
            return
        self.probe.ask(f"{self.kind} of {what}")
        self._failing = asyncio.current_task()
        match self.how:
            case "refused":
                raise SendError("The platform is busy.", retry_after_s=0)
            case "later":
                raise SendError("The platform is busy.")
            case "gone":
                raise PlaceGone("The channel is gone.")
            case "crash":
                raise RuntimeError(KABOOM)
            case "hang":
                await asyncio.sleep(3600)
            case _:
                pass  # it arrives

    async def _after(self, operation: str, what: str) -> None:
        """It arrived, but the answer is lost."""
        if operation != self.kind or self._failing is not asyncio.current_task():
            return
        self._failing = None
        if self.how == "lost":
            raise SendError("The platform did not answer.", retry_after_s=0)
        if self.how == "reset":
            raise ConnectionResetError(KABOOM)


# --- cancellation ----------------------------------------------------------------------------------------------------


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine whose every await is counted."""

    def __init__(self, inner: Coroutine[Any, Any, Any], seam: CancelSeam) -> None:
        self._inner = inner
        self._seam = seam
        self._name = _name(inner).removeprefix("ChatService.")

    def send(self, value: Any) -> Any:
        awaited = self._inner.send(value)
        self._seam.passed(self._name)
        return awaited

    def throw(self, *error: Any) -> Any:
        awaited = self._inner.throw(*error)
        self._seam.passed(self._name)
        return awaited

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()


def _name(coroutine: object) -> str:
    return getattr(coroutine, "__qualname__", "")


@dataclass
class CancelSeam:
    """The loop's task factory: a task of interest is cancelled when it comes to its await number `at` of all."""

    how: str
    passing: Counts
    probe: Probe
    _cancelled: asyncio.Task[Any] | None = None
    _is_armed: bool = False

    @property
    def counts(self) -> Counter[str]:
        return self.passing.counts

    def armed(self, app: App) -> None:
        self._is_armed = True
        asyncio.get_running_loop().set_task_factory(self._make)

    def disarmed(self) -> None:
        self._is_armed = False
        asyncio.get_running_loop().set_task_factory(None)

    def _make(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
        is_of_interest = _name(coro) in TASKS
        return asyncio.Task(Counted(coro, self) if is_of_interest else coro, loop=loop, **more)

    def passed(self, name: str) -> None:
        if not self._is_armed:
            return
        task = asyncio.current_task()
        assert task is not None, "a step is a task's"
        if name == TASKS[0]:
            name = "deliver" if "chaos" in task.get_name() else "drive"  # a place, or the id of a run
        if self.passing.is_meant(name):
            self._cancelled = task
            task.cancel()
        elif self._cancelled is task and self.how == "twice":
            self._cancelled = None
            task.cancel()
        else:
            return
        asyncio.get_running_loop().call_soon(self.probe.ask, f"await {self.counts[name]} of {name}")


@contextmanager
def seam_for(fault: Fault, target: Target, platform: Platform, speaker: Speaker, probe: Probe) -> Iterator[Seam]:
    """The seam of a fault; nothing fails any more afterwards."""
    seam: Seam
    match fault.kind:
        case "store":
            seam = StoreSeam(fault.how, Counts(target), probe)
        case "model":
            seam = ModelSeam(fault.how, target, speaker)
        case "cancel":
            seam = CancelSeam(fault.how, Counts(target), probe)
        case _:
            seam = PlatformSeam(fault.kind, fault.how, Counts(target), platform, probe)
    try:
        yield seam
    finally:
        seam.disarmed()
