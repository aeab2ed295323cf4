"""Retention: what is older than the operator wants it kept is forgotten, a batch at a time."""

from __future__ import annotations

import asyncio

import structlog

from bot.storage.people import PeopleRows
from bot.work import Parts

log = structlog.get_logger()

DAY_MS = 86_400_000
KNOWN_DAYS = 7
"""How long it is known that something was delivered: platforms repeat it within hours."""
PAUSE_MS = 3_600_000
"""How often it is looked at."""


class Retention:
    """Forgets at most once an hour, however often it is called."""

    def __init__(self) -> None:
        self._last_ms: int | None = None

    async def sweep(self, parts: Parts, people: PeopleRows, now_ms: int) -> int:
        """Forget what is due; gives how many runs were emptied. What fails is tried again at the next call."""
        if self._last_ms is not None and 0 <= now_ms - self._last_ms < PAUSE_MS:
            return 0
        await people.forget_delivered(before_ms=now_ms - KNOWN_DAYS * DAY_MS)
        forgotten = await forget_old(parts, people, now_ms)
        self._last_ms = now_ms
        return forgotten


async def forget_old(parts: Parts, people: PeopleRows, now_ms: int) -> int:
    """Forget what the settings say is old, others come in between; gives how many runs were emptied."""
    before_ms = _before(now_ms, parts.settings.retention_days)
    audit_before_ms = _before(now_ms, parts.settings.audit_days)
    if before_ms is None and audit_before_ms is None:
        return 0
    forgotten = 0
    while emptied := await people.forget(before_ms=before_ms, audit_before_ms=audit_before_ms):
        forgotten += emptied
        await asyncio.sleep(0)
    if forgotten:
        log.info("retention.forgotten", runs=forgotten)
    return forgotten


def _before(now_ms: int, days: int) -> int | None:
    """0 days = it is kept for good."""
    return now_ms - days * DAY_MS if days else None
