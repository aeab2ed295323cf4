"""What the door of Slack hands on: each is called once the request is known to be Slack's own."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

Body: TypeAlias = dict[str, Any]
"""A request's payload as Slack sent it (docs, "Events API", "Interactivity"). Nothing in it has been checked."""


class Handlers(Protocol):
    async def keep(self, body: Body, *, retry: int) -> None:
        """An event: it is acknowledged when this returns, so by then it is durable. `retry` counts Slack's repetitions
        from 1, 0 = the first time. Raises `BotError` where it could not be kept: then Slack sends it again."""

    async def press(self, body: Body) -> None:
        """A button or a menu, acknowledged already. Raises nothing."""

    async def submit(self, body: Body) -> Body | None:
        """A modal that was sent: what to acknowledge it with (`response_action`), None = close it. Raises nothing and
        takes less than the three seconds Slack waits."""

    async def closed(self, body: Body) -> None:
        """A modal that was closed, acknowledged already. Raises nothing."""

    async def command(self, body: Body) -> None:
        """A slash command, acknowledged already without a word. Raises nothing."""

    async def shortcut(self, body: Body) -> None:
        """A shortcut, of a message or not, acknowledged already. Raises nothing."""

    async def options(self, body: Body) -> Body:
        """What a menu offers for what was typed: `{"options": [...]}`. Raises nothing."""
