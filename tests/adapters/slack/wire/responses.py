"""The addresses answers to interactions are sent to: `response_url` (docs, "Handling user interaction")."""

from __future__ import annotations

import json
import time

from aiohttp import web

from tests.adapters.slack.wire import blocks, posting
from tests.adapters.slack.wire.asking import TRUE
from tests.adapters.slack.wire.faults import Call, Fault, Faults
from tests.adapters.slack.wire.interactions import Interaction
from tests.adapters.slack.wire.messages import Json, Message
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.serving import served
from tests.adapters.slack.wire.world import World


class Responses:
    """Five answers in half an hour for each interaction; they need no token."""

    def __init__(self, world: World, faults: Faults, calls: list[Call]) -> None:
        self._world = world
        self._faults = faults
        self._calls = calls

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.text() or "{}")
        call = Call("response_url", body)
        self._calls.append(call)
        return await served(
            self._faults, call, request, lambda: self._answer(request, call), lambda fault: _failed(fault, call)
        )

    def _answer(self, request: web.Request, call: Call) -> web.Response:
        url = self._world.base_url + request.path
        one = next((found for found in self._world.interactions if found.response_url == url), None)
        try:
            if one is None:
                raise Refused("no_such_url")
            self.take(one, call.args)
        except Refused as refused:
            call.status, call.answer = 404, {"ok": False, "error": refused.error}
            if one is not None:
                one.refused.append(refused.error)
            return web.json_response({"ok": False, "error": refused.error}, status=404)
        call.status, call.answer = 200, {"ok": True}
        return web.Response(text="ok")

    def take(self, one: Interaction, body: Json) -> None:
        """Do what a response asks for: one to a press replaces the message, unless it says otherwise. Raises
        Refused."""
        rules = self._world.rules
        if time.monotonic() - one.made_at > rules.response_url_lives_s:
            raise Refused("expired_url")
        if len(one.responses) >= rules.response_url_uses:
            raise Refused("used_url")
        given = blocks.checked(body.get("blocks") or [])
        original = one.message
        is_on_message = one.kind == "block_actions" and original is not None
        if _flag(body, "delete_original", False):
            if original is not None:
                self._delete(original)
        elif is_on_message and original is not None and _flag(body, "replace_original", True):
            self._replace(original, body, given)
        else:
            self._post(one, body, given)
        one.responses.append(body)

    def _delete(self, original: Message) -> None:
        if original.ephemeral_to:
            original.is_deleted = True
            return
        posting.remove(self._world, self._world.channels[original.channel], original)

    def _replace(self, original: Message, body: Json, given: list[Json]) -> None:
        original.versions.append((original.text, original.blocks))
        original.text, original.blocks = str(body.get("text") or ""), given
        if not original.ephemeral_to:
            posting.change(self._world, self._world.channels[original.channel], original, by=original.user)

    def _post(self, one: Interaction, body: Json, given: list[Json]) -> None:
        assert one.channel is not None
        if not body.get("text") and not given and not body.get("attachments"):
            raise Refused("no_text")
        install = next(found for found in self._world.installs.values() if found.app_id == self._world.app.id)
        made = Message(self._world.new_ts(), one.channel.id, install.user, install.team, str(body.get("text") or ""))
        made.blocks, made.bot_id, made.app_id = given, install.bot_id, install.app_id
        made.thread_ts = str(body.get("thread_ts") or "")
        if body.get("response_type") == "in_channel":
            posting.put(self._world, one.channel, made)
            return
        made.ephemeral_to = one.user.id
        self._world.ephemerals.append(made)


def _flag(body: Json, name: str, default: bool) -> bool:
    return default if body.get(name) is None else body[name] in TRUE


def _failed(fault: Fault, call: Call) -> web.Response:
    call.status = fault.status if fault.kind == "status" else 404
    headers = {"Retry-After": str(fault.retry_after_s)} if call.status == 429 else {}
    return web.Response(status=call.status, text=fault.error or "error", headers=headers)
