"""Put the fragments of a streamed reply together into the message they were cut from. Pure.

Endpoints differ in what they call a fragment: the index of a call may be missing, start at 1 or always be 0 (Gemini,
Ollama, LiteLLM), ids and names may be repeated or absent, arguments may come as an object (llama.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from bot.models.completion import (
    MAX_TEXT,
    Completion,
    ErrorInReply,
    NotACompletion,
    TooMuchText,
    dump_json,
    first_choice,
    parse_object,
    read_finish,
    read_usage,
)
from bot.models.sse import Event

DONE = b"[DONE]"

# Said again with every fragment by some endpoints: set once, never joined.
_SET_ONCE = frozenset({"role", "name", "id", "type", "object", "model", "index", "format", "signature"})
_OWN_PLACE = frozenset({"content", "tool_calls", "function_call"})
_CALL_PARTS = frozenset({"index", "id", "type", "function"})
_DETAIL_TEXT = frozenset({"text", "summary", "data"})


@dataclass(slots=True)
class _OpenCall:
    index: int | None
    id: str | None = None
    name: str | None = None
    arguments: list[str] = field(default_factory=list)
    extra: dict[str, object] = field(default_factory=dict)
    function_extra: dict[str, object] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether the arguments so far are a JSON object already."""
        try:
            return isinstance(orjson.loads("".join(self.arguments)), dict)
        except orjson.JSONDecodeError:
            return False

    def to_dict(self) -> dict[str, object]:
        function = {"name": self.name or "", "arguments": "".join(self.arguments), **self.function_extra}
        return {"id": self.id, "type": "function", "function": function, **self.extra}


class CallFragments:
    """The tool calls of one streamed reply."""

    def __init__(self) -> None:
        self._calls: list[_OpenCall] = []
        self._by_index: dict[int, _OpenCall] = {}
        self._by_id: dict[str, _OpenCall] = {}

    def feed(self, fragments: object) -> None:
        if not isinstance(fragments, list):
            return
        for fragment in fragments:
            if isinstance(fragment, dict):
                self._feed_one(fragment)

    def finished(self) -> list[dict[str, object]]:
        """Give the calls in the order of their index; where the endpoint numbers none, as they came."""
        calls = self._calls
        if all(call.index is not None for call in calls):
            calls = sorted(calls, key=lambda call: call.index or 0)
        return [call.to_dict() for call in calls]

    def __bool__(self) -> bool:
        return bool(self._calls)

    def _feed_one(self, fragment: dict[str, object]) -> None:
        index = _int(fragment.get("index"))
        call_id = _text(fragment.get("id"))
        raw_function = fragment.get("function")
        function: dict[str, object] = raw_function if isinstance(raw_function, dict) else {}
        name, arguments = _text(function.get("name")), _arguments(function.get("arguments"))
        call = self._find(index, call_id, name, arguments) or self._open(index)
        if index is not None:
            self._by_index[index] = call
        if call_id and not call.id:
            call.id = call_id
            self._by_id[call_id] = call
        call.name = call.name or name
        call.arguments.append(arguments)
        _join(call.extra, fragment, but=_CALL_PARTS)
        _join(call.function_extra, function, but=frozenset({"name", "arguments"}))

    def _open(self, index: int | None) -> _OpenCall:
        self._calls.append(_OpenCall(index))
        return self._calls[-1]

    def _find(self, index: int | None, call_id: str | None, name: str | None, arguments: str) -> _OpenCall | None:
        """Give the call a fragment belongs to, None for a new one."""
        call = None if index is None else self._by_index.get(index)
        if call and call_id and call.id and call_id != call.id:
            return self._by_id.get(call_id)  # the index is used again, for another call
        if call and not call_id and name and arguments and call.is_complete:
            return None  # the same without ids
        if call is None and call_id:
            return self._by_id.get(call_id)
        if call is None and index is None and not name and self._calls:
            return self._calls[-1]
        return call


