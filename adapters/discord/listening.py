"""What was said in a channel since the bot last listened: from what it saw pass by, or else from Discord's history.

Without the Message Content intent others' words come empty, and nothing is heard of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TypeAlias

import aiohttp
import discord
import structlog

from adapters.discord.homes import Homes
from adapters.discord.messages import event_id, readable
from adapters.discord.people import actor_of
from adapters.spoken import MAX_HEARD, newest, with_files
from adapters.visible import is_blank
from bot.chat import Actor, Heard

log = structlog.get_logger()

MAX_CHAIN = 5
MAX_ASKED = 10
"""How many people Discord is asked about for one question; of more nobody knows what they are to the server."""
READ_S = 3.0
"""How long a question waits for one thing to be read: what is not there by then is not told."""
NOT_OLDER_THAN = timedelta(days=2)
_TALK = frozenset({discord.MessageType.default, discord.MessageType.reply})
_TROUBLE = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError, TimeoutError)
Channel: TypeAlias = "discord.abc.MessageableChannel | discord.interactions.InteractionChannel"


class Listening:
    """Remembers up to where it was told what was said. `since` says from when on the gateway has brought every
    message."""

    def __init__(self, client: discord.Client, homes: Homes, *, reads_along: bool, bots: frozenset[int]) -> None:
        self._client = client
        self._homes = homes
        self._reads_along = reads_along
        self._bots = bots
        self._told_upto: dict[int, int] = {}
        self.since: datetime | None = None

    async def before(self, message: discord.Message, own: frozenset[int], *, is_new: bool) -> tuple[Heard, ...]:
        """What was said before this message in its channel, oldest first, and what it replies to, wherever that
        stands. What was told already is left out, unless a new conversation begins (`is_new`)."""
        found = await self._said(message.channel, message.id, is_new=is_new) if message.guild is not None else {}
        found |= {one.id: one for one in await self._replied_to(message) if is_new or not self._is_own(one)}
        return await self._as_heard(found, own)

    async def before_command(
        self, channel: Channel, at: int, own: frozenset[int], *, is_new: bool
    ) -> tuple[Heard, ...]:
        """The same for a command, which is no message; `at` is its id."""
        return await self._as_heard(await self._said(channel, at, is_new=is_new), own)

    def told(self, channel_id: int, upto: int) -> None:
        """All that was said in a channel before this message is kept now."""
        self._told_upto[channel_id] = max(upto, self._told_upto.get(channel_id, 0))

    # --- what was said ---

    async def _said(self, channel: Channel, upto: int, *, is_new: bool) -> dict[int, discord.Message]:
        if not self._reads_along or not isinstance(channel, discord.abc.Messageable):
            return {}
        last = 0 if is_new else self._told_upto.get(channel.id, 0)
        found = [_starter(one) or one for one in await self._passed(channel, upto, last)]
        return {one.id: one for one in found if not self._is_own(one)}

    async def _passed(self, channel: discord.abc.Messageable, upto: int, last: int) -> list[discord.Message]:
        """The messages between these two, as far back as anybody remembers them."""
        oldest = discord.utils.time_snowflake(discord.utils.snowflake_time(upto) - NOT_OLDER_THAN)
        after = max(oldest, last)
        if self._saw_all_since(discord.utils.snowflake_time(after)):
            room = getattr(channel, "id", 0)
            passed = [one for one in self._client.cached_messages if one.channel.id == room]
            return [one for one in passed if after < one.id < upto][-MAX_HEARD:]
        found = await _read(channel.history(limit=MAX_HEARD, before=discord.Object(upto)))
        return [one for one in found if one.id > after]

    def _saw_all_since(self, moment: datetime) -> bool:
        """Whether every message since then has passed by and is still remembered."""
        if self.since is None or moment < self.since:
            return False
        cached = self._client.cached_messages
        return len(cached) < (self._client._connection.max_messages or 0) or cached[0].created_at <= moment

    async def _replied_to(self, message: discord.Message) -> list[discord.Message]:
        """The messages that this one replies to, and those they reply to in turn."""
        chain: list[discord.Message] = []
        one = message
        while len(chain) < MAX_CHAIN and (before := await self._reference(one)) is not None:
            chain.append(before)
            one = before
        return chain

    async def _reference(self, message: discord.Message) -> discord.Message | None:
        reference = message.reference
        if reference is None or reference.message_id is None or message.type is not discord.MessageType.reply:
            return None
        found = reference.cached_message or reference.resolved
        if isinstance(found, discord.Message):
            return found
        if isinstance(found, discord.DeletedReferencedMessage) or reference.channel_id != message.channel.id:
            return None
        try:
            async with asyncio.timeout(READ_S):
                return await message.channel.fetch_message(reference.message_id)
        except _TROUBLE as err:
            log.info("reply.not_found", kind=type(err).__name__)
            return None

    # --- as the service takes it ---

    async def _as_heard(self, found: dict[int, discord.Message], own: frozenset[int]) -> tuple[Heard, ...]:
        said = [(one, _words(one, own)) for _, one in sorted(found.items()) if self._is_talk(one)]
        kept = newest([(one, text) for one, text in said if not is_blank(text)])
        asked: dict[int, Actor] = {}
        for one, _ in reversed(kept):
            if one.author.id not in asked:
                asked[one.author.id] = await self._speaker(one, may_ask=len(asked) < MAX_ASKED)
        return tuple(Heard(event_id(one.id), asked[one.author.id], text, _at_ms(one)) for one, text in kept)

    def _is_own(self, one: discord.Message) -> bool:
        return self._client.user is not None and one.author.id == self._client.user.id

    def _is_talk(self, one: discord.Message) -> bool:
        is_program = (one.author.bot or one.webhook_id is not None) and one.author.id not in self._bots
        return one.type in _TALK and (self._is_own(one) or not is_program)

    async def _speaker(self, one: discord.Message, *, may_ask: bool) -> Actor:
        """Who wrote it. The history does not say what they are to the server: Discord is asked. Whoever it does not
        know, or not at once, counts as somebody from outside."""
        guild_id = one.guild.id if one.guild is not None else 0
        if may_ask and not isinstance(one.author, discord.Member) and not one.author.bot:
            try:
                async with asyncio.timeout(READ_S):
                    found = await self._homes.actor(one.author, str(guild_id))
            except _TROUBLE as err:
                log.info("speaker.not_found", kind=type(err).__name__)
            else:
                if found is not None:
                    return found
        return actor_of(one.author, guild_id, listed=self._bots)


def _starter(one: discord.Message) -> discord.Message | None:
    """The message that a thread was opened on, by what stands for it at the beginning of the thread."""
    found = one.reference.resolved if one.reference is not None else None
    is_one = one.type is discord.MessageType.thread_starter_message and isinstance(found, discord.Message)
    return found if is_one else None  # type: ignore[return-value]  # checked


def _words(one: discord.Message, own: frozenset[int]) -> str:
    """What a message says, and what it came with by name only."""
    return with_files(readable(one, own), [file.filename for file in one.attachments])


def _at_ms(one: discord.Message) -> int:
    return int(one.created_at.timestamp() * 1000)


async def _read(history: AsyncIterator[discord.Message]) -> list[discord.Message]:
    try:
        async with asyncio.timeout(READ_S):
            return [one async for one in history]
    except _TROUBLE as err:  # no right to read the history: then there is none
        log.info("history.not_read", kind=type(err).__name__)
        return []
