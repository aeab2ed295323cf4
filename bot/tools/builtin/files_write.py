"""Writing a file of a channel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.tools.builtin._room_files import check_path, write_text
from bot.tools.builtin._services import files_dir_of
from bot.tools.context import ToolContext
from bot.tools.registry import tool


@tool(confirm=True, effect="once", needs=("files_dir",), check=check_path)
def files_write(context: ToolContext, path: Annotated[str, Field(min_length=1, max_length=500)], text: str) -> str:
    """Write a text file of this channel. A file that exists is replaced.

    Args:
        path: The file, for example plans/todo.txt.
        text: The whole new content of the file.
    """
    before = write_text(files_dir_of(context), context.place, path, text)
    written = f"Wrote {len(text.encode()):,} bytes to {path}"
    return f"{written} (a new file)." if before is None else f"{written} (it replaced {before:,} bytes)."
