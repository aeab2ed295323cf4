"""What time does to what waits: nobody decided, so it ends; those who may decide are reminded; others may by now."""

from __future__ import annotations

from collections.abc import Callable

from bot import present
from bot.engine.machine import apply
from bot.engine.steps import Decided
from bot.engine.types import Decision
from bot.errors import CheckpointError, StaleRun
from bot.policy.approvers import approvers_of, fallback_due_s, named
from bot.storage.asked import StoredApproval
from bot.work import Parts, Show


class Deadlines:
    """The end of approvals, and what is said before it. `kick` lets a run go on."""

    def __init__(self, parts: Parts, kick: Callable[[str], None]) -> None:
        self._parts = parts
        self._kick = kick
        self._fallbacks_told: set[str] = set()

    async def expire_due(self) -> int:
        """Close what nobody decided in time: neither consent nor denial. Gives how many."""
        closed = 0
        for approval in await self._parts.approvals.expired():
            try:
                closed += await self.expire(approval)
            except CheckpointError as err:
                self._parts.approvals.damaged[approval.run_id] = err.user_message
        return closed

    async def expire(self, approval: StoredApproval) -> bool:
        """Close an approval whose time is over; False when somebody decided it, or it is not its time."""
        stored = await self._parts.runs.load(approval.run_id)
        fact = Decided(approval.call_id, Decision("expire"))
        try:
            after = apply(stored.run, fact)
            await self._parts.runs.commit(stored.run, [fact], after)
        except StaleRun:
            return False
        self._kick(approval.run_id)
        await Show(self._parts, approval.place).on_fact(after, fact)
        return True

    async def remind(self) -> None:
        """Tell approvers what has waited for a good part of its time, and those who may decide instead by now."""
        for approval in await self._parts.approvals.to_remind(self._parts.settings.approval_reminders):
            await self._parts.approvals.note_reminder(approval, present.reminder(approval), self._named(approval))
            self._parts.deliveries.kick(approval.place)
        for approval in await self._parts.approvals.unsettled():
            await self._tell_fallback(approval)

    async def _tell_fallback(self, approval: StoredApproval) -> None:
        after = fallback_due_s(approvers_of(approval.approver))
        due = [after_s for after_s in after if after_s * 1000 <= approval.waited_ms]
        key = f"fallback:{approval.id}:{len(due)}"
        if due and key not in self._fallbacks_told:
            self._fallbacks_told.add(key)
            await self._parts.approvals.note_fallback(approval, key, present.fallback(approval), self._named(approval))
            self._parts.deliveries.kick(approval.place)

    def _named(self, approval: StoredApproval) -> list[str]:
        """The people its rule names by now."""
        scope = approval.place.scope
        return named(
            approvers_of(approval.approver),
            requester=approval.requester.key,
            admins=self._parts.book.admins_in(scope, self._parts.clock()),
            scope=scope,
            age_s=approval.waited_ms / 1000,
        )
