"""Finding what was noted in a channel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from bot.tools.builtin._services import notes_of
from bot.tools.context import Note, ToolContext
from bot.tools.registry import tool

_LIMIT = 20


@tool(effect="read", needs=("notes",), marks=("private",))
async def notes_search(context: ToolContext, query: Annotated[str, Field(max_length=200)] = "") -> str:
    """Search the notes of this channel.

    Args:
        query: Words to look for. Leave it empty to list the newest notes.
    """
    found = await notes_of(context).search(context.place.room, query.strip(), _LIMIT)
    if not found:
        return f"No notes match {query.strip()!r}." if query.strip() else "This channel has no notes."
    return "\n".join(_line(Note(*row)) for row in found[:_LIMIT])


def _line(note: Note) -> str:
    day = datetime.fromtimestamp(note.at_ms / 1000, UTC)
    return f"- {day:%Y-%m-%d} {note.author}: {note.text}"
