from collections.abc import AsyncIterator, Callable
from itertools import count

import pytest

from bot.models.config import from_mapping
from bot.models.pool import open_http
from bot.models.probe import probe

KEY = "sk-secret-key"


@pytest.fixture
async def probed(endpoint) -> AsyncIterator[Callable[..., object]]:
    """Probe the endpoint's model: `await probed(PretendHost(), context_k=8)` gives the checks by name."""
    async with open_http() as http:

        async def run(*script, host_type="generic", **config):
            endpoint.script = list(script) if len(script) > 1 else list(script) * 20
            root = endpoint.url.removesuffix("/v1")
            api_url = endpoint.url if host_type == "generic" else root
            row = {"label": "kitchen", "api_url": api_url, "model_name": "org/model", "api_key": KEY, "timeout_s": 10}
            ticks = count()
            model = from_mapping({**row, "host_type": host_type, **config})
            return {check.name: check async for check in probe(model, http, clock=lambda: next(ticks) / 10)}

        yield run
