"""Shared fixtures: a clean environment, and a model endpoint on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test; every test has a data folder of its own."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
async def endpoint() -> AsyncIterator[ScriptedEndpoint]:
    """A real model endpoint on loopback; the test fills its `script`."""
    async with ScriptedEndpoint([]) as one:
        yield one
