"""One run at work for the chat service: its opening, its crew, and what its place sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from bot import chat, present
from bot.config.settings import Settings
from bot.deliveries import Deliveries, show_passing
from bot.engine.loop import Crew
from bot.engine.machine import Limits
from bot.engine.ports import TextListener
from bot.engine.steps import Answered, Asked, Decided, Fact, Returned, Started, Stopped, Worded
from bot.engine.types import Actor, CallState, Permit, Place, Rights, Run, ToolCall, ToolFacts, Verdict, parse_actor
from bot.models.clients import ModelClients
from bot.models.config import ModelConfig
from bot.models.registry import Registry
from bot.policy.book import Book, Rule
from bot.policy.judge import judge
from bot.storage.context import ContextRows
from bot.storage.policies import PolicyRows
from bot.storage.reading import Reader
from bot.storage.runs import RunRows, now_ms
from bot.tools.context import Services
from bot.tools.registry import ToolSpec
from bot.tools.toolbox import Toolbox

log = structlog.get_logger()


@dataclass(slots=True)
class Parts:
    """Everything the service is built from, opened and closed by the composition root.

    `book` is read anew by the service before it relies on it: what an admin changed applies to what waits. `adapters`
    is by platform, and filled by whoever serves them.
    """

    settings: Settings
    runs: RunRows
    reader: Reader
    models: Registry
    clients: ModelClients
    tools: tuple[ToolSpec, ...]
    book: Book
    policies: PolicyRows
    context: ContextRows
    deliveries: Deliveries
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
    """Read the rules anew."""
    rows = await parts.policies.all()
    parts.book = parts.book.with_rules([Rule(*row) for row in rows])


async def withdrawn(parts: Parts) -> set[str]:
    """The runs with a call that may not go on waiting: its policy, its approver or its tool is another now."""
    tools = {spec.name: spec for spec in parts.tools}
    runs = set()
    verdicts: dict[tuple[str, str], Verdict] = {}
    for run_id, requester, name, definition, approver in await parts.runs.waiting():
        spec = tools.get(name)
        is_readable = isinstance(requester, str)
        if not is_readable or spec is None or spec.fingerprint != definition:
            runs.add(run_id)
            continue
        if (requester, name) not in verdicts:
            verdicts[requester, name] = live_permit(parts, parse_actor(requester))(spec.facts)
        verdict = verdicts[requester, name]
        if verdict.outcome == "deny" or (verdict.outcome == "ask" and verdict.approver != approver):
            runs.add(run_id)
    return runs


def rights_of(parts: Parts, actor: Actor) -> Rights:
    return parts.book.rights_of(actor, parts.clock())


def role_of(parts: Parts, actor: Actor) -> str:
    return parts.book.role_of(actor, parts.clock())


def live_permit(parts: Parts, actor: Actor) -> Permit:
    """This person's policy, read anew at every question: a tightened one applies to what waits."""

    def permit(facts: ToolFacts) -> Verdict:
        return judge(rights_of(parts, actor), facts, default_approver=parts.settings.default_approver)

    return permit


def toolbox_for(parts: Parts, run: Run, model: ModelConfig) -> Toolbox:
    return Toolbox(
        parts.tools,
        permit=live_permit(parts, run.requester),
        actor=run.requester,
        place=run.place,
        services=parts.services,
        redact=parts.redact,
        only=model.narrowing,
    )


def crew_for(parts: Parts, run: Run, changed: asyncio.Event) -> Crew:
    """Who drives this run. Raises `ModelConfigError` when its model is not configured any more."""
    chain = parts.models.chain(run.model, role_of(parts, run.requester))
    model = chain[0]
    return Crew(
        parts.clients.for_turn(chain),
        toolbox_for(parts, run, model),
        parts.runs,
        Show(parts, run.place),
        Limits(max_seconds=parts.settings.run_timeout_s, window_tokens=model.window_tokens),
        parts.settings.confirm_text,
        changed,
    )


class Show:
    """Shows a run in its place: what passes at once, what is durable through the deliveries."""

    def __init__(self, parts: Parts, place: Place) -> None:
        self._adapter = parts.adapters.get(place.platform)
        self._deliver = parts.deliveries.kick

    def text_listener(self, run: Run) -> TextListener | None:
        adapter = self._adapter
        if adapter is None or not _is_watched(adapter, run.place):
            return None

        async def on_text(text: str) -> None:
            await show_passing(adapter, run.place, chat.TextSoFar(run.id, text))

        return on_text

    async def on_fact(self, run: Run, fact: Fact) -> None:
        adapter = self._adapter
        if adapter is None:
            return
        match fact:
            case Started(call_id) | Returned(call_id) | Decided(call_id):
                call = next(call for call in run.calls if call.id == call_id)
                await show_passing(adapter, run.place, present.tool_line(run.id, call))
                if call.verdict == "ask" or call.decision or call.state is CallState.UNKNOWN:
                    self._deliver(run.place)
            case Asked(calls):
                asked = {call_id for call_id, _ in calls}
                await self._show_lines(adapter, run, [call for call in run.batch if call.id in asked])
                self._deliver(run.place)
                await show_passing(adapter, run.place, chat.Working(run.id, "waiting"))
            case Worded() if fact.by_model:
                self._deliver(run.place)
            case Answered() | Stopped():
                if run.status != "done":  # an end from outside may have moved any call
                    await self._show_lines(adapter, run, list(run.batch))
                self._deliver(run.place)
            case _:
                pass

    async def _show_lines(self, adapter: chat.ChatAdapter, run: Run, calls: list[ToolCall]) -> None:
        for call in calls:
            await show_passing(adapter, run.place, present.tool_line(run.id, call))


def _is_watched(adapter: chat.ChatAdapter, place: Place) -> bool:
    try:
        return adapter.is_watched(place)
    except Exception:  # the rim of a platform: then nothing is streamed
        log.exception("is_watched.failed", place=str(place))
        return False
