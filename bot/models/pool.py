"""The HTTP connections under all models: one pool, kept open between requests. Knows no model and no SDK."""

from __future__ import annotations

import ssl
from functools import cache

import aiohttp

CONNECT_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 2000
KEEP_OPEN_S = 60.0


def open_http() -> aiohttp.ClientSession:
    """Open the pool: no proxy from the environment, no cookies, and a connection for each of hundreds of conversations.

    aiohttp and not the SDK's own httpx2: a third of the CPU per request, and no scan of all connections at each of them
    (docs/performance.md).
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_OPEN_S, ssl=_tls()),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),  # the total limit is the client's
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


@cache
def _tls() -> ssl.SSLContext:
    """Give the one TLS context: 35 ms to make. The certificates are the system's, or those of SSL_CERT_FILE."""
    return ssl.create_default_context()
