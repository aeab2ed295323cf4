"""Taking up runs that nobody works on: after a stop or a crash, and after what they wait for has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot import crash
from bot.engine import words
from bot.engine.types import Place
from bot.errors import CheckpointError, StoreError
from bot.runner.inprocess import Runner
from bot.work import Parts, refresh_book, withdrawn

log = structlog.get_logger()

MAX_RECOVERIES = 3


class Recovery:
    """`end` gives a run that cannot go on its end, `abandon` one that cannot even be read; both are given why."""

    def __init__(
        self,
        parts: Parts,
        runner: Runner[str],
        *,
        expire_due: Callable[[], Awaitable[int]],
        end: Callable[[str, str], Awaitable[None]],
        abandon: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._parts = parts
        self._runner = runner
        self._expire_due = expire_due
        self._end = end
        self._abandon = abandon
        self._suspects: list[str] = []
        self._one_by_one: asyncio.Task[None] | None = None
        self._policy_seen, self._ends_next = -1, 0
        self.has_recovered = False

    async def recover(self) -> int:
        """Take up what a stop or a crash left open, through the same door as everything else; gives how many runs.

        A run that was taken up twice and has not moved since may be what ends the process: such runs go one by one, so
        that none is blamed for another, and the third time is the last.
        """
        crash.at("recovery.before")
        await self._expire_due()
        open_runs = await self._parts.runs.open_runs()
        trusted = [one for one in open_runs if one.recoveries < MAX_RECOVERIES - 1]
        suspects = [one.id for one in open_runs if one.recoveries == MAX_RECOVERIES - 1]
        await self._parts.runs.take_up([one.id for one in trusted if not one.is_queued])  # those were never driven
        crash.at("recovery.inside")
        for one in open_runs:
            if one.recoveries >= MAX_RECOVERIES:
                await self._park(one.id)
        for one in trusted:
            self._runner.kick(one.id)
        if suspects:
            self._suspects = suspects
            self._one_by_one = asyncio.create_task(self._take_up_one_by_one())
        await self._parts.approvals.pending()  # finds what is damaged
        await self.drop_damaged()
        await self.withdraw()
        await self._parts.deliveries.sweep()
        crash.at("recovery.after")
        self.has_recovered = True
        return len(open_runs)

    async def _take_up_one_by_one(self) -> None:
        try:
            while self._suspects:
                run_id = self._suspects[0]
                await self._parts.runs.take_up([run_id])
                self._runner.kick(run_id)
                await self._runner.rested(run_id)
                self._suspects.pop(0)
        except StoreError:
            log.exception("recovery.held_up")
        finally:
            self._suspects.clear()  # the sweep takes up what is left

    async def _park(self, run_id: str) -> None:
        log.error("run.parked", run=run_id)
        try:
            await self._end(run_id, words.PARKED)
        except CheckpointError as err:
            await self._abandon(run_id, err.user_message)

    async def recover_place(self, place: Place) -> int:
        """The same as `recover` for one conversation: for a process that is there for a single question."""
        mine = {run_id for run_id, _, _ in await self._parts.reader.active_in(place)}
        run_ids = [one.id for one in await self._parts.runs.open_runs() if one.id in mine]
        for run_id in run_ids:
            self._runner.kick(run_id)
        return len(run_ids)

    async def take_up_left(self) -> None:
        """Go on with every open run that nobody works on: what a database or a platform refused for a while."""
        await self._parts.runs.ping()  # or what it does could not be stored, again
        for one in await self._parts.runs.open_runs():
            if not self._runner.is_working_on(one.id) and one.id not in self._suspects:
                self._runner.kick(one.id)

    async def drop_damaged(self) -> None:
        """End the runs that were found to be unreadable."""
        damaged = self._parts.approvals.damaged
        for run_id, why in tuple(damaged.items()):
            await self._abandon(run_id, why)
            del damaged[run_id]

    async def withdraw(self) -> None:
        """Let runs look again at what they wait for, after the policy or the tools have changed."""
        await refresh_book(self._parts)
        moment = self._parts.clock()
        book = self._parts.book
        if book.revision == self._policy_seen and moment < self._ends_next:
            return
        for run_id in await withdrawn(self._parts):
            self._runner.kick(run_id)
        self._policy_seen, self._ends_next = book.revision, book.ends_next(moment)

    async def rested(self) -> None:
        """Wait until the suspects have been taken up."""
        if self._one_by_one is not None and not self._one_by_one.done():
            await asyncio.wait([self._one_by_one])

    async def aclose(self) -> None:
        """Take up no more suspects."""
        if self._one_by_one is not None:
            self._one_by_one.cancel()
            await asyncio.wait([self._one_by_one])
