"""What the tests of Slack's doors share: handlers that note what they are handed, and a server for the HTTP door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from adapters.slack.handlers import Body
from adapters.slack.options import Options
from tests.adapters.slack.wire import SlackServer


@dataclass
class Noting:
    """Handlers that note each call as (name, body). `before` runs first, and may raise or wait."""

    calls: list[tuple[str, Body]] = field(default_factory=list)
    retries: list[int] = field(default_factory=list)
    answer: Body | None = None
    before: Callable[[str], Awaitable[None]] | None = None

    async def keep(self, body: Body, *, retry: int) -> None:
        self.retries.append(retry)
        await self._note("keep", body)

    async def press(self, body: Body) -> None:
        await self._note("press", body)

    async def submit(self, body: Body) -> Body | None:
        await self._note("submit", body)
        return self.answer

    async def closed(self, body: Body) -> None:
        await self._note("closed", body)

    async def command(self, body: Body) -> None:
        await self._note("command", body)

    async def shortcut(self, body: Body) -> None:
        await self._note("shortcut", body)

    async def options(self, body: Body) -> Body:
        await self._note("options", body)
        return self.answer or {"options": []}

    async def _note(self, name: str, body: Body) -> None:
        if self.before is not None:
            await self.before(name)
        self.calls.append((name, body))

    @property
    def names(self) -> list[str]:
        return [name for name, _body in self.calls]

    def bodies(self, name: str) -> list[Body]:
        return [body for one, body in self.calls if one == name]


@asynccontextmanager
async def serving(routes: list[web.RouteDef]) -> AsyncIterator[str]:
    """The address of a server with these routes and the limits of the bot's own."""
    app = web.Application(client_max_size=1 << 20)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def options_of(slack: SlackServer, data_dir: Path, **others: Any) -> Options:
    """The options of a bot in that workspace."""
    return Options(
        **{
            "data_dir": data_dir,
            "bot_token": slack.bot_token,
            "app_token": slack.app_token,
            "signing_secret": slack.signing_secret,
            "api_url": slack.api_url,
            **others,
        }
    )


async def until(claim: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something is so. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not claim():
            await asyncio.sleep(0.005)
