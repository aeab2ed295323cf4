"""Whole messages, as every platform makes them: of sentences of the bot, of answers, and of what one person alone is
answered. Pure; knows no markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from adapters.text import size, split_markdown
from adapters.visible import prose

MIN_PART = 200
NOTHING = "…"
"""Stands where a text shows nothing: no platform takes an empty message."""
_ONE_FILE = re.compile(r"```(?P<language>toml|json|csv)\n(?P<body>(?:(?!```)[^\n]*\n)*)```\s*")

File = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Messages:
    """What a platform makes of text. `inert` is the model's Markdown with nothing alive in it, `plain` a sentence as it
    is; `fits` says whether a part may be one message, beside its `max_chars`. An answer of more than `max_parts` is
    sent as its beginning, with `note` below it, and a file; the note knows `{chars}`. `edges` are taken off both ends
    of a message: white space for None."""

    inert: Callable[[str], str]
    plain: Callable[[str], str]
    max_chars: int
    max_parts: int
    note: str
    fits: Callable[[str], bool] = lambda part: True
    edges: str | None = None

    def parts(self, text: str, limit: int | None = None) -> list[str]:
        """The model's Markdown as messages of at most `limit`, the platform's own for None, none of them empty. Raises
        ValueError for a limit under 200."""
        limit = self.max_chars if limit is None else limit
        if limit < MIN_PART:
            raise ValueError(f"limit is {limit!r}, must be at least {MIN_PART}")
        parts = (part.strip(self.edges) for part in self._parts(self.inert(text), limit, limit))
        return [part for part in parts if part.strip()]

    def _parts(self, text: str, limit: int, room: int) -> Iterator[str]:
        """Cut, and make each part inert by itself: what was code, a style or a table may have been cut through."""
        for cut in split_markdown(text, room):
            part = self.inert(cut)
            if size(part) <= limit and self.fits(part):
                yield part
            else:
                yield from self._parts(cut, limit, max(32, room * 2 // 3))

    def notice(self, text: str, named: str = "") -> list[str]:
        """A sentence of the bot itself, the first of its messages before the pings of those it is for."""
        first, *more = self.parts(self.plain(text), self.max_chars - len(named) - 1) or [NOTHING]
        return [f"{named} {first}".strip(), *more]

    def answer(self, text: str) -> tuple[list[str], File | None]:
        """An answer; a long one as its beginning, and as a file with all of it."""
        if len(text) <= self.max_parts * self.max_chars and len(parts := self.parts(text)) <= self.max_parts:
            return parts or [NOTHING], None
        return [self._beginning(text)], _whole(text)

    def private(self, text: str) -> tuple[str, File | None]:
        """What one person alone is answered: one message, and a file where it is one, or is too long for a message."""
        if (only := _ONE_FILE.fullmatch(text)) is not None:
            name, body = f"nod.{only['language']}", only["body"]
            lines = body.count("\n")
            return f"Here it is as a file: `{name}`, {lines:,} lines.", (name, body.encode(errors="backslashreplace"))
        if len(text) <= self.max_chars and len(parts := self.parts(text)) <= 1:
            return "".join(parts) or NOTHING, None
        return self._beginning(text), _whole(text)

    def _beginning(self, text: str) -> str:
        """The first message of a text that comes as a file."""
        note = self.note.format(chars=f"{len(text):,}")
        first = self.parts(text[: 2 * self.max_chars], self.max_chars - len(note))
        return (first[0] if first else NOTHING) + note


def _whole(text: str) -> File:
    return "answer.md", prose(text).encode()
