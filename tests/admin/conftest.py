"""A bot with one model and the operator's own tools, for the words after `/nod` and `/nod-admin`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint, says
from tests.service.conftest import ledger, settings
from tests.service.kit import ALICE, BOB, Bench, opened

__all__ = ["ledger", "settings"]


@pytest.fixture
async def one(settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Bench]:
    """A bot that has met alice and bob."""
    async with opened(settings, endpoint) as bench:
        for person in (ALICE, BOB):
            await bench.service.met(person)
        endpoint.script = [says("Hello")] * 50
        yield bench
