"""Messages the bot posts into other channels, as the tools expect them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from bot import chat
from bot.engine.types import Actor, Place
from bot.errors import ToolError
from bot.storage.reading import Reader


class ChannelPosts:
    """Implements `bot.tools.context.Posts`: the target's adapter says who may have something posted there."""

    def __init__(self, reader: Reader, adapters: Mapping[str, chat.ChatAdapter], clock: Callable[[], int]) -> None:
        self._reader = reader
        self._adapters = adapters
        self._clock = clock

    def channels(self) -> list[str]:
        return [f"{platform}:{channel}" for platform, one in self._adapters.items() for channel in one.channels()]

    async def post(self, actor: Actor, from_place: Place, channel: str, text: str, key: str) -> str:
        """Post once per key. Raises `ToolError` when there is no such channel, or this person may not."""
        platform, _, name = channel.rpartition(":")
        platform = platform or from_place.platform
        name = name.removeprefix("#")
        adapter = self._adapters.get(platform)
        if adapter is None or not name:
            known = ", ".join(self.channels()) or "none"
            raise ToolError(f"There is no channel {channel[:100]!r}. Channels: {known}.")
        if why := adapter.may_post(actor, name):
            raise ToolError(why)
        place = Place(platform, from_place.workspace if platform == from_place.platform else "", name, _thread(key))
        at_ms = self._clock()
        if await self._reader.add_post(place, text, key=key, at_ms=at_ms):
            await adapter.show(place, chat.Answered("", text, at_ms))
        return f"Posted to #{name}."


def _thread(key: str) -> str:
    """A thread of its own for each post, the same one when it is posted again."""
    return hashlib.sha256(key.encode()).hexdigest()[:20]
