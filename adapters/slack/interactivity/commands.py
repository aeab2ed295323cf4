"""`/nod` and `/nod-admin` on Slack: the words after them, and their answer to that person alone.

What was asked for, and who may, is judged by the service. Slack has no slash commands in threads: there the same words
work by a mention, and as shortcuts of a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import structlog

from adapters.slack.directory.groups import Groups
from adapters.slack.directory.people import People
from adapters.slack.drawing.lines import line_of, names_group, people_in
from adapters.slack.interactivity.interactions import Interaction
from adapters.slack.interactivity.private import Private
from adapters.slack.options import Options
from bot.chat import Actor, ChatService
from bot.errors import BotError

log = structlog.get_logger()

ADMIN_COMMAND = "/nod-admin"
IN_THREADS = frozenset({"stop", "reset-thread"})
ONLY_HERE = (
    "\n\nThis was about the channel itself: for what is said in a thread write `@Nod {word}` there, or open the menu "
    "of a message."
)
_HELP = re.compile(r"-{1,2}h(?:elp)?|\?")


class Commands:
    def __init__(
        self, service: Callable[[], ChatService], people: People, groups: Groups, private: Private, options: Options
    ) -> None:
        self._service = service
        self._people = people
        self._groups = groups
        self._opens_threads = options.answers == "thread"
        self._private = private

    async def use(self, one: Interaction, command: str, text: str) -> None:
        """Do what was written after a command, and answer. Raises `BotError`."""
        is_admin, line = command == ADMIN_COMMAND, _with_help(line_of(text))
        await self._private.answer(one, await self._done(one, line, is_admin=is_admin))

    async def _done(self, one: Interaction, line: str, *, is_admin: bool) -> str:
        actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
        if is_admin:
            await self._meet(one, line)
            if names_group(line) and (why := await self._groups.why_none(one.team)):
                return why
        told = await self._service().command(one.place or one.direct, actor, line, is_admin=is_admin)
        word = line.split(maxsplit=1)[0].lower() if line.strip() else ""
        is_elsewhere = word in IN_THREADS and not is_admin and (self._opens_threads or one.channel.startswith("D"))
        return told + ONLY_HERE.format(word=word) if is_elsewhere else told

    async def _meet(self, one: Interaction, line: str) -> None:
        """Tell the service of the people a line names: whether they are bots or guests, and which groups they are in.
        Whom Slack does not know is left to the service."""
        for user in people_in(line):
            try:
                actor: Actor = await self._people.actor(one.team, user)
            except BotError as err:
                log.info("person.not_looked_at", kind=type(err).__name__)
                continue
            await self._service().met(actor)


def _with_help(line: str) -> str:
    """The line, with what people try first when they look for help as the word for it."""
    return "help" if _HELP.fullmatch(line.strip()) else line
