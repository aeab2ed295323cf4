"""The first messages of a run: persona, history, task; shared by scripts (`bot.run`) and the chat service. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from bot.engine import words
from bot.engine.types import Content, Message, message
from bot.errors import BotError


def opening(
    task: Content,
    *,
    system_prompt: str,
    history: Sequence[Message] = (),
    has_tools: bool,
    with_final: bool = True,
) -> tuple[Message, ...]:
    """The first messages of a run: persona and tools note (the same bytes in every round), history, task.

    Without a final answer to write (`with_final` False) there is no persona.
    """
    parts = [system_prompt.strip() if with_final else "", words.TOOLS_NOTE if has_tools else ""]
    system = "\n\n".join(part for part in parts if part)
    head = (message("system", system),) if system else ()
    return (*head, *history, message("user", task))


def read_history(session_messages: Sequence[Mapping[str, Any]] | None, limit: int) -> tuple[Message, ...]:
    """The last `limit` session messages, oldest first. Raises `BotError` for one without role and content."""
    history = list(session_messages or ())
    for entry in history:
        if not isinstance(entry, Mapping) or entry.get("role") not in ("user", "assistant"):
            raise BotError("Every session message needs a role (user or assistant) and a content.")
        if not isinstance(entry.get("content"), str):
            raise BotError("The content of a session message is text.")
    kept = history[-limit:] if limit else []
    return tuple(message(cast("Literal['user', 'assistant']", entry["role"]), entry["content"]) for entry in kept)
