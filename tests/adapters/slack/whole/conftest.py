"""The whole bot for a team on a stand-in Slack, over the socket and over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.config.settings import Settings
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
