"""The operator's tools of every experiment. Each effect is two lines in the ledger with a moment in between."""

import asyncio
import time

import bot
from tests.chaos import records


def _begin(tool: str, key: str) -> None:
    records.note(records.ledger(), event="begin", tool=tool, key=key)
    records.signal("b")


def _end(tool: str, key: str) -> None:
    records.note(records.ledger(), event="end", tool=tool, key=key)
    records.signal("e")


@bot.tool(effect="read")
async def free(n: int) -> str:
    """Read something.

    Args:
        n: Any number.
    """
    return f"free {n}"


@bot.tool(confirm=True, effect="once")
async def gated(context: bot.ToolContext, n: int) -> str:
    """Change something.

    Args:
        n: Any number.
    """
    _begin("gated", context.key)
    await asyncio.sleep(records.pause_s())
    _end("gated", context.key)
    return f"changed {n}"


@bot.tool(confirm=True, effect="idempotent")
def stamp(context: bot.ToolContext, n: int) -> str:
    """Set something to a value, in a thread; again makes no difference.

    Args:
        n: Any number.
    """
    _begin("stamp", context.key)
    time.sleep(records.pause_s())
    _end("stamp", context.key)
    return f"stamped {n}"


@bot.tool(effect="once", roles=("admin",))
async def forbidden(context: bot.ToolContext, n: int) -> str:
    """Never for a user.

    Args:
        n: Any number.
    """
    _begin("forbidden", context.key)
    return "no"
