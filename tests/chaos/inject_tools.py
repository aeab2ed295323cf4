"""The operator's tools of the injections: copied into a TOOLS_DIR. Each effect is a line when it begins and one when
it ends, in a ledger that the bot does not know of."""

import asyncio
import time

import bot
from tests.chaos import records

PAD = "." * 3000
"""Results take pages of their own, so that a full disk is noticed."""


def _note(event: str, tool: str, key: str) -> None:
    records.note(records.ledger(), event=event, tool=tool, key=key)


@bot.tool(effect="read")
async def free(n: int) -> str:
    """Read something.

    Args:
        n: Any number.
    """
    await asyncio.sleep(records.pause_s())
    return f"free {n} {PAD}"


@bot.tool(effect="once")
def put(context: bot.ToolContext, n: int) -> str:
    """Change something that nobody needs to be asked about, in a thread.

    Args:
        n: Any number.
    """
    _note("begin", "put", context.key)
    time.sleep(records.pause_s())
    _note("end", "put", context.key)
    return f"put {n} {PAD}"


@bot.tool(confirm=True, effect="once")
async def gated(context: bot.ToolContext, n: int) -> str:
    """Change something.

    Args:
        n: Any number.
    """
    _note("begin", "gated", context.key)
    await asyncio.sleep(records.pause_s())
    _note("end", "gated", context.key)
    return f"changed {n} {PAD}"


@bot.tool(confirm=True, effect="once")
async def breaks(context: bot.ToolContext, n: int) -> str:
    """Change something, and fail after it has begun.

    Args:
        n: Any number.
    """
    _note("begin", "breaks", context.key)
    await asyncio.sleep(records.pause_s())
    raise RuntimeError("the machine is on fire")
