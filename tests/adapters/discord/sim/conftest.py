"""simcord's Discord with a team on it, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.config.settings import Settings, load
from tests.adapters.discord.sim.kit import World, running_world, settings_of
from tests.adapters.tools import write_tools


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as world:
        yield world


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Settings:
    environment = {"DATA_DIR": str(tmp_path / "data"), "TOOLS_DIR": str(write_tools(tmp_path))}
    return settings_of(world, load(environment, None)[0])


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[[], list[str]]:
    """What really happened, outside of the bot."""
    path = tmp_path / "ledger"
    return lambda: path.read_text().split() if path.exists() else []
