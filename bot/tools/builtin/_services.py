"""The services a built-in tool needs, or a sentence that says which one is missing."""

from __future__ import annotations

from pathlib import Path

from bot.errors import ToolError
from bot.tools.context import Notes, Posts, ToolContext


def notes_of(context: ToolContext) -> Notes:
    if context.services.notes is None:
        raise ToolError("Notes are not set up here.")
    return context.services.notes


def posts_of(context: ToolContext) -> Posts:
    if context.services.posts is None:
        raise ToolError("Posting to other channels is not set up here.")
    return context.services.posts


def files_dir_of(context: ToolContext) -> Path:
    if context.services.files_dir is None:
        raise ToolError("Files are not set up here.")
    return context.services.files_dir
