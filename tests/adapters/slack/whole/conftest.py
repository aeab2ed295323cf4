"""The whole bot for a team on a stand-in Slack, over the socket and over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.config.settings import Settings
from tests.adapters.processes import environment_of
from tests.adapters.slack.kit import Nod, Team, running_nod
from tests.models.endpoint import ScriptedEndpoint


@pytest.fixture(params=["socket", "http"])
def mode(request: pytest.FixtureRequest) -> Any:
    """How Slack reaches the bot."""
    return request.param


@pytest.fixture
async def nod(team: Team, settings: Settings, endpoint: ScriptedEndpoint, mode: str) -> AsyncIterator[Nod]:
    """The bot, running with what is set by default, in either mode."""
    async with running_nod(team, settings, endpoint, mode=mode) as one:
        yield one


@pytest.fixture
def environment(team: Team, endpoint: ScriptedEndpoint, tmp_path: Path) -> dict[str, str]:
    """What a process of the bot is started with."""
    return environment_of(
        endpoint,
        tmp_path,
        ADAPTERS="slack",
        ADMINS=team.key(team.admin),
        SLACK_BOT_TOKEN=team.server.bot_token,
        SLACK_APP_TOKEN=team.server.app_token,
        SLACK_API_URL=team.server.api_url,
    )
