"""What somebody sees in the Home tab: what waits for them, what they may do, what they used; for admins, forms. Pure.

The cards are short: a button shows each in full. `markdown` blocks are for messages alone (docs, "Markdown block"), so
what the words said as Markdown is read here, as far as they use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.slack.drawing.adminforms import LISTS_FORM, ROLE_FORM
from adapters.slack.drawing.blocks import (
    Line,
    actions,
    button,
    code,
    items,
    moment,
    named,
    plain,
    rich,
    section,
    small,
    user,
    words,
)
from adapters.slack.handlers import Body
from adapters.text import cut, short
from adapters.visible import exact
from bot.chat import Card

MAX_CARDS = 25
"""Slack: 100 blocks in a view (docs, "View object")."""
MAX_LINES, MAX_LINE_CHARS = 40, 600
NOTHING = "Nothing waits for you."
_NAME, _WORDS = 80, 240
_PERSON = re.compile(r"(?<![\w:/])slack:(?P<team>T[A-Z0-9]{1,30})/(?P<user>[UW][A-Z0-9]{1,30})(?!\w)")
_PART = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*")


@dataclass(frozen=True, slots=True)
class Overview:
    """What somebody may do and what they used, as the words `show` and `usage` say it."""

    rights: str
    usage: str
    is_admin: bool = False
    team: str = ""
    """The workspace whose people are shown by mentions."""


def home_view(cards: Sequence[Card], overview: Overview) -> Body:
    """The whole tab. `cards` are what waits for them, the oldest first."""
    blocks = [_title("What waits for you"), *_waiting(cards), {"type": "divider"}]
    blocks += [_title("What you may do"), *_read(overview.rights, overview.team)]
    if overview.usage:
        blocks += [_title("What you used"), *_read(overview.usage, overview.team)]
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


def _read(markdown: str, team: str) -> list[Body]:
    """Lines with items, bold and code in them, as far as there is room."""
    lines = [line for line in markdown.split("\n") if line.strip()]
    parts: list[Body] = []
    for is_item, some in _runs(lines[:MAX_LINES], team):
        parts.append(items(some) if is_item else section(some))
    if len(lines) > MAX_LINES:
        parts.append(section([[words(f"… and {len(lines) - MAX_LINES:,} more lines")]]))
    return [rich(*parts)] if parts else [rich(section([[words("…")]]))]


def _runs(lines: Iterable[str], team: str) -> list[tuple[bool, list[Line]]]:
    """Lines that follow each other and are items, or are none."""
    runs: list[tuple[bool, list[Line]]] = []
    for line in lines:
        is_item = line.startswith("- ")
        if not runs or runs[-1][0] != is_item:
            runs.append((is_item, []))
        runs[-1][1].append(_line(line.removeprefix("- "), team))
    return runs


def _line(text: str, team: str) -> Line:
    shown: list[Body] = []
    at = 0
    text = short(text, MAX_LINE_CHARS, exact)
    for part in _PART.finditer(text):
        shown += named(text[at : part.start()], team)
        shown += [code(part["code"])] if part["code"] else _bold(part["bold"], team)
        at = part.end()
    return [*shown, *named(text[at:], team)]


def _bold(text: str, team: str) -> list[Body]:
    """Text in bold; somebody's identity as a mention, and as it can be written again."""
    found = _PERSON.fullmatch(text)
    if found is None or found["team"] != team:
        return [words(text, is_bold=True)]
    return [user(found["user"]), words(" ("), code(text), words(")")]
