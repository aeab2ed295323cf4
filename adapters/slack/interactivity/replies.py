"""Answers to a message that are for its author alone: in a direct talk as a message below it, else privately there."""

from __future__ import annotations

from adapters.slack.inbound.events import Message
from adapters.slack.interactivity.interactions import Interaction
from adapters.slack.interactivity.private import Private


class Replies:
    """Raises nothing."""

    def __init__(self, private: Private) -> None:
        self._private = private

    async def tell(self, to: Message, text: str) -> None:
        """Say a sentence of the bot's own."""
        await self._private.tell(_of(to), text)

    async def answer(self, to: Message, text: str) -> None:
        """Say what a word gave, as Markdown."""
        await self._private.answer(_of(to), text)


def _of(message: Message) -> Interaction:
    """Where to answer: nothing private is needed in a direct talk, so there it can stay."""
    if message.is_direct:
        return Interaction(message.team, message.user, message.user_team, thread=message.thread or message.ts)
    return Interaction(
        message.team, message.user, message.user_team, message.channel, thread=message.thread, message=message.ts
    )
