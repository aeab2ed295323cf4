"""Messages the bot posts into other channels, as the tools expect them."""

from __future__ import annotations

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

    def refusal(self, actor: Actor, from_place: Place, channel: str) -> str | None:
        """None when this person may have something posted there, else a sentence that says why not."""
        _, found = self._target(actor, from_place, channel, "")
        return found if isinstance(found, str) else None

    async def post(self, actor: Actor, from_place: Place, channel: str, text: str, key: str) -> str:
        """Post once per key. Raises `ToolError` when there is no such channel, or this person may not."""
        name, found = self._target(actor, from_place, channel, key)
        if isinstance(found, str):
            raise ToolError(found)
        await self._reader.add_post(found, text, key=key)
        self._deliver(found)
        return f"Posted to #{name}."

    def _target(self, actor: Actor, from_place: Place, channel: str, key: str) -> tuple[str, Place | str]:
        """The channel's own name, and where the post goes or why it may not: `name` is in the platform it is asked for
        in, `platform:name` in another."""
        platform, colon, rest = channel.partition(":")
        name = (rest if colon else channel).removeprefix("#")
        adapter = self._adapters.get(platform if colon else from_place.platform)
        if adapter is None:
            known = ", ".join(self._adapters) or "none"
            why = f"There is no channel {channel[:100]!r}: write its name, after one of these and a colon: {known}."
            return name, why
        return name, adapter.target(actor, name, key)
