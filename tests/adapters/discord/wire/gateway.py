"""The gateway: sockets, sessions, sequence numbers, replay (docs, "Gateway").

Every event of a session is kept, so that a RESUME gets what it missed. Nothing here waits for a socket: each has a
queue and one task that writes it, so an event is "sent" in the order in which it was made.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.adapters.discord.wire import payloads
from tests.adapters.discord.wire.rights import BITS, rights
from tests.adapters.discord.wire.world import Channel, Json, World

GUILDS, MEMBERS, PRESENCES, GUILD_MESSAGES, DIRECT_MESSAGES, CONTENT = 1, 1 << 1, 1 << 8, 1 << 9, 1 << 12, 1 << 15
_IN_GUILD = {
    "MESSAGE_": GUILD_MESSAGES,
    "MESSAGE_REACTION_": 1 << 10,
    "GUILD_MEMBER_": MEMBERS,
    "GUILD_": GUILDS,
    "CHANNEL_": GUILDS,
    "THREAD_": GUILDS,
}
_DIRECT = {"MESSAGE_": DIRECT_MESSAGES, "MESSAGE_REACTION_": 1 << 13}


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    payload: Json
    guild_id: int | None = None


@dataclass(slots=True)
class Session:
    """One login of one shard. `log` holds every frame it was meant to get: sequence, text."""

    id: str
    shard: int
    shards: int
    intents: int
    seq: int = 0
    log: list[tuple[int, str]] = field(default_factory=list)
    socket: Socket | None = None


class Socket:
    """One connection: what is to be written, in order, by one task."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        self._ws = ws
        self._transport = request.transport
        self._queue: asyncio.Queue[str | int] = asyncio.Queue()
        self.is_closing = False
        self.is_deaf = False
        self.writer = asyncio.create_task(self._write())

    def send(self, op: int, data: Any = None, *, name: str | None = None, seq: int | None = None) -> str:
        text = json.dumps({"op": op, "d": data, "s": seq, "t": name})
        self.send_text(text)
        return text

    def send_text(self, text: str) -> None:
        self._queue.put_nowait(text)

    def close(self, code: int) -> None:
        """Close it after what is queued was written."""
        self.is_closing = True
        self._queue.put_nowait(code)

    def cut(self) -> None:
        """Let the connection be gone, without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                item = await self._queue.get()
                if isinstance(item, int):
                    await self._ws.close(code=item)
                    return
                await self._ws.send_str(item)


class Gateway:
    """The sessions and what goes wrong with them.

    `sessions` are those that can still be resumed; `events` all that was ever to be told, `identifies` and `resumes`
    what clients asked for. `is_muted`: events get their sequence but are not sent, until a RESUME replays them.
    """

    def __init__(self, world: World, url: str) -> None:
        self._world = world
        self.url = url
        self.resume_url = url
        self.heartbeat_s = 41.25
        self.shards = 1
        self.is_muted = False
        self.refused_resumes = 0
        self.sessions: dict[str, Session] = {}
        self.events: list[Event] = []
        self.identifies: list[Json] = []
        self.resumes: list[Json] = []
        self.heartbeats = 0
        self._held: list[Event] | None = None
        self._sockets: set[Socket] = set()

    @property
    def connected(self) -> list[Session]:
        """The sessions that have a socket now, by shard."""
        return sorted((one for one in self.sessions.values() if one.socket), key=lambda one: one.shard)

    # what is told

    def emit(self, name: str, payload: Json, *, guild_id: int | None = None, channel: Channel | None = None) -> None:
        """Tell an event to every session it is for; the bot hears nothing of a place it cannot see."""
        if channel is not None and not rights(self._world, self._world.me.id, channel) & BITS["view_channel"]:
            return
        event = Event(name, payload, guild_id)
        self.events.append(event)
        if self._held is not None:
            self._held.append(event)
        else:
            self.deliver(event)

    def deliver(self, event: Event) -> None:
        """Tell an event, maybe again."""
        for session in self.sessions.values():
            if _is_for(session, event):
                self._tell(session, event.name, self._seen_by(session, event))

    def hold(self) -> None:
        """Keep back what is told from now on."""
        self._held = []

    def release(self, order: Callable[[list[Event]], Iterable[Event]] = list) -> list[Event]:
        """Tell what was kept back, in the order given: `reversed`, or a function of your own, which may also leave out
        or repeat."""
        held, self._held = self._held or [], None
        for event in order(held):
            self.deliver(event)
        return held

    def again(self, name: str) -> None:
        """Tell the last event of that name once more, as Discord sometimes does."""
        self.deliver(next(event for event in reversed(self.events) if event.name == name))

    # what goes wrong

    def drop(self, shard: int | None = None) -> None:
        """Cut connections without a word; the sessions can be resumed."""
        for session in self._on(shard):
            assert session.socket is not None
            session.socket.cut()
            session.socket = None

    def deafen(self, shard: int | None = None) -> None:
        """Hear nothing more on the connections there are: heartbeats get no acknowledgement. New ones are heard."""
        for session in self._on(shard):
            assert session.socket is not None
            session.socket.is_deaf = True

    def reconnect(self, shard: int | None = None) -> None:
        """Ask to reconnect and resume (op 7)."""
        self._send_all(7, None, shard)

    def invalidate(self, *, resumable: bool = False, shard: int | None = None) -> None:
        """Say that a session is over (op 9); unless it is resumable, it is."""
        hit = self._on(shard)
        self._send_all(9, resumable, shard)
        for session in [] if resumable else hit:
            self.sessions.pop(session.id, None)

    def forget_sessions(self) -> None:
        """Let no session be resumable any more; sockets stay."""
        for session in list(self.sessions.values()):
            if session.socket is None:
                del self.sessions[session.id]

    def close(self, code: int, shard: int | None = None) -> None:
        """Close sockets with a code of the gateway, for example 4000."""
        for session in self._on(shard):
            assert session.socket is not None
            session.socket.close(code)

    def cut_all(self) -> None:
        for socket in list(self._sockets):
            socket.cut()

    # sockets

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(max_msg_size=0)
        await ws.prepare(request)
        socket = Socket(ws, request)
        self._sockets.add(socket)
        socket.send(10, {"heartbeat_interval": int(self.heartbeat_s * 1000), "_trace": []})
        try:
            async for frame in ws:
                if frame.type is WSMsgType.TEXT and not socket.is_deaf:
                    self._hear(socket, json.loads(frame.data))
        finally:
            self._lose(socket, is_over=ws.close_code in (1000, 1001) and not socket.is_closing)
            if not socket.is_closing:
                socket.writer.cancel()
            await asyncio.wait({socket.writer}, timeout=1)
        return ws

    def _hear(self, socket: Socket, frame: Json) -> None:
        match frame["op"]:
            case 1:
                self.heartbeats += 1
                socket.send(11)
            case 2:
                self._identify(socket, frame["d"])
            case 6:
                self._resume(socket, frame["d"])
            case 8:
                self._chunk(socket, frame["d"])
            case 3 | 4:
                return
            case _:
                socket.close(4001)

    def _identify(self, socket: Socket, asked: Json) -> None:
        self.identifies.append(asked)
        refusal = self._refuses(asked)
        if refusal is not None:
            socket.close(refusal)
            return
        shard, shards = asked.get("shard", [0, 1])
        for old in list(self.sessions.values()):
            if old.socket is None and (old.shard, old.shards) == (shard, shards):
                del self.sessions[old.id]
        self.is_muted = False
        session = Session(secrets.token_hex(16), shard, shards, asked["intents"], socket=socket)
        self.sessions[session.id] = session
        self._greet(session)

    def _refuses(self, asked: Json) -> int | None:
        """The close code of an IDENTIFY that is none (docs, "Gateway Close Event Codes")."""
        app = self._world.app
        if asked.get("token") not in (app.token, f"Bot {app.token}"):
            return 4004
        intents = asked["intents"]
        if intents >= 1 << 26:
            return 4013
        wanted = ((CONTENT, app.message_content), (MEMBERS, app.members), (PRESENCES, app.presences))
        if any(intents & bit and not is_on for bit, is_on in wanted):
            return 4014
        shard, shards = asked.get("shard", [0, 1])
        return None if 0 <= shard < shards else 4010

    def _greet(self, session: Session) -> None:
        """READY with the servers unavailable, then each of them."""
        world = self._world
        mine = [
            guild
            for guild in world.guilds.values()
            if world.me.id in guild.members and shard_of(guild.id, session.shards) == session.shard
        ]
        ready = {
            "v": 10,
            "user": payloads.user(world.me),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in mine],
            "private_channels": [],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.resume_url,
            "shard": [session.shard, session.shards],
            "application": {"id": str(world.app.id), "flags": world.app.flags},
        }
        self._tell(session, "READY", ready)
        for guild in mine if session.intents & GUILDS else []:
            if not guild.unavailable:
                body = payloads.whole_guild(world, guild, with_members=bool(session.intents & MEMBERS))
                self._tell(session, "GUILD_CREATE", body | {"unavailable": False})

    def _resume(self, socket: Socket, asked: Json) -> None:
        self.resumes.append(asked)
        session = self.sessions.get(asked["session_id"])
        if asked.get("token") not in (self._world.app.token, f"Bot {self._world.app.token}"):
            socket.close(4004)
        elif session is None or self.refused_resumes > 0:
            self.refused_resumes = max(self.refused_resumes - 1, 0)
            socket.send(9, False)
        else:
            session.socket = socket
            self.is_muted = False
            for seq, text in session.log:
                if seq > (asked["seq"] or 0):
                    socket.send_text(text)
            self._tell(session, "RESUMED", {"_trace": []})

    def _chunk(self, socket: Socket, asked: Json) -> None:
        """Answer a request for members (docs, "Request Guild Members")."""
        session = next((one for one in self.sessions.values() if one.socket is socket), None)
        guild = self._world.guilds.get(int(asked["guild_id"]))
        if session is None or guild is None:
            return
        people = list(guild.members.values())
        if ids := asked.get("user_ids"):
            wanted = {int(one) for one in (ids if isinstance(ids, list) else [ids])}
            people = [one for one in people if one.user_id in wanted]
        elif query := asked.get("query"):
            people = [one for one in people if self._world.users[one.user_id].name.startswith(query)]
        people = people[: asked.get("limit") or None]
        body = {
            "guild_id": str(guild.id),
            "members": [payloads.member(self._world, one) for one in people],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [],
            "nonce": asked.get("nonce"),
        }
        self._tell(session, "GUILD_MEMBERS_CHUNK", body)

    def _seen_by(self, session: Session, event: Event) -> Json:
        is_message = event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE")
        if not is_message or session.intents & CONTENT:
            return event.payload
        return payloads.blanked(event.payload, self._world.me.id, is_direct=event.guild_id is None)

    def _tell(self, session: Session, name: str, payload: Json) -> None:
        session.seq += 1
        text = json.dumps({"op": 0, "d": payload, "s": session.seq, "t": name})
        session.log.append((session.seq, text))
        if session.socket is not None and not self.is_muted:
            session.socket.send_text(text)

    def _lose(self, socket: Socket, *, is_over: bool) -> None:
        """Note that a connection is gone; a client that says goodbye (1000, 1001) ends its session with it."""
        self._sockets.discard(socket)
        for session in list(self.sessions.values()):
            if session.socket is not socket:
                continue
            session.socket = None
            if is_over:
                del self.sessions[session.id]

    def _on(self, shard: int | None) -> list[Session]:
        return [one for one in self.connected if shard in (None, one.shard)]

    def _send_all(self, op: int, data: Any, shard: int | None) -> None:
        for session in self._on(shard):
            assert session.socket is not None
            session.socket.send(op, data)


def shard_of(guild_id: int | None, shards: int) -> int:
    """Which shard a server's events go to; those of direct talks go to the first."""
    return (guild_id >> 22) % shards if guild_id else 0


def _is_for(session: Session, event: Event) -> bool:
    if shard_of(event.guild_id, session.shards) != session.shard:
        return False
    table = _IN_GUILD if event.guild_id else _DIRECT
    fitting = [prefix for prefix in table if event.name.startswith(prefix)]
    needed = table[max(fitting, key=len)] if fitting else 0
    if event.name == "THREAD_MEMBERS_UPDATE":
        needed = GUILDS
    return not needed or bool(session.intents & needed)
