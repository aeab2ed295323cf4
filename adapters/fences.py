"""Where the blocks of code stand in the model's Markdown, whatever list or quotation they are in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(
    r"(?P<before>(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])[ \t]))*)(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})(?P<info>.*)"
)
_QUOTE = re.compile(r"[ \t]*> ?")


@dataclass(frozen=True, slots=True)
class Code:
    """A block of code. `bullet` is the mark of a list's item that it begins, `is_closed`: its end is in the text."""

    body: str
    language: str = ""
    bullet: str = ""
    is_closed: bool = True


def sections(text: str) -> Iterator[Code | list[str]]:
    """The blocks of code of a text, and the lines between them."""
    lines, at = text.split("\n"), 0
    between: list[str] = []
    while at < len(lines):
        if (fence := _fence(lines[at])) is None:
            between.append(lines[at])
            at += 1
            continue
        if between:
            yield between
            between = []
        code, at = _code(lines, at, fence)
        yield code
    if between:
        yield between


def _fence(line: str) -> re.Match[str] | None:
    """The line that opens a block of code (CommonMark 0.31, "Fenced code blocks"; here indented by any amount)."""
    found = _FENCE.fullmatch(line)
    if found is None or (found["mark"][0] == "`" and "`" in found["info"]):
        return None
    return found


def _code(lines: list[str], at: int, fence: re.Match[str]) -> tuple[Code, int]:
    """The block of code that begins at a line, and the line after it. In a list it goes on until it is closed, also
    over lines that are not indented; a quotation ends it."""
    body: list[str] = []
    quotes, mark = fence["before"].count(">"), fence["mark"]
    closed = re.compile(rf"[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*")
    after = at + 1
    while after < len(lines):
        line = lines[after]
        for _ in range(quotes):
            unquoted = _QUOTE.match(line)
            if unquoted is None:
                return _found(fence, body, is_closed=True), after
            line = line[unquoted.end() :]
        after += 1
        if closed.fullmatch(line):
            return _found(fence, body, is_closed=True), after
        body.append(_dedented(line, len(fence["indent"]) - 1 if quotes else len(fence["before"] + fence["indent"])))
    return _found(fence, body[:-1] if body and not body[-1] else body, is_closed=False), after


def _found(fence: re.Match[str], body: list[str], *, is_closed: bool) -> Code:
    language = fence["info"].strip().split(" ", 1)[0]
    return Code("\n".join(body), language, fence["before"].replace(">", "").strip(), is_closed)


def _dedented(line: str, width: int) -> str:
    """The line without the indent that its fence has."""
    return line[min(max(width, 0), len(line) - len(line.lstrip(" \t"))) :]
