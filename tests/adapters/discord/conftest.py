"""A stand-in Discord with a team on it, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.config.settings import Settings, load
from tests.adapters.discord.kit import Team, settings_of, team_of
from tests.adapters.discord.talk import Talk, talking
from tests.adapters.discord.wire import running_discord
from tests.adapters.tools import write_tools
from tests.models.endpoint import ScriptedEndpoint


@pytest.fixture
async def team() -> AsyncIterator[Team]:
    async with running_discord() as server:
        yield team_of(server)
        assert server.errors == []


@pytest.fixture
def settings(team: Team, tmp_path: Path) -> Settings:
    environment = {"DATA_DIR": str(tmp_path / "data"), "TOOLS_DIR": str(write_tools(tmp_path))}
    return settings_of(team, load(environment, None)[0])


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[[], list[str]]:
    """What really happened, outside of the bot."""
    path = tmp_path / "ledger"
    return lambda: path.read_text().split() if path.exists() else []


@pytest.fixture
async def talk(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Talk]:
    """The bot, running with what is set by default."""
    async with talking(team, settings, endpoint) as one:
        yield one
