"""Small words to build Slack's blocks of. Pure.

Text of others stands in `rich_text`: there nothing in it is markup, whatever it says (docs, "Rich text block"). Its
line ends are shown as such, and none of its elements is empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from adapters.ids import Verb, custom_id
from adapters.slack.handlers import Body
from adapters.text import size
from bot.chat import Card

MAX_ELEMENT = 3_000
MAX_MOMENT_S = 253_402_300_799
"""The last second of the year 9999."""
_NAMED = re.compile(
    r"(?<![\w:/])(?P<group>group[: ])?slack:(?P<team>T[A-Z0-9]{1,30})/(?P<id>[UWS][A-Z0-9]{1,30})(?!\w)"
)
Line = Sequence[Body]
"""The elements of one line."""


def words(text: str, *, is_bold: bool = False, is_italic: bool = False) -> Body:
    style = {name: True for name, is_so in (("bold", is_bold), ("italic", is_italic)) if is_so}
    return {"type": "text", "text": text, "style": style} if style else {"type": "text", "text": text}


def code(text: str) -> Body:
    return {"type": "text", "text": text, "style": {"code": True}}


def user(user_id: str) -> Body:
    """The mention of a person: it pings them where a message with it is sent."""
    return {"type": "user", "user_id": user_id}


def group(group_id: str) -> Body:
    """The mention of a user group: it pings its people where a message with it is sent."""
    return {"type": "usergroup", "usergroup_id": group_id}


def channel(channel_id: str) -> Body:
    return {"type": "channel", "channel_id": channel_id}


def named(text: str, team: str) -> list[Body]:
    """Text with the people and groups of this workspace, where it has their ids, as mentions."""
    shown: list[Body] = []
    at = 0
    for found in _NAMED.finditer(text):
        if found["team"] == team and bool(found["group"]) == (found["id"][0] == "S"):
            shown.append(words(text[at : found.start()]))
            shown.append(group(found["id"]) if found["group"] else user(found["id"]))
            at = found.end()
    return [*shown, words(text[at:])]


def link(url: str, text: str) -> Body:
    return {"type": "link", "url": url, "text": text}


def moment(at_ms: int, written: str) -> Body:
    """A point in time, which Slack words in the reader's own time zone (docs, "Date formatting", for `written`)."""
    at_s = at_ms // 1000
    if not 0 <= at_s <= MAX_MOMENT_S:
        return words("at an unknown time")
    fallback = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"type": "date", "timestamp": at_s, "format": written, "fallback": fallback}


def section(lines: Sequence[Line]) -> Body:
    """Lines one below the other."""
    shown: list[Body] = []
    for line in lines:
        shown += [*([words("\n")] if shown else []), *(one for one in line if one.get("text") != "")]
    return {"type": "rich_text_section", "elements": shown or [words(" ")]}


def items(lines: Sequence[Line]) -> Body:
    """Lines as a list with bullets."""
    return {"type": "rich_text_list", "style": "bullet", "elements": [section([line]) for line in lines]}


def preformatted(text: str) -> Body:
    """Text to the last character, in a block of code that nothing within can close."""
    cut = [text[at : at + MAX_ELEMENT] for at in range(0, len(text), MAX_ELEMENT)]
    return {"type": "rich_text_preformatted", "elements": [words(one) for one in cut or [" "]]}


def rich(*parts: Body) -> Body:
    return {"type": "rich_text", "elements": list(parts)}


def small(text: str) -> Body:
    """A sentence of the bot's own, in small letters."""
    return {"type": "context", "elements": [plain(text)]}


def plain(text: str) -> Body:
    """A text object in which nothing is markup (docs, "Text object")."""
    return {"type": "plain_text", "text": text, "emoji": False}


def button(card: Card, verb: Verb, label: str, *, style: str = "", token: str = "") -> Body:
    shown: Body = {"type": "button", "text": plain(label), "action_id": custom_id(verb, card.approval_id, token)}
    return {**shown, "style": style} if style else shown


def actions(buttons: Sequence[Body]) -> Body:
    return {"type": "actions", "elements": list(buttons)}


def weight(blocks: Sequence[Body]) -> int:
    """The length of a message's blocks as JSON: never less than what Slack counts of them, which is not known for
    certain (slackapi/bolt-js#2509, #2867)."""
    return size(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def view_weight(blocks: Sequence[Body]) -> int:
    """The length of a view's blocks as they are sent: Slack counts bytes (docs, "views.open", `view_too_large`)."""
    return len(json.dumps(blocks))
