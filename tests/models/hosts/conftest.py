from collections.abc import Callable

import pytest

from tests.models.hosts.kit import Talk


@pytest.fixture
def talk_to(endpoint, client_for) -> Callable[..., Talk]:
    """Open a talk with a model at a host: `talk_to("ollama", script...)`."""

    def open_talk(host_type, *script, label="fast", **config):
        endpoint.script = list(script)
        root = endpoint.url.removesuffix("/v1")
        return Talk(client_for(api_url=root, host_type=host_type, label=label, **config), endpoint)

    return open_talk
