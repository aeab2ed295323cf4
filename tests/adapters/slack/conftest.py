"""A stand-in Slack with a team on it, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config.settings import Settings
from tests.adapters.slack.hearing import Talk, talking
from tests.adapters.slack.kit import Team, settings_of, team_of
from tests.adapters.slack.pressing import Desk, running_desk
from tests.adapters.slack.wire import SlackServer, running_slack
from tests.adapters.tools import settings_with_tools
from tests.models.endpoint import ScriptedEndpoint


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    """Nothing may be asked of it that it does not know."""
    async with running_slack() as server:
        yield server
        assert server.errors == []


@pytest.fixture
def team(slack: SlackServer) -> Team:
    return team_of(slack)


@pytest.fixture
def settings(team: Team, tmp_path: Path) -> Settings:
    return settings_of(team, settings_with_tools(tmp_path))


@pytest.fixture
async def talk(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Talk]:
    """The bot, running with what is set by default; what it shows is noted and goes nowhere."""
    async with talking(team, settings, endpoint) as one:
        yield one


@pytest.fixture
async def desk(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Desk]:
    """The bot, running with what is set by default; people press what it shows."""
    async with running_desk(team, settings, endpoint) as one:
        yield one