class ReplyFragments:
    """One streamed reply: feed it events, read `content` at any time, take the `completion` at the end.

    `progress` grows with everything that was said, reasoning too, and not with events that only keep the connection.
    """

    def __init__(self) -> None:
        self._content: list[str] = []
        self._parts: list[object] = []
        self._calls = CallFragments()
        self._function: dict[str, str] = {}
        self._message: dict[str, object] = {"role": "assistant", "content": ""}
        self._finish: str | None = None
        self._usage: object = None
        self._has_choice = False
        self._length = 0
        self.progress = 0
        self.is_done = False

    @property
    def content(self) -> str | list[object]:
        """The content so far: text, or parts where the endpoint sends parts."""
        self._content = ["".join(self._content)] if self._content else []
        if not self._parts:
            return self._content[0] if self._content else ""
        return [*self._parts, *({"type": "text", "text": text} for text in self._content if text)]

    @property
    def has_begun(self) -> bool:
        """Whether anything of the answer itself has come."""
        return bool(any(self._content) or self._parts or self._calls or self._function)

    @property
    def is_finished(self) -> bool:
        """Whether the endpoint said that this is all."""
        return self.is_done or self._finish is not None

    def feed(self, event: Event) -> None:
        """Take one event. Raises `NotACompletion` or `ErrorInReply`."""
        if self.is_done or not event.data.strip():
            return
        if event.data.strip() == DONE:
            self.is_done = True
            return
        chunk = parse_object(event.data)
        if event.name == "error":
            raise ErrorInReply(chunk)
        self._take(chunk)

    def completion(self) -> Completion:
        """Give the reply as far as it came. Raises `NotACompletion` when no choice ever came."""
        if not self._has_choice:
            raise NotACompletion("a stream without any choice")
        message = {**self._message, "content": self.content}
        if self._calls:
            message["tool_calls"] = self._calls.finished()
        if self._function:
            message["function_call"] = dict(self._function)
        return Completion(message, self._finish, not self.is_finished, read_usage(self._usage))

    def _take(self, chunk: dict[str, object]) -> None:
        self._usage = chunk.get("usage") or self._usage
        choice = first_choice(chunk)
        if choice is None or choice.get("index") not in (None, 0):
            return
        self._has_choice = True
        self._usage = choice.get("usage") or self._usage  # Moonshot
        self._finish = read_finish(choice) or self._finish
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return
        self.progress += any(value for key, value in delta.items() if key != "role")
        self._take_content(delta.get("content"))
        self._calls.feed(delta.get("tool_calls"))
        self._take_function(delta.get("function_call"))
        _join(self._message, delta, but=_OWN_PLACE)

    def _take_content(self, content: object) -> None:
        if isinstance(content, str):
            self._content.append(content)
            self._length += len(content)
            if self._length > MAX_TEXT:
                raise TooMuchText("too much text")
        elif isinstance(content, list):
            self._parts = (
                [*self.content, *content] if isinstance(self.content, list) else [*self._text_part(), *content]
            )
            self._content = []

    def _text_part(self) -> list[object]:
        return [{"type": "text", "text": self.content}] if self.content else []

    def _take_function(self, fragment: object) -> None:
        """The one call of the API as it was before `tool_calls`."""
        if isinstance(fragment, dict):
            name = self._function.get("name") or _text(fragment.get("name")) or ""
            arguments = self._function.get("arguments", "") + _arguments(fragment.get("arguments"))
            self._function = {"name": name, "arguments": arguments}


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _arguments(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return dump_json(value).decode()


def _join(whole: dict[str, object], fragment: dict[str, object], *, but: frozenset[str]) -> None:
    """Add the fields nobody here knows: text is joined, lists grow, tables are filled, the rest is replaced."""
    for key, new in fragment.items():
        if key in but or new is None:
            continue
        old = whole.get(key)
        if isinstance(old, str) and isinstance(new, str):
            whole[key] = old if key in _SET_ONCE and old else old + new
        elif isinstance(old, list) and isinstance(new, list):
            whole[key] = _grown(old, new)
        elif isinstance(old, dict) and isinstance(new, dict):
            whole[key] = _filled(old, new)
        else:
            whole[key] = new


def _filled(old: dict[str, object], new: dict[str, object]) -> dict[str, object]:
    """Fill a table with a later one (Gemini's extra_content comes in several), nested ones too."""
    filled = dict(old)
    for key, value in new.items():
        before = filled.get(key)
        filled[key] = _filled(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return filled


def _grown(old: list[object], new: list[object]) -> list[object]:
    """Add list items; one that goes on the last one by index and type (OpenRouter's reasoning_details) joins it."""
    grown = list(old)
    for item in new:
        last = grown[-1] if grown else None
        if isinstance(item, dict) and isinstance(last, dict) and _goes_on(last, item):
            joined = dict(last)
            _join(
                joined,
                {key: value for key, value in item.items() if joined.get(key) is None or key in _DETAIL_TEXT},
                but=frozenset(),
            )
            grown[-1] = joined
        else:
            grown.append(item)
    return grown


def _goes_on(last: dict[str, object], item: dict[str, object]) -> bool:
    is_same = last.get("id") is None or item.get("id") in (None, last["id"])
    return "index" in item and is_same and all(item.get(key) == last.get(key) for key in ("index", "type"))
