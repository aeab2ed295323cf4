"""A mock model endpoint on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from benchmarks.endpoint import listen, url_of


@pytest.fixture
async def url() -> AsyncIterator[str]:
    server = await listen()
    try:
        yield url_of(server)
    finally:
        server.close()
