"""Shared fixtures: a clean environment, and a model endpoint on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from blockbuster import BlockBuster, blockbuster_ctx

from bot.config.settings import Settings
from bot.models.config import ModelConfig
from bot.models.prepared import prepare
from tests.models.endpoint import ScriptedEndpoint


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test; every test has a data folder of its own."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """How one test set the log up is not the next one's."""
    yield
    structlog.reset_defaults()


@pytest.fixture
async def endpoint() -> AsyncIterator[ScriptedEndpoint]:
    """A real model endpoint on loopback; the test fills its `script`."""
    async with ScriptedEndpoint([]) as one:
        yield one


AT_START = {
    "bot/config/settings.py": {"load", "environment", "read_env_file"},
    "bot/orchestrator.py": {"tools_of", "registry_of"},
    "bot/app.py": {"open_app", "read_persona"},
    "bot/serve.py": {"serving", "_web_adapter"},
    "bot/models/pool.py": {"open_http"},
    "bot/storage/database.py": {"own", "_held", "prepare_data_dir", "open_database"},
    "bot/storage/migrate.py": {"upgrade"},
    "adapters/web/adapter.py": {"_packaged"},
}
"""Reads and locks of the start, before anybody waits for anything."""


@pytest.fixture
def nothing_blocks() -> Iterator[BlockBuster]:
    """Code of ours that blocks the event loop on disk, sockets or sleep fails the test that ran it."""
    prepare(ModelConfig("warm", "http://127.0.0.1", "warm"))  # the running bot does so at its start, in a thread
    with blockbuster_ctx(scanned_modules=["bot", "adapters"]) as blockbuster:
        for function in blockbuster.functions.values():
            for file, names in AT_START.items():
                function.can_block_in(file, names)
        yield blockbuster
