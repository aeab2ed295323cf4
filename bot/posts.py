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

    def __init__(
        self, reader: Reader, adapters: Mapping[str, chat.ChatAdapter], deliver: Callable[[Place], None]
    ) -> None:
        self._reader = reader
        self._adapters = adapters
        self._deliver = deliver

    def channels(self) -> list[str]:
        return [f"{platform}:{channel}" for platform, one in self._adapters.items() for channel in one.channels()]

    def refusal(self, actor: Actor, from_place: Place, channel: str) -> str | None:
        """None when this person may have something posted there, else a sentence that says why not."""
        adapter, name = self._target(from_place, channel)
        if adapter is None or name not in adapter.channels():
            known = ", ".join(self.channels()) or "none"
            return f"There is no channel {channel[:100]!r}. Channels: {known}."
        return adapter.may_post(actor, name)

    async def post(self, actor: Actor, from_place: Place, channel: str, text: str, key: str) -> str:
        """Post once per key. Raises `ToolError` when there is no such channel, or this person may not."""
        if why := self.refusal(actor, from_place, channel):
            raise ToolError(why)
        adapter, name = self._target(from_place, channel)
        assert adapter is not None, "a target that does not exist was refused"
        workspace = from_place.workspace if adapter.platform == from_place.platform else ""
        place = Place(adapter.platform, workspace, name, _thread(key))
        await self._reader.add_post(place, text, key=key)
        self._deliver(place)
        return f"Posted to #{name}."

    def _target(self, from_place: Place, channel: str) -> tuple[chat.ChatAdapter | None, str]:
        platform, _, name = channel.rpartition(":")
        return self._adapters.get(platform or from_place.platform), name.removeprefix("#")


def _thread(key: str) -> str:
    """A thread of its own for each post, the same one when it is posted again."""
    return hashlib.sha256(key.encode()).hexdigest()[:20]
