"""The real page before the real service, on a loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from adapters.web import WebAdapter
from tests.adapters.web.site import KEY, Browser, Site, free_port
from tests.service.kit import Bench


@asynccontextmanager
async def paged(
    one: Bench, people: tuple[str, ...], *, groups: Mapping[str, tuple[str, ...]] | None = None
) -> AsyncIterator[Site]:
    """Serve the page of this bot; each of `people` may be picked there."""
    port = free_port()
    options: dict[str, Any] = {"people": {}, "demo_people": people, "groups": dict(groups or {})}
    adapter = WebAdapter(None, secret_key=KEY, host="127.0.0.1", port=port, **options)
    adapter.attach(one.service)
    app = web.Application()
    adapter.routes(app)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield Site(adapter, one.service, port)  # type: ignore[arg-type]  # the real service in the place of the pretended
    finally:
        await adapter.close()
        await runner.cleanup()


@asynccontextmanager
async def browsing(site: Site, name: str) -> AsyncIterator[Browser]:
    """A browser in which this person has signed in; "" = nobody has."""
    browser = Browser(site)
    try:
        if name:
            await browser.open()
            await browser.be(name)
        yield browser
    finally:
        await browser.http.close()
