"""Turn messages into the bytes of a request to a given model at a given host. Pure: no I/O, no clock, no SDK.

What a model put into its message (reasoning, signatures, fields nobody here knows) goes back to that model as it is,
and to no other.
"""

from __future__ import annotations

import re
from base64 import b32encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from bot.engine import words
from bot.engine.types import Message, message
from bot.models.completion import dump_json
from bot.models.hosts import GENERIC, Host
from bot.models.wire import shown_text, text_of

REMEMBERED = 2048
FOREIGN_SIGNATURE = "skip_thought_signature_validator"
"""What Gemini takes for the signature of a call it did not write (docs "Thought Signatures", FAQ)."""
NO_REASONING = " "
"""DeepSeek wants the field, and V4 Pro refuses an empty one (hermes-agent#17341, litellm#28057)."""
EARLIER = "(The beginning of this conversation is left out.)"

_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}\Z")
_NAMED_ID = re.compile(r"functions\.[\w.-]+:\d+\Z")
"""Kimi's: its template reads the name of the tool out of the id, so that it must stay (Kimi-K2, tool call guidance)."""


@dataclass(frozen=True, slots=True)
class RequestForm:
    """The parts of a request body that do not change from round to round, as bytes made once.

    A body is head + tools + messages + tail. What changes stands last, so that the bytes before the messages stay the
    same. `label` is the model's: messages it wrote go back to it as they came.
    """

    head: bytes
    stream_tail: bytes
    host: Host
    label: str

    @classmethod
    def of(
        cls, model_name: str, sampling: Mapping[str, object], *, host: Host = GENERIC, label: str = ""
    ) -> RequestForm:
        head = orjson.dumps({"model": model_name, **sampling})[:-1]
        usage = b',"stream_options":{"include_usage":true}' if host.reports_stream_usage else b""
        return cls(head, b',"stream":true' + usage, host, label)

    def fill(
        self, messages: Sequence[Message], *, tools: bytes = b"", tool_choice: str = "auto", stream: bool = False
    ) -> bytes:
        """Give the body. Messages with nothing to send are left out; `tool_choice` is only sent with tools: some hosts
        refuse it alone (vLLM#9426)."""
        is_forbidden = tool_choice == "none" and self.host.omits_tools_to_forbid
        has_tools = tools not in (b"", b"[]") and not is_forbidden
        return b"".join(
            (
                self.head,
                b',"tools":' + tools if has_tools else b"",
                b',"messages":[',
                b",".join(self._sent(messages, has_tools=has_tools)),
                b"]",
                b',"tool_choice":' + orjson.dumps(tool_choice) if has_tools else b"",
                self.stream_tail if stream else b"",
                b"}",
            )
        )

    def _sent(self, messages: Sequence[Message], *, has_tools: bool) -> list[bytes]:
        host, label = self.host, self.label
        if host.rearranges:
            return _rearranged([one for one in messages if one.sent], host, label, has_tools=has_tools)
        if host.rewrites_own:
            return [sent_to(one, host, label) for one in messages if one.sent]
        if {one.by for one in messages} <= {"", label}:
            return [one.sent for one in messages if one.sent]
        return [sent_to(one, host, label) for one in messages if one.sent]


def sent_to(message: Message, host: Host, label: str) -> bytes:
    """Give one message as it goes to the model `label` at `host`: as it is, unless another model wrote it or the host
    needs it in another form."""
    is_foreign = message.by not in ("", label)
    if not is_foreign and not (host.rewrites_own and _may_differ(message, host)):
        return message.sent
    return _rewritten(message.sent, is_foreign, host) if message.sent else b""


def without_images(one: Message) -> Message:
    """Give a message as a model can take it that does not see: a word about it in the place of each image."""
    if one.role != "user" or b'"image_url"' not in one.sent:
        return one
    said = orjson.loads(one.sent)
    if not isinstance(said["content"], list):
        return one
    parts = [
        {"type": "text", "text": f"[{words.UNSEEN}]"} if part.get("type") == "image_url" else part
        for part in said["content"]
    ]
    return replace(one, sent=dump_json({**said, "content": parts}))


def _may_differ(message: Message, host: Host) -> bool:
    return message.role == "assistant" or (message.role == "tool" and host.shortens_ids)


