"""Slack as an adapter: what the service shows goes into its channels, threads and direct talks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog
from aiohttp import web

from adapters.slack.api.installs import Installs, is_end_of, open_installs
from adapters.slack.api.workspaces import NO_CONNECTION, Workspaces
from adapters.slack.door.app import SlackApp
from adapters.slack.door.connection import SocketConnection
from adapters.slack.door.http import PATH, HttpDoor
from adapters.slack.door.oauth import INSTALL, REDIRECT, OAuthDoor
from adapters.slack.door.signatures import Signatures
from adapters.slack.handlers import Body
from adapters.slack.options import Options
from adapters.slack.places import PLATFORM
from adapters.slack.site import Site
from bot.chat import Actor, ChatService, Delivery, Event, Place
from bot.errors import BotError, ConfigError, SendError

log = structlog.get_logger()

RETRY_S, LONGEST_RETRY_S = 2.0, 120.0
TAKEN_AWAY = frozenset({"account_inactive", "token_revoked"})
START_S = 20.0
"""How long a start waits for Slack before it goes on without: work that a stop left open waits for the start."""


class SlackAdapter:
    """One app. `failed` is told once when Slack will never let it in again."""

    def __init__(self, options: Options, *, failed: Callable[[ConfigError], None], start_s: float = START_S) -> None:
        self._options = options
        self._failed = failed
        self._start_s = start_s
        self._service: ChatService | None = None
        self._http: aiohttp.ClientSession | None = None
        self._site: Site | None = None
        self._app: SlackApp | None = None
        self._socket: SocketConnection | None = None
        self._installs: Installs | None = None
        self._doors: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused_of: set[str] = set()
        self._is_known = False
        self._is_stopping = False
        self._open = contextlib.AsyncExitStack()

    @property
    def platform(self) -> str:
        return PLATFORM

    def attach(self, service: ChatService) -> None:
        self._service = service

    def _attached(self) -> ChatService:
        assert self._service is not None, "an adapter is attached before it is started"
        return self._service

    def routes(self) -> list[web.RouteDef]:
        """What Slack and browsers call; until the start, and where they have no business, there is nothing there."""
        if self._options.mode != "http":
            return []
        pages = [web.get(path, self._at_door) for path in (INSTALL, REDIRECT)] if self._options.has_many else []
        return [web.post(PATH, self._at_door), *pages]

    async def _at_door(self, request: web.Request) -> web.StreamResponse:
        door = self._doors.get(request.path)
        return web.Response(status=503) if door is None or self._is_stopping else await door(request)

    # --- life ---

    async def start(self) -> None:
        """Log in, open the door, then stay connected in the background. Where Slack cannot be reached it goes on
        trying. Raises `ConfigError` for tokens that Slack refuses."""
        self._http = await self._open.enter_async_context(aiohttp.ClientSession(trust_env=True))
        if self._options.has_many:
            self._installs = await self._open.enter_async_context(open_installs(self._options))
        workspaces = Workspaces(self._options, self._http, self._installs, refused=self._token_refused)
        self._site = Site(self._options, self._attached, workspaces, self._session, ended=self._ended)
        self._app = SlackApp(self._site, is_installed=workspaces.has)
        await self._site.catchup.begin()
        try:
            async with asyncio.timeout(self._start_s):
                await self._log_in()
        except (SendError, TimeoutError) as err:
            log.warning("slack.unreachable", kind=type(err).__name__)
            self._begin(self._keep_logging_in())
        await self._open_door()
        await self._site.intake.recover()
        if self._options.mode == "http":
            self._catch_up()

    async def _log_in(self) -> None:
        site = self._ready()
        await site.workspaces.log_in()
        self._is_known = True
        for home in await site.workspaces.all():
            log.info("slack.ready", team=home.team, bot=home.bot_user)
            site.channels.refresh(home.team)

    async def _keep_logging_in(self) -> None:
        pause_s = RETRY_S
        while not self._is_known:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_RETRY_S)
            try:
                await self._log_in()
            except ConfigError as err:
                self._failed(err)
                return
            except SendError as err:
                log.warning("slack.unreachable", why=err.user_message)

    async def _open_door(self) -> None:
        assert self._app is not None, "an app is there before its door"
        if self._options.mode == "socket":
            self._socket = SocketConnection(self._options, self._app, failed=self._failed, opened=self._catch_up)
            await self._socket.start(within_s=self._start_s)
            return
        self._doors[PATH] = HttpDoor(self._app, Signatures(self._options.signing_secret)).take
        if self._installs is not None:
            pages = OAuthDoor(self._options, self._installs)
            self._doors |= {INSTALL: pages.begin, REDIRECT: pages.finish}

    def _catch_up(self) -> None:
        """Look for what was missed while nobody listened."""
        self._begin(self._look_back())

    async def _look_back(self) -> None:
        try:
            await self._ready().catchup.look()
        except Exception:  # the rim of a task
            log.exception("catchup.failed")

    async def _ended(self, team: str, body: Body) -> None:
        """A workspace has taken the bot away, or its token; tokens of people are none of ours."""
        if not is_end_of(body):
            return
        if self._installs is not None:
            at_s = body.get("event_time")
            await self._installs.forget(team, at_s=at_s if isinstance(at_s, int) else None)
            return
        await self._check_token()

    def _token_refused(self, team: str, code: str) -> None:
        """Slack did not take a token in the middle of things: whoever took it away may not have been heard."""
        if team not in self._refused_of:
            self._refused_of.add(team)
            self._begin(self._look_at_token(team, code))

    async def _look_at_token(self, team: str, code: str) -> None:
        try:
            if self._installs is None:
                await self._check_token()
            elif code in TAKEN_AWAY:
                await self._installs.forget(team)
        except BotError as err:
            log.warning("slack.token_not_checked", team=team, why=err.user_message)
        finally:
            self._refused_of.discard(team)

    async def _check_token(self) -> None:
        """Ask again whose the bot token is. Raises `SendError`."""
        try:
            await self._ready().workspaces.log_in(again=True)
        except ConfigError as err:
            self._failed(err)

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _session(self) -> aiohttp.ClientSession:
        assert self._http is not None, "started"
        return self._http

    def stop_taking(self) -> None:
        """Take nothing new; what is being worked on can still be shown."""
        self._is_stopping = True
        for part in (self._socket, self._app, self._site):
            if part is not None:
                part.stop_taking()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()
        if self._app is not None:
            await self._app.close()
        if self._site is not None:
            await self._site.aclose()
        await self._open.aclose()

    def state(self) -> str:
        """ "ok", or what is not ready."""
        if not self._is_known:
            return "not connected"
        return "ok" if self._socket is None else self._socket.state()

    # --- what the service asks ---

    def is_watched(self, place: Place) -> bool:
        """Anybody may be looking at a channel."""
        return self._is_known

    def target(self, actor: Actor, channel: str, key: str) -> Place | str:
        """A public channel of this person's workspace that the bot is in, by its name or id."""
        return NO_CONNECTION if self._site is None else self._site.channels.target(actor, channel)

    async def show(self, place: Place, event: Event) -> None:
        if self._site is not None:
            self._site.live.show(place, event)

    async def send(self, delivery: Delivery) -> str:
        return await self._ready().delivering.send(delivery)

    def _ready(self) -> Site:
        if self._site is None:
            raise SendError(NO_CONNECTION)
        return self._site
