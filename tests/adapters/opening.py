"""The app with a scripted model, and adapters at work in it, as the tests of every platform open it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from adapters.discord import DiscordAdapter
from adapters.slack import SlackAdapter
from bot.app import App, open_app
from bot.config.settings import Settings
from bot.models.config import from_mapping
from bot.models.registry import Registry
from tests.models.endpoint import ScriptedEndpoint


@asynccontextmanager
async def opened(settings: Settings, endpoint: ScriptedEndpoint, *, vision: bool = False) -> AsyncIterator[App]:
    """The app, whose only model is the endpoint."""
    row = {"label": "m", "api_url": endpoint.url, "model_name": "m", "host_type": "generic", "vision": vision}
    async with open_app(settings, models=Registry([from_mapping(row)], default="m")) as app:
        yield app


@asynccontextmanager
async def at_work(
    app: App, *adapters: DiscordAdapter | SlackAdapter, connected: Callable[[], Awaitable[object]]
) -> AsyncIterator[None]:
    """The adapters, attached and started; `connected` waits until they can be talked to. They end in good order."""
    for one in adapters:
        one.attach(app.service)
        app.add_adapter(one)
    try:
        for one in adapters:
            await one.start()
        await connected()
        await app.service.recover()
        yield
        for one in adapters:
            one.stop_taking()
        await app.service.aclose()
    finally:
        for one in adapters:
            await one.close()


async def rested(app: App) -> None:
    """Wait until every run rests and everything that is to be shown has been taken."""
    while True:
        await app.service.idle()
        if not await asyncio.to_thread(_pending, app):
            return
        await asyncio.sleep(0.05)


def _pending(app: App) -> int:
    with contextlib.closing(sqlite3.connect(app.settings.data_dir / "nod.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM outbox WHERE state = 'pending'").fetchone()
    return int(count)
