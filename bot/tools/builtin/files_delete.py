"""Deleting a file of a channel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.tools.builtin._room_files import check_path, delete_file
from bot.tools.builtin._services import files_dir_of
from bot.tools.context import ToolContext
from bot.tools.registry import tool


@tool(confirm=True, effect="once", needs=("files_dir",), check=check_path)
def files_delete(context: ToolContext, path: Annotated[str, Field(min_length=1, max_length=500)]) -> str:
    """Delete a file of this channel. This cannot be undone.

    Args:
        path: The file, for example plans/todo.txt.
    """
    delete_file(files_dir_of(context), context.place, path)
    return f"Deleted {path}."
