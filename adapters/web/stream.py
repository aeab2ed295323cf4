"""Send what a subscriber is offered to its page as Server-Sent Events, until one of them is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import web

from adapters.web.feed import RELOAD, Subscriber
from adapters.web.guard import HEADERS

HEARTBEAT_S = 15.0
LOOK_S = 1.0
WRITE_S = 10.0
STREAM_HEADERS = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}


async def stream(
    request: web.Request, subscriber: Subscriber, *, hello: bytes, is_valid: Callable[[], bool]
) -> web.StreamResponse:
    """Stream until the page goes away, the feed lets it go, or its session is over (`is_valid`)."""
    response = web.StreamResponse(headers=HEADERS | STREAM_HEADERS)
    # A page that went away, or takes nothing for a while, ends its stream; it comes back by itself.
    with contextlib.suppress(ConnectionError, TimeoutError):
        await response.prepare(request)
        if request.transport is not None:
            subscriber.abort = request.transport.abort
        await _write(response, subscriber, hello)
        while not subscriber.is_drained:
            if not is_valid():
                subscriber.end(RELOAD)
            await _write(response, subscriber, await _next_piece(request, subscriber))
    return response


async def _write(response: web.StreamResponse, subscriber: Subscriber, piece: bytes) -> None:
    try:
        async with asyncio.timeout(WRITE_S):
            await response.write(piece)
    except TimeoutError:
        subscriber.abort()
        raise


async def _next_piece(request: web.Request, subscriber: Subscriber) -> bytes:
    """What to send next, at the latest a heartbeat. Raises ConnectionResetError once the page is gone."""
    for _ in range(max(1, round(HEARTBEAT_S / LOOK_S))):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                return await subscriber.next()
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError
    return b": still here\n\n"
