"""What ends a run from outside: somebody stops it, or takes back or changes the message it was to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bot.engine.machine import apply
from bot.engine.steps import Stopped
from bot.engine.types import Actor, Attachment, CallState, Place, Run
from bot.errors import CheckpointError, StaleRun
from bot.policy.access import Stop, authorize
from bot.runner.inprocess import Runner
from bot.storage.intake import Receipt
from bot.storage.runs import StoredRun
from bot.work import Parts, Show, refresh_book

NOTHING = "There is nothing of yours to stop here."
OVER = "This has ended already; there is nothing to stop."
NOT_YOURS = "Only who asked for this, or an admin, can stop it."
_BEGUN = frozenset({CallState.STARTED, CallState.DONE, CallState.FAILED, CallState.UNKNOWN})


class Stops:
    """`abandon` ends a run that cannot be read, given why; `start_next` lets a conversation go on."""

    def __init__(
        self,
        parts: Parts,
        runner: Runner[str],
        *,
        abandon: Callable[[str, str], Awaitable[None]],
        start_next: Callable[[int], Awaitable[None]],
    ) -> None:
        self._parts = parts
        self._runner = runner
        self._abandon = abandon
        self._start_next = start_next
        self._stopping: set[str] = set()

    def is_stopping(self, run_id: str) -> bool:
        """Whether nobody works on a run any more whose end is being stored."""
        return run_id in self._stopping

    async def stop(self, place: Place, actor: Actor, run_id: str = "") -> str:
        """Stop one run, or what this person may stop here: what works or is queued first, else what waits."""
        await refresh_book(self._parts)
        active = await self._parts.reader.active_in(place)
        if run_id:
            return await self._stop_one([one for one in active if one[0] == run_id], place, actor)
        mine = [one for one in active if self._may_stop(actor, one[2], place)]
        working = [run_id for run_id, status, _ in mine if status in ("queued", "running")]
        chosen = working or [run_id for run_id, _, _ in mine]
        stopped = [run_id for run_id in chosen if await self._stop(run_id, Stopped(actor.label))]
        return "Stopped." if stopped else NOTHING

    async def _stop_one(self, found: Sequence[tuple[str, str, str]], place: Place, actor: Actor) -> str:
        for run_id, _, requester in found:
            if not self._may_stop(actor, requester, place):
                return NOT_YOURS
            if await self._stop(run_id, Stopped(actor.label)):
                return "Stopped."
        return OVER

    def _may_stop(self, actor: Actor, requester: str, place: Place) -> bool:
        return authorize(self._parts.book, actor, Stop(requester, place.scope), self._parts.clock()) is None

    async def stop_all_of(self, key: str, actor: Actor) -> int:
        """Stop everything that somebody had started; gives how much."""
        run_ids = await self._parts.runs.open_of(key)
        return sum([await self._stop(run_id, Stopped(actor.label)) for run_id in run_ids])

    async def deleted(self, event_id: str) -> None:
        """The message of this event is gone: its run ends without a word; what has run has run. One that has taken up
        other messages says that it was stopped, and one that another has taken up stays where it is."""
        run_id = await self._parts.runs.find(event_id)
        if run_id is not None:
            await self._stop(run_id, Stopped("", is_quiet=True))

    async def unbegun(self, event_id: str, actor: Actor) -> StoredRun | None:
        """The open run that this person's message started, as long as no call of it has started."""
        run_id = await self._parts.runs.find(event_id)
        if run_id is None:
            return None
        try:
            stored = await self._parts.runs.load(run_id)
        except CheckpointError:
            return None  # it is ended when it is due
        run = stored.run
        is_theirs = run.requester.key == actor.key
        has_begun = stored.is_steered or any(call.state in _BEGUN for call in run.calls)
        return stored if is_theirs and not run.is_over and not has_begun else None

    async def exchange(
        self, old: StoredRun, new: Run, *, event_id: str, at_ms: int, attachments: Sequence[Attachment]
    ) -> Receipt | None:
        """Let a new run stand in the place of one that has not begun; None when it has meanwhile.

        Nobody is stopped before that is durable: an effect that begins at the same moment is not cut off.
        """
        fact = Stopped(old.run.requester.label, is_quiet=True)
        try:
            receipt = await self._parts.runs.exchange(
                old.run, fact, new, event_id=event_id, at_ms=at_ms, attachments=attachments
            )
        except StaleRun:
            return None
        if not receipt.is_known:
            await self._runner.cancel(old.run.id)
            await Show(self._parts, old.run.place).on_fact(apply(old.run, fact), fact)
            await self._start_next(old.conversation_id)
        return receipt

    async def _stop(self, run_id: str, fact: Stopped) -> bool:
        self._stopping.add(run_id)
        try:
            return await self._end(run_id, fact)
        finally:
            self._stopping.discard(run_id)

    async def _end(self, run_id: str, fact: Stopped) -> bool:
        await self._runner.cancel(run_id)
        try:
            stored = await self._parts.runs.load(run_id)
        except CheckpointError as err:
            await self._abandon(run_id, err.user_message)
            return True
        if stored.run.is_over:
            await self._start_next(stored.conversation_id)
            return False
        fact = replace(fact, is_quiet=fact.is_quiet and not stored.is_steered)
        after = apply(stored.run, fact)
        try:
            await self._parts.runs.commit(stored.run, [fact], after)
        except StaleRun:
            return False
        await Show(self._parts, stored.run.place).on_fact(after, fact)
        await self._start_next(stored.conversation_id)
        return True
