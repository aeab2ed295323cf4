"""Draw an approval as a card of Discord's: the exact call, who may decide, and what became of it. Pure.

No text of others can leave its place: names and sentences are escaped, arguments stand in code that cannot be closed
from within, and the card's first and last words are the bot's own.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

import discord
from discord import ui

from adapters import ids, wording
from adapters.discord import places
from adapters.discord.choices import can_edit, edit_modal, offers_view, reason_modal
from adapters.discord.markup import short_code, shortened, size
from adapters.exact import code_block
from adapters.visible import exact_json
from bot.chat import Card

__all__ = ["Drawn", "draw_card", "edit_modal", "offers_view", "reason_modal"]

MAX_CARD_CHARS = 4_000
"""Discord: all the text of a message's components (docs, "Component Reference")."""
MAX_ARGUMENT_CHARS = 200_000
MAX_FILE_BYTES = 8_000_000
"""Longer arguments are not shown in full, so the card has no Approve button. Discord: 10 MiB a file."""
FILE_NAME = "arguments.json"
COLOURS = {"pending": 0xF0B132, "approved": 0x23A55A, "denied": 0xDA373C, "expired": 0x80848E, "cancelled": 0x80848E}

_NAME, _WORDS, _MANY = 80, 240, 400
_PERSON = re.compile(r"discord:(?:\d{1,20}/)?(?P<user>\d{1,20})")
_NAMED = re.compile(rf"(?P<group>\bgroup:)?{_PERSON.pattern}")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card as a message: `files` are what its File components show; the same look has the same `fingerprint`."""

    view: ui.LayoutView
    files: tuple[tuple[str, bytes], ...]
    fingerprint: str


def draw_card(card: Card, *, is_copy: bool, in_full: bool = True) -> Drawn:
    """The card as it is now. `is_copy`: it stands elsewhere than where it was asked. `in_full`: only those see it who
    may see a private call's arguments."""
    is_open = in_full or not card.is_private
    top, foot = _head(card), _facts(card, is_copy=is_copy, is_open=is_open)
    arguments = _arguments(card, MAX_CARD_CHARS - size(top) - size(foot)) if is_open else _Hidden
    container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=COLOURS[card.state])
    container.add_item(ui.TextDisplay(top))
    container.add_item(ui.TextDisplay(arguments.text))
    for name, _ in arguments.files:
        container.add_item(ui.File(f"attachment://{name}"))
    container.add_item(ui.TextDisplay(foot))
    for row in _rows(card, arguments, is_copy=is_copy, is_open=is_open):
        container.add_item(row)
    view = ui.LayoutView(timeout=None)
    view.add_item(container)
    view.stop()  # discord.py keeps nothing of it: its buttons are known by their ids
    return Drawn(view, arguments.files, _fingerprint(view, arguments.files))


def _fingerprint(view: ui.LayoutView, files: tuple[tuple[str, bytes], ...]) -> str:
    components: list[dict[str, object]] = view.to_components()  # type: ignore[no-untyped-call]  # of discord.py
    drawn = hashlib.sha256(json.dumps(components, sort_keys=True).encode())
    for name, content in files:
        drawn.update(name.encode() + b"\0" + content)
    return drawn.hexdigest()[:32]


# --- arguments -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Arguments:
    """What a card shows of its arguments. `is_whole`: all of it, in the text or in a file."""

    text: str
    files: tuple[tuple[str, bytes], ...] = ()
    is_whole: bool = True


_Hidden = _Arguments(wording.PRIVATE, is_whole=False)


def _arguments(card: Card, room: int) -> _Arguments:
    text = card.arguments
    if len(text) <= room and size(block := code_block(text, "json")) <= room:
        return _Arguments(block)
    content = exact_json(text).encode() if len(text) <= MAX_ARGUMENT_CHARS else b""
    is_whole = 0 < len(content) <= MAX_FILE_BYTES
    where = (
        f"all of them are in `{FILE_NAME}` below: read it before you decide"
        if is_whole
        else "too long to be shown in full, so this cannot be approved here"
    )
    files = ((FILE_NAME, content),) if is_whole else ()
    return _Arguments(_ends(text, room, where), files, is_whole)


def _ends(text: str, room: int, where: str) -> str:
    """The beginning and the end of arguments, with how long they are."""
    kept = min(room, len(text)) // 2
    while True:
        head, tail = text[:kept], text[-kept:]
        left_out = len(text) - 2 * kept
        note = f"**{len(text):,} characters of arguments**, {where}. Between these ends, {left_out:,} are left out."
        shown = f"{note}\n{code_block(head)}\n…\n{code_block(tail)}"
        if size(shown) <= room:
            return shown
        kept -= 1 + kept // 16


# --- what stands around them -----------------------------------------------------------------------------------------


def _head(card: Card) -> str:
    lines = [f"### {wording.CARD_WORDS[card.state]}: {short_code(card.tool, _NAME)}"]
    if card.about:
        lines.append(shortened(card.about, _WORDS))
    if card.edited_by:
        lines.append(f"Arguments edited by **{shortened(card.edited_by, _NAME)}**")
    return "\n".join(lines)


