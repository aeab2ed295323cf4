"""Turn what an endpoint said into a `Reply`, and its message into what is sent back. Pure: no I/O, no clock, no SDK."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

import orjson

from bot.engine.types import Message, Reply, Run, ToolCall
from bot.models.completion import Completion, dump_json

MAX_WIRE_ID = 64
KEPT_OF_MALFORMED = 500

_ALLOWED_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_THOUGHT = re.compile(r"\s*<think>.*?(</think>\s*|\Z)", re.DOTALL)

NewId = Callable[[], str]


def new_id() -> str:
    """Give an id of ours: 32 hex digits."""
    return secrets.token_hex(16)


# --- the reply ---------------------------------------------------------------------------------------------------


def read_reply(completion: Completion, run: Run, *, make_id: NewId = new_id, by: str = "") -> Reply:
    """Give the reply with ids minted. `by` is the label of the model that wrote it.

    The provider's ids are kept on the wire unless they are missing, no text, too long or repeated in this run. What
    would poison later requests (arguments that are no JSON, null content) is mended in `Message.sent` only.
    """
    said = completion.message
    raw_calls = _raw_calls(said)
    calls = _mint(raw_calls, run, make_id)
    body = dump_json({"role": "assistant", **said})
    message = Message("assistant", body, _sent(said, raw_calls, calls, body), by)
    return Reply(message, text_of(said), calls, completion.finish, completion.is_cut, completion.usage)


def text_of(message: Mapping[str, object]) -> str:
    """Give what people may read of an assistant message; a refusal counts, reasoning does not."""
    text = shown_text(message.get("content"))
    refusal = message.get("refusal")
    return text or (refusal if isinstance(refusal, str) else "")


def shown_text(content: object) -> str:
    """Give the text of a content without reasoning: neither parts of another type nor a leading <think> block."""
    if isinstance(content, list):
        content = "".join(_part_text(part) for part in content)
    if not isinstance(content, str):
        return ""
    if not content.lstrip().startswith("<think>"):
        return content
    return _THOUGHT.sub("", content, count=1)


def shown_so_far(content: object) -> str:
    """Give `shown_text` of a content that is still growing: nothing while it may yet become a <think> block."""
    text = shown_text(content)
    return "" if "<think>".startswith(text.strip()) else text


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and part.get("type") in ("text", "output_text") and isinstance(part.get("text"), str):
        return str(part["text"])
    return ""


def _raw_calls(said: Mapping[str, object]) -> list[dict[str, object]]:
    """Give the calls as the provider wrote them. Calls written as text or XML are text."""
    listed = said.get("tool_calls")
    calls = [call for call in listed if isinstance(call, dict)] if isinstance(listed, list) else []
    legacy = said.get("function_call")
    if not calls and isinstance(legacy, dict) and legacy:
        return [{"id": None, "type": "function", "function": legacy}]
    return calls


def _mint(raw_calls: list[dict[str, object]], run: Run, make_id: NewId) -> tuple[ToolCall, ...]:
    taken = {call.wire_id for call in run.calls} if raw_calls else set()
    minted = []
    for raw in raw_calls:
        own, said = make_id(), raw.get("id")
        provider_id = said if isinstance(said, str) and said else None
        wire_id = _wire_id(provider_id, own, taken)
        taken.add(wire_id)
        function = _function(raw)
        name = function.get("name")
        minted.append(
            ToolCall(
                id=own,
                reply=run.replies + 1,
                provider_id=provider_id,
                wire_id=wire_id,
                name=name if isinstance(name, str) else "",
                arguments=_arguments(function.get("arguments")),
            )
        )
    return tuple(minted)


def _wire_id(provider_id: str | None, own: str, taken: set[str]) -> str:
    """Give an id the provider will take; ours is 9 letters and digits, which Mistral's templates ask for."""
    if provider_id and len(provider_id) <= MAX_WIRE_ID and provider_id not in taken:
        return provider_id
    return next((own[:size] for size in range(9, len(own)) if own[:size] not in taken), own)


def _function(raw: Mapping[str, object]) -> dict[str, object]:
    function = raw.get("function")
    return function if isinstance(function, dict) else {}


def _arguments(value: object) -> str:
    """Give the arguments as JSON text; an object instead of text is llama.cpp's way."""
    if isinstance(value, str):
        return value
    return "" if value is None else dump_json(value).decode()


# --- mending what goes back --------------------------------------------------------------------------------------


def _sent(
    said: Mapping[str, object], raw_calls: list[dict[str, object]], calls: tuple[ToolCall, ...], body: bytes
) -> bytes:
    """Give the message as it is sent back: `body` itself when nothing had to be mended."""
    mended: dict[str, object] = {**said, "role": "assistant"}
    if mended.get("content") is None:
        mended["content"] = ""
    if calls:
        mended["tool_calls"] = [_sent_call(raw, call) for raw, call in zip(raw_calls, calls, strict=True)]
    elif mended.get("tool_calls") is not None:
        del mended["tool_calls"]
    if mended.get("function_call") is not None:
        del mended["function_call"]
    return body if mended == {**said, "role": said.get("role", "assistant")} else dump_json(mended)


def _sent_call(raw: dict[str, object], call: ToolCall) -> dict[str, object]:
    name = call.name if _ALLOWED_NAME.match(call.name) else _allowed_name(call.name)
    function = {**_function(raw), "name": name, "arguments": _sent_arguments(call.arguments)}
    return {**raw, "id": call.wire_id, "type": "function", "function": function}


def _allowed_name(name: str) -> str:
    """Give a name of a made-up tool in the letters that providers accept in a history."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "unknown"


def _sent_arguments(arguments: str) -> str:
    if not arguments.strip():
        return "{}"
    try:
        is_object = isinstance(orjson.loads(arguments), dict)
    except orjson.JSONDecodeError:
        is_object = False
    if is_object:
        return arguments
    return orjson.dumps({"malformed_arguments": arguments[:KEPT_OF_MALFORMED]}).decode()
