"""Slack's own stop button, which it shows while a session is at work (docs, "agent_session_stopped")."""

from __future__ import annotations

from collections.abc import Callable

from adapters.slack.api.strict import CHANNEL, TS, USER, fit
from adapters.slack.directory.people import People
from adapters.slack.handlers import Body
from adapters.slack.interactivity.interactions import Interaction
from adapters.slack.interactivity.private import Private
from bot.chat import ChatService
from bot.errors import Refused

STOPPED = "Stopped."


class Stops:
    def __init__(self, service: Callable[[], ChatService], people: People, private: Private) -> None:
        self._service = service
        self._people = people
        self._private = private

    async def stopped(self, team: str, event: Body) -> None:
        """End what whoever pressed it may end there; they are told where that is nothing. Slack has ended the message
        that was being written, whatever comes of it. Raises `SendError` and `StoreError`."""
        channel, user = fit(CHANNEL, event.get("channel")), fit(USER, event.get("user"))
        one = Interaction(team, user, channel=channel, thread=fit(TS, event.get("thread_ts")))
        if not user or one.place is None:
            return
        try:
            told = await self._service().stop(one.place, await self._people.actor(team, user))
        except Refused as err:
            told = err.user_message
        if told != STOPPED:
            await self._private.tell(one, told)
