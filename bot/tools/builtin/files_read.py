"""What is in a file of a channel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.errors import ToolError
from bot.tools.builtin._room_files import check_path, read_text
from bot.tools.builtin._services import files_dir_of
from bot.tools.context import ToolContext
from bot.tools.registry import tool


@tool(effect="read", needs=("files_dir",), check=check_path, marks=("private",))
def files_read(
    context: ToolContext,
    path: Annotated[str, Field(min_length=1, max_length=500)],
    first_line: Annotated[int, Field(ge=1)] = 1,
) -> str:
    """Read a text file of this channel.

    Args:
        path: The file, for example plans/todo.txt.
        first_line: The line to start at. Use it to read on in a long file.
    """
    text = read_text(files_dir_of(context), context.place, path)
    if first_line == 1:
        return text or f"The file {path!r} is empty."
    lines = text.splitlines(keepends=True)
    if first_line > len(lines):
        raise ToolError(f"The file {path!r} has only {len(lines)} lines.")
    return "".join(lines[first_line - 1 :])
