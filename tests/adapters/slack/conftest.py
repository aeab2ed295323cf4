"""A stand-in Slack for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.slack.wire import SlackServer, running_slack


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    """Nothing may be asked of it that it does not know."""
    async with running_slack() as server:
        yield server
        assert server.errors == []
