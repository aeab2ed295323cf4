"""The whole stand-in: one aiohttp server on 127.0.0.1 with REST, gateway and files, and the people on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import yarl
from aiohttp import web
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.adapters.discord.wire import routes_commands, routes_interactions, routes_messages, routes_places
from tests.adapters.discord.wire.building import Building
from tests.adapters.discord.wire.faults import Asked, Faults, Limits
from tests.adapters.discord.wire.gateway import Gateway
from tests.adapters.discord.wire.rest import API, Call, Rest
from tests.adapters.discord.wire.talking import Talking
from tests.adapters.discord.wire.world import Application, Interaction, Json, Message, User, World

T = TypeVar("T")
TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAx.Gabcde.the-token-of-the-stand-in-bot_0123456789"


class DiscordServer(Building, Talking):
    """See the package's docstring for what it can do."""

    def __init__(self, token: str = TOKEN) -> None:
        me = User(1_000_000_000_000_000_001, "nod", bot=True)
        owner = User(1_000_000_000_000_000_003, "maker")
        self.world = World(Application(1_000_000_000_000_000_002, "nod", token, owner.id), me)
        self.world.users = {me.id: me, owner.id: owner}
        self.faults = Faults()
        self.limits = Limits()
        self.gateway = Gateway(self.world, "")
        self.world.emit = self.gateway.emit
        routes = [
            ("GET /gateway", self._gateway),
            ("GET /gateway/bot", self._gateway_bot),
            *routes_places.ROUTES,
            *routes_messages.ROUTES,
            *routes_interactions.ROUTES,
            *routes_commands.ROUTES,
        ]
        self._rest = Rest(self.world, routes, self.faults, self.limits)
        self._runner: web.AppRunner | None = None
        self._port = 0

    # where it is

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        return self.url + API

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/gateway"

    @property
    def token(self) -> str:
        return self.world.app.token

    @property
    def bot(self) -> User:
        return self.world.me

    # what was seen

    @property
    def requests(self) -> list[Asked]:
        return self._rest.requests

    @property
    def errors(self) -> list[str]:
        """Unknown routes and routes that broke; a test may assert that there are none."""
        return self._rest.errors

    def asked(self, route: str) -> list[Asked]:
        """The requests of one route, oldest first."""
        return [one for one in self.requests if one.route == route]

    def said(self, channel_id: int | None = None) -> list[Message]:
        """What the bot wrote, in one place or everywhere, oldest first; private answers are not in it."""
        rooms = [one for one in self.world.channels.values() if channel_id in (None, one.id)]
        mine = [
            one for room in rooms for one in room.history if one.author_id == self.bot.id and one.kind in (0, 19, 20)
        ]
        return sorted(mine, key=lambda message: message.id)

    @property
    def interactions(self) -> list[Interaction]:
        return list(self.world.interactions.values())

    async def until(self, claim: Callable[[], T], timeout_s: float = 10.0) -> T:
        """Wait until something is so, and give it. Raises TimeoutError."""
        end = time.monotonic() + timeout_s
        while not (found := claim()):
            if time.monotonic() > end:
                raise TimeoutError(f"it never came to be; errors: {self.errors}")
            await asyncio.sleep(0.005)
        return found

    async def connected(self, count: int = 1, timeout_s: float = 10.0) -> None:
        """Wait until so many sessions have a socket."""
        await self.until(lambda: len(self.gateway.connected) >= count, timeout_s)

    # life

    async def up(self) -> None:
        """Serve; after `down` on the same port."""
        app = self._rest.app(self.gateway.serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.world.base_url = self.url
        self.gateway.url = self.gateway.resume_url = self.gateway_url

    async def down(self, *, forget_sessions: bool = False) -> None:
        """Be gone: every connection is cut, new ones are refused."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        for site in list(runner.sites):
            await site.stop()
        self.gateway.cut_all()
        for connection in list(runner.server.connections if runner.server else []):
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()
        if forget_sessions:
            self.gateway.forget_sessions()

    def _gateway(self, _world: World, _call: Call) -> Json:
        return {"url": self.gateway.url}

    def _gateway_bot(self, _world: World, _call: Call) -> Json:
        starts = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return {"url": self.gateway.url, "shards": self.gateway.shards, "session_start_limit": starts}


@asynccontextmanager
async def running_discord(token: str = TOKEN) -> AsyncIterator[DiscordServer]:
    """A stand-in that serves until the block ends."""
    server = DiscordServer(token)
    await server.up()
    try:
        yield server
    finally:
        await server.down()


@contextmanager
def pointed_at(server: DiscordServer) -> Iterator[None]:
    """Let discord.py of this process talk to the stand-in."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = server.api_url, yarl.URL(server.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway
