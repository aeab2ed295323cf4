"""What a tool gave, as bounded text that is safe to store, to show and to give to a model. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from uuid import UUID

from pydantic import BaseModel

Redact = Callable[[str], str]

_REPLACEMENT = "\ufffd"
_ESCAPES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]"  # CSI: colours, cursor
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]{0,2000}(?:\x07|\x1b\\\\|\x9c)"  # OSC, DCS: titles, links
    "|\x1b[ -/]{0,16}[0-~]"  # two-character sequences
)
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SUSPECT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What any of them would change begins with one of these; most texts have none."""
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_HEAD_SHARE = 2 / 3


class Unserialisable(Exception):
    """The tool returned something that cannot become text."""


def to_text(value: object, *, redact: Redact = str) -> str:
    """Give a string as it is and anything else as JSON. Never iterates a generator. Raises `Unserialisable`.

    `redact` sees the texts inside the JSON as they were: a key of several lines is one secret with and without escapes.
    """
    if isinstance(value, str):
        return str(value)
    if value is None:
        return "Done."
    try:
        text = json.dumps(value, ensure_ascii=False, default=_plain)
    except RecursionError:
        raise Unserialisable("its result is nested too deeply") from None
    except (TypeError, ValueError) as err:
        raise Unserialisable(f"its result cannot be written as JSON ({str(err)[:200]})") from None
    return _LITERAL.sub(lambda found: _redact_literal(found[0], redact), text)


def _redact_literal(literal: str, redact: Redact) -> str:
    if "\\" not in literal:
        return literal
    text = str(json.loads(literal))
    masked = redact(text)
    return literal if masked == text else json.dumps(masked, ensure_ascii=False)


def _plain(value: object) -> object:
    if inspect.isgenerator(value) or inspect.isasyncgen(value) or isinstance(value, Iterator):
        raise Unserialisable("it returned a generator; return a list or text instead")
    if isinstance(value, bytes | bytearray | memoryview):
        raise Unserialisable("it returned bytes; return text instead")
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {member.name: getattr(value, member.name) for member in dataclasses.fields(value)}
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal | PurePath | UUID):
        return str(value)
    if hasattr(value, "isoformat"):  # date, time, datetime and their relatives
        return value.isoformat()
    raise Unserialisable(f"it returned a {type(value).__name__}, which cannot be written as JSON")


def clean(text: str) -> str:
    """Take out what a terminal would obey and a database would refuse.

    Escape sequences go; CR, VT, FF and NEL become line ends; other control characters and halves of surrogate pairs
    become U+FFFD.
    """
    if not _SUSPECT.search(text):
        return text
    text = _ESCAPES.sub("", text)
    text = _LINE_ENDS.sub("\n", text)
    return _CONTROLS.sub(_REPLACEMENT, text)


def shape(text: str, *, redact: Redact, max_chars: int) -> str:
    """Give redacted, clean text of at most `max_chars`, keeping its head and its tail."""
    # Twice: cleaning can join a secret that escape sequences had split, and alter one that holds control characters.
    return shorten(redact(clean(redact(text))), max_chars=max_chars)


def shorten(text: str, *, max_chars: int) -> str:
    """Keep head and tail of a long text; between them stands how much is missing and the hash of the whole."""
    if len(text) <= max_chars:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    room = max(0, max_chars - len(_gap(len(text), len(text), digest)))
    head = int(room * _HEAD_SHARE)
    tail = room - head
    gap = _gap(len(text) - room, len(text), digest)
    return (text[:head] + gap + text[len(text) - tail :])[: max(max_chars, len(gap))]


def _gap(omitted: int, total: int, digest: str) -> str:
    return f"\n[... {omitted} characters omitted of {total}, sha256 {digest} ...]\n"


def describe_error(err: BaseException, *, redact: Redact, max_chars: int = 500) -> str:
    """Give "Type: message" of any exception, even one whose message is huge or cannot be made."""
    try:
        message = str(err)[: max_chars * 40]
    except BaseException:  # the rim: a tool's exception may do anything in __str__
        message = "(its message cannot be shown)"
    text = redact(clean(redact(f"{type(err).__name__}: {message}"))).rstrip(": ")
    return text if len(text) <= max_chars else text[: max_chars - 3] + "..."
