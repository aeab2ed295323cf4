"""Whose server a person's direct messages belong to: a direct talk has no server, and without one nobody has rights.

Asked of Discord itself, and believed for a short while only.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import discord

from adapters.discord.people import actor_of
from bot.chat import Actor

KEPT_S = 60.0
MAX_KEPT = 10_000
NO_SERVER = "We share no server, so I do not know what you may do. Join one that I am in, then write again."


class Homes:
    """The members behind people who write directly. `client` is asked once a minute for each of them at most."""

    def __init__(self, client: discord.Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[tuple[int, int], tuple[float, discord.Member | None]] = {}

    async def actor(self, user: discord.abc.Snowflake, workspace: str = "", *, is_fresh: bool = False) -> Actor | None:
        """This person as a member of a server: of `workspace`, or else of the oldest server that both are in. None
        where they are in none. `is_fresh`: Discord is asked now, as for a decision, which somebody who has just left
        must not make. Raises `discord.HTTPException` when Discord cannot say."""
        guilds = sorted(self._client.guilds, key=lambda guild: guild.id)
        for guild in guilds:
            if workspace in ("", str(guild.id)) and (member := await self._member(guild, user.id, is_fresh=is_fresh)):
                return actor_of(member, guild.id)
        return None

    async def _member(self, guild: discord.Guild, user_id: int, *, is_fresh: bool) -> discord.Member | None:
        key = guild.id, user_id
        if not is_fresh and (kept := self._kept.get(key)) is not None and self._clock() - kept[0] < KEPT_S:
            return kept[1]
        try:
            member = await guild.fetch_member(user_id)
        except discord.NotFound:
            member = None
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[key] = self._clock(), member
        return member
