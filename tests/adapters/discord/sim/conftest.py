"""simcord's Discord with a team on it, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config.settings import Settings
from tests.adapters.discord.sim.kit import World, running_world, settings_of
from tests.adapters.tools import settings_with_tools


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as world:
        yield world


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Settings:
    return settings_of(world, settings_with_tools(tmp_path))
