"""One run at work for the chat service: its opening, its crew, and what its place sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar, get_args

import structlog

from bot import chat, present
from bot.config.settings import Settings
from bot.deliveries import Deliveries, show_passing
from bot.engine.loop import Crew
from bot.engine.machine import Limits
from bot.engine.ports import Steering, TextListener
from bot.engine.steps import Answered, Asked, Decided, Edited, Fact, Returned, Started, Steered, Stopped, Worded
from bot.engine.types import (
    Actor,
    CallState,
    Permit,
    Place,
    Run,
    Standing,
    Taint,
    ToolCall,
    ToolFacts,
    Use,
    Verdict,
    parse_actor,
)
from bot.models.clients import ModelClients
from bot.models.config import ModelConfig
from bot.models.registry import Registry
from bot.policy.access import Decide, asked_of, voters_of
from bot.policy.approvers import approvers_of, is_satisfied
from bot.policy.book import OPERATOR_PLATFORM, Book
from bot.policy.judge import judge
from bot.policy.types import NONE, ApproverRule, Grant, Link, Person, Rule
from bot.storage.asked import ApprovalReader
from bot.storage.context import ContextRows
from bot.storage.outbox import OutboxRows
from bot.storage.places import read_place
from bot.storage.policies import PolicyRows, StoredPolicy
from bot.storage.reading import Reader
from bot.storage.runs import RunRows, now_ms
from bot.storage.votes import VoteRows
from bot.tools.arguments import ArgumentError, parse_arguments
from bot.tools.context import Services
from bot.tools.registry import ToolSpec
from bot.tools.toolbox import Toolbox

log = structlog.get_logger()
Said = TypeVar("Said", Rule, ApproverRule, Grant)
_STANDINGS = frozenset(get_args(Standing))


@dataclass(slots=True)
class Parts:
    """Everything the service is built from, opened and closed by the composition root.

    `book` is read anew by the service before it relies on it: what an admin changed applies to what waits. `adapters`
    is by platform, and filled by whoever serves them.
    """

    settings: Settings
    runs: RunRows
    reader: Reader
    approvals: ApprovalReader
    models: Registry
    clients: ModelClients
    tools: tuple[ToolSpec, ...]
    book: Book
    policies: PolicyRows
    votes: VoteRows
    context: ContextRows
    deliveries: Deliveries
    outbox: OutboxRows
    adapters: dict[str, chat.ChatAdapter]
    services: Services = field(default_factory=Services)
    persona: str = ""
    redact: Callable[[str], str] = str
    clock: Callable[[], int] = now_ms

    def about(self, tool: str) -> str:
        return about(self.tools, tool)


def about(tools: tuple[ToolSpec, ...], name: str) -> str:
    """The first line of a tool's description, "" for one that is gone."""
    described = (spec.description for spec in tools if spec.name == name)
    return next(described, "").partition("\n")[0]


async def refresh_book(parts: Parts) -> None:
    """Read what was said anew, where anything was."""
    stored = await parts.policies.newer_than(parts.book.revision)
    if stored is not None:
        parts.book = with_stored(parts.book, stored)


def with_stored(book: Book, stored: StoredPolicy) -> Book:
    """The book with what the store holds."""
    return replace(
        book,
        rules=tuple(_lasting(Rule(*row), is_strict=row[1] in ("deny", "ask")) for row in stored.rules),
        approvers=tuple(_lasting(ApproverRule(*row), is_strict=row[2] != NONE) for row in stored.approvers),
        grants=tuple(_lasting(Grant(*row), is_strict=False) for row in stored.grants),
        links=tuple(Link(*row) for row in stored.links),
        people={
            key: Person(key, name, frozenset(groups.split(",")) if groups else frozenset(), _standing(standing))
            for key, name, groups, standing in stored.people
        },
        version=stored.version,
        revision=stored.revision,
    )


def _lasting(said: Said, *, is_strict: bool) -> Said:
    """What was said, with an end that can be read: where it is damaged, what is strict lasts and the rest is over."""
    if said.expires_ms is None or isinstance(said.expires_ms, int):
        return said
    return replace(said, expires_ms=None if is_strict else 0)


