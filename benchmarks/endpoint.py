"""The mock model endpoint: raw asyncio, in a process of its own, so that its CPU is not counted.

`GET /stats` gives, and forgets, how many requests and connections there were.
"""

from __future__ import annotations

import argparse
import asyncio
import re

import orjson

from benchmarks.measure import pin
from benchmarks.replies import NotTheWork, chunks, completion, next_call, task_of

_LENGTH = re.compile(rb"content-length: *(\d+)")
_END_OF_HEAD = b"\r\n\r\n"


class Counts:
    """What came in since somebody last asked."""

    def __init__(self) -> None:
        self.requests = 0
        self.connections = 0

    def take(self) -> dict[str, int]:
        taken = {"requests": self.requests, "connections": self.connections}
        self.requests = self.connections = 0
        return taken


class Connection(asyncio.Protocol):
    """One client's connection: requests with a content length, one after the other."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._transport: asyncio.Transport
        self._received = bytearray()
        self._needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._counts.connections += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= self._needed and (end := self._received.find(_END_OF_HEAD)) >= 0:
            head = bytes(self._received[:end]).lower()
            found = _LENGTH.search(head)
            begin = end + len(_END_OF_HEAD)
            self._needed = begin + (int(found[1]) if found else 0)
            if len(self._received) < self._needed:
                return
            body = bytes(self._received[begin : self._needed])
            del self._received[: self._needed]
            self._needed = 0
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get /stats"):
            self._counts.connections -= 1  # the one that asks
            self._send(orjson.dumps(self._counts.take()))
            return
        self._counts.requests += 1
        request = orjson.loads(body)
        try:
            task = task_of(request)
        except NotTheWork as err:
            self._send(orjson.dumps({"error": {"message": str(err)}}), status=b"400 Bad Request")
            return
        call = next_call(task, request["messages"])
        if request.get("stream"):
            events = chunks(call, request, count=task.chunks, prompt_bytes=len(body))
            reply = _streamed([orjson.dumps(event) for event in events])
        else:
            reply = _whole(orjson.dumps(completion(call, request, prompt_bytes=len(body))))
        if task.latency_ms:
            asyncio.get_running_loop().call_later(task.latency_ms / 1000, self._transport.write, reply)
        else:
            self._transport.write(reply)

    def _send(self, payload: bytes, status: bytes = b"200 OK") -> None:
        self._transport.write(_whole(payload, status))


def _whole(payload: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(payload)) + payload


def _streamed(events: list[bytes]) -> bytes:
    """All events in one write: what is measured is reading them, not waiting for them."""
    lines = [b"data: " + event + b"\n\n" for event in (*events, b"[DONE]")]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in lines) + b"0\r\n\r\n"


async def listen(port: int = 0) -> asyncio.Server:
    """Open the endpoint on loopback; port 0 = any free one."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(counts), "127.0.0.1", port, backlog=2048)


def url_of(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def serve() -> None:
    """Serve until the process ends, having printed the address."""
    server = await listen()
    print(url_of(server), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--core", type=int, default=None)
    pin(options.parse_args().core)
    asyncio.run(serve())
