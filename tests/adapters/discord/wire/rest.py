"""The REST side: what every request goes through before and after its route.

Order: noted, faults, token, limits, the route. An unknown route is answered 404 and noted as an error, so is a
route that broke.
"""

from __future__ import annotations

import asyncio
import json
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from tests.adapters.discord.wire.faults import Asked, Fault, Faults, Limits
from tests.adapters.discord.wire.posting import Post, Upload
from tests.adapters.discord.wire.refusals import Refused
from tests.adapters.discord.wire.world import Json, World

API = "/api/v10"
_VIA = {"Via": "1.1 google"}
_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
_FILE_FIELD = re.compile(r"files\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Call:
    """A request as its route gets it: ids of the path, query, body, files by number."""

    ids: dict[str, int]
    words: dict[str, str]
    query: dict[str, str]
    body: Any
    files: dict[int, Upload]

    @property
    def post(self) -> Post:
        return Post(self.body or {}, self.files)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any = None
    headers: dict[str, str] | None = None


Handler = Callable[[World, Call], Any]
"""Gives what the answer holds: JSON data, a Reply, or None for 204. Raises Refused."""
Route = tuple[str, Handler]


class Rest:
    """The routes, what was asked of them, and what nobody expected."""

    def __init__(self, world: World, routes: list[Route], faults: Faults, limits: Limits) -> None:
        self._world = world
        self._routes = routes
        self._faults = faults
        self._limits = limits
        self.requests: list[Asked] = []
        self.errors: list[str] = []

    def app(self, sockets: Callable[[web.Request], Any]) -> web.Application:
        """The application; `sockets` serves the gateway."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/gateway", sockets)
        app.router.add_get("/gateway/", sockets)
        for name, handler in self._routes:
            method, path = name.split()
            app.router.add_route(method, _pattern(path), self._serving(name, handler))
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        return app

    def _serving(self, name: str, handler: Handler) -> Callable[[web.Request], Any]:
        async def serve(request: web.Request) -> web.StreamResponse:
            body, files = await _read(request)
            asked = Asked(request.method, request.path, name, body, [one.filename for one in files.values()])
            asked.query = dict(request.query)
            self.requests.append(asked)
            call = _call(request, body, files)
            fault = self._faults.take(asked)
            if fault is None:
                return self._respond(request, asked, handler, call)
            return await self._faulty(fault, request, asked, handler, call)

        return serve

    async def _faulty(
        self, fault: Fault, request: web.Request, asked: Asked, handler: Handler, call: Call
    ) -> web.StreamResponse:
        match fault.kind:
            case "status":
                return self._failure(fault, asked)
            case "slow":
                await asyncio.sleep(fault.seconds)
                return self._respond(request, asked, handler, call)
            case "lost":
                self._respond(request, asked, handler, call)
            case "hang":
                await asyncio.sleep(fault.seconds)
            case "cut":
                pass
        asked.status = 0
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _failure(self, fault: Fault, asked: Asked) -> web.Response:
        asked.status = fault.status
        if fault.status == 429:
            self._limits.hits.append(asked)
            return _limited(fault.retry_after_s, fault.is_global, {}, code=fault.code)
        if fault.status >= 502 and not fault.code:
            return web.Response(status=fault.status, text=_BAD_GATEWAY, content_type="text/html", headers=_VIA)
        return _json(fault.status, {"message": f"{fault.status}: on demand", "code": fault.code}, {})

    def _respond(self, request: web.Request, asked: Asked, handler: Handler, call: Call) -> web.Response:
        """Do what is asked; the status is noted."""
        is_file = asked.route.split()[1].startswith("/cdn")
        if not is_file and not self._may(request, asked):
            return self._noted(asked, 401, {"message": "401: Unauthorized", "code": 0}, {})
        standing = self._limits.count(asked, _major(call)) if not is_file else None
        if standing is not None and standing.retry_after_s is not None:
            asked.status = 429
            self._limits.hits.append(asked)
            return _limited(standing.retry_after_s, standing.is_global, standing.headers)
        return self._carried_out(asked, handler, call, standing.headers if standing else {})

    def _carried_out(self, asked: Asked, handler: Handler, call: Call, headers: dict[str, str]) -> web.Response:
        try:
            done = handler(self._world, call)
        except Refused as refused:
            asked.code = refused.code
            return self._noted(asked, refused.status, refused.body(), headers)
        except Exception:  # the rim: a bug of ours must be seen by the test, not only by the client
            self.errors.append(f"{asked.method} {asked.path} broke: {traceback.format_exc()}")
            return self._noted(asked, 500, {"message": "500: Internal Server Error", "code": 0}, headers)
        if not isinstance(done, Reply):
            done = Reply(204) if done is None else Reply(200, done)
        return self._noted(asked, done.status, done.body, headers | (done.headers or {}))

    def _may(self, request: web.Request, asked: Asked) -> bool:
        """Whether a request is the bot's; answers to interactions need no token of the bot."""
        path = asked.route.split()[1]
        if path.startswith("/interactions") or path.startswith("/webhooks"):
            return True
        return request.headers.get("Authorization") == f"Bot {self._world.app.token}"

    def _noted(self, asked: Asked, status: int, body: Any, headers: dict[str, str]) -> web.Response:
        asked.status = status
        return _json(status, body, headers)

    async def _unknown(self, request: web.Request) -> web.Response:
        body, _files = await _read(request)
        asked = Asked(request.method, request.path, f"{request.method} {request.path}", body, status=404)
        self.requests.append(asked)
        self.errors.append(f"unknown route: {request.method} {request.path_qs}")
        return _json(404, {"message": "404: Not Found", "code": 0}, {})


def _pattern(path: str) -> str:
    """The path aiohttp matches: what is called `_id` holds digits only; the files' addresses lie outside the API."""
    return ("" if path.startswith("/cdn") else API) + re.sub(r"\{(\w+_id)\}", r"{\1:[0-9]+}", path)


def _call(request: web.Request, body: Any, files: dict[int, Upload]) -> Call:
    ids = {name: int(value) for name, value in request.match_info.items() if name.endswith("_id")}
    words = {name: value for name, value in request.match_info.items() if not name.endswith("_id")}
    return Call(ids, words, dict(request.query), body, files)


def _major(call: Call) -> str:
    """What a rate limit is kept for, besides the route."""
    names = ("channel_id", "guild_id", "application_id", "interaction_id")
    return "/".join([*(str(call.ids[name]) for name in names if name in call.ids), call.words.get("token", "")])


async def _read(request: web.Request) -> tuple[Any, dict[int, Upload]]:
    """The body: JSON by itself, or in `payload_json` beside files."""
    if request.content_type.startswith("multipart/"):
        return await _read_multipart(request)
    text = await request.text()
    return (json.loads(text) if text else None), {}


async def _read_multipart(request: web.Request) -> tuple[Json, dict[int, Upload]]:
    body: Json = {}
    files: dict[int, Upload] = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        content = bytes(await part.read(decode=False))
        if part.name == "payload_json":
            body = json.loads(content)
        elif match := _FILE_FIELD.fullmatch(part.name or ""):
            files[int(match[1])] = Upload(part.filename or "file", content)
    return body, files


def _limited(retry_after_s: float, is_global: bool, headers: dict[str, str], *, code: int = 0) -> web.Response:
    body: Json = {"message": "You are being rate limited.", "retry_after": round(retry_after_s, 3)}
    body |= {"global": is_global} | ({"code": code} if code else {})
    scope = {"X-RateLimit-Scope": "global", "X-RateLimit-Global": "true"} if is_global else {}
    return _json(429, body, headers | scope | {"Retry-After": str(int(retry_after_s) + 1)})


def _json(status: int, body: Any, headers: dict[str, str]) -> web.Response:
    """The content type is exactly `application/json`, as Discord's is; a 429 without `Via` would be Cloudflare's."""
    if isinstance(body, bytes):
        return web.Response(status=status, body=body, headers=_VIA | headers)
    if body is None:
        return web.Response(status=status, headers=_VIA | headers)
    content = json.dumps(body).encode()
    return web.Response(status=status, body=content, content_type="application/json", headers=_VIA | headers)
