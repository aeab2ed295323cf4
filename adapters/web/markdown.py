"""Draw the model's Markdown so that it is inert: it pings nobody, links nowhere and loads nothing.

Raw HTML is off and shown as text. A link shows its words and its address as plain text; an image likewise.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from adapters.visible import prose

MAX_MARKDOWN_CHARS = 50_000
"""Longer text is shown as it was written, without layout."""


class _Inert(RendererHTML):
    """markdown-it's HTML, without anything that can be followed or fetched, and without classes taken from the text."""

    def link_open(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        return '<span class="link">'

    def link_close(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        opened = _opening(tokens, idx)
        if opened.markup == "autolink":
            return "</span>"
        return f'</span> <span class="link-url">({_address(opened, "href")})</span>'

    def image(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        words = html.escape(tokens[idx].content) or "image"
        return f'<span class="link">{words}</span> <span class="link-url">({_address(tokens[idx], "src")})</span>'

    def fence(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        language = tokens[idx].info.strip().split(" ", 1)[0][:24]
        label = f'<span class="code-language">{html.escape(language)}</span>' if language else ""
        return f'<div class="code">{label}{_code(tokens[idx])}</div>\n'

    def code_block(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        return f'<div class="code">{_code(tokens[idx])}</div>\n'

    def table_open(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        return '<div class="table"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        return "</table></div>\n"

    def _cell_open(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        return f"<{tokens[idx].tag}>"

    td_open = _cell_open
    th_open = _cell_open

    def heading_open(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        return f"<{_lower_heading(tokens[idx].tag)}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, _options: object, _env: object) -> str:
        return f"</{_lower_heading(tokens[idx].tag)}>\n"


def _opening(tokens: Sequence[Token], closing: int) -> Token:
    """The `link_open` of this `link_close`: links do not nest, so it is the nearest one before."""
    return next(token for token in reversed(tokens[:closing]) if token.type == "link_open")


def _address(token: Token, attribute: str) -> str:
    return html.escape(prose(str(token.attrGet(attribute) or "")))


def _code(token: Token) -> str:
    return f'<pre tabindex="0"><code>{html.escape(token.content)}</code></pre>'


def _lower_heading(tag: str) -> str:
    """Headings of an answer stand below the page's own: h1 -> h3 ... h4 -> h6."""
    return f"h{min(int(tag[1:]) + 2, 6)}"


_parser = MarkdownIt(
    "commonmark", {"html": False, "linkify": False, "maxNesting": 100}, renderer_cls=cast("Any", _Inert)
)
_parser.enable(["table", "strikethrough"])


@lru_cache(maxsize=256)
def _render(text: str) -> str:
    return cast("str", _parser.render(text))


def markdown_html(text: str) -> str:
    """Give the HTML of the model's text. Holds no link, no image and no attribute taken from the text."""
    shown = prose(text)
    if len(shown) > MAX_MARKDOWN_CHARS:
        return plain_html(text)
    return _render(shown)


def plain_html(text: str) -> str:
    """The text as it was written, without layout."""
    return f'<p class="as-written">{html.escape(prose(text))}</p>'
