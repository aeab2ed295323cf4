"""Nod on simcord's Discord: the real service, database, model client and discord.py, and a Discord we did not write.

Whatever a person does here returns when the bot has done all it is going to do about it, so nothing is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import Any

import discord
import pytest
from aiohttp import web
from simcord import ChannelHandle, Env, GuildHandle, InteractionResult, MemberActor, ResponseMessage
from simcord.backend import cdn
from simcord.components import walk_components

from adapters.discord import DiscordAdapter, Options
from adapters.discord.live import Live
from adapters.discord.site import Site
from bot.config.settings import Settings
from tests.adapters.opening import opened
from tests.models.endpoint import ScriptedEndpoint

SETTLE_S = 10.0
"""How long the bot may take over one thing before the test fails."""
DRAWN_S, NEVER_S = 0.01, 3600.0


@dataclass(frozen=True)
class World:
    """One server with a channel, and the people in it; `root` administers the bot there. `cdn` serves attachments."""

    env: Env
    guild: GuildHandle
    room: ChannelHandle
    anna: MemberActor
    ben: MemberActor
    root: MemberActor
    cdn: str

    @property
    def nod(self) -> str:
        """The mention of the bot."""
        return f"<@{self.env.backend.bot_user.id}>"

    def said(self, channel: ChannelHandle) -> list[discord.Message]:
        """What the bot said there that everybody sees, oldest first."""
        me = self.env.backend.bot_user.id
        return [one for one in channel.history() if one.author.id == me and not one.flags.ephemeral]

    def texts(self, channel: ChannelHandle) -> list[str]:
        return [one.content for one in self.said(channel)]

    def thread(self) -> ChannelHandle:
        """The one thread of the room."""
        (thread,) = self.room.threads
        return thread

    def card(self, channel: ChannelHandle) -> discord.Message:
        """The newest message there with parts instead of a text."""
        return [one for one in self.said(channel) if one.flags.components_v2][-1]

    def parts(self, message: Any) -> list[dict[str, Any]]:
        """All components of a message, as Discord keeps them."""
        channel_id = message.channel_id if isinstance(message, ResponseMessage) else message.channel.id
        return list(walk_components(self.env.backend.get_message(channel_id, message.id).components))

    def pings(self, message: Any) -> list[int]:
        """Whom a message of the bot may ping; simcord keeps what was asked for, and notes mentions all the same."""
        asked = self.env.backend.get_message(message.channel.id, message.id).allowed_mentions
        assert (asked.everyone, asked.roles, asked.replied_user) == (False, frozenset(), False)
        assert asked.users is not None
        return sorted(asked.users)

    async def delete_channel(self, channel: ChannelHandle) -> None:
        """Let somebody take a channel away."""
        self.env.backend.delete_channel(channel.id)
        await self.env.settle()

    def file(self, one: discord.Attachment) -> str:
        """The text of a file."""
        content = self.env.backend.cdn.get(one.url)
        assert content is not None
        return content.decode()

    def count(self, method: str, path: str) -> int:
        """How often the bot asked this of Discord; `*` stands for any part of a path."""
        return sum(one.method == method and fnmatch(one.path, path) for one in self.env.http_requests)

    def labels(self, message: Any) -> list[str]:
        return [str(one["label"]) for one in self.parts(message) if one["type"] == discord.ComponentType.button.value]

    def written(self, message: Any) -> str:
        """All text of a card."""
        return "\n".join(str(one["content"]) for one in self.parts(message) if "content" in one)

    async def ask(self, who: MemberActor, text: str, **more: Any) -> ChannelHandle:
        """Mention the bot in the room; give the thread that this opens."""
        await who.send(self.room, f"{self.nod} {text}", **more)
        return self.room.threads[-1]


def told(result: InteractionResult) -> str:
    """What a person was told privately, and nobody else."""
    assert all(one.ephemeral for one in result.followups)
    said = [one for one in (result.response, *result.followups) if one is not None and one.ephemeral]
    return "\n".join(one.content for one in said)


@asynccontextmanager
async def running_world() -> AsyncIterator[World]:
    """A Discord with a team, and the account of the bot, which nobody drives yet."""
    async with _running_env() as env:
        await env.advance_time((datetime.now(UTC) - env.now()).total_seconds())  # its clock begins in the past
        guild = env.create_guild("team")
        boss = guild.create_role("boss", permissions=discord.Permissions(manage_guild=True))
        anna, ben = (guild.add_member(env.create_user(name)) for name in ("anna", "ben"))
        root = guild.add_member(env.create_user("root"), roles=[boss])
        async with _serving_attachments(env) as cdn:
            yield World(env, guild, guild.create_text_channel("general"), anna, ben, root, cdn)


@asynccontextmanager
async def _running_env() -> AsyncIterator[Env]:
    """As `simcord.run`, which cannot be held by a fixture: it wants to be left in the context it was entered in."""
    env = Env(_nobody(), settle_timeout=SETTLE_S)
    await env.start()
    try:
        yield env
        env.raise_errors()
    finally:
        await env.shutdown()


def _nobody() -> discord.Client:
    return discord.Client(intents=discord.Intents(guilds=True))


@asynccontextmanager
async def _serving_attachments(env: Env) -> AsyncIterator[str]:
    """What simcord keeps of attachments, over HTTP: the bot fetches them by itself, not through discord.py."""

    async def give(request: web.Request) -> web.Response:
        data = env.backend.cdn.get(str(request.url))
        return web.Response(status=404) if data is None else web.Response(body=data)

    app = web.Application()
    app.router.add_get("/{path:.*}", give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cdn, "CDN_BASE", address)
        try:
            yield address
        finally:
            await runner.cleanup()


def settings_of(world: World, settings: Settings, **more: object) -> Settings:
    """These settings for this team: its admin, and Discord as the platform."""
    given = {"adapters": ("discord",), "admins": (f"discord:{world.guild.id}/{world.root.id}",), **more}
    return settings.model_copy(update=given)


@asynccontextmanager
async def running_nod(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, **options: Any
) -> AsyncIterator[Site]:
    """Nod as the bot of this world; opening it again over the same settings is a restart in good order."""
    async with opened(settings, endpoint) as app:
        chosen = Options(token="simcord", data_dir=settings.data_dir, api_url=world.cdn, **options)
        site = Site(chosen, lambda: app.service, reads_along=chosen.reads_along != "off")
        site.live = Live(site.rooms, sleep=_soon)
        adapter = DiscordAdapter(chosen, failed=lambda err: None)
        adapter.attach(app.service)
        adapter.serve(site)
        app.add_adapter(adapter)
        try:
            await world.env.restart_bot(site.client)
            await app.service.recover()
            await world.env.settle()
            yield site
            adapter.stop_taking()
            await app.service.aclose()
        finally:
            await adapter.close()
            await world.env.restart_bot(_nobody())


async def _soon(seconds: float) -> None:
    """Draw what passes at once, and say "typing" once: what people do is not to wait for the pauses of either."""
    await asyncio.sleep(DRAWN_S if seconds < 5 else NEVER_S)
