"""What was missed: looked for after every start and every gap, in places the bot already talks in, a few hours back.

Slack tells nobody again of what was acknowledged, and of what came while nobody was connected it tells at most for some
minutes. A message that was taken in before is known by its channel and time and starts nothing again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import structlog

from adapters.mark import Mark, joined
from adapters.slack.api.rooms import Room as Opened
from adapters.slack.api.rooms import Rooms
from adapters.slack.api.strict import TS, fit, items, part, text
from adapters.slack.api.web import SlackRefused
from adapters.slack.handlers import Body
from adapters.slack.inbound.events import ms_of
from adapters.slack.inbound.intake import LATE
from adapters.slack.places import PLATFORM, direct_user
from bot.chat import ChatService, Place, Room
from bot.errors import BotError, PlaceGone

log = structlog.get_logger()

MISSED_AT_MOST_S = 6 * 3_600
DIRECT_WITHIN_S = 7 * 86_400
QUIET_AFTER_S = 2 * 86_400
"""Threads in which nobody has written to the bot for so long are not looked into: there may be thousands."""
MAX_LOOKS = 300
PAGE, PAGES = 200, 3
PATIENCE_S = 90.0
"""How long a call waits for its turn: some apps are allowed one a minute, and this is in no hurry."""
MARK_FILE = "slack-taken-upto"


class Keeps(Protocol):
    async def keep(self, body: Body, *, retry: int = 0) -> None: ...


@dataclass(frozen=True, slots=True)
class Look:
    """Where to look, and from when on, in seconds since 1970."""

    place: Place
    after_s: float


def looks(rooms: Iterable[Room], now_s: float) -> list[Look]:
    """Where something may have been missed, the latest talk first: each thread and channel once, since somebody last
    wrote to the bot there, and not further back than six hours. What was written in a thread says of its channel only
    that it had begun."""
    found: dict[Place, float] = {}
    lately: dict[Place, float] = {}
    for room in rooms:
        last = room.at_ms / 1000
        is_direct = direct_user(room.place) is not None
        for place in dict.fromkeys((room.place, room.place.room)):
            within_s = QUIET_AFTER_S if place.thread else DIRECT_WITHIN_S if is_direct else float("inf")
            if last < now_s - within_s:
                continue
            begun = min(last, ms_of(room.place.thread) / 1000) if fit(TS, room.place.thread) else last
            here = last if place == room.place else begun
            found[place] = max(here, found.get(place, now_s - MISSED_AT_MOST_S))
            lately[place] = max(last, lately.get(place, 0.0))
    chosen = sorted(found, key=lambda place: -lately[place])[:MAX_LOOKS]
    return [Look(place, found[place]) for place in chosen]


class Catchup:
    """`clock` gives seconds since 1970."""

    def __init__(
        self,
        service: Callable[[], ChatService],
        rooms: Rooms,
        intake: Keeps,
        data_dir: Path,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._rooms = rooms
        self._intake = intake
        self._mark = Mark(data_dir / MARK_FILE)
        self._clock = clock
        self._before: list[Room] | None = None
        self._looked_ms: int | None = None
        self._turn = asyncio.Lock()

    async def begin(self) -> None:
        """Note where people talked last, before anything new is taken in: that would hide what was missed. Raises
        `StoreError`."""
        rooms = await joined(self._service(), PLATFORM)
        self._before = await asyncio.to_thread(self._mark.begin, rooms)

    async def look(self) -> bool:
        """Take what was missed; gives whether every place could be read. One place after the other: it is in no hurry,
        and the rate limits are for what people wait for. Raises `StoreError`."""
        async with self._turn:
            now_s = self._clock()
            is_whole = await self._look(await self._since(), now_s)
            if is_whole:
                self._looked_ms = int(now_s * 1000)
            return is_whole

    async def _since(self) -> list[Room]:
        """Where people talked before the gap. Later in the life of a process nothing says when a gap began: then it is
        looked for since the last look, whatever was taken in meanwhile."""
        if self._before is None:
            await self.begin()
        rooms, self._before = self._before or [], None
        upto_ms = self._looked_ms
        return rooms if upto_ms is None else [replace(room, at_ms=min(room.at_ms, upto_ms)) for room in rooms]

    async def _look(self, rooms: list[Room], now_s: float) -> bool:
        seen, is_whole = 0, True
        for one in looks(rooms, now_s):
            try:
                seen += await self._look_in(one)
            except (PlaceGone, SlackRefused) as err:
                log.info("catchup.not_read", place=str(one.place), why=err.user_message[:100])
            except BotError as err:
                is_whole = False
                log.info("catchup.not_read", place=str(one.place), why=err.user_message[:100])
        if is_whole and rooms:
            await asyncio.to_thread(self._mark.end)
        log.info("catchup.done", messages=seen, is_whole=is_whole)
        return is_whole

    async def _look_in(self, look: Look) -> int:
        room = await self._rooms.open(look.place)
        found = await _messages(room, look.after_s)
        for message in found:
            await self._intake.keep(_as_event(room, message))
        return len(found)


async def _messages(room: Opened, after_s: float) -> list[Body]:
    """What was written there since then, oldest first, but for what the bot wrote. Raises as `SlackClient.call`."""
    method = "conversations.replies" if room.thread else "conversations.history"
    where = {"ts": room.thread} if room.thread else {}
    found: dict[str, Body] = {}
    cursor: str | None = None
    for _ in range(PAGES):
        page = await room.client.call(
            method,
            patience_s=PATIENCE_S,
            channel=room.channel,
            oldest=f"{after_s:.6f}",
            limit=PAGE,
            cursor=cursor,
            **where,
        )
        for one in items(page, "messages"):
            ts = fit(TS, one.get("ts"))
            if ts and float(ts) > after_s and not room.is_ours(one):
                found[ts] = one
        cursor = text(part(page, "response_metadata"), "next_cursor") or None
        if cursor is None:
            break
    return [found[ts] for ts in sorted(found)]


def _as_event(room: Opened, message: Body) -> Body:
    """What Slack would have said of it. A message that was edited since is told as it reads now."""
    ts = text(message, "ts")
    event = {name: value for name, value in message.items() if name != "edited"}
    return {
        "type": "event_callback",
        "event_id": f"{LATE}{room.team}:{room.channel}:{ts}",
        "authorizations": [{"team_id": room.team, "user_id": room.bot_user, "is_bot": True}],
        "event": event | {"type": "message", "channel": room.channel},
    }
