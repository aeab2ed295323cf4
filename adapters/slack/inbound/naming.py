"""How ids in a text are called: people, user groups and channels, as they are known or Slack says."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from adapters.slack.directory.groups import Groups
from adapters.slack.directory.people import People
from adapters.slack.inbound.messages import Names, groups_in, named_in
from bot.errors import BotError

log = structlog.get_logger()

MAX_ASKED = 10
"""How many people are looked up for one message; of more the ids are shown."""
WITHIN_S = 2.0


class Naming:
    def __init__(self, people: People, groups: Groups) -> None:
        self._people = people
        self._groups = groups

    def known(self, team: str) -> Names:
        """As far as they were looked at already."""
        return Names(partial(self._people.known_name, team), group=partial(self._groups.handle, team))

    async def of(self, team: str, text: str, own: str) -> Names:
        """As this text needs them: who is not known is looked up, for a moment. `own` is the bot's id."""
        others = [user for user in named_in(text) if user != own]
        asked = [self._people.name(team, user) for user in others[:MAX_ASKED]]
        if groups_in(text):
            asked.append(self._handles(team))
        if asked:
            try:
                async with asyncio.timeout(WITHIN_S):
                    await asyncio.gather(*asked)
            except TimeoutError:
                log.info("names.not_in_time")
        return self.known(team)

    async def _handles(self, team: str) -> str:
        try:
            return await self._groups.why_none(team)
        except BotError as err:
            log.info("groups.not_named", kind=type(err).__name__)
            return ""
