"""Shortcuts: the entries of a message's menu, where slash commands cannot go, and what waits for one's approval."""

from __future__ import annotations

from collections.abc import Callable

from adapters.slack.directory.people import People
from adapters.slack.door import registered
from adapters.slack.drawing.words import said_in_thread
from adapters.slack.interactivity.about import Asking
from adapters.slack.interactivity.home import Home
from adapters.slack.interactivity.interactions import Interaction
from adapters.slack.interactivity.private import Private
from adapters.slack.options import Options
from bot.chat import ChatService, Place
from bot.errors import Refused

WORDS = {registered.STOP: "stop", registered.RESET_THREAD: "reset-thread", registered.HELP: "help"}
NOT_VALID = "This shortcut is not there any more."


class Shortcuts:
    def __init__(
        self,
        service: Callable[[], ChatService],
        people: People,
        private: Private,
        asking: Asking,
        home: Home,
        options: Options,
    ) -> None:
        self._service = service
        self._people = people
        self._private = private
        self._asking = asking
        self._home = home
        self._opens_threads = options.answers == "thread"

    async def use(self, one: Interaction, callback: str) -> None:
        """Do what a shortcut says. Raises `BotError`."""
        match callback:
            case _ if callback in WORDS:
                actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
                told = await self._service().command(self._conversation(one), actor, WORDS[callback])
                await self._private.answer(one, said_in_thread(told))
            case registered.ASK_ABOUT:
                await self._asking.open(one)
            case registered.APPROVALS:
                await self._home.show_approvals(one)
            case _:
                raise Refused("not_allowed", NOT_VALID)

    def _conversation(self, one: Interaction) -> Place:
        """The conversation that a message belongs to: the thread it is in, or opens."""
        is_direct = one.channel.startswith("D")
        found = one.below if self._opens_threads or is_direct else one.place
        return found or one.direct
