"""What came with a message, fetched from the platform: never followed elsewhere, never unpacked, never more than is
taken. Whether an address is the platform's own is for the caller to say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import aiohttp
import structlog

from bot.chat import CAPS, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS
from bot.errors import Refused

log = structlog.get_logger()

FETCH_S = 30.0
CHUNK_BYTES = 1 << 16
AS_IT_IS = "identity"
"""Nothing is unpacked on the way in: a few bytes could become any number."""


def check_sizes(sizes: Iterable[int]) -> None:
    """Raise `Refused` where that is more than is taken, as the message itself says."""
    listed = list(sizes)
    if len(listed) > MAX_ATTACHMENTS or any(size > MAX_ATTACHMENT_BYTES for size in listed):
        raise Refused("too_long", f"That is too much at once. {CAPS}")


async def fetch(
    http: aiohttp.ClientSession, url: str, name: str, *, headers: Mapping[str, str] | None = None, is_page: bool = True
) -> bytes:
    """The bytes at this address. Without `is_page` a page in their place, which asks to sign in, is none of them.
    Raises `Refused` with a sentence for the person."""
    asked = {"Accept-Encoding": AS_IT_IS, **(headers or {})}
    try:
        async with asyncio.timeout(FETCH_S), http.get(url, headers=asked, allow_redirects=False) as response:
            is_packed = response.headers.get("Content-Encoding", AS_IT_IS) != AS_IT_IS
            if response.status != 200 or is_packed or (response.content_type == "text/html" and not is_page):
                raise not_readable(name)
            return await _read(response, name)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as err:
        log.info("attachment.failed", kind=type(err).__name__)
        raise not_readable(name) from err


def not_readable(name: str, why: str = "send it again") -> Refused:
    """What somebody is told whose file cannot be read."""
    return Refused("not_readable", f"I could not read {shown_file(name)}: {why}.")


def shown_file(name: str) -> str:
    """What a file is called, in a sentence."""
    plain = "".join(letter if letter.isalnum() or letter in "._- " else "_" for letter in name)
    return plain[:80] or "the attachment"


async def _read(response: aiohttp.ClientResponse, name: str) -> bytes:
    """The body, whatever its header says of its length."""
    data = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        data += chunk
        if len(data) > MAX_ATTACHMENT_BYTES:
            raise Refused("too_long", f"{shown_file(name)} is too large. {CAPS}")
    return bytes(data)
