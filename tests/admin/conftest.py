"""The same bot, the same tools and the same ledger as for the service; admins in three workspaces."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.config.settings import Settings
from tests.admin.kit import SLACK_BOT
from tests.models.endpoint import ScriptedEndpoint, says
from tests.service.conftest import ledger, settings
from tests.service.kit import ALICE, BOB, Bench, opened

__all__ = ["ledger", "nod", "one", "settings"]


@pytest.fixture
async def one(settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Bench]:
    admins = ("web:root", "slack:T1/U1", "slack:T2/U1")
    async with opened(settings.model_copy(update={"admins": admins}), endpoint) as bench:
        await bench.service.met(SLACK_BOT)
        yield bench


@pytest.fixture
async def nod(one: Bench, endpoint: ScriptedEndpoint) -> Bench:
    """A bot that has met alice and bob, and has answers enough."""
    for person in (ALICE, BOB):
        await one.service.met(person)
    endpoint.script = [says("Hello")] * 50
    return one
