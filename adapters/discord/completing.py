"""What is offered while an option is typed: how the service would complete the line, cut down to the option's value.

What comes of it is a proposal; whatever is sent in the end is read and checked by the service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from discord import app_commands

from adapters.discord.forms import Completes
from bot.chat import Actor, ChatService, Completion, Place

MAX_CHOICES = 25
MAX_CHARS = 100
"""Discord: choices of an autocompletion, and the length of each (docs, "Application Command Option Choice")."""
BEFORE: dict[Completes, tuple[str, str]] = {
    "tool": ("explain ", "reset - "),
    "role": ("", "role - "),
    "approver": ("", "approver - "),
    "duration": ("", "allow - - "),
    "grant": ("approve - ", ""),
    "grant_id": ("revoke ", "revoke "),
    "model": ("model ", ""),
    "change": ("", "simulate "),
}
"""The line before the value, after `/nod` and after `/nod-admin`: completing goes by the position in the line alone."""
_LISTED = re.compile(r"(.*[\s,])?(\S*)", re.DOTALL)
Choices = list[app_commands.Choice[str]]


async def offered(
    service: ChatService, place: Place, actor: Actor, kind: Completes, typed: str, *, is_admin: bool
) -> Choices:
    """The choices for what was typed so far, the likeliest first."""
    if kind == "approval":
        return _choices(await _approvals(service, actor, typed.strip()))
    before = BEFORE[kind][is_admin]
    if not before:
        return []
    if kind in ("duration", "grant"):
        found = await service.complete(place, actor, before, is_admin=is_admin)
        return _choices(_begun(typed, (one.removeprefix("for ") for one in _values(found, before))))
    head, last = ("", typed) if kind == "change" else _head(typed)
    found = await service.complete(place, actor, before + last, is_admin=is_admin)
    return _choices((head + one, head + one) for one in _values(found, before))


def _head(typed: str) -> tuple[str, str]:
    """What stands already, and the word that is being typed: names may be listed with commas or blanks."""
    found = _LISTED.fullmatch(typed)
    return (found[1] or "", found[2]) if found else (typed, "")


def _values(found: Iterable[Completion], before: str) -> list[str]:
    return [one.words.removeprefix(before) for one in found if one.words.startswith(before)]


def _begun(typed: str, values: Iterable[str]) -> list[tuple[str, str]]:
    begun = typed.strip().lower().removeprefix("for ")
    return [(one, one) for one in values if one.startswith(begun)]


async def _approvals(service: ChatService, actor: Actor, typed: str) -> list[tuple[str, str]]:
    """What waits for this person, by what it is: the id alone says nothing."""
    cards = await service.pending(actor)
    named = [(f"{card.approval_id[:8]} {card.tool} for {card.requester_name}", card.approval_id) for card in cards]
    return [(name, one) for name, one in named if typed.lower() in name.lower() or one.startswith(typed)]


def _choices(found: Iterable[tuple[str, str]]) -> Choices:
    """What Discord takes: a value that is too long is not offered, as cut it would be another one."""
    unique = {value: name for name, value in found if 0 < len(value) <= MAX_CHARS}
    return [app_commands.Choice(name=name[:MAX_CHARS], value=value) for value, name in unique.items()][:MAX_CHOICES]
