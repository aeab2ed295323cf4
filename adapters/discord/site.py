"""One bot on Discord, put together: its connection, and what takes in and sends out over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import discord
import structlog

from adapters.discord.catchup import Catchup
from adapters.discord.clicks import Clicks
from adapters.discord.client import NodClient, NodShards, make_client
from adapters.discord.commands import add_commands
from adapters.discord.homes import Homes
from adapters.discord.intake import Intake
from adapters.discord.listening import Listening
from adapters.discord.live import Live
from adapters.discord.options import Options
from adapters.discord.places import PLATFORM, place_in
from adapters.discord.rooms import Rooms
from adapters.discord.sending import Sender
from adapters.discord.sync import sync_if_changed
from adapters.discord.uploads import HOSTS
from adapters.mark import Mark, joined
from bot.chat import ChatService, Place, Room
from bot.errors import BotError

log = structlog.get_logger()

COMMANDS_FILE = "discord-commands.json"
MARK_FILE = "discord-taken-upto"


class Site:
    """The parts of one bot. It listens to its client; nothing it does for an event raises."""

    def __init__(self, options: Options, service: Callable[[], ChatService], *, reads_along: bool) -> None:
        self._options = options
        self._service = service
        self.is_stopping = False
        self._mark = Mark(options.data_dir / MARK_FILE)
        self.client: NodClient | NodShards = make_client(options, reads_along=reads_along)
        self._http: aiohttp.ClientSession | None = None
        self._before: asyncio.Task[list[Room]] | None = None
        self.rooms = Rooms(self.client)
        self.homes = Homes(self.client)
        self.listening = Listening(self.client, self.homes, reads_along=reads_along, bots=options.bots)
        self.live = Live(self.rooms)
        self.sender = Sender(self.client, self.rooms)
        self.intake = Intake(
            self.client,
            service,
            options,
            rooms=self.rooms,
            homes=self.homes,
            listening=self.listening,
            http=self._session,
            hosts=_hosts(options),
        )
        self.client.listener = self
        self.client.clicks = Clicks(service, self.intake)
        add_commands(self.client.tree, service=service, where=self.intake.where, ask=self.intake.ask)

    def _session(self) -> aiohttp.ClientSession:
        """What fetches attachments; nothing but the bytes comes or goes with it."""
        if self._http is None:
            self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._http

    async def aclose(self) -> None:
        await self.live.aclose()
        if self._before is not None:
            self._before.cancel()
        if self._http is not None:
            await self._http.close()
        await self.client.close()

    # --- what happens ---

    async def on_start(self) -> None:
        """Logged in, not connected: tell Discord of the commands, where they have changed."""
        path = self._options.data_dir / COMMANDS_FILE
        await sync_if_changed(
            self.client.tree, read=lambda: path.read_text("utf-8") if path.is_file() else "", write=path.write_text
        )

    async def on_connect(self) -> None:
        """A new session: note where people talked last before anybody says more in it. Some seconds pass until it is
        ready, and what comes meanwhile must not hide what was missed."""
        self.listening.since = datetime.now(UTC)
        if self._before is None:
            self._before = asyncio.create_task(self._joined())

    async def _joined(self) -> list[Room]:
        try:
            return await asyncio.to_thread(self._mark.begin, await joined(self._service(), PLATFORM))
        except BotError as err:
            log.warning("catchup.not_known", why=err.user_message)
            return []

    async def on_ready(self) -> None:
        """A new connection, in which nothing of before is repeated: look for what was missed."""
        me = self.client.user
        log.info("discord.ready", servers=len(self.client.guilds), bot=None if me is None else me.id)
        try:
            before, self._before = self._before, None
            rooms = await (before or self._joined())
            for room in rooms:
                self.intake.talkers.setdefault(room.place, set()).update(room.people)
            catchup = Catchup(self.client, take=self._take_late, is_live=self.live.is_live)
            if await catchup.look(rooms, now=datetime.now(UTC)) and rooms and not self.is_stopping:
                await asyncio.to_thread(self._mark.end)
            for guild in self.client.guilds:
                await self.on_joined(guild)
        except Exception:  # the rim of an event
            log.exception("catchup.failed")

    async def _take_late(self, message: discord.Message) -> None:
        if not self.is_stopping:
            await self.intake.take(message, is_late=True)

    async def on_message(self, message: discord.Message) -> None:
        """While the bot stops nothing is taken: what comes now is found by the next process."""
        if self._before is not None:
            await asyncio.wait([self._before])
        if not self.is_stopping:
            await self.intake.take(message)

    async def on_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        try:
            await self.intake.edited(payload)
        except BotError as err:
            log.info("edit.refused", why=err.user_message)
        except Exception:  # the rim of an event
            log.exception("edit.failed", message=payload.message_id)

    async def on_delete(self, message_ids: list[int], channel_id: int) -> None:
        """A question that is gone is answered no more; a card that is gone is still needed."""
        try:
            await self.intake.deleted(message_ids)
            channel = self.client.get_channel(channel_id)
            if isinstance(channel, discord.Thread | discord.TextChannel | discord.VoiceChannel | discord.StageChannel):
                place = place_in(channel.guild.id, channel)
                for one in message_ids:
                    await self._service().vanished(place, str(one))
        except Exception:  # the rim of an event
            log.exception("delete.failed")

    async def on_joined(self, guild: discord.Guild) -> None:
        """Say hello, once, where newcomers are told things, or where everybody may write."""
        channel = greeting_channel(guild)
        if channel is None:
            log.info("welcome.no_channel", server=guild.id)
            return
        try:
            await self._service().joined(Place(PLATFORM, str(guild.id), str(channel.id)))
        except Exception:  # the rim of an event
            log.exception("welcome.failed", server=guild.id)


def greeting_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """Where the bot may write a first word: the server's own channel for that, else the first it may write in."""
    candidates = [guild.system_channel, guild.public_updates_channel, *guild.text_channels]
    for channel in candidates:
        if channel is not None:
            allowed = channel.permissions_for(guild.me)
            if allowed.view_channel and allowed.send_messages:
                return channel
    return None


def _hosts(options: Options) -> frozenset[str]:
    """Where attachments may come from: Discord's servers, and a proxy that stands for them."""
    return HOSTS | {urlsplit(options.api_url).netloc} if options.api_url else HOSTS
