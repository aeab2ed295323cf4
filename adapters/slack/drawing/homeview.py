"""What somebody sees in the Home tab: what waits for them, what they may do, what they used; for admins, forms. Pure.

The cards are short: a button shows each in full. `markdown` blocks are for messages alone (docs, "Markdown block"), so
what the words said as Markdown is read here, as far as they use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.slack.door.handlers import Body
from adapters.slack.drawing.adminforms import LISTS_FORM, ROLE_FORM
from adapters.slack.drawing.blocks import Line, actions, button, code, items, moment, plain, rich, section, small, words
from adapters.text import cut, short
from adapters.visible import exact
from bot.chat import Card

MAX_CARDS = 25
"""Slack: 100 blocks in a view (docs, "View object")."""
MAX_LINES, MAX_LINE_CHARS = 40, 600
NOTHING = "Nothing waits for you."
_NAME, _WORDS = 80, 240
_PART = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*")


@dataclass(frozen=True, slots=True)
class Overview:
    """What somebody may do and what they used, as the words `show` and `usage` say it."""

    rights: str
    usage: str
    is_admin: bool = False


def home_view(cards: Sequence[Card], overview: Overview) -> Body:
    """The whole tab. `cards` are what waits for them, the oldest first."""
    blocks = [_title("What waits for you"), *_waiting(cards), {"type": "divider"}]
    blocks += [_title("What you may do"), *_read(overview.rights)]
    if overview.usage:
        blocks += [_title("What you used"), *_read(overview.usage)]
    if overview.is_admin:
        blocks += [{"type": "divider"}, _title("For admins"), actions(_FORMS)]
        blocks.append(small("All words for admins: /nod-admin help"))
    return {"type": "home", "blocks": blocks}


def approvals_modal(cards: Sequence[Card]) -> Body:
    """What waits for somebody, in a modal."""
    return {"type": "modal", "title": plain("What waits for you"), "close": plain("Close"), "blocks": _waiting(cards)}


_FORMS = [
    {"type": "button", "text": plain("Give a role…"), "action_id": ROLE_FORM},
    {"type": "button", "text": plain("Allow, ask or deny tools…"), "action_id": LISTS_FORM},
]


def _title(text: str) -> Body:
    return {"type": "header", "text": plain(text)}


# --- what waits ------------------------------------------------------------------------------------------------------


def _waiting(cards: Sequence[Card]) -> list[Body]:
    shown = [block for card in cards[:MAX_CARDS] for block in (_card(card), actions([button(card, "look", "Look")]))]
    more = len(cards) - MAX_CARDS
    note = [small(f"{more} more: /nod approvals lists them all.")] if more > 0 else []
    return [*shown, *note] or [rich(section([[words(NOTHING)]]))]


def _card(card: Card) -> Body:
    name, note = cut(card.tool, _NAME, _exact_line)
    asker = short(card.requester_name or card.requester, _NAME, _exact_line)
    who: Line = [words(", asked for by "), words(asker or "somebody", is_bold=True)]
    lines: list[Line] = [[code(name or " "), words(note), *who]]
    if card.about.strip():
        lines.append([words(short(card.about, _WORDS, _exact_line))])
    lines.append([words("Expires "), moment(card.expires_ms, "{date_short_pretty} at {time}")])
    return rich(section(lines))


def _exact_line(text: str) -> str:
    return exact(re.sub(r"\s*\n\s*", " ", text.strip()))


# --- what the words say ----------------------------------------------------------------------------------------------


def _read(markdown: str) -> list[Body]:
    """Lines with items, bold and code in them, as far as there is room."""
    lines = [line for line in markdown.split("\n") if line.strip()]
    parts: list[Body] = []
    for is_item, some in _runs(lines[:MAX_LINES]):
        parts.append(items(some) if is_item else section(some))
    if len(lines) > MAX_LINES:
        parts.append(section([[words(f"… and {len(lines) - MAX_LINES:,} more lines")]]))
    return [rich(*parts)] if parts else [rich(section([[words("…")]]))]


def _runs(lines: Iterable[str]) -> list[tuple[bool, list[Line]]]:
    """Lines that follow each other and are items, or are none."""
    runs: list[tuple[bool, list[Line]]] = []
    for line in lines:
        is_item = line.startswith("- ")
        if not runs or runs[-1][0] != is_item:
            runs.append((is_item, []))
        runs[-1][1].append(_line(line.removeprefix("- ")))
    return runs


def _line(text: str) -> Line:
    shown, at = [], 0
    text = short(text, MAX_LINE_CHARS, exact)
    for part in _PART.finditer(text):
        shown += [words(text[at : part.start()])]
        shown += [code(part["code"]) if part["code"] else words(part["bold"], is_bold=True)]
        at = part.end()
    return [*shown, words(text[at:])]
