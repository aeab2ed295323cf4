"""How Slack reads a message's Markdown, as far as it is known: what is seen, and what is alive in it.

Slack's documentation calls it standard Markdown with tables ("Markdown block"), so a CommonMark parser reads it here.
Beside that Slack reads its own `<...>` wherever it stands, which is looked for in code too: whether Slack does is not
known. Entities are shown as characters and never read again.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

_OWN = re.compile(
    r"<(?P<ping>[@#][A-Za-z0-9]+|!(?:here|channel|everyone|group|(?:subteam|date)\^[^<>|]+))(?:\|[^<>\n]*)?>"
    r"|<[A-Za-z][A-Za-z0-9+.-]*:[^<>|\n]+(?P<label>\|[^<>\n]*)?>",
    re.IGNORECASE,
)
_LOUD = re.compile(r"(?<![\w`])@(?:here|channel|everyone)(?![A-Za-z0-9])", re.IGNORECASE)
_PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@dataclass
class Seen:
    """`text` is what is read outside code, `code` what stands in it, `alive` what pings, loads, hides or leads
    elsewhere than it says, `addresses` what is linked under its own name; `risen` become blocks of their own."""

    text: str = ""
    code: list[str] = field(default_factory=list)
    alive: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    risen: int = 0
    is_open: bool = False

    @property
    def everything(self) -> str:
        return "\n".join([self.text, *self.code])


def read(message: str) -> Seen:
    """What people see of a message."""
    seen = Seen()
    seen.alive += [own[0] for own in _OWN.finditer(message) if own["ping"] or own["label"]]
    for token in _flat(_PARSER.parse(message)):
        _take(token, seen)
    seen.is_open = message.count("```") % 2 == 1
    return seen


def _flat(tokens: list[Token]) -> Iterator[Token]:
    label: list[str] = []
    for token in tokens:
        if token.type == "inline":
            yield from _flat(token.children or [])
            continue
        if token.type == "link_open":
            label = []
        elif token.type == "link_close" and token.markup != "autolink":
            yield Token("label", "", 0, content="".join(label))
        label.append(token.content)
        yield token


def _take(token: Token, seen: Seen) -> None:
    match token.type:
        case "text":
            seen.text += token.content
            seen.alive += _LOUD.findall(token.content)
        case "softbreak" | "hardbreak" | "paragraph_close" | "td_close" | "th_close" | "heading_close":
            seen.text += "\n"
        case "code_inline" | "fence" | "code_block":
            seen.code.append(html.unescape(token.content) if token.type != "code_block" else token.content)
        case "link_open":
            seen.addresses.append(str(token.attrs["href"]))
        case "label":
            if seen.addresses[-1] != token.content:
                seen.alive.append(f"[{token.content}]({seen.addresses[-1]})")
        case "image" | "html_inline" | "html_block":
            seen.alive.append(token.content or token.type)
        case "heading_open" | "hr" | "table_open":
            seen.risen += 1
        case _:
            pass
