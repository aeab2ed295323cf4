"""What was missed: looked for once after every new connection, in places the bot already talks in, a few hours back.

A message that was taken in before is known by its event id and starts nothing again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import discord
import structlog

from adapters.discord.places import channel_id, direct_user
from adapters.discord.sending import custom_ids
from bot.chat import Place, Room

log = structlog.get_logger()

MISSED_AT_MOST = timedelta(hours=6)
DIRECT_WITHIN = timedelta(days=7)
QUIET_AFTER = timedelta(days=2)
MAX_MESSAGES = 200
Take = Callable[[discord.Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Look:
    """Where to look, and from when on. `is_quiet`: nobody has written to the bot there for days, so that Discord is not
    asked about a thread that has been archived since."""

    channel_id: int
    guild_id: int
    after: datetime
    user_id: int | None = None
    is_quiet: bool = False


def looks(rooms: list[Room], now: datetime) -> list[Look]:
    """Where something may have been missed: each thread and channel once, since somebody last wrote to the bot there,
    and not further back than six hours. What was written in a thread says of its channel only that it had begun."""
    found: dict[Place, datetime] = {}
    lately: set[Place] = set()
    for room in rooms:
        last = datetime.fromtimestamp(room.at_ms / 1000, UTC)
        is_old_talk = direct_user(room.place) is not None and last < now - DIRECT_WITHIN
        for place in () if is_old_talk else (room.place, room.place.room):
            here = last if place == room.place else min(last, discord.utils.snowflake_time(int(room.place.thread)))
            found[place] = max(here, found.get(place, now - MISSED_AT_MOST))
            lately |= {place} if last > now - QUIET_AFTER else set()
    return [_look(place, after, is_quiet=place not in lately) for place, after in found.items()]


def _look(place: Place, after: datetime, *, is_quiet: bool) -> Look:
    if (user_id := direct_user(place)) is not None:
        return Look(0, 0, after, user_id)
    return Look(channel_id(place), int(place.workspace), after, is_quiet=is_quiet)


class Catchup:
    """Looks through the places the bot talks in. `is_live` tells whether a run is being shown by this process."""

    def __init__(self, client: discord.Client, *, take: Take, is_live: Callable[[str], bool]) -> None:
        self._client = client
        self._take = take
        self._is_live = is_live

    async def look(self, rooms: list[Room], *, now: datetime) -> bool:
        """Take what was missed; gives whether every place could be read. One place after the other: it is in no hurry,
        and the rate limits are for what people wait for."""
        seen, is_whole = 0, True
        for one in looks(rooms, now):
            try:
                seen += await self._look_in(one)
            except (discord.Forbidden, discord.NotFound) as err:
                log.info("catchup.not_read", channel=one.channel_id, why=str(err)[:100])
            except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as err:
                is_whole = False
                log.info("catchup.not_read", channel=one.channel_id, why=str(err)[:100])
        log.info("catchup.done", messages=seen, is_whole=is_whole)
        return is_whole

    async def _look_in(self, look: Look) -> int:
        channel = await self._channel(look)
        if channel is None:
            return 0
        seen = 0
        async for message in channel.history(limit=MAX_MESSAGES, after=look.after, oldest_first=True):
            seen += 1
            me = self._client.user
            if me is not None and message.author.id == me.id:
                await self._clear(message)
            else:
                await self._take(message)
        return seen

    async def _channel(self, look: Look) -> discord.abc.Messageable | None:
        """Where to read; None where Discord has said already that nothing is new."""
        if look.user_id is not None:
            return await self._client.create_dm(discord.Object(look.user_id))
        guild = self._client.get_guild(look.guild_id)
        if guild is None:
            return None
        channel = guild.get_channel_or_thread(look.channel_id)
        if channel is None and look.is_quiet:
            return None
        channel = channel or await guild.fetch_channel(look.channel_id)
        last = getattr(channel, "last_message_id", None)
        if last is not None and discord.utils.snowflake_time(last) <= look.after:
            return None
        return channel if isinstance(channel, discord.abc.Messageable) else None

    async def _clear(self, message: discord.Message) -> None:
        """Remove what an earlier process was showing of work that goes on elsewhere by now, or is over."""
        stops = [one for one in custom_ids(message.components) if one.startswith("nod:stop:")]
        if stops and not self._is_live(stops[0].removeprefix("nod:stop:")):
            try:
                await message.delete()
            except discord.HTTPException as err:
                log.info("draft.not_removed", code=err.code)
