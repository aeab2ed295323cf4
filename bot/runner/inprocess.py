"""Work on keys, one task for each: a key kicked while its task works is worked on once more afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger()
Key = TypeVar("Key", bound=Hashable)
CANCEL_S = 0.5


class Runner(Generic[Key]):
    """Works in this process on keys: runs by their ids, places with something to send.

    `work` is called with the key, never twice at once for the same one, and with an event that is set when the key was
    kicked again meanwhile: something about it has changed.
    """

    def __init__(self, work: Callable[[Key, asyncio.Event], Awaitable[None]]) -> None:
        self._work = work
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._again: dict[Key, asyncio.Event] = {}
        self._is_closed = False

    def kick(self, key: Key) -> None:
        """Work on this key soon."""
        if self._is_closed:
            return
        if key in self._tasks and not self._tasks[key].done():
            self._again[key].set()
            return
        self._again[key] = asyncio.Event()
        task = asyncio.create_task(self._until_done(key), name=f"work on {key}")
        self._tasks[key] = task
        task.add_done_callback(partial(self._forget, key))  # also of a task that was cancelled before its first step

    def is_working_on(self, key: Key) -> bool:
        return key in self._tasks

    @property
    def is_busy(self) -> bool:
        return bool(self._tasks)

    async def rested(self, key: Key) -> None:
        """Wait until this key is not being worked on."""
        while task := self._tasks.get(key):
            await asyncio.wait([task])

    async def cancel(self, key: Key) -> None:
        """Stop working on this key, and wait until it has stopped."""
        if task := self._tasks.get(key):
            task.cancel()
            await asyncio.wait([task])

    async def idle(self) -> None:
        """Wait until nothing is being worked on."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def aclose(self, *, within_s: float = 10.0) -> list[Key]:
        """Take nothing new, give what works a moment to come to rest, then cancel it: those keys are given. What is
        open goes on at the next start."""
        self._is_closed = True
        tasks = dict(self._tasks)
        if not tasks:
            return []
        await asyncio.wait(tasks.values(), timeout=within_s)
        late = {key: task for key, task in tasks.items() if not task.done()}
        still = list(late.values())
        while still:  # a task may swallow one cancellation while it puts something down
            for task in still:
                task.cancel()
            await asyncio.wait(still, timeout=CANCEL_S)
            still = [task for task in still if not task.done()]
        return list(late)

    async def _until_done(self, key: Key) -> None:
        again = self._again[key]
        while True:
            again.clear()
            try:
                await self._work(key, again)
            except Exception:  # the rim of a worker: one key's failure must not end the bot; it is tried again later
                log.exception("work.crashed", key=str(key))
            if not again.is_set():
                return

    def _forget(self, key: Key, task: asyncio.Task[None]) -> None:
        if self._tasks[key] is task:  # or it was kicked again before this was called
            del self._tasks[key]
            del self._again[key]
