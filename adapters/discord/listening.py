"""What was said in a channel since the bot last listened: from what it saw pass by, or else from Discord's history.

Without the Message Content intent others' words come empty, and nothing is heard of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime, timedelta

import discord
import structlog

from adapters.discord.messages import event_id, readable
from adapters.discord.people import actor_of
from adapters.discord.places import PLATFORM
from bot.chat import Actor, Heard

log = structlog.get_logger()

MAX_MESSAGES = 40
MAX_CHARS = 8_000
MAX_ONE_CHARS = 2_000
MAX_CHAIN = 5
NOT_OLDER_THAN = timedelta(days=2)
_TALK = frozenset({discord.MessageType.default, discord.MessageType.reply})


class Listening:
    """Remembers where it listened last. `since` says from when on the gateway has brought every message."""

    def __init__(self, client: discord.Client, *, reads_along: bool, bots: frozenset[int]) -> None:
        self._client = client
        self._reads_along = reads_along
        self._bots = bots
        self._heard_upto: dict[int, int] = {}
        self.since: datetime | None = None

    async def before(self, message: discord.Message, own: frozenset[int], *, is_new: bool) -> tuple[Heard, ...]:
        """What was said before this message in its channel, oldest first, and what it replies to, wherever that
        stands. What was heard already is left out, unless a new conversation begins (`is_new`)."""
        found: dict[int, discord.Message] = {}
        if self._reads_along and message.guild is not None:
            last = None if is_new else self._heard_upto.get(message.channel.id)
            found |= {one.id: one for one in await self._said_before(message, last)}
        found |= {one.id: one for one in await self._replied_to(message)}
        self._heard_upto[message.channel.id] = message.id
        chosen = [one for _, one in sorted(found.items()) if self._is_talk(one)]
        return _newest(self._heard(one, own) for one in reversed(chosen))

    def _is_talk(self, one: discord.Message) -> bool:
        me = self._client.user
        is_own = me is not None and one.author.id == me.id
        is_program = (one.author.bot or one.webhook_id is not None) and one.author.id not in self._bots
        return not is_own and not is_program and one.type in _TALK and bool(one.content)

    def _heard(self, one: discord.Message, own: frozenset[int]) -> Heard:
        at_ms = int(one.created_at.timestamp() * 1000)
        return Heard(event_id(one.id), self._speaker(one), readable(one, own)[:MAX_ONE_CHARS], at_ms)

    def _speaker(self, one: discord.Message) -> Actor:
        """Who wrote it. The history does not say what they are to the server; whoever wrote there was let in."""
        guild_id = one.guild.id if one.guild is not None else 0
        if isinstance(one.author, discord.Member):
            return actor_of(one.author, guild_id, listed=self._bots)
        return Actor(PLATFORM, str(guild_id), str(one.author.id), one.author.display_name)

    async def _said_before(self, message: discord.Message, last: int | None) -> list[discord.Message]:
        oldest = message.created_at - NOT_OLDER_THAN
        after = max(oldest, discord.utils.snowflake_time(last)) if last else oldest
        if self._saw_all_since(after):
            passed = (one for one in self._client.cached_messages if one.channel.id == message.channel.id)
            return [one for one in passed if after < one.created_at and one.id < message.id][-MAX_MESSAGES:]
        history = message.channel.history(limit=MAX_MESSAGES, before=message)
        return await _kept(history, lambda one: one.created_at > after)

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
        found = reference.resolved or reference.cached_message
        if isinstance(found, discord.Message):
            return found
        if isinstance(found, discord.DeletedReferencedMessage) or reference.channel_id != message.channel.id:
            return None
        try:
            return await message.channel.fetch_message(reference.message_id)
        except discord.HTTPException as err:
            log.info("reply.not_found", code=err.code)
            return None


async def _kept(
    history: AsyncIterator[discord.Message], is_wanted: Callable[[discord.Message], bool]
) -> list[discord.Message]:
    try:
        return [one async for one in history if is_wanted(one)]
    except discord.HTTPException as err:  # no right to read the history: then there is none
        log.info("history.not_read", code=err.code, status=err.status)
        return []


def _newest(heard: Iterable[Heard]) -> tuple[Heard, ...]:
    """As many of the newest as fit, given the newest first; oldest first again."""
    kept: list[Heard] = []
    room = MAX_CHARS
    for one in heard:
        room -= len(one.text)
        if room < 0 or len(kept) == MAX_MESSAGES:
            break
        kept.append(one)
    return tuple(reversed(kept))
