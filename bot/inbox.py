"""The inbox: what a platform delivered is kept, then acknowledged, then taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from bot.envelopes import Envelope
from bot.storage.inbox import InboxRows
from bot.work import storable

log = structlog.get_logger()


class Inbox:
    """Implements `bot.chat.Inbox`. `redact` masks known secrets in what is kept."""

    def __init__(self, rows: InboxRows, *, redact: Callable[[str], str]) -> None:
        self._rows = rows
        self._redact = redact

    async def keep(self, platform: str, keys: Sequence[str], body: str, *, author: str = "") -> Envelope | None:
        """Make this durable, once: None when one of its keys was known and it is taken already."""
        kept = await self._rows.keep(platform, list(map(storable, keys)), storable(self._redact(body)), author)
        if kept.is_repeated and kept.is_same:
            log.info("event.repeated", platform=platform, key=keys[0])
        elif kept.is_repeated:
            log.warning("event.differs", platform=platform, key=keys[0])  # what came first counts
        return kept.envelope

    async def left(self, platform: str) -> list[Envelope]:
        """What an earlier process did not take, oldest first; each is counted as an attempt."""
        return await self._rows.left(platform)

    async def failed(self, envelope: Envelope) -> Envelope:
        """Taking this failed once more."""
        await self._rows.count(envelope.number)
        return replace(envelope, attempts=envelope.attempts + 1)

    async def settled(self, envelope: Envelope) -> None:
        """This is taken: nothing of it is kept but that it was there."""
        await self._rows.settle(envelope.number)

    async def withdrawn(self, platform: str, key: str) -> None:
        """Whoever made what is known by this key has taken it back."""
        await self._rows.withdraw(platform, key)
