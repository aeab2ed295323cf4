"""Decisions on what waits: may this person, now, about this; then votes are counted, and the first decision wins."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import structlog

from bot import chat, present
from bot.cards import card_of, decide_of, missing_of, offers, token_of
from bot.engine.machine import apply, has_changed, has_other_approver
from bot.engine.steps import Decided, Edited
from bot.engine.types import Actor, Decision, Place, Run, ToolCall, Verdict, parse_actor
from bot.errors import CheckpointError, PolicyError, Refused, StaleRun
from bot.policy import grants
from bot.policy.access import asked_of, authorize, voters_of
from bot.policy.approvers import approvers_of, is_satisfied
from bot.policy.durations import parse_duration
from bot.storage import approvals, votes
from bot.storage.asked import DAMAGED, StoredApproval
from bot.storage.audit import AuditRows
from bot.storage.database import Transaction
from bot.storage.policies import add_grant
from bot.tools.arguments import parse_arguments
from bot.tools.toolbox import why_not
from bot.work import Parts, Show, meet, refresh_book, storable, toolbox_for

log = structlog.get_logger()

MAX_REASON_CHARS = 1_000
TOOL_CHANGED = "The tool has changed since this was asked for, so it was not run; it is asked for anew if it can be."
ELSEWHERE = "This button does not belong here; nothing was decided by it."
NOT_KNOWN = "This approval is not known any more; nothing was run by this click."
MOVED = "Something of this was decided or changed meanwhile: look again; nothing was decided by this click."
CHANGED = "The stored call is not the one that was shown any more; it was not run."


@dataclass(frozen=True, slots=True)
class _Case:
    """An approval, the run and the call it is about, and the click on it."""

    approval: StoredApproval
    run: Run
    call: ToolCall
    click: chat.Click

    @property
    def vote(self) -> dict[str, Any]:
        click = self.click
        return {
            "person": click.actor.key,
            "name": click.actor.label,
            "verb": "deny" if click.verb == "deny" else "approve",
            "reason": click.reason,
            "grant": click.grant,
            "pattern": click.pattern,
        }


class Decisions:
    """What people decide. `kick` lets a run go on, `expire` closes what is too late."""

    def __init__(
        self,
        parts: Parts,
        audit: AuditRows,
        kick: Callable[[str], None],
        expire: Callable[[StoredApproval], Awaitable[bool]],
    ) -> None:
        self._parts = parts
        self._audit = audit
        self._kick = kick
        self._expire = expire
        self._at_once: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def decide(self, click: chat.Click) -> chat.Outcome:
        """Decide one waiting call: may this person, is it pending, unexpired, unchanged; then the first one wins."""
        await refresh_book(self._parts)
        approval = await self._parts.approvals.approval(click.approval_id)
        if approval is None:
            return chat.Outcome(False, NOT_KNOWN)
        run = (await self._parts.runs.load(approval.run_id)).run
        call = next(call for call in run.calls if call.id == approval.call_id)
        case = _Case(approval, run, call, self._clean(click))
        place = click.shown_in
        if place is not None and not await self._was_shown(approval, place, click.shown_as):
            return replace(await self._refuse(case, ELSEWHERE), card=None)
        if click.together:
            return await self._decide_together(case)
        if why := self._may_not_decide(approval, click.actor, is_operator=click.is_operator):
            return await self._refuse(case, why)
        if not click.is_operator:
            await meet(self._parts, click.actor)  # who decides is judged again later, by what is known of them
        if approval.state != "pending":
            return chat.Outcome(False, present.decided(approval), self.card(approval))
        if not approval.is_intact or approval.arguments != call.to_run:
            self._parts.approvals.damaged[approval.run_id] = DAMAGED  # the next sweep ends its run
            return replace(await self._refuse(case, CHANGED), card=None)
        match click.verb:
            case "deny":
                return await self._settle(case, "deny")
            case "edit":
                return await self._edit(case)
            case _:
                return await self._approve(case)

    def _clean(self, click: chat.Click) -> chat.Click:
        """The click with what people wrote as it can be stored and shown."""
        redact = self._parts.redact
        reason = storable(redact(click.reason)).strip()[:MAX_REASON_CHARS]
        actor = replace(click.actor, name=storable(click.actor.name))
        return replace(click, actor=actor, reason=reason, arguments=storable(redact(click.arguments)))

    async def _refuse(self, case: _Case, why: str) -> chat.Outcome:
        await self._audit.note_refused(run=case.run, call=case.call, actor=case.click.actor.key, why=why)
        return chat.Outcome(False, why, self.card(case.approval))

    # --- several at once ---

    async def _was_shown(self, approval: StoredApproval, place: Place, shown_as: str) -> bool:
        """Whether the button was where a card of this approval was put. Whoever names a channel for cards by its id may
        have named a thread, which has one too."""
        places = [place, replace(place, channel=place.thread, thread="")] if place.thread else [place]
        return any([await self._parts.outbox.was_shown(approval.id, one, shown_as) for one in places])

    async def _decide_together(self, case: _Case) -> chat.Outcome:
        """Decide everything that waits of one reply, each by itself: exactly what the card's button stood for. Of two
        who do so at the same moment one decides all of it."""
        lock = self._at_once.setdefault(case.run.id, asyncio.Lock())
        async with lock:
            approval = await self._parts.approvals.approval(case.approval.id) or case.approval
            if approval.state != "pending" and not approval.together:
                return chat.Outcome(False, present.decided(approval), self.card(approval))
            if case.click.verb == "edit" or token_of(approval.together) != case.click.together:
                return chat.Outcome(False, MOVED, self.card(approval))
            single = replace(case.click, together="", shown_in=None)
            outcomes = [await self.decide(replace(single, approval_id=one)) for one in approval.together]
        return chat.Outcome(any(one.is_accepted for one in outcomes), present.in_one(outcomes), outcomes[-1].card)

    # --- approving ---

    async def _approve(self, case: _Case) -> chat.Outcome:
        try:
            kind = grants.parse_grant(case.click.grant)
            pattern = self._offered(case) if case.click.pattern else ""
        except PolicyError as err:
            return chat.Outcome(False, err.user_message, self.card(case.approval))
        case = replace(case, click=replace(case.click, grant=kind, pattern=pattern))
        if why := self._may_not_go_on(case):
            return await self._refuse(case, why)
        if self._is_enough(case.approval, (*_approving(case.approval), case.click.actor.key)):
            return await self._settle(case, "approve")
        return await self._vote(case)

    def _offered(self, case: _Case) -> str:
        """The pattern of this click, in our words. Raises `PolicyError` for one that the card did not offer: what is
        granted is never wider than what was shown."""
        pattern = grants.check_pattern(case.click.pattern, parse_arguments(case.call.to_run))
        if pattern not in {offer.pattern for offer in offers(case.approval)}:
            raise PolicyError("This is none of the ways to approve it that the card offers.")
        return pattern

    async def _vote(self, case: _Case) -> chat.Outcome:
        """Count one approval of several. Whoever comes last may have come at the same time as another: it is looked at
        again once the vote is stored."""
        is_new = await self._parts.votes.cast(case.run, case.call, case.approval.id, case.vote)
        await self._parts.deliveries.kick_cards(case.call.id)
        approval = await self._parts.approvals.approval(case.approval.id) or case.approval
        if is_new and self._is_enough(approval, _approving(approval)):
            return await self._settle(replace(case, approval=approval), "approve")
        if approval.state != "pending" or approval.is_late:
            return chat.Outcome(False, present.decided(approval), self.card(approval))
        said = "You approved this" if is_new else "You had approved this already"
        return chat.Outcome(is_new, f"{said}; still needed: {missing_of(self._parts, approval)}.", self.card(approval))

    def _is_enough(self, approval: StoredApproval, keys: tuple[str, ...]) -> bool:
        """Whether the approval of these people settles it."""
        voters = voters_of(self._parts.book, keys, approval.place, self._parts.clock())
        asked = asked_of(self._parts.book, decide_of(approval))
        return is_satisfied(approvers_of(approval.approver), voters, asked)

    def _may_not_go_on(self, case: _Case) -> str | None:
        """Why nobody may approve this as it was shown: what was tightened since applies. Its run sees to the rest."""
        verdict = self._judged(case.run, case.call)
        if verdict is None:
            return None  # its run ends with a sentence on that
        if verdict.outcome == "deny":
            self._kick(case.run.id)
            return f"The policy does not permit this any more ({verdict.rule}); it was not run."
        if has_changed(case.call, verdict):
            self._kick(case.run.id)
            return TOOL_CHANGED
        if has_other_approver(case.call, verdict):
            self._kick(case.run.id)
            return "Somebody else has to approve this now: it was not run, and is asked for anew."
        return None

    def _judged(self, run: Run, call: ToolCall) -> Verdict | None:
        """What the checks say of a call now; None when its model is not configured any more."""
        if run.model not in self._parts.models.labels():
            return None
        return toolbox_for(self._parts, run, self._parts.models.get(run.model)).judge(call, run)

    # --- editing ---

    async def _edit(self, case: _Case) -> chat.Outcome:
        """Let other arguments run. Where one word is enough this approves them; else others approve them as they are
        now, and what was said before is void."""
        text = case.click.arguments
        verdict = self._judged(case.run, replace(case.call, edited=text))
        if verdict is not None and has_changed(case.call, verdict):
            return await self._refuse(case, TOOL_CHANGED)
        if verdict is None or verdict.outcome in ("deny", "invalid"):
            why = "its model is not configured any more" if verdict is None else why_not(case.call.name, verdict)
            return chat.Outcome(False, f"These arguments cannot be run: {why}", self.card(case.approval))
        edited = replace(case.approval, approver=verdict.approver, editor=case.click.actor.key)
        if verdict.outcome == "run" or self._is_enough(edited, (case.click.actor.key,)):
            return await self._settle(case, "edit", verdict)
        actor = case.click.actor
        fact = Edited(case.call.id, verdict, text, actor.label, actor.key)
        vote = {**case.vote, "grant": chat.ONCE, "pattern": ""}
        if not await self._store(case, fact, last=partial(votes.add_to_newest, call_id=case.call.id, vote=vote)):
            return await self._too_late(case)
        newest = [
            one for one in await self._parts.approvals.approvals_of_run(case.run.id) if one.call_id == case.call.id
        ]
        card = self.card(newest[-1])
        return chat.Outcome(True, f"Edited; still needed: {missing_of(self._parts, newest[-1])}.", card)

    # --- settling ---

    async def _settle(self, case: _Case, verb: str, verdict: Verdict | None = None) -> chat.Outcome:
        """Commit what was decided, with this vote and what it grants; the first one wins."""
        fact = Decided(case.call.id, self._decision(case, verb), verdict)
        if not await self._store(case, fact, first=partial(self._note, case=case, verb=verb)):
            return await self._too_late(case)
        decided = await self._parts.approvals.approval(case.approval.id) or case.approval
        done = {"approve": "Approved.", "deny": "Denied.", "edit": "Edited and approved."}
        return chat.Outcome(True, done[verb], self.card(decided))

    def _decision(self, case: _Case, verb: str) -> Decision:
        """The decision in the name of everybody whose word it took."""
        click = case.click
        earlier = [] if verb != "approve" else [one for one in case.approval.votes if one.person != click.actor.key]
        names = [*(one.name for one in earlier), click.actor.label]
        keys = [*(one.person for one in earlier), click.actor.key]
        arguments = click.arguments if verb == "edit" else None
        return Decision(verb, " and ".join(names), ",".join(keys), click.reason, arguments)  # type: ignore[arg-type]

    def _note(self, tx: Transaction, *, case: _Case, verb: str) -> None:
        """Store the vote that settled it, and the grant that came of all of them."""
        votes.add(tx, case.approval.id, case.vote)
        if verb != "approve":
            return
        others = [(one.grant, one.pattern) for one in case.approval.votes if one.person != case.click.actor.key]
        kind, pattern = grants.narrowest_of([*others, (case.click.grant, case.click.pattern)])
        if kind == chat.ONCE:
            return
        call, run, timed = case.call, case.run, kind not in ("run", "thread", "always")
        row = {
            "id": secrets.token_hex(8),
            "person": run.requester.key,
            "tool": call.name,
            "arguments": call.to_run,
            "pattern": pattern,
            "definition": call.definition,
            "approver": call.approver,
            "run_id": run.id if kind == "run" else "",
            "place": str(run.place) if kind == "thread" else "",
            "given_by": self._decision(case, verb).actor,
        }
        lasts_ms = parse_duration(kind) * 1000 if timed else None
        said = f"{run.requester.key} may run {call.name} {grants.in_words(kind, pattern, call.name)}: {call.to_run}"
        add_grant(tx, row, lasts_ms=lasts_ms, scope=run.requester.scope, said=said)

    async def _store(
        self,
        case: _Case,
        fact: Decided | Edited,
        *,
        first: Callable[[Transaction], None] | None = None,
        last: Callable[[Transaction], None] | None = None,
    ) -> bool:
        """Commit one fact, show it, let the run go on; False when another one came first, or time did, or the card that
        was looked at is not the one that waits any more."""
        stored = await self._parts.runs.load(case.run.id)

        def begin(tx: Transaction) -> None:
            approvals.check_waits(tx, case.approval.id, case.approval.arguments_sha256)
            if first is not None:
                first(tx)

        try:
            moved = apply(stored.run, fact)
            await self._parts.runs.commit(stored.run, [fact], moved, first=begin, last=last)
        except StaleRun:
            return False
        log.info("approval.decided", run=case.run.id, fact=type(fact).__name__, actor=case.click.actor.key)
        self._kick(case.run.id)
        await Show(self._parts, case.approval.place).on_fact(moved, fact)
        return True

    async def _too_late(self, case: _Case) -> chat.Outcome:
        """Somebody else decided, or time did: say which."""
        approval = await self._parts.approvals.approval(case.approval.id) or case.approval
        if approval.state == "pending" and approval.is_late:
            await self._expire(approval)
            approval = await self._parts.approvals.approval(approval.id) or approval
        self._kick(approval.run_id)
        return chat.Outcome(False, present.decided(approval), self.card(approval))

    # --- votes that came at once ---

    async def settle_votes(self) -> None:
        """Settle what has all the votes it needs: two came at the same moment and a crash came in between, or by now
        one is enough that came early."""
        for approval in await self._parts.approvals.unsettled():
            try:
                await self._settle_by_votes(approval)
            except CheckpointError as err:
                self._parts.approvals.damaged[approval.run_id] = err.user_message

    async def _settle_by_votes(self, approval: StoredApproval) -> None:
        keys = _approving(approval)
        if not keys or approval.is_late or not self._is_enough(approval, keys):
            return
        last = approval.votes[-1]
        run = (await self._parts.runs.load(approval.run_id)).run
        call = next(call for call in run.calls if call.id == approval.call_id)
        if not approval.is_intact or approval.arguments != call.to_run:
            self._parts.approvals.damaged[approval.run_id] = DAMAGED
            return
        actor = self._parts.book.known(parse_actor(last.person, last.name))
        click = chat.Click(approval.id, "approve", actor, last.reason, grant=last.grant, pattern=last.pattern)
        case = _Case(approval, run, call, click)
        if self._may_not_go_on(case) is None:
            await self._settle(case, "approve")

    def _may_not_decide(self, approval: StoredApproval, actor: Actor, *, is_operator: bool = False) -> str | None:
        """Why this person may not decide this; where a call was not shown, nobody but the operator decides it."""
        deed = decide_of(approval, is_operator=is_operator)
        return authorize(self._parts.book, actor, deed, self._parts.clock())

    # --- reading ---

    async def pending(self, actor: Actor, *, is_operator: bool = False) -> list[chat.Card]:
        """What waits for this person's decision, the oldest first."""
        await refresh_book(self._parts)
        waiting = [one for one in await self._parts.approvals.pending() if not one.is_late]
        return [self.card(one) for one in waiting if self._is_for(one, actor, is_operator=is_operator)]

    def _is_for(self, approval: StoredApproval, actor: Actor, *, is_operator: bool) -> bool:
        """Whether this waits for this person: they may decide it, and have not said theirs yet."""
        book = self._parts.book
        has_voted = book.human_of(actor.key) in {book.human_of(key) for key in _approving(approval)}
        return not has_voted and self._may_not_decide(approval, actor, is_operator=is_operator) is None

    async def card_for(self, approval_id: str, actor: Actor) -> chat.Card:
        """An approval as it stands, for somebody who may decide it. Raises `Refused`."""
        await refresh_book(self._parts)
        approval = await self._parts.approvals.approval(approval_id)
        if approval is None:
            raise Refused("not_allowed", NOT_KNOWN)
        if why := self._may_not_decide(approval, actor):
            run = (await self._parts.runs.load(approval.run_id)).run
            call = next(call for call in run.calls if call.id == approval.call_id)
            await self._audit.note_refused(run=run, call=call, actor=actor.key, why=why)
            raise Refused("not_allowed", why)
        if approval.state != "pending" or approval.is_late:
            raise Refused("not_allowed", present.decided(approval))
        return self.card(approval)

    def card(self, approval: StoredApproval) -> chat.Card:
        return card_of(self._parts, approval)


def _approving(approval: StoredApproval) -> tuple[str, ...]:
    return tuple(vote.person for vote in approval.votes if vote.verb == "approve")
