"""Socket Mode: connections, envelopes, acknowledgements (docs, "Using Socket Mode").

Nothing here waits for a connection: each has a queue and one task that writes it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.adapters.slack.wire.delivery import Attempt, Sent
from tests.adapters.slack.wire.messages import Json
from tests.adapters.slack.wire.world import World

_REASONS = ("warning", "refresh_requested", "link_disabled", "too_many_websockets")


class Socket:
    """One connection. `heard` are the frames it got, `pings` how often the client asked whether it is there."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request, number: int) -> None:
        self._ws = ws
        self._transport = request.transport
        self._queue: asyncio.Queue[str | int] = asyncio.Queue()
        self.number = number
        self.is_deaf = False
        self.is_closing = False
        self.heard: list[Json] = []
        self.pings = 0
        self.writer = asyncio.create_task(self._write())

    @property
    def is_open(self) -> bool:
        return not self.is_closing and not self._ws.closed

    def send(self, frame: Json) -> None:
        self._queue.put_nowait(json.dumps(frame))

    def send_text(self, text: str) -> None:
        """Send anything, as a frame that is no JSON."""
        self._queue.put_nowait(text)

    def close(self, code: int = 1000) -> None:
        """Close it after what is queued was written."""
        self.is_closing = True
        self._queue.put_nowait(code)

    def cut(self) -> None:
        """Let the connection be gone, without a word."""
        self.is_closing = True
        if self._transport is not None:
            self._transport.abort()

    async def pong(self, data: bytes) -> None:
        with suppress(ConnectionError):
            await self._ws.pong(data)

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                item = await self._queue.get()
                if isinstance(item, int):
                    await self._ws.close(code=item)
                    return
                await self._ws.send_str(item)


@dataclass(slots=True, eq=False)
class _Waiting:
    attempt: Attempt
    socket: Socket
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Sockets:
    """The connections of the app and what goes wrong with them.

    `opened` counts the addresses that were given out; `acks` are all acknowledgements heard, wanted or not;
    `is_losing_acks` lets them be lost on the way.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._tickets: set[str] = set()
        self._waiting: dict[str, _Waiting] = {}
        self._turn = 0
        self._closers: set[asyncio.TimerHandle] = set()
        self.every: list[Socket] = []
        self.opened = 0
        self.acks: list[Json] = []
        self.is_losing_acks = False

    @property
    def connected(self) -> list[Socket]:
        """Those that are open now, oldest first."""
        return [one for one in self.every if one.is_open]

    def new_url(self) -> str:
        """The address `apps.connections.open` gives; it is good once."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        self.opened += 1
        base = self._world.base_url.replace("http://", "ws://")
        return f"{base}/link/?ticket={ticket}&app_id={self._world.app.id}"

    # sending

    async def attempt(self, sent: Sent, attempt: Attempt) -> None:
        """One try over the connection whose turn it is."""
        open_ones = [one for one in self.connected if not one.is_deaf] or self.connected
        if not open_ones:
            attempt.outcome = "connection_failed"
            return
        self._turn += 1
        socket = open_ones[self._turn % len(open_ones)]
        envelope = secrets.token_hex(16)
        waiting = self._waiting[envelope] = _Waiting(attempt, socket)
        socket.send(_frame(sent, attempt, envelope))
        try:
            await asyncio.wait_for(waiting.done.wait(), self._world.rules.ack_within_s)
        except TimeoutError:
            attempt.outcome = "timeout"
        finally:
            del self._waiting[envelope]

    # what goes wrong

    def drop(self) -> None:
        """Cut every connection without a word."""
        for socket in self.connected:
            socket.cut()

    def close(self, code: int = 1000) -> None:
        for socket in self.connected:
            socket.close(code)

    def deafen(self) -> None:
        """Hear nothing more on the connections there are, neither acknowledgements nor pings."""
        for socket in self.connected:
            socket.is_deaf = True

    def disconnect(self, reason: str) -> None:
        """Ask every connection to go: `warning` (it stays a while), `refresh_requested`, `link_disabled` (Socket Mode
        is switched off: no new ones either)."""
        assert reason in _REASONS, reason
        if reason == "link_disabled":
            self._world.app.has_socket_mode = False
        for socket in self.connected:
            socket.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-stand-in"}})
            if reason != "warning":
                loop = asyncio.get_running_loop()
                self._closers.add(loop.call_later(self._world.rules.closes_after_s, socket.close))

    def cut_all(self) -> None:
        for timer in self._closers:
            timer.cancel()
        for socket in self.every:
            socket.cut()

    # connections

    async def serve(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        ws = web.WebSocketResponse(max_msg_size=0, autoping=False)
        await ws.prepare(request)
        socket = Socket(ws, request, len(self.every))
        self.every.append(socket)
        self._greet(socket)
        try:
            async for frame in ws:
                await self._hear(socket, frame.type, frame.data)
        finally:
            socket.is_closing = True
            self._gone(socket)
            socket.writer.cancel()
            await asyncio.wait({socket.writer}, timeout=1)
        return ws

    def _gone(self, socket: Socket) -> None:
        """Wait no more for what was sent over a connection that is gone."""
        for waiting in self._waiting.values():
            if waiting.socket is socket and not waiting.done.is_set():
                waiting.attempt.outcome = "connection_failed"
                waiting.done.set()

    def _greet(self, socket: Socket) -> None:
        if len(self.connected) > self._world.rules.max_sockets:
            socket.send({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}})
            socket.close()
            return
        socket.send(
            {
                "type": "hello",
                "num_connections": len(self.connected),
                "debug_info": {"host": "applink-stand-in", "build_number": 1, "approximate_connection_time": 18060},
                "connection_info": {"app_id": self._world.app.id},
            }
        )

    async def _hear(self, socket: Socket, kind: WSMsgType, data: Any) -> None:
        if socket.is_deaf:
            return
        if kind is WSMsgType.PING:
            socket.pings += 1
            await socket.pong(data)
        elif kind is WSMsgType.TEXT:
            frame = json.loads(data)
            socket.heard.append(frame)
            self._acked(frame)

    def _acked(self, frame: Json) -> None:
        if "envelope_id" not in frame:
            return
        self.acks.append(frame)
        waiting = self._waiting.get(frame["envelope_id"])
        if waiting is None or waiting.done.is_set() or self.is_losing_acks:
            return
        waiting.attempt.outcome, waiting.attempt.answer = "acked", frame.get("payload")
        waiting.done.set()


def _frame(sent: Sent, attempt: Attempt, envelope: str) -> Json:
    frame: Json = {
        "envelope_id": envelope,
        "payload": sent.body,
        "type": sent.kind,
        "accepts_response_payload": sent.kind != "events_api",
    }
    if sent.kind == "events_api":
        frame |= {"retry_attempt": attempt.number, "retry_reason": attempt.reason}
    return frame
