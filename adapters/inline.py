"""One line of the model's Markdown being made inert: what every platform does with code, links and addresses. Pure.

A platform says in a class of its own how it draws code and addresses, and what else is alive there.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict

from adapters.exact import code_span

ESCAPABLE = r"[!-/:-@\[-`{-~]"
SCHEMES = ("http://", "https://", "mailto:")
# Characters for private use never come here (`visible.prose` spells them out), so they can stand for finished pieces:
# an escaped character by itself, and any other piece by its number.
ESCAPES = 0xF0000
PIECES = 0x100000
_MAX_PIECES = 0xFFFD
PIECE = "\U00100000-\U0010fffd"
ESCAPED = "\U000f0000-\U000f00ff"
_BACKSLASH = chr(ESCAPES + ord("\\"))

_TICKS = re.compile(r"`+")
_TICK_OR_ESCAPE = re.compile(rf"\\(?P<escaped>{ESCAPABLE})|`+")
_LINK = re.compile(
    r"!?\[(?P<label>(?:\[[^\[\]]*\]|[^\[\]])*)\]\(\s*"
    r"(?:<(?P<wrapped>[^<>]*)>|(?P<bare>(?:[^\s()<]|\([^\s()]*\))*))"
    r"""(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)"""
)
_AUTOLINK = re.compile(rf"<(?P<target>[A-Za-z][A-Za-z0-9+.-]{{0,31}}:[^\s<>`{PIECE}]+)>")
_URL = re.compile(rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{{0,31}})://[^\s<>`\\{_BACKSLASH}{PIECE}]*")
_AT_END = ".,:;!?\"'*_~|\\"


class Line:
    """One line being drawn: finished pieces stand aside, each by a character of its own."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def may_be_linked(self, target: str) -> bool:
        """May an address of a known scheme stand in angle brackets, or is it shown as code?"""
        raise NotImplementedError

    def drawn_code(self, content: str) -> str:
        """Code in a line, between marks that the platform reads like everybody else."""
        raise NotImplementedError

    def piece(self, text: str) -> str:
        """Set something aside that is finished."""
        if len(self._pieces) >= _MAX_PIECES:
            return "…"
        self._pieces.append(text)
        return chr(PIECES + len(self._pieces) - 1)

    def text_of(self, char: str) -> str:
        """What a stand-in stands for."""
        at = ord(char)
        return self._pieces[at - PIECES] if at >= PIECES else f"\\{chr(at - ESCAPES)}"

    def without_code(self, line: str) -> str:
        """Set code and escaped characters aside."""
        ends = defaultdict(list)
        for ticks in _TICKS.finditer(line):
            ends[len(ticks[0])].append(ticks.start())
        shown, at = [], 0
        while found := _TICK_OR_ESCAPE.search(line, at):
            shown.append(line[at : found.start()])
            at = found.end()
            if found["escaped"]:
                shown.append(set_aside(found["escaped"]))
                continue
            starts = ends[len(found[0])]
            later = bisect_left(starts, at)
            if later == len(starts):
                shown.append(set_aside("`") * len(found[0]))
                continue
            shown.append(self.piece(self.drawn_code(line[at : starts[later]])))
            at = starts[later] + len(found[0])
        return "".join([*shown, line[at:]])

    def with_links(self, text: str) -> str:
        """Links and images as their words and their targets."""
        for _ in range(3):
            text = _LINK.sub(self._link, text)
        return text

    def with_autolinks(self, text: str) -> str:
        return _AUTOLINK.sub(lambda hit: self.address(unescaped(hit["target"])), text)

    def with_addresses(self, text: str) -> str:
        """Addresses within the text, without the punctuation after them."""
        return _URL.sub(self._bare, text)

    def address(self, target: str) -> str:
        """An address to be seen: the platform links it and loads nothing, or shows it as code."""
        is_known = target.lower().startswith(SCHEMES) and not re.search(r"[\s<>`\\]", target)
        return self.piece(f"<{target}>" if is_known and self.may_be_linked(target) else code_span(target))

    def _link(self, hit: re.Match[str]) -> str:
        target = hit["wrapped"] if hit["wrapped"] is not None else hit["bare"]
        if re.search(f"[{PIECE}]", target):
            return f"{hit['label']} ({target})"
        label, address = hit["label"], unescaped(target)
        if not label.strip() or unescaped(label).strip() == address:
            return self.address(address)
        return f"{label} ({self.address(address)})"

    def _bare(self, hit: re.Match[str]) -> str:
        url = hit[0]
        while url and (url[-1] in _AT_END or url[-1] in ")]}" or ESCAPES < ord(url[-1]) < PIECES):
            if url[-1] == ")" and url.count("(") >= url.count(")"):
                break
            url = url[:-1]
        if len(url) <= len(hit["scheme"]) + len("://"):
            return hit[0].replace(":", set_aside(":"), 1)
        return self.address(unescaped(url)) + hit[0][len(url) :]


def set_aside(char: str) -> str:
    """An escaped character. What is safe by other means comes back as itself."""
    return char if char in "<@" else chr(ESCAPES + ord(char))


def unescaped(text: str) -> str:
    return re.sub(f"[{ESCAPED}]", lambda hit: chr(ord(hit[0]) - ESCAPES), text)
