"""What the operator chose for Discord, and the address of its API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

API_VERSION = "v10"


@dataclass(frozen=True, slots=True)
class Options:
    """`answers`: a question in a channel opens a thread, or is answered in its place. `reads_along`: whether the
    Message Content intent is asked for; "auto" = where the portal allows it. `bots` are the ids of programs it listens
    to. `shards` 0 = one connection. `data_dir` keeps which commands Discord was told of. `servers_s`: how long to wait
    for one more server before the bot is ready; discord.py's own two seconds."""

    token: str
    data_dir: Path
    api_url: str = ""
    gateway_url: str = ""
    answers: Literal["thread", "place"] = "thread"
    reads_along: Literal["auto", "on", "off"] = "auto"
    bots: frozenset[int] = frozenset()
    shards: int = 0
    servers_s: float = 2.0


@contextmanager
def addressed(options: Options) -> Iterator[None]:
    """Let discord.py speak to the addresses of the options. It keeps them for the whole process, so one at a time."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    if options.api_url:
        Route.BASE = _versioned(options.api_url)
    if options.gateway_url:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(options.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


def _versioned(api_url: str) -> str:
    """The base of the API: proxies are named with or without `/api/v10`."""
    base = api_url.rstrip("/")
    if base.rpartition("/")[2].lstrip("v").isdigit():
        return base
    return f"{base}/{API_VERSION}" if base.endswith("/api") else f"{base}/api/{API_VERSION}"


def intents(*, reads_along: bool) -> discord.Intents:
    """What the gateway is asked to send: servers and channels, messages, and where allowed what is in them."""
    chosen = discord.Intents.none()
    chosen.guilds = True
    chosen.guild_messages = True
    chosen.dm_messages = True
    chosen.message_content = reads_along
    return chosen


def may_read_along(flags: discord.ApplicationFlags) -> bool:
    """Whether the developer portal gives the Message Content intent (docs, "Application Flags")."""
    return flags.gateway_message_content or flags.gateway_message_content_limited
