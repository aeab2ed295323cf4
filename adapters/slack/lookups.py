"""What those who answer people look up first: who somebody is, and the client of a workspace."""

from __future__ import annotations

from typing import Protocol

from adapters.slack.rooms import Workspaces
from bot.chat import Actor

__all__ = ["People", "Workspaces"]


class People(Protocol):
    async def actor(self, team: str, user: str) -> Actor:
        """Who somebody is to a workspace, as Slack says. Raises `BotError` where it does not."""
