"""Slack over HTTP: `POST /slack/events` on the server that the page and the health checks are on.

In this order: the shape of the headers, the size, the signature over the bytes, what can be read of them. Only then
does the app see anything.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from slack_bolt.response import BoltResponse

from adapters.slack.door.app import SlackApp
from adapters.slack.door.signatures import SIGNATURE, TIMESTAMP, Signatures, Stamp
from adapters.slack.handlers import Body

log = structlog.get_logger()

PATH = "/slack/events"
MAX_BODY = 512 << 10
"""Bytes. Slack's largest are forms with all their fields, of some ten thousand."""
MAX_FIELDS = 100
READ_S = 10.0
RETRY_NUM = "X-Slack-Retry-Num"
NO_RETRY = {"X-Slack-No-Retry": "1"}
"""It will not be readable another time."""
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class HttpDoor:
    """What Slack posts."""

    def __init__(self, app: SlackApp, signatures: Signatures) -> None:
        self._app = app
        self._signatures = signatures
        self._refused: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self.take)]

    async def take(self, request: web.Request) -> web.Response:
        """Answer one request."""
        stamp = self._signatures.stamp(request.headers.getall(SIGNATURE, []), request.headers.getall(TIMESTAMP, []))
        if isinstance(stamp, str):
            return self._turned_away(stamp)
        try:
            async with asyncio.timeout(READ_S):
                content = await _read(request)
        except TimeoutError:
            return web.Response(status=408)
        except (web.RequestPayloadError, ConnectionError):
            return self._turned_away("a body that ends in the middle, or is packed")
        if content is None:
            return web.Response(status=413)
        if (why := self._signatures.refusal(stamp, content)) is not None:
            return self._turned_away(why)
        return await self._taken(request, stamp, content)

    async def _taken(self, request: web.Request, stamp: Stamp, content: bytes) -> web.Response:
        is_taken = False
        try:
            body = parsed(content, request.content_type, request.charset)
            response = await self._app.take(body, retry=_count(request.headers.get(RETRY_NUM, "")))
            is_taken = response.status == 200
        except ValueError as err:
            log.warning("slack.unreadable", why=str(err))
            return web.Response(status=400, headers=NO_RETRY)
        finally:
            if not is_taken:
                self._signatures.forget(stamp)
        return _answer(response)

    def _turned_away(self, why: str) -> web.Response:
        """One line for the first of a kind, and ever fewer after that: anybody can post here."""
        self._refused[why] += 1
        count = self._refused[why]
        if count & (count - 1) == 0:
            log.warning("slack.request_refused", why=why, count=count)
        return web.Response(status=401)


def parsed(content: bytes, content_type: str, charset: str | None) -> Body:
    """What a request says: an event is JSON, a form holds JSON as its `payload`, a slash command is a form. Raises
    `ValueError` with what is wrong."""
    if charset is not None and charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise ValueError("not in UTF-8")
    text = content.decode()
    if content_type == JSON:
        return _object(text)
    if content_type != FORM:
        raise ValueError("neither JSON nor a form")
    fields = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    form = dict(fields)
    if len(form) != len(fields):
        raise ValueError("a field stands twice")
    if "payload" in form:
        return _object(form["payload"])
    if "command" in form:
        return dict(form)
    raise ValueError("a form without payload")


def _object(text: str) -> Body:
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError:
        raise ValueError("no JSON") from None
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


async def _read(request: web.Request) -> bytes | None:
    """The body; None where it is too large."""
    if (request.content_length or 0) > MAX_BODY:
        return None
    content = bytearray()
    async for chunk in request.content.iter_any():
        content += chunk
        if len(content) > MAX_BODY:
            return None
    return bytes(content)


def _answer(response: BoltResponse) -> web.Response:
    content_type = JSON if response.body.startswith("{") else "text/plain"
    return web.Response(status=response.status, text=response.body, content_type=content_type)


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
