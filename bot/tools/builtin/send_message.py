"""Writing into another channel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.errors import ToolError
from bot.tools.builtin._services import posts_of
from bot.tools.context import ToolContext
from bot.tools.registry import tool


def _may_post(context: ToolContext, channel: str, **_: object) -> None:
    if why := posts_of(context).refusal(context.actor, context.place, channel):
        raise ToolError(why)


@tool(confirm=True, effect="once", needs=("posts",), check=_may_post, marks=("sends",))
async def send_message(
    context: ToolContext,
    channel: Annotated[str, Field(min_length=1, max_length=100)],
    text: Annotated[str, Field(min_length=1, max_length=4000)],
) -> str:
    """Post a message in another channel. Do not use it to answer the person you are talking to.

    Args:
        channel: The name of the channel, for example general.
        text: The message to post.
    """
    return await posts_of(context).post(context.actor, context.place, channel, text, context.key)