def _standing(text: str) -> Standing:
    """A stored standing; one that nobody knows is nobody's."""
    return text if text in _STANDINGS else "external"  # type: ignore[return-value]  # checked


async def meet(parts: Parts, *actors: Actor) -> None:
    """Take note of people as their platform describes them now."""
    seen = {one.key: Person(one.key, storable(one.name), one.groups, one.standing) for one in actors}
    new = [one for one in seen.values() if parts.book.people.get(one.key) != one and not _is_operator(one.key)]
    if not new:
        return
    await parts.policies.meet([(one.key, one.name, ",".join(sorted(one.groups)), one.standing) for one in new])
    await refresh_book(parts)


def _is_operator(key: str) -> bool:
    return key.startswith(f"{OPERATOR_PLATFORM}:")


def storable(text: str) -> str:
    """The text without what no database takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


async def withdrawn(parts: Parts) -> set[str]:
    """The runs with a call that may not go on waiting: its policy, its approver or its tool is another now."""
    tools = {spec.name: spec for spec in parts.tools}
    runs = set()
    permits: dict[tuple[str, Place], Permit] = {}
    for one in await parts.runs.waiting():
        spec = tools.get(one.name)
        use = _use_of(one)
        if use is None or spec is None or spec.fingerprint != one.definition:
            runs.add(one.id)
            continue
        key = (one.requester, use.place)
        if key not in permits:
            permits[key] = live_permit(parts, parse_actor(one.requester), use.place)
        verdict = permits[key](spec.facts, use)
        if verdict.outcome == "deny" or (verdict.outcome == "ask" and verdict.approver != one.approver):
            runs.add(one.id)
    return runs


def _use_of(row: Any) -> Use | None:
    """A waiting call's row as the policy sees it, at its strictest: its run may have read anything. None for a
    damaged one."""
    text = row.arguments if row.edited is None else row.edited
    try:
        return Use(parse_arguments(text), text, row.id, read_place(row), Taint(("anything",)))
    except (ArgumentError, TypeError, AttributeError):
        return None


def roles_of(parts: Parts, actor: Actor, place: Place | None = None) -> frozenset[str]:
    return parts.book.roles_of(actor, parts.clock(), place)


def live_permit(parts: Parts, actor: Actor, place: Place) -> Permit:
    """This person's policy, read anew at every question: a tightened one applies to what waits."""

    def permit(facts: ToolFacts, use: Use | None) -> Verdict:
        verdict = judge(parts.book.policy_of(actor, place, parts.clock()), facts, use)
        if use is None or not use.is_approved or verdict.outcome != "ask":
            return verdict
        return _still_approved(parts, actor, place, use, verdict)

    return permit


def _still_approved(parts: Parts, requester: Actor, place: Place, use: Use, verdict: Verdict) -> Verdict:
    """The verdict on an approved call, provided those who approved it may still do so."""
    deed = Decide(verdict.approver, place, requester, use.editor)
    voters = voters_of(parts.book, use.approved_by, place, parts.clock())
    if is_satisfied(approvers_of(verdict.approver), voters, asked_of(parts.book, deed, is_any_age=True)):
        return verdict
    people = " and ".join(use.approved_by) or "nobody who is known"
    return replace(verdict, outcome="deny", rule=f"it was approved by {people}, which is not enough any more")


def toolbox_for(parts: Parts, run: Run, model: ModelConfig) -> Toolbox:
    return Toolbox(
        parts.tools,
        permit=live_permit(parts, run.requester, run.place),
        actor=run.requester,
        place=run.place,
        services=parts.services,
        redact=parts.redact,
        only=model.narrowing,
    )


async def steering_for(parts: Parts, run: Run) -> Steering | None:
    """What hands a run what its person says while it works, where the operator wants that.

    What was said while it waited for people never enters it: of one that has waited, only what comes from now on does.
    """
    if parts.settings.while_busy != "steer":
        return None
    has_waited = any(call.decision or call.verdict == "ask" for call in run.calls)
    return partial(parts.runs.said_since, seq=await parts.runs.newest() if has_waited else 0)


