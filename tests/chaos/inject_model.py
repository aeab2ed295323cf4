"""The model of the injections: an HTTP endpoint on loopback in a thread of its own, which fails one request when told.

One request a connection, so that the n-th connection is the n-th request.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.chaos.speaker import reply_to
from tests.models.endpoint import DONE, event, streamed

FAULTS = ("refused", "reset", "500", "down", "429", "html", "cut", "clipped", "hang")
CLOSED_S = 0.12
DOWN = 3
"""So often in a row fails an endpoint that is down: as often as the client tries."""
TRACE = json.dumps({"error": {"message": 'Traceback (most recent call last):\n  File "server.py", line 1'}}).encode()
HTML = b"<!doctype html><html><body>Traceback (most recent call last): bad gateway</body></html>"


class Speaker:
    """Answers on one port. `asked` counts the requests since `aim`."""

    def __init__(self) -> None:
        self.asked = 0
        self.clipped_calls = 0
        self.port = 0
        self._fault = ""
        self._at = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def aim(self, fault: str = "", at: int = 0) -> None:
        """Start to count, and fail the request with this number; from the thread of whoever tests."""
        self._call(self._aim(fault, at))

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _aim(self, fault: str, at: int) -> None:
        self.asked, self.clipped_calls, self._fault, self._at = 0, 0, fault, at
        await self._open()
        if fault == "refused" and at == 1:
            await self._close_for_a_moment()

    async def _open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=64)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close_for_a_moment(self) -> None:
        """Let nobody in; whoever knocks is refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._loop.call_later(CLOSED_S, lambda: self._loop.create_task(self._open()))

    # --- requests ---

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            body = await _request(reader)
            self.asked += 1
            await self._answer(body, self._fault_now(), reader, writer)
        writer.close()

    def _fault_now(self) -> str:
        is_meant = self._at <= self.asked < self._at + (DOWN if self._fault == "down" else 1)
        return self._fault if self._at and is_meant else ""

    async def _answer(
        self, body: dict[str, Any], fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        said = reply_to(body["messages"])
        if fault == "clipped":  # the model came to its limit: what it called is not what it meant
            said["choices"][0]["finish_reason"] = "length"
            self.clipped_calls += bool(said["choices"][0]["message"].get("tool_calls"))
        if body.get("stream"):
            stream = streamed(said)
            pieces = [one if isinstance(one, bytes) else event(one) for one in stream.chunks] + [DONE]
            good = _head(200, "text/event-stream") + b"".join(pieces)
        else:
            text = json.dumps(said).encode()
            good = _head(200, "application/json", len(text)) + text
        match fault:
            case "reset":
                writer.transport.abort()
            case "500" | "down":
                writer.write(_whole(500, "application/json", TRACE))
            case "429":
                writer.write(_whole(429, "application/json", b'{"error": {"message": "slow down"}}'))
            case "html":
                writer.write(_whole(200, "text/html", HTML))
            case "cut":
                writer.write(good[: len(good) * 2 // 3])
                await writer.drain()
                await asyncio.sleep(0.01)
                writer.transport.abort()
            case "hang":
                await asyncio.wait_for(reader.read(), 20)  # until whoever asked goes away
            case _:
                if self._fault == "refused" and self.asked == self._at - 1:
                    await self._close_for_a_moment()
                writer.write(good)
        with suppress(ConnectionError):
            await writer.drain()

    # --- its thread ---

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)


@contextmanager
def speaking() -> Iterator[Speaker]:
    """Open the endpoint."""
    speaker = Speaker()
    thread = threading.Thread(target=speaker._run, name="speaker", daemon=True)
    thread.start()
    speaker.aim()
    try:
        yield speaker
    finally:
        speaker._call(speaker._end())
        speaker._loop.call_soon_threadsafe(speaker._loop.stop)
        thread.join(5)
        speaker._loop.close()


async def _request(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().splitlines() if line.startswith(b"content-length:")]
    body: dict[str, Any] = json.loads(await reader.readexactly(int(lengths[0])))
    return body


def _head(status: int, content_type: str, length: int | None = None) -> bytes:
    size = "" if length is None else f"Content-Length: {length}\r\n"
    return f"HTTP/1.1 {status} x\r\nContent-Type: {content_type}\r\nConnection: close\r\n{size}\r\n".encode()


def _whole(status: int, content_type: str, body: bytes) -> bytes:
    return _head(status, content_type, len(body)) + body
