"""What the tests of every platform share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[[], list[str]]:
    """What really happened, outside of the bot."""
    path = tmp_path / "ledger"
    return lambda: path.read_text().split() if path.exists() else []
