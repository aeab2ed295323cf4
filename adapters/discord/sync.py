"""Telling Discord of the commands, only where they have changed: it takes 200 new ones a day, and keeps what it has.

What Discord was told last is kept as a digest for each application, so that another token begins anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import discord
import structlog
from discord import app_commands

log = structlog.get_logger()

SYNC_S = 15.0
"""A start waits no longer than this: Discord may ask for hours of patience."""
_TROUBLE = (discord.DiscordException, aiohttp.ClientError, OSError)


def commands_hash(tree: app_commands.CommandTree[Any]) -> str:
    """Give the digest of all global commands of a tree: the same in every process for the same definitions."""
    commands = sorted(tree.get_commands(), key=lambda one: (type(one).__name__, one.name))
    payload = [one.to_dict(tree) for one in commands]
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


async def sync_if_changed(
    tree: app_commands.CommandTree[Any],
    *,
    read: Callable[[], str],
    write: Callable[[str], object],
    timeout_s: float = SYNC_S,
) -> bool:
    """Tell Discord of the commands where they are not what it was told last; gives whether it was told now.

    `read` gives what `write` was given last, "" for nothing; both may take a moment. What Discord does not take is
    logged, and tried again at the next start.
    """
    application, now = str(tree.client.application_id), commands_hash(tree)
    told = await _told(read)
    if told.get(application) == now:
        return False
    try:
        async with asyncio.timeout(timeout_s):
            await tree.sync()
    except _TROUBLE as err:
        log.warning("commands.not_synced", error=type(err).__name__)
        return False
    await _keep(write, json.dumps({**told, application: now}, sort_keys=True))
    log.info("commands.synced", digest=now[:12])
    return True


async def _told(read: Callable[[], str]) -> dict[str, str]:
    """What Discord was told, by application; nothing where that cannot be read."""
    try:
        found = json.loads(await asyncio.to_thread(read) or "{}")
    except (OSError, ValueError) as err:
        log.warning("commands.unreadable", error=type(err).__name__)
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


async def _keep(write: Callable[[str], object], text: str) -> None:
    try:
        await asyncio.to_thread(write, text)
    except OSError as err:
        log.warning("commands.not_noted", error=type(err).__name__)
