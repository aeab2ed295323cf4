"""Places of Slack in our words, and back. A thread is a conversation of its channel.

A direct talk is known by the person it is with, and each thing said at its top begins a conversation of its own, as
Slack's Messages tab shows it.
"""

from __future__ import annotations

from bot.chat import Place

PLATFORM = "slack"
DIRECT = "@"
"""Before the id of the person a direct talk is with."""


def place_in(team: str, channel: str, thread: str = "") -> Place:
    """The place of a thread of a channel, or of the channel itself. `thread` is the `ts` of its first message."""
    return Place(PLATFORM, team, channel, thread)


def direct_place(team: str, user: str, thread: str = "") -> Place:
    """The direct talk with a person, or a thread of it."""
    return Place(PLATFORM, team, f"{DIRECT}{user}", thread)


def direct_user(place: Place) -> str | None:
    """The id of the person a direct talk is with; None for a channel."""
    return place.channel.removeprefix(DIRECT) if place.channel.startswith(DIRECT) else None


def event_id(team: str, channel: str, ts: str) -> str:
    """The event of a message, however it is reported: a mention comes twice, as itself and as a message."""
    return f"{PLATFORM}:{team}:{channel}:{ts}"
