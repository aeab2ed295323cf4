"""Every test begins with nothing run."""

from __future__ import annotations

import pytest

from tests.orchestrator.kit import ran


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()
