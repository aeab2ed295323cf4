"""Read what the page sends: parsed once, bounded, refused in one sentence."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping

from aiohttp import web

from adapters.visible import is_blank
from adapters.web.guard import Rejected

MAX_TEXT_BYTES = 32 * 1024
MAX_BODY_BYTES = 64 * 1024
MAX_WORDS_BYTES = 64 * 1024
MAX_LINE_CHARS = 500
BODY_S = 15.0
TOO_LONG = f"This is too long: at most {MAX_TEXT_BYTES // 1024} kB of text fit in a message."
WORDS_TOO_LONG = f"This is too long: at most {MAX_WORDS_BYTES // 1024} kB of text fit in a command."

THREAD = re.compile(r"[a-z0-9]{1,32}", re.ASCII)
CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
APPROVAL = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def body_bytes(text_bytes: int) -> int:
    """How long a request with one text of this length can get: JSON writes a byte of text as six at most."""
    return 6 * text_bytes + 4096


async def json_body(
    request: web.Request, *, at_most: int = MAX_BODY_BYTES, too_long: str = TOO_LONG
) -> dict[str, object]:
    """The JSON object of a request. Never reads more than it takes."""
    if request.content_type != "application/json":
        raise Rejected(415, "This address takes JSON only.")
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.content.iter_chunked(16 * 1024):
                raw += piece
                if len(raw) > at_most:
                    raise Rejected(413, too_long)
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


def flag_of(body: dict[str, object], name: str) -> bool:
    """The yes or no in one field; no where there is none."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise Rejected(400, f"The request has neither true nor false in {name!r}.")
    return value


def bounded(text: str, at_most: int, sentence: str) -> str:
    """Text of at most so many bytes that can be stored."""
    clean = storable(text)
    if len(clean.encode()) > at_most:
        raise Rejected(413, sentence)
    return clean


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
    return bounded(text, MAX_TEXT_BYTES, TOO_LONG)


def words_of(body: dict[str, object]) -> str:
    """The words of a command: its first line, and what was pasted below it."""
    return bounded(text_of(body, "words"), MAX_WORDS_BYTES, WORDS_TOO_LONG).strip()


def line_of(query: Mapping[str, str]) -> tuple[str, bool]:
    """A command that is being typed: its words so far, and whether it is for admins."""
    words, admin = query.get("words", ""), query.get("admin", "0")
    if len(words) > MAX_LINE_CHARS:
        raise Rejected(400, f"Commands of up to {MAX_LINE_CHARS} characters can be completed.")
    if admin not in ("0", "1"):
        raise Rejected(400, "The request has neither 0 nor 1 in 'admin'.")
    return storable(words), admin == "1"


def storable(text: str) -> str:
    """What every database can store: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
