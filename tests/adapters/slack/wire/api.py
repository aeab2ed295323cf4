"""The Web API: what every call goes through before and after its method (docs, "Web API").

Order: noted, faults, limits, token, scope, the method. An unknown method is refused and noted as an error, so is one
that broke.
"""

from __future__ import annotations

import json
import traceback
from typing import Any

from aiohttp import web

from tests.adapters.slack.wire import scopes
from tests.adapters.slack.wire.asking import Ask, Method
from tests.adapters.slack.wire.faults import Call, Fault, Faults
from tests.adapters.slack.wire.limits import Limits
from tests.adapters.slack.wire.messages import Json
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.serving import served
from tests.adapters.slack.wire.world import Install, World

_HTML = "<html><head><title>503</title></head><body>Slack is having trouble</body></html>"


class Api:
    """The methods, what was called, and what nobody expected. `app_methods` take the app's own token, `open_methods`
    none at all."""

    def __init__(self, world: World, faults: Faults, limits: Limits, methods: dict[str, Method]) -> None:
        self._world = world
        self._faults = faults
        self._limits = limits
        self._methods = methods
        self.app_methods: dict[str, Any] = {}
        self.open_methods: dict[str, Any] = {}
        self.calls: list[Call] = []
        self.errors: list[str] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        args, token = await _read(request)
        call = Call(request.match_info["method"], args, token)
        self.calls.append(call)
        return await served(
            self._faults, call, request, lambda: self._respond(request, call), lambda fault: self._failure(fault, call)
        )

    def _failure(self, fault: Fault, call: Call) -> web.Response:
        if fault.kind == "error":
            return self._noted(call, 200, {"ok": False, "error": fault.error, **fault.extra}, {})
        if fault.status == 429:
            return self._limited(call, fault.retry_after_s)
        call.status = fault.status
        return web.Response(status=fault.status, text=_HTML, content_type="text/html")

    def _limited(self, call: Call, retry_after_s: int) -> web.Response:
        headers = {"Retry-After": str(retry_after_s)}
        return self._noted(call, 429, {"ok": False, "error": "ratelimited"}, headers)

    def _respond(self, request: web.Request, call: Call) -> web.Response:
        wait = self._limits.count(call)
        if wait is not None:
            self._faults.limited.append(call)
            return self._limited(call, wait)
        try:
            body, headers = self._carried_out(request, call)
        except Refused as refused:
            return self._noted(call, 200, refused.body(), self._headers(call))
        except Exception:  # the rim: a bug of ours must be seen by the test, not only by the client
            self.errors.append(f"{call.method} broke: {traceback.format_exc()}")
            return self._noted(call, 500, {"ok": False, "error": "internal_error"}, {})
        return self._noted(call, 200, {"ok": True, **body}, headers)

    def _carried_out(self, request: web.Request, call: Call) -> tuple[Json, dict[str, str]]:
        if call.method in self.open_methods:
            return self.open_methods[call.method](self._world, call, request), {}
        if call.method in self.app_methods:
            if call.token not in self._world.app.app_tokens:
                raise Refused("not_allowed_token_type" if call.token.startswith("xoxb") else "invalid_auth")
            return self.app_methods[call.method](self._world, call), {}
        method = self._methods.get(call.method)
        if method is None:
            self.errors.append(f"unknown method: {call.method}")
            raise Refused("unknown_method", req_method=call.method)
        install = self._caller(call)
        scopes.require(self._world, install, call.method, call.args)
        return method(Ask(self._world, install, call.method, call.args)), self._headers(call)

    def _caller(self, call: Call) -> Install:
        """Whose token a call came with. Raises Refused."""
        if not call.token:
            raise Refused("not_authed")
        install = self._world.by_token(call.token)
        if install is None:
            raise Refused("not_allowed_token_type" if call.token in self._world.app.app_tokens else "invalid_auth")
        if install.refusal:
            raise Refused(install.refusal)
        return install

    def _headers(self, call: Call) -> dict[str, str]:
        install = self._world.by_token(call.token)
        if install is None:
            return {}
        accepted = scopes.accepted(call.method)
        return {"x-oauth-scopes": ",".join(install.scopes)} | (
            {"x-accepted-oauth-scopes": accepted} if accepted else {}
        )

    def _noted(self, call: Call, status: int, body: Json, headers: dict[str, str]) -> web.Response:
        call.status, call.answer = status, body
        return web.Response(
            status=status,
            text=json.dumps(body),
            content_type="application/json",
            headers={"x-slack-req-id": "1"} | headers,
        )


async def _read(request: web.Request) -> tuple[Json, str]:
    """Arguments and token: from the query, a form or JSON; the token from the header too."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        args |= json.loads(text) if text else {}
    elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ") if header.startswith("Bearer ") else ""
    return args, str(args.pop("token", "") or token)
