"""Read a message with what came with it: multipart/form-data, bounded as a whole, judged by nobody here.

Reads piece by piece, so the application's own `client_max_size` stays as small as the other addresses need it.
"""

from __future__ import annotations

import asyncio

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from adapters.web.guard import Rejected
from adapters.web.parsing import TOO_LONG, storable
from bot.chat import CAPS, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, Upload

MAX_FORM_BYTES = MAX_ATTACHMENTS * MAX_ATTACHMENT_BYTES + (2 << 20)
MAX_FIELD_BYTES = 64 * 1024
MAX_PARTS = 16
FORM_S = 120.0
PIECE_BYTES = 64 * 1024
TOO_LARGE = f"This is too large to be sent at once. {CAPS}"
MALFORMED = "The request is not a proper form."


async def form_body(request: web.Request) -> tuple[dict[str, object], tuple[Upload, ...]]:
    """The fields of a form, and its files in order. Never reads more than it takes."""
    if (request.content_length or 0) > MAX_FORM_BYTES:
        raise Rejected(413, TOO_LARGE)
    try:
        async with asyncio.timeout(FORM_S):
            return await _read(request)
    except TimeoutError as err:
        raise Rejected(408, "The request took too long to arrive.") from err
    except (ValueError, RuntimeError, HttpProcessingError) as err:  # what aiohttp says of a form that is none
        raise Rejected(400, MALFORMED) from err


async def _read(request: web.Request) -> tuple[dict[str, object], tuple[Upload, ...]]:
    fields: dict[str, object] = {}
    uploads: list[Upload] = []
    room = MAX_FORM_BYTES
    reader = await request.multipart()
    for _ in range(MAX_PARTS):
        part = await reader.next()
        if part is None:
            return fields, tuple(uploads)
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise Rejected(400, MALFORMED)
        if part.filename is None:
            fields[part.name] = (await _bytes(part, MAX_FIELD_BYTES, TOO_LONG)).decode()
            continue
        data = await _bytes(part, room, TOO_LARGE)
        room -= len(data)
        uploads.append(Upload(storable(part.filename), data))
    raise Rejected(413, TOO_LARGE)


async def _bytes(part: BodyPartReader, at_most: int, sentence: str) -> bytes:
    data = bytearray()
    while not part.at_eof():
        data += await part.read_chunk(PIECE_BYTES)
        if len(data) > at_most:
            raise Rejected(413, sentence)
    return bytes(data)
