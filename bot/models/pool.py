"""The HTTP pool under all models. Knows no model and no SDK."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import httpx2

CONNECT_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 2000
MAX_IDLE_CONNECTIONS = 1000
MAX_ERROR_BYTES = 64 << 10


def open_http() -> httpx2.AsyncClient:
    """Open the pool: no proxy from the environment, no redirects, and room for a thousand idle connections."""
    import httpx2

    return httpx2.AsyncClient(
        limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_IDLE_CONNECTIONS),
        timeout=httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S),  # the total limit is the client's
        verify=_tls(),
        trust_env=False,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_bound_error_body]},
    )


@cache
def _tls() -> ssl.SSLContext:
    """Give the one TLS context: 35 ms to make. It is made with the environment, for SSL_CERT_FILE."""
    import httpx2

    return httpx2.create_ssl_context()


async def _bound_error_body(response: httpx2.Response) -> None:
    """Let only the beginning of an error's body be read: the SDK reads it whole, and a compressed one would unfold."""
    if response.status_code >= 300:
        response.headers.pop("content-encoding", None)
        response.stream = _bounded(cast("httpx2.AsyncByteStream", response.stream))


def _bounded(whole: httpx2.AsyncByteStream) -> httpx2.AsyncByteStream:
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            room = MAX_ERROR_BYTES
            async for chunk in whole:
                yield chunk[:room]
                room -= len(chunk)
                if room <= 0:
                    return

        async def aclose(self) -> None:
            await whole.aclose()

    return Bounded()
