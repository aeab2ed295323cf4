from collections.abc import AsyncIterator, Callable

import pytest

from bot.models.client import ModelClient
from bot.models.config import from_mapping
from tests.models.endpoint import ScriptedEndpoint


@pytest.fixture
async def endpoint() -> AsyncIterator[ScriptedEndpoint]:
    async with ScriptedEndpoint() as opened:
        yield opened


@pytest.fixture
async def client_for(endpoint: ScriptedEndpoint) -> AsyncIterator[Callable[..., ModelClient]]:
    """Make clients of the endpoint; `pauses` of the function holds how long they would have waited."""
    opened = []
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    def make(*, redact=lambda text: text, **config):
        row = {
            "label": "fast",
            "api_url": endpoint.url,
            "model_name": "org/model",
            "api_key": "sk-secret-key",
            "host_type": "generic",
            "timeout_s": 10,
            **config,
        }
        opened.append(ModelClient(from_mapping(row), redact=redact, pause=pause))
        return opened[-1]

    make.pauses = pauses
    yield make
    for client in opened:
        await client.aclose()
