"""The request as the openai SDK prepares it: address, authorization, headers. The only importer of `openai`.

The SDK prepares it once for each model; the bytes of each request then go straight to the pool. Its own request path
costs more than everything else together, request by request (docs/performance.md), and does nothing needed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bot.errors import ModelConfigError
from bot.models.config import ModelConfig
from bot.models.hosts import ENDPOINT

_KEPT = frozenset({"accept", "authorization", "content-type", "user-agent"})
"""Nothing else: variables like OPENAI_CUSTOM_HEADERS may hold what is meant for another endpoint."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where requests to a model go, and with which headers."""

    url: URL
    headers: CIMultiDictProxy[str]


def prepare(config: ModelConfig) -> Prepared:
    """Have the SDK prepare a request to this model; nothing is sent. Raises `ModelConfigError`."""
    import httpx2
    import openai

    prepared: list[httpx2.Request] = []

    def keep(request: httpx2.Request) -> httpx2.Response:
        prepared.append(request)
        return httpx2.Response(200, json={})

    try:
        with openai.OpenAI(
            base_url=config.base_url,
            api_key=config.api_key,
            max_retries=0,
            timeout=None,
            default_headers={"Authorization": f"Bearer {config.api_key}"},
            http_client=httpx2.Client(transport=httpx2.MockTransport(keep), trust_env=False),
        ) as sdk:
            # Read from OPENAI_* variables that were meant for another endpoint than this one.
            sdk.organization = sdk.project = None
            sdk.post(ENDPOINT, body={}, cast_to=httpx2.Response)
    except (httpx2.InvalidURL, UnicodeError) as err:
        raise ModelConfigError(config.label, f"The model {config.label!r} has an unusable api_url.") from err
    (request,) = prepared
    return Prepared(URL(str(request.url), encoded=True), _kept(request.headers))


def _kept(headers: Mapping[str, str]) -> CIMultiDictProxy[str]:
    """The headers that say what is asked, by whom, and nothing of the connection or of the SDK."""
    kept = {name: value for name, value in headers.items() if name.lower() in _KEPT}
    return CIMultiDictProxy(CIMultiDict({**kept, "Accept-Encoding": "identity"}))
