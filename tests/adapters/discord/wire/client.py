"""A plain discord.py client that notes what it hears; no part of the bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import discord
from discord import app_commands

from tests.adapters.discord.wire.server import DiscordServer


class Listener(discord.Client):
    """Notes messages, events and interactions in the order in which they came."""

    def __init__(self, *, intents: discord.Intents | None = None, **options: Any) -> None:
        options.setdefault("guild_ready_timeout", 0.05)
        super().__init__(intents=intents or plain_intents(), **options)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.noted: list[tuple[str, Any]] = []
        self.clicks: list[discord.Interaction[Any]] = []

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for nothing: the five seconds are for Discord's limit."""

    async def on_ready(self) -> None:
        self.noted.append(("ready", None))

    async def on_resumed(self) -> None:
        self.noted.append(("resumed", None))

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.heard.append(message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.noted.append(("edited", event))

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        self.noted.append(("deleted", event))

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        self.clicks.append(interaction)

    def names(self) -> list[str]:
        return [name for name, _ in self.noted]


class ShardedListener(discord.AutoShardedClient):
    """The same with several shards, as far as the tests need it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(intents=plain_intents(), guild_ready_timeout=0.05, **options)
        self.heard: list[discord.Message] = []

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for nothing."""

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)


def plain_intents() -> discord.Intents:
    intents = discord.Intents.default()
    intents.message_content = True
    return intents


@asynccontextmanager
async def logged_in(client: discord.Client, server: DiscordServer) -> AsyncIterator[None]:
    """Run a client until the block ends; inside it is ready."""
    running = asyncio.create_task(client.start(server.token))
    ready = asyncio.create_task(_ready(client))
    try:
        await asyncio.wait({running, ready}, timeout=15, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        assert ready.done(), f"not ready; errors: {server.errors}"
        yield
    finally:
        ready.cancel()
        await client.close()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def _ready(client: discord.Client) -> None:
    """`wait_until_ready` needs a client that has begun to log in."""
    while client._ready is discord.utils.MISSING:
        await asyncio.sleep(0.005)
    await client.wait_until_ready()
