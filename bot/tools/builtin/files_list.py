"""What files a channel has."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.tools.builtin._room_files import FileEntry, list_files
from bot.tools.builtin._services import files_dir_of
from bot.tools.context import ToolContext
from bot.tools.registry import tool


@tool(effect="read", needs=("files_dir",))
def files_list(context: ToolContext) -> str:
    """List the files of this channel with their sizes."""
    files = list_files(files_dir_of(context), context.place)
    return "\n".join(_line(file) for file in files) or "This channel has no files."


def _line(file: FileEntry) -> str:
    day = datetime.fromtimestamp(file.modified_s, UTC)
    return f"{file.path} ({file.size_bytes:,} bytes, {day:%Y-%m-%d %H:%M} UTC)"
