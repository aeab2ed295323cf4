"""What came with a message: fetched from Discord's own servers only, and never more of it than is taken."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
import discord
import structlog

from adapters.fetching import check_sizes, fetch, not_readable
from bot.chat import Upload

log = structlog.get_logger()

HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})


async def fetch_uploads(
    attachments: Sequence[discord.Attachment], http: aiohttp.ClientSession, hosts: frozenset[str] = HOSTS
) -> tuple[Upload, ...]:
    """The bytes of these attachments, from one of these hosts. Raises `Refused` with a sentence for the person."""
    check_sizes(one.size for one in attachments)
    return tuple([Upload(one.filename, await _fetch(one, http, hosts)) for one in attachments])


async def _fetch(one: discord.Attachment, http: aiohttp.ClientSession, hosts: frozenset[str]) -> bytes:
    if (host := urlsplit(one.url).netloc) not in hosts:
        log.warning("attachment.refused", host=host)
        raise not_readable(one.filename, "it is not on Discord's servers")
    return await fetch(http, one.url, one.filename)
