"""A stand-in Discord with a team on it, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config.settings import Settings
from tests.adapters.discord.kit import Team, settings_of, team_of
from tests.adapters.discord.talk import Talk, talking
from tests.adapters.discord.wire import running_discord
from tests.adapters.tools import settings_with_tools
from tests.models.endpoint import ScriptedEndpoint


@pytest.fixture
async def team() -> AsyncIterator[Team]:
    async with running_discord() as server:
        yield team_of(server)
        assert server.errors == []


@pytest.fixture
def settings(team: Team, tmp_path: Path) -> Settings:
    return settings_of(team, settings_with_tools(tmp_path))


@pytest.fixture
async def talk(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Talk]:
    """The bot, running with what is set by default."""
    async with talking(team, settings, endpoint) as one:
        yield one
