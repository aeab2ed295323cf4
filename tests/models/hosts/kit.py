"""A talk with a model at a host: the rounds of a run, the results of its calls, and what was sent."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.engine.types import Message, Reply, Run, message
from bot.errors import ModelError
from bot.models.client import ModelClient
from bot.models.completion import Completion
from bot.models.wire import read_reply
from tests.models.endpoint import DONE, ScriptedEndpoint, Stream

TOOLS = b'[{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{}}}}]'
HELLO = (message("system", "Be brief."), message("user", "Hello"))


class Seen(list):
    """A listener that remembers."""

    async def __call__(self, text: str) -> None:
        self.append(text)


class Talk:
    """One run: every reply's calls get results, which are sent with the next question."""

    def __init__(self, client: ModelClient, endpoint: ScriptedEndpoint) -> None:
        self.client = client
        self.endpoint = endpoint
        self.messages: tuple[Message, ...] = HELLO
        self.run = Run("r", "task", ())

    async def ask(self, *, stream: bool = True, tools: bytes = TOOLS, tool_choice: str = "auto") -> Reply:
        """Ask for the next message and take it into the run."""
        listener = Seen() if stream else None
        reply = await self.client.reply(
            self.messages, run=self.run, tools=tools, tool_choice=tool_choice, on_text=listener
        )
        self.take(reply)
        return reply

    def take(self, reply: Reply) -> None:
        results = [message("tool", f"result {at}", tool_call_id=call.wire_id) for at, call in enumerate(reply.calls)]
        self.messages = (*self.messages, reply.message, *results)
        self.run = replace(self.run, calls=(*self.run.calls, *reply.calls), replies=self.run.replies + bool(results))

    def take_foreign(self, by: str = "other", **said: Any) -> Reply:
        """Let another model have written the next message of the run."""
        reply = read_reply(Completion({"role": "assistant", **said}), self.run, by=by)
        self.take(reply)
        return reply

    async def fails(self, kind: type[ModelError], *, stream: bool = True) -> str:
        """Give the sentence of the error the next question ends in."""
        with pytest.raises(kind) as caught:
            await self.ask(stream=stream)
        assert isinstance(caught.value, kind)
        said = caught.value.user_message
        assert all(word not in said for word in ("sk-secret-key", "<html", "Traceback", "\n"))
        return said

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The messages of the last request."""
        return list(self.endpoint.requests[-1].body["messages"])

    @property
    def path(self) -> str:
        return self.endpoint.requests[-1].path


def stream(*payloads: str, is_open: bool = False) -> Stream:
    """Give events as they stand on the wire, one payload each."""
    raw = b"".join(b"data: " + payload.encode() + b"\n\n" for payload in payloads)
    return Stream([raw + (b"" if is_open else DONE)], is_open=True)


def named(reply: Reply) -> list[tuple[str, Any]]:
    """Give the calls of a reply: names and arguments."""
    return [(call.name, json.loads(call.arguments)) for call in reply.calls]


def asked_and_answered(sent: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Give the ids of the calls and of the results, after checking that results follow their calls at once, in their
    order, one each, and that no id is used twice."""
    asked: list[str] = []
    answered: list[str] = []
    waiting: list[str] = []
    for one in sent:
        if one["role"] == "tool":
            assert one["tool_call_id"] == waiting.pop(0)
            answered.append(one["tool_call_id"])
            continue
        assert waiting == []
        waiting = [call["id"] for call in one.get("tool_calls", ())]
        asked += waiting
    assert waiting == []
    assert len(set(asked)) == len(asked)
    return asked, answered
