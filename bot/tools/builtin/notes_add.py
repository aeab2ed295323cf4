"""Remembering something for everybody in a channel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.tools.builtin._services import notes_of
from bot.tools.context import ToolContext
from bot.tools.registry import tool


@tool(effect="idempotent", needs=("notes",))
async def notes_add(context: ToolContext, text: Annotated[str, Field(min_length=1, max_length=4000)]) -> str:
    """Add a note that everybody in this channel can find later.

    Args:
        text: What to remember, in full sentences.
    """
    actor = context.actor
    total = await notes_of(context).add(context.place.room, actor.label, text, context.key, author_key=actor.key)
    return f"Saved. This channel has {total} note{'' if total == 1 else 's'}."
