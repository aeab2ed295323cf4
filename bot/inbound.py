"""A message as the run that it becomes, and what came with it. Raises `Refused` for what cannot be one."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

from bot import chat
from bot.attachments import attachments_of
from bot.context import rounds_of
from bot.engine.types import Attachment, Run
from bot.errors import Refused
from bot.storage.context import HeardLine
from bot.work import Parts, storable

MAX_TASK_CHARS = 32_768


def run_for(parts: Parts, inbound: chat.Inbound) -> Run:
    """The queued run of a message."""
    text = parts.redact(inbound.text).strip()
    if not text and inbound.attachments:
        text = "Look at what I attached."
    if not text:
        raise Refused("empty", "There is nothing in that message to answer.")
    if len(text) > MAX_TASK_CHARS:
        raise Refused("too_long", f"That message is too long: at most {MAX_TASK_CHARS} characters.")
    model = parts.models.default
    return Run(
        id=secrets.token_hex(16),
        task=storable(text),
        messages=(),
        model=model.label,
        requester=replace(inbound.actor, name=storable(inbound.actor.name)),
        place=inbound.place,
        max_rounds=rounds_of(parts, model),
    )


async def attached_to(parts: Parts, inbound: chat.Inbound) -> tuple[Attachment, ...]:
    """What came with a message, read and redacted."""
    if not inbound.attachments:
        return ()
    return await asyncio.to_thread(attachments_of, inbound.attachments, redact=parts.redact)


def heard_line(parts: Parts, one: chat.Heard) -> HeardLine:
    """What somebody said before it, as it is kept."""
    text = storable(parts.redact(one.text))[:MAX_TASK_CHARS]
    return HeardLine(one.event_id, one.actor.key, text, one.at_ms)
