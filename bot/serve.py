"""A bot that serves: the HTTP server with the web page and the health checks, the control address, and the way down."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from adapters.web import WebAdapter
from bot._version import __version__
from bot.app import App, health, open_app, secret_key
from bot.collector import settle
from bot.config.settings import Settings
from bot.control import serve_control
from bot.desk import Desk
from bot.engine.types import Actor, Place
from bot.errors import ConfigError
from bot.models.clients import ModelClients
from bot.models.registry import Registry
from bot.platforms import Platforms
from bot.storage.database import prepare_data_dir

log = structlog.get_logger()
SWEEP_EVERY_S = 15
WELCOME = Place("web", "", "general", "welcome")
"""Where the page shows what the bot says when it has come into a workspace."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo adds to the page: people to pick from, things to try, a word on the model."""

    people: tuple[str, ...]
    suggestions: tuple[str, ...]
    notice: str = ""


@asynccontextmanager
async def serving(
    settings: Settings,
    *,
    models: Registry | None = None,
    demo: Demo | None = None,
    told: asyncio.Event | None = None,
) -> AsyncIterator[str]:
    """Serve until the block ends; gives the page's address. `told` is set when a platform will never let the bot in
    again: then the block ought to end. Raises `ConfigError`, also for that."""
    logging.getLogger("aiohttp.server").addFilter(_is_worth_a_line)
    prepare_data_dir(settings.data_dir)
    async with open_app(settings, models=models) as app:
        page = _web_adapter(settings, demo) if "web" in settings.adapters else None
        platforms = Platforms(settings, told or asyncio.Event())
        http = web.Application(client_max_size=1 << 20)
        http.add_routes(_health_routes(app, platforms))
        if page is not None:
            page.attach(app.service)
            page.routes(http)
            app.add_adapter(page)
        platforms.attach(app, http)
        runner = web.AppRunner(http, access_log=None, shutdown_timeout=3)
        await runner.setup()
        try:
            await ModelClients.warm()
            settle()
            await _listen(runner, settings)
            async with serve_control(settings.data_dir, Desk(app).handle):
                if page is not None:
                    await introduce(page, app)
                    if demo is None:
                        await app.service.joined(WELCOME)
                await platforms.start()
                open_runs = await app.service.recover()
                log.info("bot.ready", version=__version__, open_runs=open_runs, port=runner.addresses[0][1])
                clock = asyncio.create_task(_keep_time(app))
                yield _address(settings, runner)
                clock.cancel()
                platforms.stop_taking()
                await app.service.aclose()
        finally:
            if page is not None:
                await page.close()
            await platforms.close()
            await runner.cleanup()
        platforms.check()


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether a record of the server is: anybody can send it what is no HTTP, and each would be a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def introduce(page: WebAdapter, app: App) -> None:
    """Tell the service of everybody of the page, and who is not of it any more."""
    members = {actor.key: actor for actor in page.members()}
    for actor in members.values():
        await app.service.met(actor)
    if page.is_closed_circle:
        for known in app.service.people(WELCOME):
            if known.key not in members:
                await app.service.met(Actor(known.platform, known.workspace, known.user, known.name, standing="gone"))


async def _keep_time(app: App) -> None:
    """See to what time brings, again and again."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            await app.service.sweep()
        except Exception:  # the rim of a worker's loop: the next round tries again
            log.exception("sweep.failed")


def _web_adapter(settings: Settings, demo: Demo | None) -> WebAdapter:
    hashes = {
        name: hashlib.sha256(token.get_secret_value().encode()).hexdigest()
        for name, token in settings.web_tokens.items()
    }
    return WebAdapter(
        secret_key=secret_key(settings),
        host=settings.http_host,
        port=settings.http_port,
        people=hashes,
        demo_people=demo.people if demo else (),
        suggestions=demo.suggestions if demo else (),
        notice=demo.notice if demo else "",
        allowed_hosts=settings.http_hostnames,
        groups=settings.web_groups,
    )


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    try:
        await web.TCPSite(runner, settings.http_host, settings.http_port).start()
    except OSError as err:
        why = f"cannot listen on {settings.http_host} port {settings.http_port}: {err.strerror or err}"
        raise ConfigError("HTTP_PORT", why) from err


def _address(settings: Settings, runner: web.AppRunner) -> str:
    host = "localhost" if settings.http_host in ("127.0.0.1", "localhost", "::1") else settings.http_host
    return f"http://{host}:{runner.addresses[0][1]}"


def _health_routes(app: App, platforms: Platforms) -> list[web.RouteDef]:
    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive", "version": __version__})

    async def readyz(_request: web.Request) -> web.Response:
        parts = await health(app) | platforms.states()
        is_ready = all(state == "ok" for state in parts.values())
        return web.json_response({"ready": is_ready, **parts}, status=200 if is_ready else 503)

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]


def heed_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set; a second one is harmless. Call it before the bot starts: a stop in the
    middle of a start is a stop in good order too."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, told.set)
    return told


def heed_no_more() -> None:
    """What was asked for is done and the process only ends: a late signal must not make it look like a crash."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
