"""Nod's ears on a stand-in Slack: the real door, intake, service, database and model client.

What Nod shows is noted by an adapter that sends nothing, so that these tests are about what comes in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.slack.door.app import SlackApp
from adapters.slack.places import PLATFORM
from adapters.slack.site import Site
from bot.app import App
from bot.chat import Answered, Place
from bot.config.settings import Settings
from tests.adapters.opening import opened
from tests.adapters.slack.doors import options_of
from tests.adapters.slack.homes import site_of
from tests.adapters.slack.kit import Team
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.delivery import Attempt, Sent
from tests.adapters.slack.wire.messages import Message
from tests.adapters.slack.wire.world import Channel, User
from tests.fakes import RecordingAdapter
from tests.models.endpoint import ScriptedEndpoint, says

HELP = "I am listening. Write what you want after my name; `@Nod help` lists what else you can write."


class Door:
    """Brings events to the app, as bytes, without a network in between."""

    def __init__(self, app: SlackApp) -> None:
        self._app = app

    async def attempt(self, sent: Sent, attempt: Attempt) -> None:
        response = await self._app.take(json.loads(json.dumps(sent.body)), retry=attempt.number)
        attempt.outcome = "acked" if response.status == 200 else "http_error"


@dataclass
class Talk:
    """One running bot whose model says "Ok." to everything, but for what a test puts before that in its script."""

    team: Team
    app: App
    site: Site
    adapter: RecordingAdapter
    endpoint: ScriptedEndpoint
    said: list[Message] = field(default_factory=list)

    @property
    def slack(self) -> SlackServer:
        return self.team.server

    def say(self, text: str, *, by: User | None = None, where: Channel | None = None, **how: Any) -> Message:
        """Let somebody say something, anna in the channel if nobody else; `@nod` mentions the bot."""
        words = text.replace("@nod", self.slack.bot.mention)
        return self.slack.say(by or self.team.anna, where or self.team.room, words, **how)

    async def ask(self, text: str, **how: Any) -> Message:
        """Say something, and wait until the bot rests."""
        message = self.say(text, **how)
        await self.settle()
        return message

    async def again(self, *sent: Sent) -> None:
        """Let Slack send these once more, and wait until the bot rests."""
        before = [len(one.attempts) for one in sent]
        for one in sent:
            self.slack.delivery.again(one)
        await self.slack.until(lambda: [len(one.attempts) for one in sent] == [count + 1 for count in before])
        await self.settle()

    async def settle(self) -> None:
        """Wait until every event was delivered and taken, and everything that came of it is done."""
        await self.taken()
        await self.app.service.idle()

    async def taken(self) -> None:
        """Wait until every event was delivered and taken."""
        await self.slack.until(lambda: all(map(is_over, self.slack.events)))
        await self.slack.until(lambda: not self.site.intake.is_busy)

    def tasks(self) -> list[Any]:
        """What the model was asked, request by request."""
        return [one.body["messages"][-1]["content"] for one in self.endpoint.requests]

    def told(self) -> list[Any]:
        """All that the model was told last, without the persona."""
        return [one["content"] for one in self.endpoint.requests[-1].body["messages"][1:]]

    def answers(self) -> list[tuple[Place, str]]:
        """What was answered, and where."""
        return [(place, event.text) for place, event in self.adapter.shown if isinstance(event, Answered)]

    def whispers(self, user: User | None = None) -> list[str]:
        """What the bot said to one person alone in a channel, anna if nobody else."""
        return [shown(one) for one in self.slack.ephemerals(user or self.team.anna)]

    async def rows(self) -> list[tuple[str, str, str]]:
        """What the inbox holds: key, state, body."""
        from sqlalchemy import text

        from bot.storage.statements import Statement

        statement = Statement(text("SELECT json_group_array(json_array(key, state, body)) FROM inbox"))
        found = await self.app.database.run(lambda tx: tx.scalar(statement))
        return [tuple(one) for one in json.loads(found)]


def is_over(sent: Sent) -> bool:
    """Whether Slack tries no more to deliver it."""
    return bool(sent.attempts) and all(one.outcome for one in sent.attempts) and (sent.is_acked or sent.is_given_up)


def hanging(gate: asyncio.Event, then: dict[str, Any]) -> Callable[[object], Any]:
    """A model that thinks until the gate opens."""

    async def answer(_request: object) -> dict[str, Any]:
        await gate.wait()
        return then

    return answer


def shown(message: Message) -> str:
    """The words of a message of the bot's, as its blocks show them."""
    texts = [block.get("text", "") for block in message.blocks if block.get("type") in ("section", "markdown")]
    return "\n".join(one["text"] if isinstance(one, dict) else one for one in texts)


@asynccontextmanager
async def talking(
    team: Team,
    settings: Settings,
    endpoint: ScriptedEndpoint,
    *,
    vision: bool = False,
    answers: str = "thread",
    **how: Any,
) -> AsyncIterator[Talk]:
    """The bot, from its start to its end in good order. `how` is for its `site_of`."""
    endpoint.script += [says("Ok.")] * 60
    options = options_of(team.server, settings.data_dir, answers=answers)
    async with opened(settings, endpoint, vision=vision) as app:
        adapter = RecordingAdapter(PLATFORM)
        app.add_adapter(adapter)
        async with site_of(team.server, lambda: app.service, options, **how) as site:
            door = SlackApp(site)
            team.server.delivery.door = Door(door)
            await app.service.recover()
            await site.intake.recover()
            yield Talk(team, app, site, adapter, endpoint)
            door.stop_taking()
            site.stop_taking()
            await app.service.aclose()
            await door.close()
