"""A call of the Web API as its method gets it, and the checks that many methods share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.adapters.slack.wire.messages import Json, Message
from tests.adapters.slack.wire.refusals import Refused, invalid
from tests.adapters.slack.wire.world import Channel, Install, User, World

TRUE = (True, 1, "1", "true", "True")


@dataclass(frozen=True, slots=True)
class Ask:
    """A call of a method by the bot of a workspace."""

    world: World
    install: Install
    method: str
    args: Json

    def need(self, name: str) -> str:
        """An argument that has to be there. Raises Refused."""
        value = self.args.get(name)
        if value is None or value == "":
            raise invalid("invalid_arguments", f"missing required field: {name}")
        return str(value)

    def text(self, name: str) -> str:
        return str(self.args.get(name) or "")

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.args.get(name)
        return default if value is None else value in TRUE

    def number(self, name: str, default: int) -> int:
        """Raises Refused for what is no number."""
        value = self.args.get(name)
        try:
            return default if value in (None, "") else int(str(value))
        except ValueError:
            raise invalid("invalid_arguments", f"must be an integer: {name}") from None

    def data(self, name: str, error: str = "invalid_arguments") -> Any:
        """An argument that is JSON, whether it came as itself or written out. Raises Refused."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise Refused(error) from None


Method = Callable[[Ask], Json]
"""Gives what the answer holds beside `ok`. Raises Refused."""


def room(ask: Ask, name: str = "channel") -> Channel:
    """The channel that is named, if the bot's workspace has it and the bot can see it. Raises Refused."""
    channel = ask.world.channels.get(ask.need(name))
    team = ask.install.team
    if channel is None or team not in (channel.team, *channel.shared_with):
        raise Refused("channel_not_found")
    if channel.kind != "channel" and ask.install.user not in channel.members:
        raise Refused("channel_not_found")
    return channel


def room_of_bot(ask: Ask, name: str = "channel") -> Channel:
    """A channel the bot is in. Raises Refused."""
    channel = room(ask, name)
    if ask.install.user not in channel.members:
        raise Refused("not_in_channel")
    return channel


def open_room(ask: Ask, name: str = "channel") -> Channel:
    """A channel the bot can write in. Raises Refused."""
    channel = room_of_bot(ask, name)
    if channel.is_archived:
        raise Refused("is_archived")
    return channel


def anybody(ask: Ask, user_id: str) -> User:
    """Somebody of any workspace. Raises Refused."""
    user = ask.world.users.get(user_id)
    if user is None:
        raise Refused("user_not_found")
    return user


def person(ask: Ask, user_id: str) -> User:
    """Somebody the bot's workspace knows: of its own, or met in a shared channel. Raises Refused."""
    user = anybody(ask, user_id)
    if user.team != ask.install.team and not any(
        user.id in channel.members and ask.install.team in (channel.team, *channel.shared_with)
        for channel in ask.world.channels.values()
    ):
        raise Refused("user_not_found")
    return user


def message_in(ask: Ask, channel: Channel, ts: str, error: str = "message_not_found") -> Message:
    """A message of a channel. Raises Refused."""
    found = ask.world.message(channel.id, ts)
    if found is None:
        raise Refused(error)
    return found


def paged(ask: Ask, everything: Sequence[Any], *, default: int = 100, most: int = 1000) -> tuple[list[Any], Json]:
    """A page of what there is, and where the next one begins (docs, "Pagination"). Raises Refused."""
    limit = min(ask.number("limit", default) or default, most, ask.world.rules.page_size)
    cursor = ask.text("cursor")
    if cursor and not (cursor.startswith("next:") and cursor.removeprefix("next:").isdecimal()):
        raise Refused("invalid_cursor")
    start = int(cursor.removeprefix("next:")) if cursor else 0
    page = list(everything[start : start + limit])
    is_more = start + limit < len(everything)
    return page, {"next_cursor": f"next:{start + limit}" if is_more else ""}
