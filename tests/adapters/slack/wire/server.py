"""The whole stand-in: one aiohttp server on 127.0.0.1 with the Web API and Socket Mode, and the people on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiohttp import web

from tests.adapters.slack.wire import (
    installing,
    methods_chat,
    methods_conversations,
    methods_files,
    methods_people,
    methods_reactions,
    methods_sessions,
    methods_streams,
    methods_views,
    rich,
    sessions,
)
from tests.adapters.slack.wire.acting import Acting
from tests.adapters.slack.wire.api import Api
from tests.adapters.slack.wire.asking import Method
from tests.adapters.slack.wire.building import Building
from tests.adapters.slack.wire.delivery import Delivery, Sent
from tests.adapters.slack.wire.faults import Call, Faults
from tests.adapters.slack.wire.filing import Filing
from tests.adapters.slack.wire.hooks import Hooks
from tests.adapters.slack.wire.installing import Installing
from tests.adapters.slack.wire.interactions import Interaction
from tests.adapters.slack.wire.limits import Limits
from tests.adapters.slack.wire.messages import Json, Message, View
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.responses import Responses
from tests.adapters.slack.wire.sockets import Sockets
from tests.adapters.slack.wire.talking import Talking
from tests.adapters.slack.wire.world import App, Channel, Install, Session, User, World

T = TypeVar("T")
MODULES = (
    methods_chat,
    methods_conversations,
    methods_files,
    methods_people,
    methods_reactions,
    methods_sessions,
    methods_streams,
    methods_views,
)
APP_TOKEN = "xapp-1-A0STANDIN-1-the-app-token-of-the-stand-in"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class SlackServer(Building, Installing, Talking, Acting):
    """See the package's docstring for what it can do."""

    def __init__(self) -> None:
        app = App("A0STANDIN", "nod", "1.2", "client-secret-of-the-stand-in", SIGNING_SECRET, [APP_TOKEN])
        self.world = World(app)
        self.faults = Faults()
        self.limits = Limits()
        self.socket = Sockets(self.world)
        self.hooks: Hooks | None = None
        self.delivery = Delivery(self.world, self.socket)
        self.world.emit = self.delivery.emit
        methods: dict[str, Method] = {}
        for module in MODULES:
            methods |= module.METHODS
        self._api = Api(self.world, self.faults, self.limits, methods)
        self._api.app_methods["apps.connections.open"] = self._open_connection
        self._api.app_methods["apps.event.authorizations.list"] = self.delivery.authorizations
        self._api.open_methods["oauth.v2.access"] = installing.access
        self._responses = Responses(self.world, self.faults, self._api.calls)
        self._filing = Filing(self.world, self.faults, self._api.calls)
        self._runner: web.AppRunner | None = None
        self._port = 0
        self.bot: Install = self.install(self.create_team("team"))

    # where it is

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        return self.bot.token

    @property
    def app_token(self) -> str:
        return self.world.app.app_tokens[0]

    @property
    def signing_secret(self) -> str:
        return self.world.app.signing_secret

    @property
    def app(self) -> App:
        return self.world.app

    def deliver_to(self, url: str) -> Hooks:
        """Send everything to the app's address from now on, signed, and no more over sockets."""
        self.hooks = Hooks(self.world, url)
        self.delivery.door = self.hooks
        return self.hooks

    # what was seen

    @property
    def errors(self) -> list[str]:
        """Unknown methods and methods that broke; a test may assert that there are none."""
        return self._api.errors

    def calls(self, method: str | None = None) -> list[Call]:
        """The calls of one method, or all of them, oldest first."""
        return [one for one in self._api.calls if method in (None, one.method)]

    @property
    def events(self) -> list[Sent]:
        """The events that were sent, oldest first."""
        return self.delivery.events

    def said(self, channel: Channel | None = None, *, thread: Message | str | None = None) -> list[Message]:
        """What the bot wrote: in one place, one thread of it, or everywhere; oldest first, without what only one
        person sees and what was deleted."""
        ts = thread.thread if isinstance(thread, Message) else thread
        bots = {one.user for one in self.world.installs.values()}
        rooms = [one for one in self.world.channels.values() if channel is None or one is channel]
        mine = [
            one
            for room in rooms
            for one in room.history
            if one.user in bots and not one.is_deleted and ts in (None, one.thread)
        ]
        return sorted(mine, key=lambda message: [int(part) for part in message.ts.split(".")])

    @property
    def interactions(self) -> list[Interaction]:
        """Everything people did with the bot, oldest first."""
        return list(self.world.interactions)

    def pings(self, message: Message) -> set[str]:
        """Who would hear of a message: ids of people and groups, `here`, `channel`, `everyone`."""
        return rich.pings(message)

    def unfurled(self, message: Message) -> list[str]:
        """The addresses in a message that a preview may be shown for."""
        return rich.unfurled(message)

    def ephemerals(self, user: User) -> list[Message]:
        """What only this person sees, oldest first."""
        return [one for one in self.world.ephemerals if one.ephemeral_to == user.id and not one.is_deleted]

    def views_of(self, user: User) -> list[View]:
        """The modals that are open for a person, the topmost last."""
        return self.world.open_views(user.id)

    def home_of(self, user: User) -> View | None:
        """What a person's Home tab shows."""
        return next((one for one in self.world.views.values() if one.kind == "home" and one.user == user.id), None)

    def session(self, channel: Channel, thread: Message | str = "") -> Session:
        """What a thread shows of the bot's work; without a thread that of the Messages tab."""
        return sessions.of(self.world, channel, thread.thread if isinstance(thread, Message) else thread)

    def expire(self, message: Message) -> None:
        """Let a stream end by itself, as Slack does after some minutes."""
        methods_streams.expire(self.world, message)

    async def until(self, claim: Callable[[], T], timeout_s: float = 10.0) -> T:
        """Wait until something is so, and give it. Raises TimeoutError."""
        end = time.monotonic() + timeout_s
        while not (found := claim()):
            if time.monotonic() > end:
                raise TimeoutError(f"it never came to be; errors: {self.errors}")
            await asyncio.sleep(0.005)
        return found

    async def connected(self, count: int = 1, timeout_s: float = 10.0) -> None:
        """Wait until there are so many sockets."""
        await self.until(lambda: len(self.socket.connected) >= count, timeout_s)

    # life

    async def up(self) -> None:
        """Serve; after `down` on the same port."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._api.serve)
        app.router.add_get("/link/", self.socket.serve)
        app.router.add_post("/actions/{rest:.*}", self._responses.serve)
        app.router.add_post("/upload/v1/{ticket}", self._filing.upload)
        app.router.add_get("/files-pri/{file}/{rest:.*}", self._filing.download)
        app.router.add_get("/", self._filing.login)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.world.base_url = self.url
        self.delivery.loop = asyncio.get_running_loop()

    async def down(self) -> None:
        """Be gone: every connection is cut, new ones are refused."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        for site in list(runner.sites):
            await site.stop()
        self.socket.cut_all()
        for connection in list(runner.server.connections if runner.server else []):
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()

    async def end(self) -> None:
        """Be gone for good: nothing is sent any more."""
        await self.delivery.close()
        if self.hooks is not None:
            await self.hooks.close()
        await self.down()

    def respond(self, one: Interaction, body: Json) -> None:
        """Do what a response to an interaction says. Raises Refused."""
        self._responses.take(one, body)

    def _open_connection(self, world: World, _call: Any) -> Json:
        if not world.app.has_socket_mode:
            raise Refused("forbidden_for_app")
        return {"url": self.socket.new_url()}


@asynccontextmanager
async def running_slack() -> AsyncIterator[SlackServer]:
    """A stand-in that serves until the block ends."""
    server = SlackServer()
    await server.up()
    try:
        yield server
    finally:
        await server.end()
