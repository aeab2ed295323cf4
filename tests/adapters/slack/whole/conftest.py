"""A team on a stand-in Slack, and the whole bot for it, over the socket and over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.config.settings import Settings
from tests.adapters.slack.whole.kit import Nod, Team, running_nod, settings_of, team_of
from tests.adapters.slack.wire import SlackServer
from tests.adapters.tools import settings_with_tools
from tests.models.endpoint import ScriptedEndpoint


@pytest.fixture
def team(slack: SlackServer) -> Team:
    return team_of(slack)


@pytest.fixture
def settings(team: Team, tmp_path: Path) -> Settings:
    return settings_of(team, settings_with_tools(tmp_path))


@pytest.fixture(params=["socket", "http"])
def mode(request: pytest.FixtureRequest) -> Any:
    """How Slack reaches the bot."""
    return request.param


@pytest.fixture
async def nod(team: Team, settings: Settings, endpoint: ScriptedEndpoint, mode: str) -> AsyncIterator[Nod]:
    """The bot, running with what is set by default, in either mode."""
    async with running_nod(team, settings, endpoint, mode=mode) as one:
        yield one
