"""Work on keys, one task for each: a key kicked while its task works is worked on once more afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()


class Runner:
    """Drives runs in this process.

    `work` is called with the run's id, never twice at once for the same one, and with an event that is set when the
    run was kicked again meanwhile: something about it has changed.
    """

    def __init__(self, work: Callable[[str, asyncio.Event], Awaitable[None]]) -> None:
        self._work = work
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, asyncio.Event] = {}
        self._is_closed = False

    def kick(self, key: str) -> None:
        """Work on this key soon."""
        if self._is_closed:
            return
        if key in self._tasks:
            self._again[key].set()
            return
        self._again[key] = asyncio.Event()
        task = asyncio.create_task(self._until_done(key), name=f"run {key}")
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._forget(key))  # also of a task that was cancelled before its first step

    async def rested(self, key: str) -> None:
        """Wait until this key is not being worked on."""
        while task := self._tasks.get(key):
            await asyncio.wait([task])

    async def cancel(self, key: str) -> None:
        """Stop working on this key, and wait until it has stopped."""
        if task := self._tasks.get(key):
            task.cancel()
            await asyncio.wait([task])

    async def idle(self) -> None:
        """Wait until nothing is being worked on."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def aclose(self, *, within_s: float = 10.0) -> None:
        """Take nothing new, give what works a moment to come to rest, then cancel it. What is open goes on at the
        next start."""
        self._is_closed = True
        tasks = list(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _until_done(self, key: str) -> None:
        try:
            again = self._again[key]
            while True:
                again.clear()
                await self._work(key, again)
                if not again.is_set():
                    return
        except (
            Exception
        ):  # the rim of a worker: a run's failure must not end the bot; the run is retried at the next start
            log.exception("run.crashed", run=key)

    def _forget(self, key: str) -> None:
        del self._tasks[key]
        self._again.pop(key, None)
