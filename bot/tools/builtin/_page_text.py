"""From the HTML of a page to the text a person would read. Pure, and bounded in time."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

_DROPPED = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "object", "canvas"})
_NOISE = frozenset({"nav", "footer", "aside", "form", "dialog", "select", "button"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_PARAGRAPHS = frozenset(
    {
        "address",
        "article",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hr",
        "html",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "ul",
    }
)
_LINES = frozenset({"br", "tr", "li", "option"})
_HEADINGS = {"h1": "# ", "h2": "## ", "h3": "### ", "h4": "#### ", "h5": "##### ", "h6": "###### "}
_BLANKS = re.compile(r"[ \t\r\f\v\u00a0]+")
_MAX_SECONDS = 5.0


def page_text(html: str, *, max_seconds: float = _MAX_SECONDS) -> tuple[str, str]:
    """Give title and readable text of a page, without scripts, styles and navigation.

    Malformed pages make `html.parser` slow (CPython issue 135462): after `max_seconds` what was read so far is given.
    """
    title, text = _read(html, _DROPPED | _NOISE, max_seconds)
    # a page that never closes its <nav>, or that is nothing else
    return (title, text) if text else _read(html, _DROPPED, max_seconds)


def _read(html: str, skipped: frozenset[str], max_seconds: float) -> tuple[str, str]:
    reader = _Reader(skipped, time.monotonic() + max_seconds)
    try:
        reader.feed(html)
        reader.close()
    except _OutOfTime:
        pass
    return _tidy(reader.title).replace("\n", " "), _tidy("".join(reader.pieces))


def _tidy(text: str) -> str:
    lines = [line.strip() for line in _BLANKS.sub(" ", text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _OutOfTime(Exception):
    pass


class _Reader(HTMLParser):
    def __init__(self, skipped: frozenset[str], deadline: float) -> None:
        super().__init__(convert_charrefs=True)
        self.skipped = skipped
        self.deadline = deadline
        self.pieces: list[str] = []
        self.title = ""
        self._open_skipped: list[str] = []
        self._is_title = False
        self._pre_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._check_time()
        if tag in self.skipped:
            self._open_skipped.append(tag)
        elif tag == "title":
            self._is_title = not self.title and not self._open_skipped
        elif not self._open_skipped:
            self._begin(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID or tag not in self.skipped:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._check_time()
        if tag in self._open_skipped:
            # what was opened inside and never closed ends with it
            while self._open_skipped.pop() != tag:
                pass
        elif tag == "title":
            self._is_title = False
        elif not self._open_skipped:
            self._end(tag)

    def handle_data(self, data: str) -> None:
        self._check_time()
        if self._is_title:
            self.title += data
        elif not self._open_skipped:
            self.pieces.append(data if self._pre_depth else data.replace("\n", " "))

    def _begin(self, tag: str) -> None:
        if tag in _HEADINGS:
            self.pieces.append(f"\n\n{_HEADINGS[tag]}")
        elif tag == "li":
            self.pieces.append("\n- ")
        elif tag in ("td", "th"):
            self.pieces.append(" | ")
        elif tag in _LINES:
            self.pieces.append("\n")
        elif tag in _PARAGRAPHS:
            self.pieces.append("\n\n")
        self._pre_depth += tag == "pre"

    def _end(self, tag: str) -> None:
        if tag in _PARAGRAPHS or tag in _HEADINGS:
            self.pieces.append("\n\n")
        if tag == "pre":
            self._pre_depth = max(0, self._pre_depth - 1)

    def _check_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise _OutOfTime
