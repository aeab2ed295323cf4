"""What people wrote, whatever the platform: outside of code, with names in it, the newest of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from adapters.visible import exact

T = TypeVar("T")
MAX_HEARD = 40
MAX_HEARD_CHARS = 8_000
MAX_ONE_CHARS = 2_000
"""What a question is told of what was said before it: so many messages, so many characters, none longer than this."""
MAX_NAME_CHARS = 100
_CODE = re.compile(r"(?P<fence>```.*?(?:```|\Z))|(?P<marks>`{1,2})(?!`).+?(?<!`)(?P=marks)(?!`)", re.DOTALL)
_PLAIN_NAME = re.compile(r"[\w.-]+")


def without_code(text: str) -> str:
    """The text outside of code, where platforms find mentions."""
    return _CODE.sub(" ", text)


def shown_name(name: str) -> str:
    """A name in somebody else's sentence: whoever chose it speaks in no other's words."""
    line = exact(" ".join(name.split()))[:MAX_NAME_CHARS]
    return line if _PLAIN_NAME.fullmatch(line) else '"' + line.replace('"', "'") + '"'


def with_files(text: str, names: Iterable[str]) -> str:
    """What somebody said, as others are told it: cut, and what it came with by name only."""
    said = text[:MAX_ONE_CHARS]
    files = ", ".join(shown_name(name) for name in names)
    return f"{said}\n[attached: {files}]".strip() if files else said


def newest(said: Iterable[tuple[T, str]]) -> list[tuple[T, str]]:
    """As many of the newest as fit, oldest first."""
    kept: list[tuple[T, str]] = []
    room = MAX_HEARD_CHARS
    for one, text in reversed(list(said)):
        room -= len(text)
        if room < 0 or len(kept) == MAX_HEARD:
            break
        kept.append((one, text))
    return kept[::-1]
