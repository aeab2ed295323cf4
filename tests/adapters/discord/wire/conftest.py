"""A stand-in Discord for each test, with one server, one channel and two people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.adapters.discord.wire import Channel, DiscordServer, Guild, User, pointed_at, running_discord


@dataclass(frozen=True, slots=True)
class Team:
    server: DiscordServer
    guild: Guild
    room: Channel
    anna: User
    ben: User


@pytest.fixture
async def team() -> AsyncIterator[Team]:
    """discord.py of this process talks to it while the test runs."""
    async with running_discord() as server:
        anna, ben = server.create_user("anna"), server.create_user("ben")
        guild = server.create_guild("team", members=[anna, ben])
        with pointed_at(server):
            yield Team(server, guild, server.create_channel(guild), anna, ben)
