"""What an endpoint gave back, before it is a `Reply`, and the two ways in which it can be none. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from bot.engine.types import Usage

MAX_TEXT = 2_000_000
"""Characters of one reply."""
ONE_CALL = Usage(model_calls=1)


class NotACompletion(ValueError):
    """The bytes are not a completion; the text says what they are instead. Never shown as it is."""


class TooMuchText(NotACompletion):
    """A reply that does not end: nobody could read it."""


class ErrorInReply(Exception):
    """The endpoint answered 200 and an error inside. `error` is what it said, as parsed JSON."""

    def __init__(self, error: object) -> None:
        super().__init__("the endpoint reported an error inside a reply")
        self.error = error


@dataclass(frozen=True, slots=True)
class Completion:
    """The assistant message as the provider said it, whole or assembled from a stream."""

    message: dict[str, object]
    finish: str | None = None
    is_cut: bool = False
    usage: Usage = ONE_CALL


def parse_json(raw: bytes) -> object:
    """Parse JSON strictly; lone surrogates and broken UTF-8 become U+FFFD. Raises `NotACompletion`."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _parse_mended(raw)


def _parse_mended(raw: bytes) -> object:
    """Parse what orjson refuses, for text that only holds a broken character."""
    try:
        loose = json.loads(raw.decode("utf-8", "replace"), parse_constant=_no_constant)
        text = json.dumps(loose, ensure_ascii=False, allow_nan=False)
        return orjson.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except (ValueError, RecursionError) as err:
        raise NotACompletion("broken JSON") from err


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def dump_json(value: object) -> bytes:
    """Give the JSON bytes of something parsed. Raises `NotACompletion` when it is nested too deeply."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as err:
        raise NotACompletion("JSON that is nested too deeply") from err


def parse_object(raw: bytes) -> dict[str, object]:
    """Parse a JSON object that is no error. Raises `NotACompletion` or `ErrorInReply`."""
    parsed = parse_json(raw)
    if isinstance(parsed, list) and parsed and isinstance(parsed[0], dict) and "error" in parsed[0]:
        parsed = parsed[0]  # Gemini wraps its errors in a list
    if not isinstance(parsed, dict):
        raise NotACompletion("not a JSON object")
    if parsed.get("error"):
        raise ErrorInReply(parsed["error"])
    if parsed.get("object") == "error" or ("detail" in parsed and "choices" not in parsed):
        raise ErrorInReply(parsed)  # vLLM as it was, Open WebUI
    return parsed


def first_choice(parsed: dict[str, object]) -> dict[str, object] | None:
    """Give the first choice, None when there is none. Raises `ErrorInReply` when it holds an error."""
    choices = parsed.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return None
    choice: dict[str, object] = choices[0]
    if choice.get("error"):  # OpenRouter, once the generation has begun
        raise ErrorInReply(choice["error"])
    return choice


def read_finish(choice: dict[str, object]) -> str | None:
    finish = choice.get("finish_reason")
    return finish if isinstance(finish, str) and finish else None


def read_usage(reported: object) -> Usage:
    """Read the token counts; whatever is missing or senseless counts as zero."""
    if not isinstance(reported, dict):
        return ONE_CALL
    return Usage(_count(reported.get("prompt_tokens")), _count(reported.get("completion_tokens")), 1)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else 0


def parse_body(raw: bytes) -> Completion:
    """Read a reply that came in one piece. Raises `NotACompletion` or `ErrorInReply`."""
    parsed = parse_object(raw)
    choice = first_choice(parsed)
    if choice is None:
        raise NotACompletion("no choices")
    message = choice.get("message")
    if not isinstance(message, dict):
        raise NotACompletion("no message")
    check_length(message.get("content"))
    return Completion(message, read_finish(choice), usage=read_usage(parsed.get("usage")))


def check_length(content: object) -> None:
    """Raise `TooMuchText` for a text over the cap."""
    if isinstance(content, str) and len(content) > MAX_TEXT:
        raise TooMuchText("too much text")


def mask(value: object, redact: Callable[[str], str]) -> object:
    """Give the same JSON with `redact` applied to every text in it."""
    match value:
        case str():
            return redact(value)
        case list():
            return [mask(item, redact) for item in value]
        case dict():
            return {key: mask(item, redact) for key, item in value.items()}
        case _:
            return value
