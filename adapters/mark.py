"""Up to when everything was taken in, and where people talk: what a look for what was missed begins from."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import structlog

from bot.chat import ChatService, Room

log = structlog.get_logger()

JOINED_WITHIN = timedelta(days=30)


async def joined(service: ChatService, platform: str) -> list[Room]:
    """The places the bot talks in."""
    since_ms = int((time.time() - JOINED_WITHIN.total_seconds()) * 1000)
    return await service.rooms(platform, since_ms=since_ms)


class Mark:
    """Up to when everything was taken in, kept in a file from a connection until what was missed has been looked for: a
    process that dies in between has taken in newer messages, which would hide older ones from the next."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, rooms: list[Room]) -> list[Room]:
        """The rooms, none of them later than the mark, which is set where there is none."""
        if not rooms:
            return rooms
        upto_ms = self._read()
        if upto_ms is None:
            upto_ms = max(room.at_ms for room in rooms)
            self._write(upto_ms)
        return [replace(room, at_ms=min(room.at_ms, upto_ms)) for room in rooms]

    def end(self) -> None:
        """Everything was looked for."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _read(self) -> int | None:
        try:
            return int(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def _write(self, upto_ms: int) -> None:
        try:
            self._path.write_text(str(upto_ms), "utf-8")
        except OSError as err:
            log.warning("catchup.not_noted", error=type(err).__name__)
