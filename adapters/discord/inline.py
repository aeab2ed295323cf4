"""One line of the model's Markdown as Discord may show it: nothing in it pings, opens, loads or hides. Pure.

Discord finds the closing mark of a style by looking through everything that follows, code included, so a style is kept
only where nothing between its marks could be taken for the end of it; every other mark is escaped.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict

from adapters.discord.exact import code_span

ESCAPABLE = r"[!-/:-@\[-`{-~]"
SCHEMES = ("http://", "https://", "mailto:")
# Characters for private use never come here (`visible.prose` spells them out), so they can stand for finished pieces:
# an escaped character by itself, and any other piece by its number.
_ESCAPES = 0xF0000
_PIECES = 0x100000
_MAX_PIECES = 0xFFFD
_PIECE = "\U00100000-\U0010fffd"
_BACKSLASH = chr(_ESCAPES + ord("\\"))
_ESCAPED = "\U000f0000-\U000f00ff"

_TICKS = re.compile(r"`+")
_TICK_OR_ESCAPE = re.compile(rf"\\(?P<escaped>{ESCAPABLE})|`+")
_LINK = re.compile(
    r"!?\[(?P<label>(?:\[[^\[\]]*\]|[^\[\]])*)\]\(\s*"
    r"(?:<(?P<wrapped>[^<>]*)>|(?P<bare>(?:[^\s()<]|\([^\s()]*\))*))"
    r"""(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)"""
)
_AUTOLINK = re.compile(rf"<(?P<target>[A-Za-z][A-Za-z0-9+.-]{{0,31}}:[^\s<>`{_PIECE}]+)>")
_MAIL = re.compile(r"<[A-Za-z0-9.+_-]+@[A-Za-z0-9.-]+\.[A-Za-z]+>")
_MOMENT = re.compile(r"<t:-?\d{1,13}(?::[tTdDfFRsS])?>")
_EMOJI = re.compile(r"<a?(?P<name>:\w{1,64}:)\d+>")
_URL = re.compile(rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{{0,31}})://[^\s<>`\\{_BACKSLASH}{_PIECE}]*")
_MENTION = re.compile(
    r"@(?:everyone|here)|<@[!&]?\d+>|<#\d+>|</[^<>`]{1,200}:\d+>|<id:[^\s<>`]{1,100}>"
    rf"|(?:discord\.(?:gg|gift|new)|discord(?:app)?\.com/(?:invite|gifts))/[^\s<>`{_PIECE}{_ESCAPED}]+",
    re.IGNORECASE,
)
_LOUD = re.compile(r"@(?:everyone|here)", re.IGNORECASE)
_AT_END = ".,:;!?\"'*_~|\\"
_RUN = re.compile(rf"\*+|_+|~~+|[{_PIECE}{_ESCAPED}]")
_LITERAL = re.compile(rf"[{_PIECE}{_ESCAPED}]|<(?![\s\d=]|$)|\|\||-#|\[|\\(?![A-Za-z0-9 ])|(?P<run>\*+|_+|~~+)")


def inert_line(line: str, *, has_links: bool) -> str:
    """The words of one line, without what stands before them (quote marks, bullets, a heading's marks).

    `has_links`: does `](` stand anywhere in the whole text? Then a bracket could open a link over several lines.
    """
    return _Line(has_links).drawn(line)


class _Line:
    """One line being drawn: finished pieces stand aside, each by a character of its own."""

    def __init__(self, has_links: bool) -> None:
        self._has_links = has_links
        self._pieces: list[str] = []

    def drawn(self, line: str) -> str:
        text = self._without_code(line)
        for _ in range(3):
            text = _LINK.sub(self._link, text)
        text = _MOMENT.sub(self._kept, _named_emoji(text))
        text = _AUTOLINK.sub(lambda hit: self._address(_unescaped(hit["target"])), text)
        text = _MAIL.sub(self._kept, text)
        text = _URL.sub(self._bare, text)
        text = _MENTION.sub(lambda hit: self._piece(code_span(hit[0])), text)
        return self._escaped(text)

    def _piece(self, text: str) -> str:
        if len(self._pieces) >= _MAX_PIECES:
            return "…"
        self._pieces.append(text)
        return chr(_PIECES + len(self._pieces) - 1)

    def _kept(self, hit: re.Match[str]) -> str:
        return self._piece(code_span(hit[0]) if _LOUD.search(hit[0]) else hit[0])

    def _text_of(self, char: str) -> str:
        """What a stand-in stands for."""
        at = ord(char)
        return self._pieces[at - _PIECES] if at >= _PIECES else f"\\{chr(at - _ESCAPES)}"

    def _without_code(self, line: str) -> str:
        """Set code and escaped characters aside."""
        ends = defaultdict(list)
        for ticks in _TICKS.finditer(line):
            ends[len(ticks[0])].append(ticks.start())
        shown, at = [], 0
        while found := _TICK_OR_ESCAPE.search(line, at):
            shown.append(line[at : found.start()])
            at = found.end()
            if found["escaped"]:
                shown.append(_set_aside(found["escaped"]))
                continue
            starts = ends[len(found[0])]
            later = bisect_left(starts, at)
            if later == len(starts):
                shown.append(_set_aside("`") * len(found[0]))
                continue
            shown.append(self._piece(_code(line[at : starts[later]])))
            at = starts[later] + len(found[0])
        return "".join([*shown, line[at:]])

    def _link(self, hit: re.Match[str]) -> str:
        """A link or an image as its words and its target."""
        target = hit["wrapped"] if hit["wrapped"] is not None else hit["bare"]
        if re.search(f"[{_PIECE}]", target):
            return f"{hit['label']} ({target})"
        label, address = hit["label"], _unescaped(target)
        if not label.strip() or _unescaped(label).strip() == address:
            return self._address(address)
        return f"{label} ({self._address(address)})"

    def _bare(self, hit: re.Match[str]) -> str:
        """An address within the text, without the punctuation after it."""
        url = hit[0]
        while url and (url[-1] in _AT_END or url[-1] in ")]}" or _ESCAPES < ord(url[-1]) < _PIECES):
            if url[-1] == ")" and url.count("(") >= url.count(")"):
                break
            url = url[:-1]
        if len(url) <= len(hit["scheme"]) + len("://"):
            return hit[0].replace(":", _set_aside(":"), 1)
        return self._address(_unescaped(url)) + hit[0][len(url) :]

    def _address(self, target: str) -> str:
        """An address to be seen: Discord links it and loads nothing, or shows it as code."""
        is_known = target.lower().startswith(SCHEMES) and not re.search(r"[\s<>`\\]", target)
        if not is_known or _LOUD.search(target) or _MENTION.search(target):
            return self._piece(code_span(target))
        return self._piece(f"<{target}>")

    def _escaped(self, text: str) -> str:
        """The text with every mark escaped that Discord would follow, and the pieces back in their places."""
        kept = self._styles(text)
        shown, at, last = [], 0, ""
        for hit in _LITERAL.finditer(text):
            drawn = self._mark(hit, hit.start() in kept)
            between = text[at : hit.start()] or (" " if last[:1] == drawn[:1] == "`" else "")
            shown += [between, drawn]
            at, last = hit.end(), drawn
        return "".join([*shown, text[at:]])

    def _mark(self, hit: re.Match[str], is_kept: bool) -> str:
        mark = hit[0]
        if ord(mark[0]) >= _ESCAPES:
            return self._text_of(mark)
        if is_kept or (mark == "[" and not self._has_links):
            return mark
        return "\\-#" if mark == "-#" else "".join(f"\\{char}" for char in mark)

    def _ends(self, mark: str) -> str | None:
        """The text whose marks would end a style around it; None for a mark that may begin or end one itself.

        Discord heeds an escape where it looks for the end of every style but of what is struck out."""
        if ord(mark[0]) >= _PIECES:
            return self._text_of(mark)
        if ord(mark[0]) >= _ESCAPES:
            return "~" if mark == _set_aside("~") else ""
        return "~" if mark[0] == "~" and len(mark) > 2 else None

    def _styles(self, text: str) -> set[int]:
        """Where the marks stand that open and close a style for certain."""
        kept: set[int] = set()
        opened: list[re.Match[str]] = []
        for hit in _RUN.finditer(text):
            if (inside := self._ends(hit[0])) is not None:
                opened = [one for one in opened if one[0][0] not in inside]
                continue
            last = next((one for one in reversed(opened) if one[0] == hit[0]), None)
            if last is not None and _closes(hit):
                kept |= {last.start(), hit.start()}
                opened = opened[: opened.index(last)]
            elif _opens(hit):
                opened.append(hit)
        return kept


def _named_emoji(text: str) -> str:
    """Custom emoji by their names, also where one stands within what would be another."""
    while (named := _EMOJI.sub(lambda hit: hit["name"], text)) != text:
        text = named
    return text


def _set_aside(char: str) -> str:
    """An escaped character. What is safe by other means comes back as itself."""
    return char if char in "<@" else chr(_ESCAPES + ord(char))


def _unescaped(text: str) -> str:
    return re.sub(f"[{_ESCAPED}]", lambda hit: chr(ord(hit[0]) - _ESCAPES), text)


def _code(content: str) -> str:
    """Code in a line, between marks that Discord reads like everybody else."""
    if not re.search("``|^`|`$", content):
        return f"``{content}``" if "`" in content else f"`{content}`"
    if "``" in content:
        return code_span(content)
    return f"`` {content} ``"


def _opens(hit: re.Match[str]) -> bool:
    """Can a style begin here? Not before a blank, nor within a word for `_`."""
    before, after = hit.string[hit.start() - 1 : hit.start()], hit.string[hit.end() : hit.end() + 1]
    is_word = hit[0][0] == "_" and (before.isalnum() or before == "_")
    return len(hit[0]) <= 3 and bool(after) and not after.isspace() and not is_word


def _closes(hit: re.Match[str]) -> bool:
    before, after = hit.string[hit.start() - 1 : hit.start()], hit.string[hit.end() : hit.end() + 1]
    is_word = hit[0][0] in "_~" and (after.isalnum() or after == "_")
    return bool(before) and not before.isspace() and not is_word
