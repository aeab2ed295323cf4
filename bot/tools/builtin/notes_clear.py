"""Forgetting everything that was noted in a channel."""

from __future__ import annotations

from bot.tools.builtin._services import notes_of
from bot.tools.context import ToolContext
from bot.tools.registry import tool


@tool(confirm=True, effect="once", needs=("notes",))
async def notes_clear(context: ToolContext) -> str:
    """Delete all notes of this channel. This cannot be undone."""
    count = await notes_of(context).clear(context.place.room)
    return f"Deleted {count} note{'' if count == 1 else 's'}."
