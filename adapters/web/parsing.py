"""Read what the page sends: parsed once, bounded, refused in one sentence."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Literal

from aiohttp import web

from adapters.web.guard import Rejected
from adapters.web.visible import is_blank

MAX_TEXT_BYTES = 32 * 1024
MAX_BODY_BYTES = 64 * 1024
BODY_S = 15.0
TOO_LONG = f"This is too long: at most {MAX_TEXT_BYTES // 1024} kB of text fit in a message."

THREAD = re.compile(r"[a-z0-9]{1,32}", re.ASCII)
CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
APPROVAL = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


async def json_body(request: web.Request) -> dict[str, object]:
    """The JSON object of a request. Never reads more than it takes."""
    if request.content_type != "application/json":
        raise Rejected(415, "This address takes JSON only.")
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.content.iter_chunked(16 * 1024):
                raw += piece
                if len(raw) > MAX_BODY_BYTES:
                    raise Rejected(413, TOO_LONG)
    except TimeoutError as err:
        raise Rejected(408, "The request took too long to arrive.") from err
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError) as err:
        raise Rejected(400, "This is not JSON.") from err
    if not isinstance(parsed, dict):
        raise Rejected(400, "The request is not a JSON object.")
    return parsed


def text_of(body: dict[str, object], name: str, *, default: str | None = None) -> str:
    """The text in one field."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise Rejected(400, f"The request has no text in {name!r}.")
    return value


def verb_of(body: dict[str, object]) -> Literal["approve", "deny"]:
    """What a click says."""
    match text_of(body, "verb"):
        case "approve":
            return "approve"
        case "deny":
            return "deny"
        case _:
            raise Rejected(400, "A card is approved or denied, nothing else.")


def matching(pattern: re.Pattern[str], text: str, sentence: str, *, status: int = 400) -> str:
    if pattern.fullmatch(text) is None:
        raise Rejected(status, sentence)
    return text


def thread_id(text: str) -> str:
    """A thread's id, of the shape the server makes them."""
    return matching(THREAD, text, "There is no such thread.", status=404)


def message_text(text: str, *, may_be_blank: bool = False) -> str:
    """What somebody wrote: something that can be seen, unless it came with something else, of bounded length."""
    if is_blank(text) and not may_be_blank:
        raise Rejected(400, "Write something first.")
    clean = storable(text)
    if len(clean.encode()) > MAX_TEXT_BYTES:
        raise Rejected(413, TOO_LONG)
    return clean


def storable(text: str) -> str:
    """What every database can store: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
