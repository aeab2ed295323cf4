"""One line of the model's Markdown as Discord may show it: nothing in it pings, opens, loads or hides. Pure.

Discord finds the closing mark of a style by looking through everything that follows, code included, so a style is kept
only where nothing between its marks could be taken for the end of it; every other mark is escaped.
"""

from __future__ import annotations

import re

from adapters.exact import code_span
from adapters.inline import ESCAPED, ESCAPES, PIECE, PIECES, Line, set_aside

_MAIL = re.compile(r"<[A-Za-z0-9.+_-]+@[A-Za-z0-9.-]+\.[A-Za-z]+>")
_MOMENT = re.compile(r"<t:-?\d{1,13}(?::[tTdDfFRsS])?>")
_EMOJI = re.compile(r"<a?(?P<name>:\w{1,64}:)\d+>")
_MENTION = re.compile(
    r"@(?:everyone|here)|<@[!&]?\d+>|<#\d+>|</[^<>`]{1,200}:\d+>|<id:[^\s<>`]{1,100}>"
    rf"|(?:discord\.(?:gg|gift|new)|discord(?:app)?\.com/(?:invite|gifts))/[^\s<>`{PIECE}{ESCAPED}]+",
    re.IGNORECASE,
)
_LOUD = re.compile(r"@(?:everyone|here)", re.IGNORECASE)
_RUN = re.compile(rf"\*+|_+|~~+|[{PIECE}{ESCAPED}]")
_LITERAL = re.compile(rf"[{PIECE}{ESCAPED}]|<(?![\s\d=]|$)|\|\||-#|\[|\\(?![A-Za-z0-9 ])|(?P<run>\*+|_+|~~+)")


def inert_line(line: str, *, has_links: bool) -> str:
    """The words of one line, without what stands before them (quote marks, bullets, a heading's marks).

    `has_links`: does `](` stand anywhere in the whole text? Then a bracket could open a link over several lines.
    """
    return _Line(has_links).drawn(line)


class _Line(Line):
    def __init__(self, has_links: bool) -> None:
        super().__init__()
        self._has_links = has_links

    def drawn(self, line: str) -> str:
        text = self.with_links(self.without_code(line))
        text = _MOMENT.sub(self._kept, _named_emoji(text))
        text = _MAIL.sub(self._kept, self.with_autolinks(text))
        text = self.with_addresses(text)
        text = _MENTION.sub(lambda hit: self.piece(code_span(hit[0])), text)
        return self._escaped(text)

    def may_be_linked(self, target: str) -> bool:
        return not (_LOUD.search(target) or _MENTION.search(target))

    def drawn_code(self, content: str) -> str:
        if not re.search("``|^`|`$", content):
            return f"``{content}``" if "`" in content else f"`{content}`"
        if "``" in content:
            return code_span(content)
        return f"`` {content} ``"

    def _kept(self, hit: re.Match[str]) -> str:
        return self.piece(code_span(hit[0]) if _LOUD.search(hit[0]) else hit[0])

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
        if ord(mark[0]) >= ESCAPES:
            return self.text_of(mark)
        if is_kept or (mark == "[" and not self._has_links):
            return mark
        return "\\-#" if mark == "-#" else "".join(f"\\{char}" for char in mark)

    def _ends(self, mark: str) -> str | None:
        """The text whose marks would end a style around it; None for a mark that may begin or end one itself.

        Discord heeds an escape where it looks for the end of every style but of what is struck out."""
        if ord(mark[0]) >= PIECES:
            return self.text_of(mark)
        if ord(mark[0]) >= ESCAPES:
            return "~" if mark == set_aside("~") else ""
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


def _opens(hit: re.Match[str]) -> bool:
    """Can a style begin here? Not before a blank, nor within a word for `_`."""
    before, after = hit.string[hit.start() - 1 : hit.start()], hit.string[hit.end() : hit.end() + 1]
    is_word = hit[0][0] == "_" and (before.isalnum() or before == "_")
    return len(hit[0]) <= 3 and bool(after) and not after.isspace() and not is_word


def _closes(hit: re.Match[str]) -> bool:
    before, after = hit.string[hit.start() - 1 : hit.start()], hit.string[hit.end() : hit.end() + 1]
    is_word = hit[0][0] in "_~" and (after.isalnum() or after == "_")
    return bool(before) and not before.isspace() and not is_word
