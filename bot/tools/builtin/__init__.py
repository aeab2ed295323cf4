"""The tools that come with the bot, one file each; `BUILTIN` lists them in the order models see them."""

from __future__ import annotations

from collections.abc import Callable

from bot.tools.builtin.calculate import calculate
from bot.tools.builtin.current_time import current_time
from bot.tools.builtin.fetch_url import fetch_url
from bot.tools.builtin.files_delete import files_delete
from bot.tools.builtin.files_list import files_list
from bot.tools.builtin.files_read import files_read
from bot.tools.builtin.files_write import files_write
from bot.tools.builtin.notes_add import notes_add
from bot.tools.builtin.notes_clear import notes_clear
from bot.tools.builtin.notes_search import notes_search
from bot.tools.builtin.send_message import send_message
from bot.tools.registry import Registry, spec_of

BUILTIN: tuple[Callable[..., object], ...] = (
    current_time,
    calculate,
    notes_add,
    notes_search,
    notes_clear,
    files_list,
    files_read,
    files_write,
    files_delete,
    fetch_url,
    send_message,
)


def builtin_tools() -> Registry:
    """Give the tools that come with the bot."""
    return Registry(spec_of(function) for function in BUILTIN)
