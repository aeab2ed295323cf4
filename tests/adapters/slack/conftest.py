"""A stand-in Slack for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config.settings import Settings, load
from tests.adapters.slack.hearing import Talk, Team, settings_of, talking, team_of
from tests.adapters.slack.wire import SlackServer, running_slack
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
    return settings_of(team, load({"DATA_DIR": str(tmp_path / "data")}, None)[0])


@pytest.fixture
async def talk(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Talk]:
    """The bot, running with what is set by default."""
    async with talking(team, settings, endpoint) as one:
        yield one
