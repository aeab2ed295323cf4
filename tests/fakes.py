"""Fakes that speak the real protocols: a scripted model, a toolbox of verdicts, a recording adapter."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from bot import chat
from bot.engine.ports import TextListener
from bot.engine.types import Message, Reply, Run, ToolCall, ToolResult, Usage, Verdict, message
from bot.errors import ModelError

Scripted = Reply | ModelError | Callable[[tuple[Message, ...]], Reply]


def says(text: str, *, finish: str | None = "stop", is_cut: bool = False) -> Reply:
    """A reply in words."""
    return Reply(message("assistant", text), text, (), finish, is_cut, Usage(10, 5, 1))


def asks_for(
    *wanted: tuple[str, str], text: str = "", finish: str | None = "tool_calls", is_cut: bool = False
) -> Reply:
    """A reply that calls tools: name and raw JSON arguments each. Ids and reply numbers are given when it is sent."""
    calls = tuple(ToolCall("", 0, None, "", name, arguments) for name, arguments in wanted)
    return Reply(message("assistant", text), text, calls, finish, is_cut, Usage(10, 5, 1))


@dataclass
class Asked:
    """One request the scripted model was sent."""

    messages: list[dict[str, object]]
    tools: bytes
    tool_choice: str


@dataclass
class ScriptedModel:
    """A `ChatModel` that gives one reply of its script after the other."""

    script: list[Scripted]
    label: str = "scripted"
    asked: list[Asked] = field(default_factory=list)
    ids: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    async def reply(
        self,
        messages: tuple[Message, ...],
        *,
        run: Run,
        tools: bytes,
        tool_choice: str = "auto",
        on_text: TextListener | None = None,
    ) -> Reply:
        self.asked.append(Asked([json.loads(one.sent) for one in messages if one.sent], tools, tool_choice))
        assert self.script, "the model was asked more often than its script knows"
        scripted = self.script.pop(0)
        if isinstance(scripted, ModelError):
            raise scripted
        reply = scripted(messages) if callable(scripted) else scripted
        if on_text is not None and reply.text:
            await on_text(reply.text)
        return self._with_ids(reply, run)

    def _with_ids(self, reply: Reply, run: Run) -> Reply:
        calls = []
        for call in reply.calls:
            number = next(iter(self.ids))
            calls.append(
                ToolCall(f"call{number}", run.replies + 1, f"p{number}", f"p{number}", call.name, call.arguments)
            )
        if not calls:
            return reply
        wire = [
            {"id": one.wire_id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
            for one in calls
        ]
        said = json.dumps({"role": "assistant", "content": reply.text, "tool_calls": wire}).encode()
        body = Message("assistant", said, said)
        return Reply(body, reply.text, tuple(calls), reply.finish, reply.is_cut, reply.usage)


Work = Callable[[ToolCall], Awaitable[ToolResult]]


@dataclass
class PlainBox:
    """A `ToolBox` of verdicts by tool name. `ran` lists what ran, in the order it began."""

    verdicts: dict[str, Verdict]
    work: Work | None = None
    schemas: bytes = b'[{"type":"function"}]'
    ran: list[str] = field(default_factory=list)
    found: dict[str, ToolResult] = field(default_factory=dict)
    asked_about: list[str] = field(default_factory=list)

    def judge(self, call: ToolCall, run: Run) -> Verdict:
        unknown = Verdict("invalid", "unknown tool", f"There is no tool {call.name!r}.")
        return self.verdicts.get(call.name, unknown)

    async def run(self, call: ToolCall, run: Run, *, key: str) -> tuple[ToolResult, bool]:
        self.ran.append(call.name)
        if self.work is not None:
            return await self.work(call), True
        return ToolResult(f"result of {call.name}"), True

    async def reconcile(self, call: ToolCall, *, key: str) -> ToolResult | None:
        self.asked_about.append(call.name)
        return self.found.get(call.name)


@dataclass
class RecordingAdapter:
    """A `ChatAdapter` that keeps what it was asked to show."""

    platform: str = "web"
    shown: list[tuple[chat.Place, chat.Event]] = field(default_factory=list)
    watched: bool = False
    sent: list[chat.Delivery] = field(default_factory=list)
    refuses: Exception | None = None

    def is_watched(self, place: chat.Place) -> bool:
        return self.watched

    def target(self, actor: chat.Actor, channel: str, key: str) -> chat.Place | str:
        if channel not in ("general", "announcements"):
            return f"There is no channel #{channel}."
        return chat.Place(self.platform, actor.workspace, channel, key.replace(":", "-"))

    async def send(self, delivery: chat.Delivery) -> str:
        if self.refuses is not None:
            raise self.refuses
        self.sent.append(delivery)
        await self.show(delivery.place, delivery.event)
        return delivery.receipt or f"m{len(self.sent)}"

    async def show(self, place: chat.Place, event: chat.Event) -> None:
        self.shown.append((place, event))

    def events(self, kind: type) -> list[chat.Event]:
        return [event for _, event in self.shown if isinstance(event, kind)]

    def cards(self) -> dict[str, chat.Card]:
        """Each card as it was drawn last."""
        return {event.card.approval_id: event.card for _, event in self.shown if isinstance(event, chat.CardShown)}
