"""Where a place is on Discord: its channel, its thread, which may have to be opened first, or a direct talk."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

import discord

from adapters.discord.messages import without_mentions
from adapters.discord.places import channel_id, direct_user
from adapters.recent import Latest
from adapters.visible import is_blank, prose
from bot.chat import Place
from bot.errors import PlaceGone, SendError

Open = discord.PartialMessageable | discord.DMChannel
"""Where messages can be sent."""
MAX_KNOWN = 10_000
MAX_TITLE_CHARS = 80
THREAD_EXISTS = 160004
NO_SUCH_BEGINNING = frozenset({THREAD_EXISTS, 10008, 50024, 160006})
"""There is a thread on it already, there is no such message, this kind of channel has none: then it is sent to as it
is, and that says whether it is there."""
UNTITLED = "Question"


class Rooms:
    """Opens places. What was opened is remembered, so that a thread is asked for once in a process."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._opened: Latest[int, None] = Latest(MAX_KNOWN)
        self._titles: Latest[int, tuple[str, int]] = Latest(MAX_KNOWN)
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def expect(self, message_id: int, title: str, asker_id: int) -> None:
        """A thread will be wanted on this message: how it is to be called, and who belongs into it."""
        self._titles[message_id] = (title_of(title), asker_id)

    async def open(self, place: Place) -> Open:
        """The channel of a place, which exists from now on. Raises `SendError` before there is a connection and for a
        server in an outage, `PlaceGone` for a server the bot is not in, and `discord.HTTPException`."""
        if not self._client.is_ready():
            raise SendError("I am not connected to Discord yet.")
        if (user_id := direct_user(place)) is not None:
            return await self._client.create_dm(discord.Object(user_id))
        guild_id = int(place.workspace)
        if (guild := self._client.get_guild(guild_id)) is None:
            raise PlaceGone("I am not in that server any more.")
        if guild.unavailable:
            raise SendError("Discord has an outage of that server.")
        if place.thread:
            await self._open_thread(guild_id, int(place.channel), int(place.thread))
        return self._client.get_partial_messageable(channel_id(place), guild_id=guild_id)

    async def _open_thread(self, guild_id: int, parent_id: int, thread_id: int) -> None:
        lock = self._locks.setdefault(thread_id, asyncio.Lock())
        async with lock:  # whoever types, shows and answers come to it at once
            if thread_id not in self._opened and self._client.get_channel(thread_id) is None:
                await self._make_thread(guild_id, parent_id, thread_id)

    async def _make_thread(self, guild_id: int, parent_id: int, thread_id: int) -> None:
        title, asker_id = self._titles.pop(thread_id, ("", 0))
        message = self._client.get_partial_messageable(parent_id, guild_id=guild_id).get_partial_message(thread_id)
        try:
            thread = await message.create_thread(name=title or title_of((await message.fetch()).content))
            if asker_id:
                await thread.add_user(discord.Object(asker_id))
        except discord.HTTPException as err:
            if err.code not in NO_SUCH_BEGINNING:
                raise
        self._opened[thread_id] = None


def title_of(text: str) -> str:
    """What a thread for this question is called."""
    words = without_mentions(text)
    return UNTITLED if is_blank(words) else " ".join(prose(words).split())[:MAX_TITLE_CHARS].rstrip()
