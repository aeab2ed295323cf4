"""Where files are sent to and fetched from: not the Web API, but addresses beside it (docs, "Working with files")."""

from __future__ import annotations

from aiohttp import BodyPartReader, web

from tests.adapters.slack.wire.faults import Call, Fault, Faults
from tests.adapters.slack.wire.messages import File
from tests.adapters.slack.wire.serving import Fail, served
from tests.adapters.slack.wire.world import Install, World

_LOGIN = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"


class Filing:
    """The addresses. `world.uploads` are the files that bytes can be sent for, by the ticket in the address."""

    def __init__(self, world: World, faults: Faults, calls: list[Call]) -> None:
        self._world = world
        self._faults = faults
        self._calls = calls

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Take the bytes of a file, raw or in a form."""
        content = await _content(request)
        ticket = request.match_info["ticket"]
        call = Call("upload", {"ticket": ticket, "size": len(content)})
        self._calls.append(call)
        return await served(self._faults, call, request, lambda: self._take(call, ticket, content), _failed(call))

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Give the bytes of a file to who has the token of a bot that sees it; else the page to sign in."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        call = Call("download", {"file": request.match_info["file"]}, token)
        self._calls.append(call)
        return await served(self._faults, call, request, lambda: self._give(request, call), _failed(call))

    async def login(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=_LOGIN, content_type="text/html")

    def _take(self, call: Call, ticket: str, content: bytes) -> web.Response:
        file = self._world.uploads.get(ticket)
        call.status = 200 if file is not None else 404
        if file is None:
            return web.Response(status=404, text="not found")
        file.content = content
        call.answer = {"ok": True}
        return web.Response(text=f"OK - {len(content)}")

    def _give(self, request: web.Request, call: Call) -> web.StreamResponse:
        file = self._world.files.get(str(call.args["file"]).partition("-")[2])
        install = self._world.by_token(call.token)
        if file is None or install is None or not sees(self._world, install, file) or _is_shut(install):
            call.status = 302
            return web.Response(status=302, headers={"Location": f"{self._world.base_url}/?redir={request.path}"})
        call.status = file.answers
        if file.answers == 302:
            return web.Response(status=302, headers={"Location": file.redirect_to})
        if file.answers != 200 or file.is_deleted:
            return web.Response(status=404 if file.is_deleted else file.answers, text="not found")
        call.answer = {"ok": True}
        return web.Response(body=file.content, content_type=file.served_as or file.mimetype)


def sees(world: World, install: Install, file: File) -> bool:
    """Whether a bot may have a file: it sent it, or it is where it was shared."""
    rooms = (world.channels[one] for one in file.channels if one in world.channels)
    return file.user == install.user or any(install.user in room.members for room in rooms)


def _is_shut(install: Install) -> bool:
    return bool(install.refusal) or "files:read" not in install.scopes


def _failed(call: Call) -> Fail:
    def fail(fault: Fault) -> web.Response:
        call.status = fault.status if fault.kind == "status" else 500
        headers = {"Retry-After": str(fault.retry_after_s)} if call.status == 429 else {}
        return web.Response(status=call.status, text=fault.error or "error", headers=headers)

    return fail


async def _content(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.filename:
            return bytes(await part.read(decode=False))
    return b""
