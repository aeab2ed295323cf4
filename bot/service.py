"""The chat service: the only door for adapters, and for the command line.

A message is durable before it is acknowledged; a decision is durable before it is shown. A message, a click and a
restart all end in the same `drive`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial

import structlog

from bot import chat, present
from bot.admin import Doors, Words
from bot.context import Memory, opened
from bot.deadlines import Deadlines
from bot.decisions import Decisions
from bot.deliveries import show_passing
from bot.engine import words
from bot.engine.loop import drive
from bot.engine.machine import apply
from bot.engine.steps import Answered, Stopped
from bot.engine.types import Actor, Attachment, Place, Run, parse_actor
from bot.errors import BotError, CheckpointError, Refused, StaleRun, StoreBusy, StoreError
from bot.feedback import rate
from bot.inbound import attached_to, heard_line, run_for
from bot.inbox import Inbox
from bot.policy.access import Administer, Talk, authorize
from bot.policy.book import OPERATOR_PLATFORM
from bot.policy.explain import Explanation
from bot.recovery import Recovery
from bot.retention import Retention
from bot.runner.inprocess import Runner
from bot.stops import Stops
from bot.storage.audit import AuditRows
from bot.storage.inbox import InboxRows
from bot.storage.intake import Receipt
from bot.storage.people import PeopleRows
from bot.storage.runs import StoredRun
from bot.welcome import Strangers, welcome
from bot.work import Parts, Show, crew_for, meet, refresh_book, steering_for

log = structlog.get_logger()

QUEUE_POLL_S = 0.1
WORK_S, LAST_WORDS_S = 8.0, 2.0
"""How long a stop waits for work to come to rest, and for what is being sent: together less than the ten seconds that
Docker gives."""
CRASHED = "Something went wrong inside the bot, so I stopped here. The operator finds the cause in the log."


class ChatService:
    """Implements `bot.chat.ChatService`. Call `recover()` once at start, `sweep()` now and then, and `aclose()` at the
    end."""

    def __init__(self, parts: Parts, audit: AuditRows) -> None:
        self._parts = parts
        self._runner: Runner[str] = Runner(self._work)
        self._deadlines = Deadlines(parts, self._runner.kick)
        self._decisions = Decisions(parts, audit, self._runner.kick, self._deadlines.expire)
        self._memory = Memory(parts)
        self._stops = Stops(parts, self._runner, abandon=self._abandon, start_next=self._start_next)
        self._recovery = Recovery(parts, self._runner, expire_due=self.expire_due, end=self._end, abandon=self._abandon)
        self._askers: dict[Place, Actor] = {}
        self._summaries: Runner[Place] = Runner(self._sum_up)
        self._words = Words(
            parts, audit, Doors(self.stop, self.decide, self.pending, self._recovery.withdraw, self._stops.stop_all_of)
        )
        self._strangers = Strangers()
        self._people, self._retention = PeopleRows(parts.policies.database), Retention()
        self.feedback = partial(rate, parts, audit)
        self.inbox = Inbox(InboxRows(parts.policies.database), redact=parts.redact)

    # --- messages ---

    async def receive(self, inbound: chat.Inbound) -> chat.Receipt:
        """Store the message as a queued run, then work on it in the background."""
        await refresh_book(self._parts)
        await self._check_may_talk(inbound.actor, inbound.place)
        attached = await attached_to(self._parts, inbound)
        run = run_for(self._parts, inbound)
        await self._meet_speakers(inbound)
        stored = await self._parts.runs.enqueue(
            run,
            event_id=inbound.event_id,
            at_ms=inbound.at_ms,
            attachments=attached,
            heard=[heard_line(self._parts, one) for one in inbound.heard],
        )
        return await self._received(inbound, run, stored, attached)

    async def _received(
        self, inbound: chat.Inbound, run: Run, stored: Receipt, attached: tuple[Attachment, ...]
    ) -> chat.Receipt:
        """Show what is stored now, and work on it."""
        run_id = stored.run_id
        if stored.is_known:
            log.log(logging.INFO if stored.is_same else logging.WARNING, "message.repeated", run=run_id)
            return chat.Receipt(run_id, is_duplicate=True)
        log.info("message.received", run=run_id, actor=inbound.actor.key, place=str(inbound.place))
        try:
            position, is_steering = await self._position(inbound)
            names = tuple(one.name for one in attached)
            await self._show(inbound.place, chat.Said(run_id, inbound.actor, run.task, inbound.at_ms, names))
            await self._show(inbound.place, chat.Working(run_id, "queued" if position else "running"))
        finally:
            self._runner.kick(run_id)
        return chat.Receipt(run_id, position=position, is_steering=is_steering)

    async def _meet_speakers(self, inbound: chat.Inbound) -> None:
        """Take note of people who were heard for the first time. Of others more is known than such words say."""
        known = self._parts.book.people
        await self._meet(inbound.place, *(one.actor for one in inbound.heard if one.actor.key not in known))

    async def _position(self, inbound: chat.Inbound) -> tuple[int, bool]:
        """How many messages of this place come first, and whether the run that works there will be told this one; 0
        where a database that refuses cannot tell."""
        try:
            active = await self._parts.reader.active_in(inbound.place)
        except StoreError:
            return 0, False
        position = max(0, sum(status in ("queued", "running") for _, status, _ in active) - 1)
        may_steer = self._parts.settings.while_busy == "steer" and not inbound.attachments
        works_for = {requester for _, status, requester in active if status == "running"}
        return position, may_steer and inbound.actor.key in works_for

    def people(self, place: Place) -> list[Actor]:
        """Everybody the bot has heard of in the workspace of a place."""
        known = (parse_actor(key) for key in self._parts.book.people)
        return [self._parts.book.known(one) for one in known if one.scope == place.scope]

    async def _check_may_talk(self, actor: Actor, place: Place) -> None:
        """Raise `Refused` for those who may not; they are told once an hour, and leave no trace."""
        is_verified = place.platform != OPERATOR_PLATFORM  # there the operator only says who somebody is
        book = replace(self._parts.book, people={}) if is_verified else self._parts.book
        if why := authorize(book, actor, Talk(place.scope), self._parts.clock()):
            raise Refused("not_allowed", why, is_repeated=self._strangers.was_told(actor.key, self._parts.clock()))
        await self._meet(place, actor)

    async def _meet(self, place: Place, *actors: Actor) -> None:
        """Take note of who came by a platform, which verified them."""
        if place.platform != OPERATOR_PLATFORM:
            await meet(self._parts, *actors)

    async def met(self, actor: Actor) -> None:
        """Take note of somebody as their platform describes them now: their groups, what they are to the workspace."""
        await refresh_book(self._parts)
        await meet(self._parts, actor)

    # --- clicks ---

    async def decide(self, click: chat.Click) -> chat.Outcome:
        if not click.is_operator and click.actor.key in self._parts.book.people:
            await self.met(click.actor)
        return await self._decisions.decide(click)

    async def expire_due(self) -> int:
        return await self._deadlines.expire_due()

    # --- words ---

    async def command(
        self, place: Place, actor: Actor, words: str, *, is_admin: bool = False, is_strict: bool = False
    ) -> str:
        """Do what somebody wrote after `/nod` or `/nod-admin`; gives what to show to them alone. Raises `Refused`; what
        cannot be done is said, or raised with `is_strict`."""
        await refresh_book(self._parts)
        if not is_admin:
            await self._check_may_talk(actor, place)
        elif authorize(self._parts.book, actor, Administer(actor.scope), self._parts.clock()) is None:
            await self._meet(place, actor)
        return await self._words.do(place, actor, words, is_admin=is_admin, is_strict=is_strict)

    async def explain(self, place: Place, actor: Actor, words: str) -> Explanation:
        """Whether somebody may run a tool, and why. Raises `Refused` and `PolicyError`."""
        await refresh_book(self._parts)
        return self._words.explain(place, actor, words)

    async def complete(
        self, place: Place, actor: Actor, words: str, *, is_admin: bool = False
    ) -> list[chat.Completion]:
        """How these words may go on; nothing for who may not talk."""
        if authorize(replace(self._parts.book, people={}), actor, Talk(place.scope), self._parts.clock()):
            return []
        return await self._words.complete(place, actor, words, is_admin=is_admin)

    async def joined(self, place: Place) -> None:
        """Say once, in a workspace the bot has come into, what it can do, who approves, and what is missing."""
        text = welcome(self._parts, place, self._parts.clock())
        await self._parts.reader.add_post(place, text, key=f"welcome:{place.scope}")
        self._parts.deliveries.kick(place)

    # --- stop ---

    async def stop(self, place: Place, actor: Actor, *, run_id: str = "") -> str:
        """Stop this run, or what this person may stop here: what works or is queued first, else what waits."""
        return await self._stops.stop(place, actor, run_id)

    async def deleted(self, event_id: str) -> None:
        """The message of this event was deleted: its run ends without a word; what has run has run."""
        await self._stops.deleted(event_id)

    async def vanished(self, place: Place, receipt: str) -> None:
        """Somebody deleted a message of the bot's: a card that still waits is needed where it was."""
        await self._parts.deliveries.show_anew(place, receipt)

    async def edited(self, inbound: chat.Inbound, *, was: str) -> chat.Receipt | None:
        """The message whose event was `was` reads otherwise now, which is an event of its own: while no call has
        started, its run ends without a word and a new one stands in its place. None where nothing changes."""
        if receipt := await self._known(inbound):
            return receipt
        old = await self._stops.unbegun(was, inbound.actor)
        if old is None:
            return None
        await refresh_book(self._parts)
        await self._check_may_talk(inbound.actor, inbound.place)
        attached = await attached_to(self._parts, inbound)
        run = run_for(self._parts, inbound)
        if run.task == old.run.task:
            return None
        stored = await self._stops.exchange(
            old, run, event_id=inbound.event_id, at_ms=inbound.at_ms, attachments=attached
        )
        return None if stored is None else await self._received(inbound, run, stored, attached)

    async def _known(self, inbound: chat.Inbound) -> chat.Receipt | None:
        """The receipt of a message that was delivered again; None for one that nobody has stored."""
        run_id = await self._parts.runs.find(inbound.event_id)
        return None if run_id is None else chat.Receipt(run_id, is_duplicate=True)

    # --- reading ---

    async def transcript(self, place: Place) -> list[chat.Event]:
        runs, calls, posts, notices = await self._parts.reader.lines(place)
        cards = [self._decisions.card(one) for one in await self._parts.approvals.approvals_in(place)]
        attached = await self._parts.context.names_in(place)
        return present.transcript(runs, calls, posts, notices, cards, attached)

    async def rooms(self, platform: str, *, since_ms: int) -> list[chat.Room]:
        return [chat.Room(*row) for row in await self._parts.reader.rooms(platform, since_ms=since_ms)]

    async def asked(self, approval_id: str) -> tuple[Place, Actor] | None:
        approval = await self._parts.approvals.approval(approval_id)
        return None if approval is None else (approval.place, approval.requester)

    async def card_for(self, approval_id: str, actor: Actor) -> chat.Card:
        return await self._decisions.card_for(approval_id, actor)

    async def threads(self, room: Place) -> list[chat.Thread]:
        return [chat.Thread(*row) for row in await self._parts.reader.threads(room)]

    async def pending(self, actor: Actor, *, is_operator: bool = False) -> list[chat.Card]:
        return await self._decisions.pending(actor, is_operator=is_operator)

    def role_of(self, actor: Actor) -> str:
        """This person's roles, as people are shown them."""
        return ", ".join(sorted(self._parts.book.roles_of(actor, self._parts.clock())))

    # --- work ---

    async def recover(self) -> int:
        """Take up what a stop or a crash left open; gives how many runs."""
        return await self._recovery.recover()

    async def recover_place(self, place: Place) -> int:
        """The same as `recover` for one conversation: for a process that is there for a single question."""
        return await self._recovery.recover_place(place)

    @property
    def has_recovered(self) -> bool:
        return self._recovery.has_recovered

    async def sweep(self) -> None:
        """What time brings: approvals expire, approvers are reminded, and what a database or a platform refused for a
        while is tried again."""
        for_approvals = (self.expire_due, self._decisions.settle_votes, self._deadlines.remind)
        for_runs = (self._recovery.take_up_left, self._recovery.withdraw, self._recovery.drop_damaged)
        for step in (*for_approvals, *for_runs, self._forget):
            try:
                await step()
            except BotError:  # the rim of each: one that is held up does not hold up the others
                log.exception("sweep.held_up", step=step.__name__)
        await self._parts.deliveries.sweep()

    async def _forget(self) -> None:
        """Forget what is older than the operator wants to keep."""
        await self._retention.sweep(self._parts, self._people, self._parts.clock())

    async def rested(self, run_id: str) -> StoredRun:
        """Wait until this run is over, or only people can move it."""
        while True:
            await self._runner.rested(run_id)
            stored = await self._parts.runs.load(run_id)
            if stored.run.is_over or (stored.status != "queued" and not self._stops.is_stopping(run_id)):
                return stored
            await asyncio.sleep(QUEUE_POLL_S)  # another run of its conversation comes first, or its end is being stored

    async def idle(self) -> None:
        """Wait until every run rests, answered or waiting for people, and all that can be shown of it is shown."""
        while True:
            await self._recovery.rested()
            await self._runner.idle()
            await self._parts.deliveries.idle()
            await self._summaries.idle()
            if not any(one.is_busy for one in (self._runner, self._parts.deliveries, self._summaries)):
                return

    async def aclose(self, *, within_s: float = WORK_S) -> None:
        """Take nothing new, let what works come to rest within the bound, put the rest down for the next start."""
        await self._recovery.aclose()
        await self._summaries.aclose(within_s=0)  # summed up after the next answer
        put_down = await self._runner.aclose(within_s=within_s)
        try:
            await self._parts.runs.forgive(put_down)
        except StoreError:
            log.exception("stop.not_noted")
        await self._parts.deliveries.aclose(within_s=min(within_s, LAST_WORDS_S))

    async def _work(self, run_id: str, changed: asyncio.Event) -> None:
        """Take one run as far as it goes now."""
        try:
            stored = await self._parts.runs.load(run_id)
        except CheckpointError as err:
            await self._abandon(run_id, err.user_message)
            return
        await refresh_book(self._parts)
        with structlog.contextvars.bound_contextvars(run=run_id):
            try:
                await self._advance(stored, changed)
            except StaleRun:
                log.info("run.stale")  # a click came in between, or a commit whose word was lost
                self._runner.kick(run_id)
            except StoreBusy:
                log.exception("run.held_up")  # the sweep takes it up again
                return
            except BotError as err:
                await self._end(run_id, err.user_message)
            except Exception:  # the rim of a run: its conversation must not hang on a fault of ours
                log.exception("run.failed")
                await self._end(run_id, CRASHED)
        await self._start_next(stored.conversation_id)

    async def _sum_up(self, place: Place, _changed: asyncio.Event) -> None:
        """Sum up old talk, for whoever was answered last."""
        if asker := self._askers.pop(place, None):
            await self._memory.sum_up(place, asker)

    async def _advance(self, stored: StoredRun, changed: asyncio.Event) -> None:
        run = stored.run
        if run.is_over:
            if run.answer is None:  # it may have ended before its message was shown
                await self._show(run.place, chat.Working(run.id, present.over(run.status)))
            return
        if stored.status == "queued":
            if await self._parts.runs.next_queued(stored.conversation_id) != run.id:
                return
            run = await opened(self._parts, run)
            await self._parts.runs.start(run)
        await self._show(run.place, chat.Working(run.id, "running"))
        crew = crew_for(self._parts, run, changed, await steering_for(self._parts, run))
        run = await drive(run, crew)
        if run.status == "waiting":
            await self._show(run.place, chat.Working(run.id, "waiting"))
        else:
            self._askers[run.place] = run.requester
            self._summaries.kick(run.place)
        log.info("run.rested", status=run.status, rounds=run.rounds, tokens=run.usage.completion_tokens)

    async def _end(self, run_id: str, text: str) -> None:
        """Give a run that cannot go on its end, so that its person is told and nothing waits for it."""
        stored = await self._parts.runs.load(run_id)
        if stored.run.is_over:
            return
        closed = apply(stored.run, Stopped("the bot")) if stored.run.calls else stored.run
        fact = Answered(text, "failed")
        ended = replace(closed, answer=text, status="failed")
        await self._parts.runs.commit(stored.run, [fact], ended)
        await Show(self._parts, stored.run.place).on_fact(ended, fact)

    async def _abandon(self, run_id: str, why: str) -> None:
        """End a run that cannot even be read, so that its conversation goes on without it."""
        log.error("run.damaged", why=why)
        abandoned = await self._parts.runs.abandon(run_id, words.damaged(why))
        if abandoned is None:
            return
        conversation_id, _ = abandoned
        await self._parts.deliveries.sweep()  # its answer, and its cards wherever they are
        await self._start_next(conversation_id)

    async def _start_next(self, conversation_id: int) -> None:
        next_id = await self._parts.runs.next_queued(conversation_id)
        if next_id is not None:
            self._runner.kick(next_id)

    async def _show(self, place: Place, event: chat.Event) -> None:
        await show_passing(self._parts.adapters.get(place.platform), place, event)
