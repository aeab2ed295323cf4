"""The page on a real loopback port, and a client that behaves like a browser of one person."""

from __future__ import annotations

import asyncio
import io
import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from adapters.web import WebAdapter
from tests.adapters.web.memory_service import MemoryService

KEY = b"0123456789abcdef0123456789abcdef"
DEMO = ("alice", "bob", "root")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(claim: Callable[[], bool], *, within_s: float = 5.0) -> None:
    """Wait until something is so."""
    for _ in range(int(within_s / 0.01)):
        if claim():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be")


@dataclass
class Site:
    adapter: WebAdapter
    service: MemoryService
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serve(
    *, port: int = 0, service: MemoryService | None = None, people: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Site]:
    """Serve the page; without `people` as the demo with alice, bob and root."""
    port = port or free_port()
    service = service or MemoryService()
    if people is None:
        options.setdefault("demo_people", DEMO)
    adapter = WebAdapter(None, secret_key=KEY, host="127.0.0.1", port=port, people=people or {}, **options)
    adapter.attach(service)
    service.adapter = adapter
    app = web.Application()
    adapter.routes(app)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield Site(adapter, service, port)
    finally:
        await service.close()
        await adapter.close()
        await runner.cleanup()


class Browser:
    """Keeps cookies, sends the headers a browser sends, knows the CSRF token of the page it loaded."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.csrf = ""
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def open(self, path: str = "/") -> str:
        """Load a page; gives its HTML."""
        async with self.http.get(self.site.origin + path) as response:
            page = await response.text()
        found = re.search(r'<meta name="csrf" content="([0-9a-f]*)">', page)
        self.csrf = found[1] if found else ""
        return page

    async def be(self, name: str) -> None:
        """Pick a person of the demo."""
        await self.post("/api/person", {"name": name})
        await self.open()

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.http.get(self.site.origin + path, headers=headers) as response:
            return response.status, await response.json()

    async def post(
        self, path: str, body: object, *, headers: Mapping[str, str] | None = None, drop: tuple[str, ...] = ()
    ) -> tuple[int, Any]:
        """POST as the page does. `headers` changes, `drop` removes what it would send."""
        sent = {
            "Origin": self.site.origin,
            "Sec-Fetch-Site": "same-origin",
            "X-CSRF-Token": self.csrf,
            "Content-Type": "application/json",
        } | dict(headers or {})
        kept = {name: value for name, value in sent.items() if name not in drop}
        is_raw = isinstance(body, bytes | io.BytesIO | AsyncIterator)
        raw = body if is_raw else json.dumps(body, ensure_ascii=False).encode()
        async with self.http.post(self.site.origin + path, data=raw, headers=kept) as response:
            text = await response.text()
            return response.status, json.loads(text)

    async def say(self, text: str, *, thread: str = "t1", event_id: str = "event-0001") -> tuple[int, Any]:
        return await self.post("/api/messages", {"thread": thread, "text": text, "event_id": event_id})

    async def say_with(
        self,
        *files: tuple[str, bytes, str],
        text: str = "look",
        thread: str = "t1",
        event_id: str = "event-0001",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Send a message with files, each a name, its bytes and the content type a browser claims."""
        form = aiohttp.MultipartWriter("form-data")
        for name, value in (("thread", thread), ("text", text), ("event_id", event_id)):
            form.append(value).set_content_disposition("form-data", name=name)
        for name, data, kind in files:
            part = form.append(io.BytesIO(data), {"Content-Type": kind})
            part.set_content_disposition("form-data", quote_fields=False, name="file", filename=name)
        sent = {"Origin": self.site.origin, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.csrf}
        address = self.site.origin + "/api/messages"
        async with self.http.post(address, data=form, headers={**sent, **(headers or {})}) as response:
            return response.status, await response.json()

    @asynccontextmanager
    async def watch(self, thread: str = "t1") -> AsyncIterator[Stream]:
        """Open the live stream of a thread; its `hello` has arrived."""
        timeout = aiohttp.ClientTimeout(total=None)
        async with self.http.get(f"{self.site.origin}/api/events?thread={thread}", timeout=timeout) as response:
            stream = Stream(response)
            assert (await stream.next())[0] == "hello"
            yield stream


class Stream:
    """Server-Sent Events, parsed."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self, *, within_s: float = 5.0) -> tuple[str, Any]:
        """The next event and its fields; ("end", None) when the stream is over."""
        async with asyncio.timeout(within_s):
            name = ""
            while line := await self.response.content.readline():
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text[7:]
                elif text.startswith("data: "):
                    return name, json.loads(text[6:])
        return "end", None

    async def until(self, element: str, *, containing: str = "") -> dict[str, str]:
        """The next fragment for this element."""
        while True:
            name, fields = await self.next()
            assert name != "end", f"the stream ended before {element!r}"
            if name == "fragment" and fields["id"] == element and containing in fields["html"]:
                return dict(fields)
