"""The real thing: `python -m bot run` in a process of its own, and people with sessions at its web page."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.chaos import records
from tests.chaos.box import Box

READY_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tokens_of(people: list[str]) -> str:
    """The setting WEB_TOKENS for these people."""
    return ",".join(f"{name}=token-of-the-person-{name}" for name in people)


@dataclass
class Site:
    """One bot at one port over one box, started as often as needed."""

    box: Box
    people: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process; it is not ready yet."""
        web = {"HTTP_PORT": str(self.port), "WEB_TOKENS": tokens_of(self.people)}
        with self.box.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot", "run"],
                cwd=self.box.folder,
                env=self.box.environment(**web, **self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def ready(self) -> float:
        """Wait until it says that it is ready; gives the seconds that took."""
        started = time.monotonic()
        async with aiohttp.ClientSession() as http:
            while time.monotonic() < started + READY_S:
                assert self._alive.poll() is None, f"the bot ended with {self._alive.poll()} while it started"
                try:
                    async with http.get(f"{self.origin}/readyz") as response:
                        if response.status == 200:
                            return time.monotonic() - started
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.01)
        raise AssertionError("the bot did not get ready")

    @property
    def _alive(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "it was not started"
        return self.process

    def kill(self) -> int:
        self._alive.kill()
        return self._alive.wait()

    def terminate(self) -> None:
        self._alive.send_signal(signal.SIGTERM)

    async def ended(self, *, within_s: float) -> int | None:
        """Its exit code, None when it is still there after this time."""
        until_s = time.monotonic() + within_s
        while self._alive.poll() is None and time.monotonic() < until_s:
            await asyncio.sleep(0.01)
        return self._alive.poll()

    def count(self, query: str) -> int:
        """A number from the database of the running bot."""
        return int(self.column(query)[0])

    def column(self, query: str) -> list[Any]:
        """A column from the database of the running bot, read only."""
        rows = sqlite3.connect(f"file:{self.box.data / 'nod.db'}?mode=ro", uri=True, timeout=10)
        try:
            return [row[0] for row in rows.execute(query)]
        finally:
            rows.close()


class Person:
    """One person's browser at the page, with an address of its own on loopback."""

    def __init__(self, site: Site, name: str, address: str = "127.0.0.1") -> None:
        self.site = site
        self.name = name
        connector = aiohttp.TCPConnector(local_addr=(address, 0), limit=0)
        timeout = aiohttp.ClientTimeout(total=60)
        self.http = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), connector=connector, timeout=timeout
        )
        self._csrf = ""

    async def __aenter__(self) -> Person:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def sign_in(self) -> None:
        await self._open()
        status, said = await self.post("/login", {"token": f"token-of-the-person-{self.name}"})
        assert status == 200, said
        await self._open()

    async def _open(self) -> None:
        async with self.http.get(f"{self.site.origin}/") as response:
            found = re.search(r'<meta name="csrf" content="([0-9a-f]*)">', await response.text())
        self._csrf = found[1] if found else ""

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        headers = {"Origin": self.site.origin, "X-CSRF-Token": self._csrf, "Content-Type": "application/json"}
        async with self.http.post(self.site.origin + path, data=json.dumps(body), headers=headers) as response:
            return response.status, json.loads(await response.text())

    async def get(self, path: str) -> Any:
        async with self.http.get(self.site.origin + path) as response:
            return json.loads(await response.text())

    async def say(self, thread: str, text: str, event_id: str) -> str:
        """Send a message until it is taken, as a page would; gives the run's id and notes the receipt."""
        status, said = await self.post("/api/messages", {"thread": thread, "text": text, "event_id": event_id})
        assert status == 200, said
        records.note(self.site.box.acks, event=f"web:{self.name}:{event_id}", run=said["run"])
        return str(said["run"])

    async def waiting(self) -> list[str]:
        """The approvals this person may decide, the oldest first."""
        return [card["approval"] for card in (await self.get("/api/pending"))["cards"]]

    async def click(self, approval_id: str, verb: str) -> tuple[int, str]:
        """Press a button; notes what the page said and gives it."""
        by = {"approval": approval_id, "verb": verb, "by": f"web:{self.name}"}
        status, said = await self.post(f"/api/approvals/{approval_id}", {"verb": verb})
        text = said.get("message") or said.get("error", "")
        records.note(self.site.box.clicks, event="answered", accepted=status == 200, message=text, status=status, **by)
        return status, text

    async def thread(self, thread: str) -> str:
        """All that is shown in a thread, as HTML."""
        fragments = (await self.get(f"/api/thread?thread={thread}"))["fragments"]
        return "\n".join(one["html"] for one in fragments)


async def until(claim: Callable[[], bool] | Callable[[], Awaitable[bool]], *, within_s: float) -> bool:
    """Wait until something is so; False when it did not come to be."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        said = claim()
        if said is True or (said is not False and await said):
            return True
        await asyncio.sleep(0.02)
    return False


def lines_of(path: Path, event: str) -> int:
    return sum(1 for line in records.read(path) if line["event"] == event)
