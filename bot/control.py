"""The way from the command line to a running bot: HTTP on loopback, with a token from the data folder."""

from __future__ import annotations

import hmac
import http.client
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import BotError

if TYPE_CHECKING:
    from aiohttp import web

Handle = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
FILE = "control.json"
WAIT_S = 3600
BROKEN_OFF = (
    "The running bot broke off in the middle of its answer. It may have taken what you said: look before you ask again."
)


@asynccontextmanager
async def serve_control(data_dir: Path, handle: Handle) -> AsyncIterator[None]:
    """Answer the command line while the bot runs; the address and token are in the data folder, for its owner only."""
    from aiohttp import web

    token = secrets.token_urlsafe(32)

    async def answer(request: web.Request) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
            return web.json_response({"error": "Not allowed."}, status=401)
        words = await request.json()
        return web.json_response(await handle(request.match_info["method"], words))

    app = web.Application(client_max_size=1 << 20)
    app.add_routes([web.post("/{method}", answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    path = data_dir / FILE
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        _write_private(path, json.dumps({"port": port, "token": token, "pid": os.getpid()}))
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        await runner.cleanup()


def _write_private(path: Path, text: str) -> None:
    """Write a file that was never readable by others, not even for a moment."""
    draft = path.with_suffix(".new")
    with suppress(OSError):
        draft.unlink()
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    draft.replace(path)


def ask_running(data_dir: Path, method: str, words: dict[str, Any]) -> dict[str, Any] | None:
    """Ask the bot that owns this data folder; None when none runs. Raises `BotError` when it does not answer
    properly."""
    try:
        where = json.loads((data_dir / FILE).read_text("utf-8"))
        connection = http.client.HTTPConnection("127.0.0.1", int(where["port"]), timeout=WAIT_S)
        headers = {"Authorization": f"Bearer {where['token']}", "Content-Type": "application/json"}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        connection.connect()
    except OSError:
        return None  # it was killed: the file is a leftover
    try:
        connection.request("POST", f"/{method}", json.dumps(words), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException) as err:
        raise BotError(BROKEN_OFF) from err
    finally:
        connection.close()
    if response.status == 401:
        return None  # another program listens there now
    if not isinstance(answer, dict):
        raise BotError("The running bot gave an answer that cannot be read.")
    return answer