def crew_for(parts: Parts, run: Run, changed: asyncio.Event, steering: Steering | None = None) -> Crew:
    """Who drives this run. Raises `ModelConfigError` when its model is not configured any more."""
    chain = parts.models.chain(run.model, roles_of(parts, run.requester))
    model = chain[0]
    return Crew(
        parts.clients.for_turn(chain),
        toolbox_for(parts, run, model),
        parts.runs,
        Show(parts, run.place),
        Limits(max_seconds=parts.settings.run_timeout_s, window_tokens=model.window_tokens),
        parts.settings.confirm_text,
        changed,
        steering=steering,
    )


class Show:
    """Shows a run in its place: what passes at once, what is durable through the deliveries."""

    def __init__(self, parts: Parts, place: Place) -> None:
        self._adapter = parts.adapters.get(place.platform)
        self._deliver = parts.deliveries.kick
        self._deliver_cards = parts.deliveries.kick_cards
        self._has_copies = parts.settings.has_copies

    def text_listener(self, run: Run) -> TextListener | None:
        adapter = self._adapter
        if adapter is None or not _is_watched(adapter, run.place):
            return None

        async def on_text(text: str) -> None:
            await show_passing(adapter, run.place, chat.TextSoFar(run.id, text))

        return on_text

    async def on_fact(self, run: Run, fact: Fact) -> None:
        if self._has_copies:
            await self._show_copies(run, fact)
        adapter = self._adapter
        if adapter is None:
            return
        match fact:
            case Started(call_id) | Returned(call_id) | Decided(call_id):
                call = next(call for call in run.calls if call.id == call_id)
                await show_passing(adapter, run.place, present.tool_line(run.id, call))
                if call.verdict == "ask" or call.decision or call.state is CallState.UNKNOWN:
                    self._deliver(run.place)
            case Edited():
                self._deliver(run.place)
            case Asked(calls):
                asked = {call_id for call_id, _ in calls}
                await self._show_lines(adapter, run, [call for call in run.batch if call.id in asked])
                self._deliver(run.place)
                await show_passing(adapter, run.place, chat.Working(run.id, "waiting"))
            case Worded() if fact.by_model:
                self._deliver(run.place)
            case Steered(_, run_ids):
                log.info("run.steered", run=run.id, messages=len(run_ids))
                for run_id in run_ids:
                    await show_passing(adapter, run.place, chat.Working(run_id, "done"))
            case Answered() | Stopped():
                if run.status != "done":  # an end from outside may have moved any call
                    await self._show_lines(adapter, run, list(run.batch))
                self._deliver(run.place)
                if run.answer is None:  # no answer that is sent says so
                    await show_passing(adapter, run.place, chat.Working(run.id, present.over(run.status)))
            case _:
                pass

    async def _show_copies(self, run: Run, fact: Fact) -> None:
        """The cards elsewhere follow at once, whatever can be shown in the run's own place. What ends a run may have
        moved any of its calls."""
        match fact:
            case Asked():
                moved = [call.id for call in run.waiting]
            case Decided(call_id) | Edited(call_id) | Started(call_id) | Returned(call_id):
                moved = [call.id for call in run.batch if call.id == call_id or call.state is CallState.WAITING]
            case Answered() | Stopped():
                moved = [call.id for call in run.batch]
            case _:
                return
        for call in run.batch:
            if call.id in moved and call.verdict == "ask":
                await self._deliver_cards(call.id)

    async def _show_lines(self, adapter: chat.ChatAdapter, run: Run, calls: list[ToolCall]) -> None:
        for call in calls:
            await show_passing(adapter, run.place, present.tool_line(run.id, call))


def _is_watched(adapter: chat.ChatAdapter, place: Place) -> bool:
    try:
        return adapter.is_watched(place)
    except Exception:  # the rim of a platform: then nothing is streamed
        log.exception("is_watched.failed", place=str(place))
        return False
