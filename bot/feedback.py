"""What people think of an answer: kept in the audit, the newest word of each person counts."""

from __future__ import annotations

from dataclasses import replace

from bot.engine.types import Actor, Place
from bot.errors import CheckpointError, Refused
from bot.policy.access import Talk, authorize
from bot.storage.audit import AuditRows
from bot.work import Parts, refresh_book

THANKS = "Thank you: it is kept for those who run this bot."
ELSEWHERE = "This button does not belong here; nothing was kept of it."
NOT_KNOWN = "This answer is not known any more; nothing was kept of it."


async def rate(parts: Parts, audit: AuditRows, place: Place, run_id: str, actor: Actor, *, is_good: bool) -> str:
    """Keep that this person finds the answer of a run good, or bad, in the place where it was given; gives the sentence
    to show, "" where they had said the same before. Raises `Refused`."""
    await refresh_book(parts)
    verified = replace(parts.book, people={})  # who somebody is has just been said by their platform
    if why := authorize(verified, actor, Talk(place.scope), parts.clock()):
        raise Refused("not_allowed", why)
    try:
        run = (await parts.runs.load(run_id)).run
    except CheckpointError as err:
        raise Refused("not_allowed", NOT_KNOWN) from err
    if run.place != place:
        raise Refused("not_allowed", ELSEWHERE)
    return THANKS if await audit.note_rating(run=run, actor=actor.key, is_good=is_good) else ""
