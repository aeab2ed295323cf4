"""Many small transactions as few: what comes while one is being committed goes into the next one together.

A commit waits for the disk; work in it hardly costs anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from bot.storage.database import Database, Transaction, Whole

T = TypeVar("T")
AT_MOST = 200
Work = Callable[[Transaction], Any]


class Grouped:
    """Runs work in shared transactions, in the order it came. Work that raises takes what it shares one with along:
    all of it is rolled back, and everybody is told."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._queue: list[tuple[Work, Whole[Any]]] = []
        self._working: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[Transaction], T]) -> T:
        """Run `work`; it is committed when this returns. It is waited for even when the caller is cancelled. Raises
        `StoreError`."""
        done: Whole[T] = Whole()
        self._queue.append((work, done))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        try:
            return await done
        except asyncio.CancelledError:
            if done.done():
                done.exception()  # the cancellation comes first: nobody reads this one any more
            raise

    async def _work(self) -> None:
        while self._queue:
            group, self._queue = self._queue[:AT_MOST], self._queue[AT_MOST:]
            try:
                results = await self._db.run(lambda tx, group=group: [work(tx) for work, _ in group])  # type: ignore[misc]  # mypy knows no defaults of lambdas
            except Exception as err:  # handed on to whoever waits for it
                for _, done in group:
                    done.set_exception(err)
            else:
                for (_, done), result in zip(group, results, strict=True):
                    done.set_result(result)
