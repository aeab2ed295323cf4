"""Strict JSON: the text a model wrote as arguments, read so that everybody reads the same thing in it.

Refuses whatever two readers could understand differently, because the person who approves a call and the tool that
runs it must see the same arguments.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import NoReturn

MAX_BYTES = 64_000
MAX_DEPTH = 64
_MAX_QUOTED = 200
_BRACKETS = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_INTEGER_DIGITS = 20


class ArgumentError(ValueError):
    """The arguments cannot be used. The message is one sentence the model can act on."""


def quote(text: str) -> str:
    """Give `text` in quotes, escaped to ASCII, at most 200 characters of it."""
    shown = text if len(text) <= _MAX_QUOTED - 3 else text[: _MAX_QUOTED - 3] + "..."
    return json.dumps(shown)[: _MAX_QUOTED * 6]


def parse_arguments(text: str) -> dict[str, object]:
    """Give the JSON object in `text`; an empty text is an empty object. Raises `ArgumentError`."""
    if text == "":
        return {}
    _refuse_before_parsing(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_without_repeats,
            parse_int=_int64,
            parse_float=_finite,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as err:
        raise ArgumentError(_not_json(text, err)) from None
    except RecursionError:
        raise ArgumentError(_too_deep()) from None
    if not isinstance(value, dict):
        raise ArgumentError(f"The arguments must be one JSON object, not {_kind(value)}.")
    _refuse_unusable_strings(value)
    return value


def _refuse_before_parsing(text: str) -> None:
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ArgumentError(f"The arguments are too long: at most {MAX_BYTES} bytes.")
    if text.startswith("\ufeff"):
        raise ArgumentError("The arguments must not begin with a byte order mark.")
    if text.lstrip().startswith("```"):
        raise ArgumentError("The arguments must be bare JSON, without a Markdown code fence.")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise ArgumentError(_too_deep())


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside strings, found without recursion."""
    depth = deepest = 0
    is_string = False
    for found in _BRACKETS.finditer(text):
        token = found[0]
        if token == '"':
            is_string = not is_string
        elif is_string:
            continue
        elif token in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token in "]}":
            depth -= 1
    return deepest


def _too_deep() -> str:
    return f"The arguments are nested too deeply: at most {MAX_DEPTH} levels."


def _not_json(text: str, err: json.JSONDecodeError) -> str:
    if err.msg == "Extra data":
        return "The arguments must be exactly one JSON object, with nothing after it."
    near = quote(text[max(0, err.pos - 40) : err.pos + 40])
    return f"The arguments are not valid JSON ({err.msg}, at character {err.pos}, near {near})."


def _object_without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ArgumentError(f"The key {quote(repeated)} appears more than once in one object.")
    return value


def _int64(digits: str) -> int:
    if len(digits) > _INTEGER_DIGITS or not -(2**63) <= int(digits) < 2**63:
        raise ArgumentError(f"The number {quote(digits[:40])} is too large: integers have at most 64 bits.")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ArgumentError(f"The number {quote(digits[:40])} is too large.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ArgumentError(f"{name} is not a JSON number.")


def _refuse_unusable_strings(value: dict[str, object]) -> None:
    for text in _strings(value):
        if _UNUSABLE.search(text):
            raise ArgumentError(
                f"The text {quote(text)} holds a NUL or half of a surrogate pair, which is not allowed."
            )


def _strings(value: object) -> Iterator[str]:
    rest = [value]
    while rest:
        match rest.pop():
            case str() as text:
                yield text
            case dict() as found:
                yield from found
                rest.extend(found.values())
            case list() as found:
                rest.extend(found)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = {str: "a string", list: "a list", bool: "a boolean", int: "a number", float: "a number"}
    return kinds[type(value)]
