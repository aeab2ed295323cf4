"""The connection to Discord: discord.py's client, handing what comes in to whoever listens."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import discord
import structlog
from discord import app_commands

from adapters.discord.clicks import Clicks, Pressable, is_left_over
from adapters.discord.options import Options, intents, may_read_along

log = structlog.get_logger()
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody speaks here

REMEMBERED_MESSAGES = 2_000
MAX_WAIT_S = 30.0
"""A rate limit that lasts longer is no longer slept through, but waited for in the outbox (discord.py: at least 30)."""


class Listener(Protocol):
    """Whoever is told what happens. None of these may raise."""

    async def on_connect(self) -> None: ...
    async def on_ready(self) -> None: ...
    async def on_message(self, message: discord.Message) -> None: ...
    async def on_edit(self, payload: discord.RawMessageUpdateEvent) -> None: ...
    async def on_delete(self, message_ids: list[int], channel_id: int) -> None: ...
    async def on_joined(self, guild: discord.Guild) -> None: ...
    async def on_start(self) -> None: ...


class _Events(discord.Client):
    """What Discord says, as the listener takes it."""

    listener: Listener
    clicks: Clicks
    tree: app_commands.CommandTree[Any]

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Pressable)
        await self.listener.on_start()

    async def on_connect(self) -> None:
        await self.listener.on_connect()

    async def on_ready(self) -> None:
        await self.listener.on_ready()

    async def on_message(self, message: discord.Message) -> None:
        await self.listener.on_message(message)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        await self.listener.on_edit(payload)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        await self.listener.on_delete([payload.message_id], payload.channel_id)

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        await self.listener.on_delete(sorted(payload.message_ids), payload.channel_id)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self.listener.on_joined(guild)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        if interaction.type is discord.InteractionType.modal_submit:
            await self.clicks.submit(interaction)
        elif interaction.type is discord.InteractionType.component and is_left_over(interaction):
            await self.clicks.press(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("event.failed", name=event_method)


class NodClient(_Events):
    """One connection."""

    def is_connected(self) -> bool:
        """Whether Discord is heard now. It stays ready, once it was, through any outage."""
        return self.is_ready() and self.ws.open


class NodShards(_Events, discord.AutoShardedClient):
    """Several connections in this process."""

    def is_connected(self) -> bool:
        """Whether all of Discord is heard now."""
        return self.is_ready() and not any(one.is_closed() for one in self.shards.values())

    async def on_shard_ready(self, _shard_id: int) -> None:
        """One of them began anew: `on_ready` comes only when all of them do."""
        if self.is_ready():
            await self.listener.on_ready()


def make_client(options: Options, *, reads_along: bool) -> NodClient | NodShards:
    """A client that is not connected yet, with its command tree. Members are never downloaded: who somebody is comes
    with what they do."""
    how: dict[str, Any] = {
        "intents": intents(reads_along=reads_along),
        "allowed_mentions": discord.AllowedMentions.none(),
        "member_cache_flags": discord.MemberCacheFlags.none(),
        "chunk_guilds_at_startup": False,
        "max_messages": REMEMBERED_MESSAGES,
        "max_ratelimit_timeout": MAX_WAIT_S,
        "guild_ready_timeout": options.servers_s,
    }
    client = NodShards(shard_count=options.shards, **how) if options.shards else NodClient(**how)
    client.tree = app_commands.CommandTree(client)
    _let_go(client.http)
    return client


def _let_go(http: discord.http.HTTPClient) -> None:
    """Let requests be cancelled. While one waits because Discord wants a pause of everything, discord.py holds back all
    others until that one goes on; if it never does, they would wait for good."""
    ask = http.request

    async def request(*args: Any, **how: Any) -> Any:
        try:
            return await ask(*args, **how)
        except asyncio.CancelledError:
            http._global_over.set()
            raise

    http.request = request  # type: ignore[method-assign]  # it has no hook for that


async def allows_reading_along(token: str) -> bool:
    """Whether the developer portal lets this bot read along. Raises `discord.DiscordException`."""
    async with discord.Client(intents=intents(reads_along=False), max_ratelimit_timeout=MAX_WAIT_S) as asking:
        await asking.login(token)
        return may_read_along((await asking.application_info()).flags)