def _facts(card: Card, *, is_copy: bool, is_open: bool) -> str:
    """Everything below the arguments, the bot's own words last."""
    rows = [
        ("Asked by", _asker(card)),
        ("Asked in", _where(card) if is_copy else ""),
        ("May decide", _deciders(card)),
        ("Why it asks", shortened(card.rule, _WORDS)),
        ("The model says", f"“{shortened(card.why, _MANY)}”" if card.why and is_open else ""),
        ("Approved so far", _voters(card) if card.state == "pending" else ""),
        ("Missing", shortened(card.missing, _WORDS) if card.state == "pending" and card.missing != card.asks else ""),
        ("Expires", moment(card.expires_ms, "R") if card.state == "pending" else ""),
    ]
    shown = [f"**{name}:** {value}" for name, value in rows if value]
    return "\n".join([*shown, *(_decided(card, is_open=is_open) if card.state != "pending" else [_ask(card, is_open)])])


def _ask(card: Card, is_open: bool) -> str:
    """The last line of a card that waits."""
    return f"-# {wording.NOTHING_RUNS if is_open else wording.LOOK}"


def _asker(card: Card) -> str:
    name = shortened(card.requester_name, _NAME)
    person = _PERSON.fullmatch(card.requester)
    key = f"<@{person['user']}>" if person else short_code(card.requester, _NAME)
    return f"{name} ({key})" if card.requester_name and card.requester_name != card.requester else key


def _deciders(card: Card) -> str:
    """Who may decide, in words, and the people and roles it names by their ids."""
    asker = card.requester_name or card.requester
    words = shortened(card.asks or wording.approver(card.approver, asker, lambda key: key), _WORDS)
    named = dict.fromkeys(
        f"<@{'&' if found['group'] else ''}{found['user']}>" for found in _NAMED.finditer(card.approver)
    )
    mentions = " ".join([*named][:10])
    return f"{words} ({mentions})" if mentions else words


def _where(card: Card) -> str:
    """Where it was asked: a channel's or thread's own mention opens it, for those who may see it."""
    if card.place.platform != places.PLATFORM:
        return short_code(str(card.place), _NAME)
    if card.place.channel.startswith(places.DIRECT):
        return "a direct talk"
    channel = card.place.thread or card.place.channel
    return f"<#{channel}>" if channel.isascii() and channel.isdigit() else short_code(str(card.place), _NAME)


def _voters(card: Card) -> str:
    """Who has approved, by name."""
    names = [shortened(name, _NAME) for name in card.approved_by[:5]]
    more = len(card.approved_by) - len(names)
    return ", ".join([*names, *([f"{more} more"] if more > 0 else [])])


def _decided(card: Card, *, is_open: bool) -> list[str]:
    by = f" by **{shortened(card.decided_by, _NAME)}**" if card.decided_by else ""
    when = f" {moment(card.decided_ms, 'f')}" if card.decided_ms is not None else ""
    if card.state == "approved" and len(card.approved_by) > 1:
        by = f" by **{_voters(card)}**"
    elif card.approved_by and card.state != "approved":
        when += f" (approved before by {_voters(card)})"
    lines = [f"**{wording.CARD_WORDS[card.state]}**{by}{when}"]
    if card.granted and is_open:
        lines.append(shortened(card.granted, _WORDS))
    if card.reason:
        lines.append(f"“{shortened(card.reason, _MANY)}”")
    return [*lines, f"-# {wording.outcome(card.state, card.outcome) or wording.NOT_STARTED}"]


def moment(at_ms: int, style: str) -> str:
    """A point in time, which Discord words in the reader's own language and time zone."""
    seconds = at_ms // 1000
    return f"<t:{seconds}:{style}>" if abs(seconds) <= 8_640_000_000_000 else "at an unknown time"


# --- buttons ---------------------------------------------------------------------------------------------------------


def _rows(card: Card, arguments: _Arguments, *, is_copy: bool, is_open: bool) -> list[ui.ActionRow[ui.LayoutView]]:
    rows = (
        [_open_buttons(card, arguments), _together(card, arguments)] if is_open else [[_button(card, "look", "Look")]]
    )
    shown = rows if card.state == "pending" else []
    if is_copy and (link := _link(card)):
        shown = [*shown, [ui.Button(label="Go to where it was asked", url=link)]]
    return [ui.ActionRow(*buttons) for buttons in shown if buttons]


def _open_buttons(card: Card, arguments: _Arguments) -> list[ui.Button[ui.LayoutView]]:
    refusing = [
        _button(card, "deny", "Deny", discord.ButtonStyle.danger),
        _button(card, "reason", "Deny with reason"),
    ]
    if not arguments.is_whole:
        return refusing
    buttons = [_button(card, "approve", "Approve", discord.ButtonStyle.success), refusing[0], refusing[1]]
    if can_edit(card):
        buttons.append(_button(card, "edit", "Edit"))
    if card.offers:
        buttons.append(_button(card, "longer", "Always…"))
    return buttons


def _together(card: Card, arguments: _Arguments) -> list[ui.Button[ui.LayoutView]]:
    """The buttons for everything that was asked for with this."""
    if not card.together:
        return []
    deny = _button(card, "none", f"Deny all {card.together_count}", discord.ButtonStyle.danger, card.together)
    if not arguments.is_whole:
        return [deny]
    return [
        _button(card, "all", f"Approve all {card.together_count}", discord.ButtonStyle.success, card.together),
        deny,
    ]


def _button(
    card: Card,
    verb: ids.Verb,
    label: str,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    token: str = "",
) -> ui.Button[ui.LayoutView]:
    return ui.Button(style=style, label=label, custom_id=ids.custom_id(verb, card.approval_id, token))


def _link(card: Card) -> str:
    """The address of the place it was asked in; "" where it has none on Discord."""
    place = card.place
    parts = (place.workspace, place.thread or place.channel)
    is_channel = place.platform == places.PLATFORM and all(part.isascii() and part.isdigit() for part in parts)
    return places.link(place) if is_channel else ""
