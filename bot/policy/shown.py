"""Names and conditions as people see them: one line, nothing hidden, nothing that turns into something else."""

from __future__ import annotations

import json


def visible(text: str) -> str:
    """Give this text in one line of visible characters; the others are written as `\\u00AD`."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"


def word(text: str) -> str:
    """Give a name as one word of a line: in quotes, where it would otherwise look like several."""
    is_plain = text != "" and not any(char.isspace() or char == '"' for char in text)
    return visible(text if is_plain else json.dumps(text, ensure_ascii=False))


def code_span(text: str, max_chars: int = 500) -> str:
    """Give text as Markdown that stays what it is: one line in a code span, cut where it is too long."""
    shown = visible(text[:max_chars]).replace("`", "'")
    is_cut = len(text) > max_chars or len(shown) > max_chars
    return f"`{shown[: max_chars - 1]}…`" if is_cut else f"`{shown or ' '}`"
