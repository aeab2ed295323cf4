"""What came with a message: fetched from Discord's own servers only, and never more of it than is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
import discord
import structlog

from bot.chat import CAPS, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, Upload
from bot.errors import Refused

log = structlog.get_logger()

HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
FETCH_S = 30.0
CHUNK_BYTES = 1 << 16
AS_IT_IS = "identity"
"""Nothing is unpacked on the way in: a few bytes could become any number."""


async def fetch_uploads(
    attachments: Sequence[discord.Attachment], http: aiohttp.ClientSession, hosts: frozenset[str] = HOSTS
) -> tuple[Upload, ...]:
    """The bytes of these attachments, from one of these hosts. Raises `Refused` with a sentence for the person."""
    if len(attachments) > MAX_ATTACHMENTS or any(one.size > MAX_ATTACHMENT_BYTES for one in attachments):
        raise Refused("too_long", f"That is too much at once. {CAPS}")
    return tuple([Upload(one.filename, await _fetch(one, http, hosts)) for one in attachments])


async def _fetch(one: discord.Attachment, http: aiohttp.ClientSession, hosts: frozenset[str]) -> bytes:
    if urlsplit(one.url).netloc not in hosts:
        log.warning("attachment.refused", host=urlsplit(one.url).netloc)
        raise Refused("not_readable", f"I could not read {_shown(one)}: it is not on Discord's servers.")
    try:
        headers = {"Accept-Encoding": AS_IT_IS}
        async with asyncio.timeout(FETCH_S), http.get(one.url, headers=headers, allow_redirects=False) as response:
            if response.status != 200 or response.headers.get("Content-Encoding", AS_IT_IS) != AS_IT_IS:
                raise Refused("not_readable", f"I could not read {_shown(one)}: send it again.")
            return await _read(response, one)
    except (aiohttp.ClientError, OSError, TimeoutError) as err:
        log.info("attachment.failed", kind=type(err).__name__)
        raise Refused("not_readable", f"I could not read {_shown(one)}: send it again.") from err


async def _read(response: aiohttp.ClientResponse, one: discord.Attachment) -> bytes:
    """The body, whatever its header says of its length."""
    data = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        data += chunk
        if len(data) > MAX_ATTACHMENT_BYTES:
            raise Refused("too_long", f"{_shown(one)} is too large. {CAPS}")
    return bytes(data)


def _shown(one: discord.Attachment) -> str:
    plain = "".join(letter if letter.isalnum() or letter in "._- " else "_" for letter in one.filename)
    return plain[:80] or "the attachment"
