"""What people wrote on Discord as text for the service: mentions are names, the bot's own is gone. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import discord

from adapters.discord.places import PLATFORM
from adapters.spoken import shown_name, without_code

_MENTION = re.compile(r"<(?P<kind>@!?|@&|#)(?P<id>[0-9]{15,20})>")
_EMOJI = re.compile(r"<a?:(?P<name>\w{2,32}):[0-9]{15,20}>")
MAX_AHEAD = timedelta(days=1)
MAX_ID = (1 << 63) - 1


def event_id(message_id: int) -> str:
    """The id of the event that a message is."""
    return f"{PLATFORM}:{message_id}"


def message_id_of(event: str) -> int | None:
    """The message that an event is about; None for what is none of Discord's, or was no message (a command)."""
    platform, _, rest = event.partition(":")
    number = rest.partition(":")[0]
    return int(number) if platform == PLATFORM and number.isdigit() else None


def is_program(message: discord.Message) -> bool:
    """Whether no person wrote it: a bot, or a webhook."""
    return message.author.bot or message.webhook_id is not None


def is_sound(message: discord.Message, now: datetime) -> bool:
    """Whether its ids can be Discord's: a message of the year 2100 would put off everything that comes after it."""
    if not all(0 < one <= MAX_ID for one in (message.id, message.author.id, message.channel.id)):
        return False
    return message.created_at < now + MAX_AHEAD


def calls(text: str, ids: frozenset[int]) -> bool:
    """Whether the text mentions one of these people or roles, outside of code."""
    found = _MENTION.finditer(without_code(text))
    return any(int(hit["id"]) in ids for hit in found if hit["kind"] != "#")


def without_mentions(text: str) -> str:
    """The text without the ids that mentions are."""
    return _MENTION.sub(" ", text)


def readable(message: discord.Message, own: frozenset[int]) -> str:
    """What a message says, with names in the place of mentions, and without the bot's own mention (`own`: its id and
    that of its role)."""
    names = _names(message)
    text = _MENTION.sub(lambda hit: _named(hit, names, own), message.content)
    return _EMOJI.sub(lambda hit: f":{hit['name']}:", text).strip()


def _named(hit: re.Match[str], names: Mapping[str, Callable[[int], str | None]], own: frozenset[int]) -> str:
    number = int(hit["id"])
    if number in own and hit["kind"] != "#":
        return ""
    kind = hit["kind"].rstrip("!")
    name = names[kind](number)
    return hit[0] if name is None else f"{'#' if kind == '#' else '@'}{shown_name(name)}"


def _names(message: discord.Message) -> dict[str, Callable[[int], str | None]]:
    people = {person.id: person.display_name for person in message.mentions}
    guild = message.guild

    def role(number: int) -> str | None:
        found = guild.get_role(number) if guild is not None else None
        return None if found is None else found.name

    def channel(number: int) -> str | None:
        found = guild.get_channel_or_thread(number) if guild is not None else None
        return None if found is None else found.name

    return {"@": people.get, "@&": role, "#": channel}
