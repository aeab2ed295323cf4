"""The agent session of a thread: whether the bot works there, waits for people, or is done (docs, "Agent sessions").

While it works Slack shows its own stop button. Where an app has no sessions, a thread has at least a line that says
that it is thinking; where it has not even that, nothing is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import structlog

from adapters.recent import Latest
from adapters.slack.api.rooms import Room
from adapters.slack.api.web import GONE, PATIENCE_S, Json, SlackRefused
from bot.errors import SendError

log = structlog.get_logger()

Status = Literal["processing", "suspended", "active"]
THINKING = "is thinking…"
RENEW_S = 1_800.0
"""Slack takes "processing" back after an hour (seen by running)."""
AGAIN_AFTER_S = 3_600.0
"""How long a workspace that has no sessions is not asked again."""
MAX_KNOWN = 10_000
MAX_TITLE_CHARS = 200
OF_THIS_PLACE = GONE | {"invalid_channel", "invalid_thread_ts", "message_not_found", "not_authorized"}


class Sessions:
    """Says what the bot does in threads. All of it may be lost. `clock` gives seconds that only grow."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: Latest[tuple[str, str, str], tuple[Status, float]] = Latest(MAX_KNOWN)
        self._refused: dict[tuple[str, str], float] = {}

    def has(self, team: str) -> bool:
        """Whether this workspace has sessions, as far as is known."""
        return not self._is_refused(team, "agents.sessions.setStatus")

    def note(self, room: Room, status: Status) -> None:
        """Slack has set this status by itself, or with another call."""
        self._known[_key(room)] = status, self._clock()

    async def set(self, room: Room, status: Status, *, title: str = "") -> bool:
        """Say it once; `title` is what a new session is called. False where it could not be said this time."""
        known, since_s = self._known.get(_key(room), ("", 0.0))
        is_fresh = status != "processing" or self._clock() - since_s < RENEW_S
        if not room.thread or (known == status and is_fresh):
            return True
        try:
            await self._say(room, status, title)
        except SendError as err:
            log.info("session.not_set", channel=room.channel, why=err.user_message)
            return False
        self.note(room, status)
        return True

    async def _say(self, room: Room, status: Status, title: str) -> None:
        how: Json = {"channel_id": room.channel, "thread_ts": room.thread}
        how["patience_s"] = 0 if status == "processing" else PATIENCE_S
        named = {"title": title[:MAX_TITLE_CHARS]} if title else {}
        if not await self._call(room, "agents.sessions.setStatus", {**how, "status": status, **named}):
            line = THINKING if status == "processing" else ""
            await self._call(room, "assistant.threads.setStatus", {**how, "status": line})

    async def _call(self, room: Room, method: str, how: Json) -> bool:
        """Say it with this method; False where the workspace has it not."""
        if self._is_refused(room.team, method):
            return False
        try:
            answer = await room.client.call(method, **how)
        except SlackRefused as err:
            log.info("session.refused", team=room.team, method=method, code=err.code, needed=err.needed)
            if err.code in OF_THIS_PLACE:
                return True
            self._refused[room.team, method] = self._clock()
            return False
        if warning := answer.get("warning"):
            log.info("session.warned", team=room.team, warning=str(warning)[:100])
        return True

    def _is_refused(self, team: str, method: str) -> bool:
        since_s = self._refused.get((team, method))
        return since_s is not None and self._clock() - since_s < AGAIN_AFTER_S


def _key(room: Room) -> tuple[str, str, str]:
    return room.team, room.channel, room.thread
