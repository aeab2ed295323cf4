"""Decisions on what waits: may this person, now, about this; the first one wins, and time decides what nobody did."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bot import chat, present
from bot.engine.machine import apply, has_changed, has_other_approver
from bot.engine.steps import Decided
from bot.engine.types import Actor, Decision
from bot.errors import CheckpointError, StaleRun
from bot.policy.judge import may_decide, named_approvers
from bot.storage.audit import AuditRows
from bot.storage.reading import DAMAGED, StoredApproval
from bot.work import Parts, Show, refresh_book, role_of, toolbox_for

log = structlog.get_logger()

MAX_REASON_CHARS = 1_000


class Decisions:
    """Everything that may settle an approval. `kick` lets its run go on."""

    def __init__(self, parts: Parts, audit: AuditRows, kick: Callable[[str], None]) -> None:
        self._parts = parts
        self._audit = audit
        self._kick = kick

    async def decide(self, click: chat.Click) -> chat.Outcome:
        """Decide one waiting call: may this person, is it pending, unexpired, unchanged; then the first one wins."""
        await refresh_book(self._parts)
        approval = await self._parts.reader.approval(click.approval_id)
        if approval is None:
            return chat.Outcome(False, "This approval is not known any more; nothing was run by this click.")
        if why := self._may_not_decide(approval, click.actor, is_operator=click.is_operator):
            await self._note_refused(approval, click.actor, why)
            return chat.Outcome(False, why, self.card(approval))
        if approval.state != "pending":
            return chat.Outcome(False, present.decided(approval), self.card(approval))
        if not approval.is_intact:
            await self._note_refused(approval, click.actor, "arguments changed")
            self._parts.reader.damaged[approval.run_id] = DAMAGED  # the next sweep ends its run
            return chat.Outcome(False, "The stored call is not the one that was shown any more; it was not run.")
        return await self._record_decision(approval, click)

    async def _record_decision(self, approval: StoredApproval, click: chat.Click) -> chat.Outcome:
        if click.verb == "approve" and (why := await self._may_not_go_on(approval)):
            await self._note_refused(approval, click.actor, why)
            return chat.Outcome(False, why, self.card(approval))
        reason = self._parts.redact(click.reason).strip()[:MAX_REASON_CHARS]
        said = Decision(click.verb, click.actor.label, click.actor.key, reason)
        is_first = await self._settle_approval(approval, said)
        decided = await self._parts.reader.approval(approval.id) or approval
        if decided.state == "pending" and decided.is_late:
            await self._settle_approval(approval, Decision("expire"))
            decided = await self._parts.reader.approval(approval.id) or approval
        if not is_first:
            self._kick(approval.run_id)
            return chat.Outcome(False, present.decided(decided), self.card(decided))
        return chat.Outcome(True, {"approve": "Approved.", "deny": "Denied."}[click.verb], self.card(decided))

    async def _may_not_go_on(self, approval: StoredApproval) -> str | None:
        """Why nobody may approve this as it was shown: what was tightened since applies. Its run sees to the rest."""
        run = (await self._parts.runs.load(approval.run_id)).run
        call = next(call for call in run.calls if call.id == approval.call_id)
        if run.model not in self._parts.models.labels():
            return None  # its run ends with a sentence on that
        verdict = toolbox_for(self._parts, run, self._parts.models.get(run.model)).judge(call)
        if verdict.outcome == "deny":
            self._kick(run.id)
            return f"The policy does not permit this any more ({verdict.rule}); it was not run."
        if has_changed(call, verdict):
            self._kick(run.id)
            return (
                "The tool has changed since this was asked for, so it was not run; it is asked for anew if it can be."
            )
        if has_other_approver(call, verdict):
            self._kick(run.id)
            return "Somebody else has to approve this now: it was not run, and is asked for anew."
        return None

    async def _settle_approval(self, approval: StoredApproval, decision: Decision) -> bool:
        """Commit one decision, show it, let the run go on; False when another one came first."""
        stored = await self._parts.runs.load(approval.run_id)
        fact = Decided(approval.call_id, decision)
        try:
            after = apply(stored.run, fact)
            await self._parts.runs.commit(stored.run, [fact], after)
        except StaleRun:
            return False
        log.info("approval.decided", run=approval.run_id, verb=decision.verb, actor=decision.actor)
        self._kick(approval.run_id)
        await Show(self._parts, approval.place).on_fact(after, fact)
        return True

    async def expire_due(self) -> int:
        """Close what nobody decided in time: neither consent nor denial. Gives how many."""
        closed = 0
        for approval in await self._parts.reader.expired():
            try:
                closed += await self._settle_approval(approval, Decision("expire"))
            except CheckpointError as err:
                self._parts.reader.damaged[approval.run_id] = err.user_message
        return closed

    async def remind(self) -> None:
        """Tell approvers what has waited for a good part of its time."""
        for approval in await self._parts.reader.to_remind(self._parts.settings.approval_reminders):
            people = named_approvers(approval.approver, requester=approval.requester, admins=self._parts.book.admins)
            await self._parts.reader.note_reminder(approval, present.reminder(approval), people)
            self._parts.deliveries.kick(approval.place)

    def _may_not_decide(self, approval: StoredApproval, actor: Actor, *, is_operator: bool = False) -> str | None:
        """Why this person may not decide this; where a call was not shown, nobody but the operator decides it."""
        here = (approval.place.platform, approval.place.workspace)
        if not is_operator and here != (actor.platform, actor.workspace):
            return "This can only be decided where it was asked for."
        requester = approval.requester
        return may_decide(approval.approver, actor=actor, role=role_of(self._parts, actor), requester=requester)

    async def _note_refused(self, approval: StoredApproval, actor: Actor, why: str) -> None:
        run = (await self._parts.runs.load(approval.run_id)).run
        call = next(call for call in run.calls if call.id == approval.call_id)
        await self._audit.note_refused(run=run, call=call, actor=actor.key, why=why)

    # --- reading ---

    async def pending(self, actor: Actor, *, is_operator: bool = False) -> list[chat.Card]:
        """What waits for this person's decision, the oldest first."""
        await refresh_book(self._parts)
        waiting = [one for one in await self._parts.reader.pending() if not one.is_late]
        return [self.card(one) for one in waiting if self._may_not_decide(one, actor, is_operator=is_operator) is None]

    def card(self, approval: StoredApproval) -> chat.Card:
        return present.card(approval, self._parts.about(approval.tool))
