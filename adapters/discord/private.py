"""Answers to one person alone: ephemeral, by the interaction's own token, which Discord takes for fifteen minutes.

What cannot be said privately any more is not said: it belongs nowhere else.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import aiohttp
import discord
import structlog

from adapters.discord.markup import private_answer

log = structlog.get_logger()

LOST = (discord.HTTPException, discord.InteractionResponded, aiohttp.ClientError, OSError, TimeoutError)
"""Discord did not take an answer: too late, answered already, or out of reach."""
ANSWERED_ALREADY = 40060
Interaction = discord.Interaction[Any]


async def tell(interaction: Interaction, text: str) -> None:
    """Say something to this person alone; what is too long for a message comes as a file."""
    content, file = private_answer(text)
    await _send(interaction, content=content, files=[] if file is None else [file], suppress_embeds=True)


async def tell_view(interaction: Interaction, view: Any, files: Sequence[tuple[str, bytes]] = ()) -> None:
    """Show something with buttons to this person alone."""
    view.stop()  # nothing is kept of it: its buttons are known by their ids
    await _send(interaction, view=view, files=files)


async def _send(interaction: Interaction, *, files: Sequence[tuple[str, bytes]], **what: Any) -> None:
    def said() -> dict[str, Any]:
        return {**what, "files": [discord.File(io.BytesIO(data), name) for name, data in files], "ephemeral": True}

    try:
        if interaction.response.is_done() or not await _is_first(interaction, said()):
            await interaction.followup.send(**said())
    except LOST as err:
        log.info("private.not_told", kind=type(err).__name__, code=getattr(err, "code", None))


async def _is_first(interaction: Interaction, said: dict[str, Any]) -> bool:
    """Say it as the first answer; False where there is one already, of which nobody here was told."""
    try:
        await interaction.response.send_message(**said)
    except discord.HTTPException as err:
        if err.code != ANSWERED_ALREADY:
            raise
        return False
    return True
