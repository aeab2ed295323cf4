"""People talking with Nod on the stand-in, and what its model was really told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot.config.settings import Settings
from tests.adapters.discord.kit import Nod, Team, running_nod
from tests.adapters.discord.wire import Channel, Message, Upload, User
from tests.models.endpoint import ScriptedEndpoint, says

HELLO = "Hello, I am Nod."
LAST = "is anything left"
"""What is asked last, so that everything before it was taken or left."""
HELP = "I am listening. Write what you want after my name; `/nod help` lists what else you can write."


@dataclass
class Talk:
    """One running bot whose model says "Ok." to everything, but for what a test puts before that in its script."""

    team: Team
    nod: Nod
    endpoint: ScriptedEndpoint

    def say(
        self,
        text: str,
        *,
        by: User | None = None,
        where: Channel | None = None,
        files: Iterable[Upload] = (),
        **how: Any,
    ) -> Message:
        """Let somebody say something, anna in the channel if nobody else; `@nod` mentions the bot."""
        words = text.replace("@nod", self.team.server.bot.mention)
        return self.team.server.say(by or self.team.anna, where or self.team.room, words, files=files, **how)

    async def ask(self, text: str, **how: Any) -> Message:
        """Say something that the bot takes, and wait until it rests."""
        before = len(self.endpoint.requests)
        message = self.say(text, **how)
        await self.team.server.until(lambda: len(self.endpoint.requests) > before)
        await self.nod.idle()
        return message

    async def settle(self, *, rests: bool = True) -> None:
        """Wait until all that was said was taken in, or left alone, and until the bot rests, if it ever does."""
        dm = self.team.server.dm(self.team.admin)
        before = len(self.words(dm))
        self.say(LAST, where=dm, by=self.team.admin)
        await self.team.server.until(lambda: len(self.words(dm)) > before)
        if rests:
            await self.nod.idle()

    def tasks(self) -> list[Any]:
        """What the model was asked, request by request."""
        asked = [one.body["messages"][-1]["content"] for one in self.endpoint.requests]
        return [one for one in asked if one != LAST]

    def told(self) -> list[Any]:
        """All that the model was told last, without the persona and the first hello."""
        told = [one["content"] for one in self.endpoint.requests[-1].body["messages"][1:]]
        return [one for one in told if not str(one).startswith(HELLO)]

    def words(self, channel: Channel | None = None) -> list[str]:
        """What the bot wrote in a place, the channel if no other, but for its first hello."""
        said = self.team.texts((channel or self.team.room).id)
        return [one for one in said if not one.startswith(HELLO)]

    def thread_of(self, message: Message) -> Channel:
        """The thread on a message. Raises KeyError where there is none."""
        return self.team.server.world.channels[message.id]

    def has_thread(self, message: Message) -> bool:
        return message.id in self.team.server.world.channels


@asynccontextmanager
async def talking(team: Team, settings: Settings, endpoint: ScriptedEndpoint, **options: Any) -> AsyncIterator[Talk]:
    endpoint.script += [says("Ok.")] * 60
    async with running_nod(team, settings, endpoint, **options) as nod:
        yield Talk(team, nod, endpoint)