# --- one message -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=REMEMBERED)
def _rewritten(sent: bytes, is_foreign: bool, host: Host) -> bytes:
    said: dict[str, Any] = orjson.loads(sent)
    if said["role"] == "tool":
        changed = {**said, "tool_call_id": _short_id(said["tool_call_id"])}
    else:
        changed = _suited(_plain(said) if is_foreign else dict(said), host, is_foreign=is_foreign)
    return sent if changed == said else dump_json(changed)


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """Give what every model understands of an assistant message: its words and its calls."""
    plain: dict[str, Any] = {"role": "assistant", "content": text_of(said)}
    if said.get("tool_calls"):
        plain["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["function"]["name"], "arguments": call["function"]["arguments"]},
            }
            for call in said["tool_calls"]
        ]
    return plain


def _suited(said: dict[str, Any], host: Host, *, is_foreign: bool) -> dict[str, Any]:
    """Give an assistant message in the form its host takes."""
    calls: list[dict[str, Any]] = said.get("tool_calls") or []
    if calls and host.shortens_ids:
        calls = [{**call, "id": _short_id(call["id"])} for call in calls]
    if calls and is_foreign and host.signs_foreign_calls:
        signed = {**calls[0], "extra_content": {"google": {"thought_signature": FOREIGN_SIGNATURE}}}
        calls = [signed, *calls[1:]]
    if calls:
        said["tool_calls"] = calls
    if calls and host.sends_null_beside_calls and said.get("content") == "":
        said["content"] = None
    if (calls or is_foreign) and host.fills_reasoning and not said.get("reasoning_content"):
        said["reasoning_content"] = NO_REASONING
    return said


def _short_id(wire_id: str) -> str:
    """Give the 9 letters and digits an id is sent as: the same for the same id, in every round."""
    if _SHORT_ID.match(wire_id) or _NAMED_ID.match(wire_id):
        return wire_id
    return b32encode(sha256(wire_id.encode()).digest()).decode()[:9]


# --- the list of messages ----------------------------------------------------------------------------------------


def _rearranged(messages: Sequence[Message], host: Host, label: str, *, has_tools: bool) -> list[bytes]:
    if host.tells_tool_turns and not has_tools:
        messages = _told(messages)
    turns = [(one.role, sent_to(one, host, label)) for one in messages]
    return _alternating(turns) if host.alternates_roles else [sent for _, sent in turns]


def _told(messages: Sequence[Message]) -> list[Message]:
    """Give the messages with calls and results told in words; the results of one reply are one message."""
    names: dict[str, str] = {}
    told: list[Message] = []
    results: list[str] = []
    for one in messages:
        if one.role == "tool":
            said = orjson.loads(one.sent)
            name = names.get(said["tool_call_id"], "a tool")
            results.append(f"Result of {name}:\n{shown_text(said['content'])}")
            continue
        told += _told_results(results)
        results = []
        told.append(_told_calls(one, names) if one.role == "assistant" else one)
    return [*told, *_told_results(results)]


def _told_results(results: Sequence[str]) -> tuple[Message, ...]:
    return (message("user", "\n\n".join(results)),) if results else ()


def _told_calls(one: Message, names: dict[str, str]) -> Message:
    said: dict[str, Any] = orjson.loads(one.sent)
    calls = said.get("tool_calls") or []
    names.update({call["id"]: call["function"]["name"] for call in calls})
    if not calls:
        return one
    asked = [f"(I called {call['function']['name']} with {call['function']['arguments']})" for call in calls]
    return message("assistant", "\n".join(text for text in (text_of(said), *asked) if text))


def _alternating(turns: Iterable[tuple[str, bytes]]) -> list[bytes]:
    """Give the messages with neighbours of one role merged, one system message at most, and a user's behind it."""
    merged: list[tuple[str, bytes]] = []
    for given, sent in turns:
        is_late = given == "system" and any(role != "system" for role, _ in merged)
        role = "user" if is_late else given
        body = dump_json({**orjson.loads(sent), "role": role}) if is_late else sent
        last = merged[-1][0] if merged else ""
        if role == last and role != "tool":
            body = _merged(merged.pop()[1], body)
        elif role == "assistant" and last in ("", "system"):
            merged.append(("user", message("user", EARLIER).sent))
        merged.append((role, body))
    return [body for _, body in merged]


def _merged(first: bytes, second: bytes) -> bytes:
    one, two = orjson.loads(first), orjson.loads(second)
    return dump_json({**one, **two, "content": _joined(one.get("content"), two.get("content"))})


def _joined(one: object, two: object) -> object:
    if isinstance(one, list) or isinstance(two, list):
        return [*_parts(one), *_parts(two)]
    return "\n\n".join(text for text in (one, two) if isinstance(text, str) and text)


def _parts(content: object) -> list[object]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []
