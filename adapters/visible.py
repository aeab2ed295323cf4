"""Make text safe to look at: nothing in it hides, reorders or becomes markup.

Knows characters only; knows neither events nor pages.
"""

from __future__ import annotations

import html
import json
import re
from functools import lru_cache
from unicodedata import category

# Default_Ignorable_Code_Point outside the categories below (Unicode 15, DerivedCoreProperties.txt): drawn as nothing.
_IGNORABLE = frozenset(
    [
        *(0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xFFF0, 0xFFF9),
        *range(0xE0000, 0xE1000),
    ]
)
# Scripts and emoji need these joiners, selectors and direction marks; alone they neither reorder nor hide a word.
_PROSE = frozenset([0xAD, 0x34F, 0x61C, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFE0E, 0xFE0F])
_NOT_PLAIN = re.compile(r"[^\n\t\x20-\x7e]")


@lru_cache(maxsize=4096)
def _is_hidden(char: str) -> bool:
    return category(char) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"} or ord(char) in _IGNORABLE


@lru_cache(maxsize=4096)
def _is_hidden_in_prose(char: str) -> bool:
    if ord(char) in _PROSE:
        return False
    return category(char) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"} or ord(char) in _IGNORABLE


def _name(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"


def prose(text: str) -> str:
    """What people or the model wrote, with direction overrides, tags and controls spelled out as `\\u{202e}`.

    Joiners that scripts and emoji need stay. Line ends become `\\n`.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _NOT_PLAIN.sub(lambda hit: _name(hit[0]) if _is_hidden_in_prose(hit[0]) else hit[0], lines)


def prose_html(text: str) -> str:
    """`prose` as HTML text; line breaks are kept by the style sheet."""
    return html.escape(prose(text))


def _spelled_out(hit: re.Match[str]) -> bool:
    """Must this character be named rather than drawn? Also an accent that would fall on something that is no letter."""
    if category(hit[0])[0] != "M":
        return _is_hidden(hit[0])
    before = hit.string[hit.start() - 1 : hit.start()]
    return _is_hidden(hit[0]) or category(before or " ")[0] not in "LM"


def exact(text: str) -> str:
    """What an approver decides on: every character that cannot be seen is spelled out."""
    return _NOT_PLAIN.sub(lambda hit: _name(hit[0]) if _spelled_out(hit) else hit[0], text)


def exact_html(text: str) -> str:
    """`exact` as HTML, with the spelled-out characters set off from the same letters written plainly."""
    return _NOT_PLAIN.sub(
        lambda hit: f'<span class="hidden-char">{_name(hit[0])}</span>' if _spelled_out(hit) else hit[0],
        html.escape(text),
    )


def exact_json(text: str) -> str:
    """JSON text that says the same, with every character that cannot be seen written as JSON's own `\\u202e`."""
    return _NOT_PLAIN.sub(lambda hit: json.dumps(hit[0])[1:-1] if _spelled_out(hit) else hit[0], text)


def is_blank(text: str) -> bool:
    """Is there nothing in it that a reader would see?"""
    return all(char.isspace() or _is_hidden(char) for char in text)
