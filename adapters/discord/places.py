"""Places of Discord in our words, and back. A server is a workspace; a thread is a conversation of its channel.

A private thread is a room of its own: what is kept there is not for everybody who sees the channel around it. A direct
talk is known by the person it is with, in the server in which that person has their rights.
"""

from __future__ import annotations

from typing import TypeAlias

import discord

from bot.chat import Place

PLATFORM = "discord"
DIRECT = "@"
"""Before the id of the person a direct talk is with."""
Channel: TypeAlias = "discord.abc.MessageableChannel | discord.interactions.InteractionChannel"


def place_in(guild_id: int, channel: Channel) -> Place:
    """The place of a channel or thread of a server."""
    if isinstance(channel, discord.Thread) and not channel.is_private():
        return Place(PLATFORM, str(guild_id), str(channel.parent_id), str(channel.id))
    return Place(PLATFORM, str(guild_id), str(channel.id))


def thread_of(room: Place, message_id: int) -> Place:
    """The place of the thread that is, or will be, opened on a message: Discord gives it the message's own id
    (docs, "Start Thread from Message")."""
    return Place(room.platform, room.workspace, room.channel, str(message_id))


def direct_place(workspace: str, user_id: int) -> Place:
    """The direct talk with a person whose rights are those they have in `workspace`."""
    return Place(PLATFORM, workspace, f"{DIRECT}{user_id}")


def direct_user(place: Place) -> int | None:
    """The person a direct talk is with; None for a channel."""
    return int(place.channel.removeprefix(DIRECT)) if place.channel.startswith(DIRECT) else None


def channel_id(place: Place) -> int:
    """The id of the channel or thread of a place that is no direct talk. Raises ValueError for what is no id."""
    return int(place.thread or place.channel)


def link(place: Place, message_id: int | None = None) -> str:
    """The address of a place, or of a message in it, as Discord's own clients open it."""
    where = f"https://discord.com/channels/{place.workspace}/{place.thread or place.channel}"
    return f"{where}/{message_id}" if message_id else where
