"""Markdown tables, also as columns of equal width for platforms that do not know them. Pure."""

from __future__ import annotations

import re
from itertools import zip_longest
from unicodedata import combining, east_asian_width

_RULE = re.compile(r"[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*\|)*[ \t]*:?-+:?[ \t]*\|?[ \t]*")
_CELL = re.compile(r"(?<!\\)\|")
_STYLE = re.compile(r"(\*\*|__|~~|`+)(?=\S)(?P<words>[^\n]{1,400}?)(?<=\S)\1")


def is_table(head: str, rule: str) -> bool:
    """Do these two lines begin a table? (GitHub Flavored Markdown, "Tables")"""
    if "|" not in head or "|" not in rule or not _RULE.fullmatch(rule):
        return False
    return len(cells(head)) == len(cells(rule))


def rows_of(lines: list[str]) -> int:
    """How many of these lines, the first two being its head, belong to the table."""
    more = next((at for at, line in enumerate(lines[2:]) if "|" not in line or not line.strip()), len(lines) - 2)
    return more + 2


def aligned(lines: list[str]) -> str:
    """The table with its columns one under the other, marks of style left out."""
    rows = [cells(line) for line in lines]
    sides = [side(cell) for cell in rows[1]]
    shown = [[_words(cell) for cell in row[: len(sides)]] for row in [rows[0], *rows[2:]]]
    widths = [max(map(_width, column)) for column in zip_longest(*shown, fillvalue="")]
    widths += [0] * (len(sides) - len(widths))
    drawn = [_row(row, widths, sides) for row in shown]
    return "\n".join([drawn[0], "-+-".join("-" * width for width in widths), *drawn[1:]])


def cells(line: str) -> list[str]:
    """The cells of a row, without what stands around them."""
    found = [cell.strip() for cell in _CELL.split(line.strip())]
    if len(found) > 1 and not found[-1]:
        found.pop()
    return found[1:] if len(found) > 1 and not found[0] else found


def side(rule: str) -> str:
    """On which side a column stands, as its cell of the second row says."""
    if rule.endswith(":"):
        return "middle" if rule.startswith(":") else "right"
    return "left"


def _words(cell: str) -> str:
    return _STYLE.sub(lambda hit: hit["words"], cell).replace("\\|", "|")


def _row(cells: list[str], widths: list[int], sides: list[str]) -> str:
    padded = (_padded(cell, width, side) for cell, width, side in zip_longest(cells, widths, sides, fillvalue=""))
    return " | ".join(padded).rstrip()


def _padded(cell: str, width: int | str, side: str) -> str:
    room = max(0, int(width or 0) - _width(cell))
    left = {"right": room, "middle": room // 2}.get(side, 0)
    return f"{' ' * left}{cell}{' ' * (room - left)}"


def _width(text: str) -> int:
    """Columns of a fixed-width type."""
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)
