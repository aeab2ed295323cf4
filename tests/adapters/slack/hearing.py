"""Nod's ears on a stand-in Slack: the real door, intake, service, database and model client.

What Nod shows is noted by an adapter that sends nothing, so that these tests are about what comes in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from adapters.slack.api.rooms import Rooms
from adapters.slack.directory.groups import Groups
from adapters.slack.directory.naming import Naming
from adapters.slack.directory.people import People
from adapters.slack.directory.talkers import Talkers
from adapters.slack.door.app import SlackApp
from adapters.slack.door.handlers import Body
from adapters.slack.inbound.catchup import Catchup
from adapters.slack.inbound.intake import Handle, Intake
from adapters.slack.inbound.listening import Listening
from adapters.slack.inbound.queues import Pauses
from adapters.slack.inbound.replies import Replies
from adapters.slack.inbound.taking import Taking
from adapters.slack.inbound.uploads import Uploads
from adapters.slack.interactivity.modals import Modals
from adapters.slack.interactivity.private import Private
from adapters.slack.interactivity.responding import Responder
from adapters.slack.places import PLATFORM
from bot.app import App, open_app
from bot.chat import Answered, Place
from bot.config.settings import Settings
from bot.models.config import from_mapping
from bot.models.registry import Registry
from tests.adapters.slack.homes import Homes, homes_of
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.delivery import Attempt, Sent
from tests.adapters.slack.wire.messages import Message
from tests.adapters.slack.wire.world import Channel, User
from tests.fakes import RecordingAdapter
from tests.models.endpoint import ScriptedEndpoint, says

HELP = "I am listening. Write what you want after my name; `@Nod help` lists what else you can write."
QUICK = Pauses(in_line_s=(0.01, 0.01, 0.01), aside_s=(0.02,), attempts=3)


@dataclass
class Team:
    """One workspace with a channel, and the people in it; `root` administers the bot there."""

    slack: SlackServer
    room: Channel
    anna: User
    ben: User
    root: User

    def key(self, user: User) -> str:
        return f"{PLATFORM}:{self.slack.team.id}/{user.id}"

    def place(self, thread: Message | str = "", *, room: Channel | None = None) -> Place:
        ts = thread.thread if isinstance(thread, Message) else thread
        return Place(PLATFORM, self.slack.team.id, (room or self.room).id, ts)


def team_of(slack: SlackServer) -> Team:
    people = [slack.create_user(name) for name in ("anna", "ben", "root")]
    return Team(slack, slack.create_channel("general", members=people), *people)


def settings_of(team: Team, settings: Settings, **more: object) -> Settings:
    return settings.model_copy(update={"adapters": (PLATFORM,), "admins": (team.key(team.root),), **more})


class Handlers:
    """Hands on events; nothing here presses or commands anything."""

    def __init__(self, keep: Callable[..., Any]) -> None:
        self.keep = keep

    async def nothing(self, body: Body) -> None:
        raise AssertionError(f"not an event: {body}")

    press = closed = command = shortcut = nothing

    async def submit(self, body: Body) -> Body | None:
        raise AssertionError("not an event")

    async def options(self, body: Body) -> Body:
        raise AssertionError("not an event")


class Door:
    """Brings events to the app, as bytes, without a network in between."""

    def __init__(self, app: SlackApp) -> None:
        self._app = app

    async def attempt(self, sent: Sent, attempt: Attempt) -> None:
        response = await self._app.take(json.loads(json.dumps(sent.body)), retry=attempt.number)
        attempt.outcome = "acked" if response.status == 200 else "http_error"


class Parts:
    """What takes in, put together as a bot has it."""

    def __init__(
        self,
        app: App,
        homes: Homes,
        session: aiohttp.ClientSession,
        api_url: str,
        *,
        where: Any = "thread",
        pauses: Pauses = QUICK,
        within_s: float = 2.0,
        others: Mapping[str, Handle] | None = None,
    ) -> None:
        service = lambda: app.service  # noqa: E731  # what a site is given too
        rooms, modals = Rooms(homes), Modals(homes)
        self.groups = Groups(homes)
        self.people = People(homes, self.groups)
        naming = Naming(self.people, self.groups)
        self.talkers = Talkers(service)
        self.taking = Taking(
            service,
            self.people,
            naming,
            self.talkers,
            listening=Listening(homes, self.people, naming, within_s=within_s),
            uploads=Uploads(homes, lambda: session, api_url),
            answers=Replies(Private(homes, rooms, Responder(lambda: session, api_url), modals)),
            where=where,
        )
        self.intake = Intake(
            service, homes, self.taking, self.talkers, self.people, self.groups, others=others, pauses=pauses
        )
        self.catchup = Catchup(service, rooms, self.intake, app.settings.data_dir)


@dataclass
class Talk:
    """One running bot whose model says "Ok." to everything, but for what a test puts before that in its script."""

    team: Team
    app: App
    parts: Parts
    adapter: RecordingAdapter
    endpoint: ScriptedEndpoint
    said: list[Message] = field(default_factory=list)

    @property
    def slack(self) -> SlackServer:
        return self.team.slack

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
        await self.slack.until(lambda: not self.parts.intake.is_busy)

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
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, *, vision: bool = False, **how: Any
) -> AsyncIterator[Talk]:
    """The bot, from its start to its end in good order."""
    endpoint.script += [says("Ok.")] * 60
    row = {"label": "m", "api_url": endpoint.url, "model_name": "m", "host_type": "generic", "vision": vision}
    async with open_app(settings, models=Registry([from_mapping(row)], default="m")) as app:
        adapter = RecordingAdapter(PLATFORM)
        app.add_adapter(adapter)
        async with homes_of(team.slack) as homes, aiohttp.ClientSession() as session:
            parts = Parts(app, homes, session, team.slack.api_url, **how)
            await parts.catchup.begin()
            door = SlackApp(Handlers(parts.intake.keep))
            team.slack.delivery.door = Door(door)
            await app.service.recover()
            await parts.intake.recover()
            yield Talk(team, app, parts, adapter, endpoint)
            door.stop_taking()
            parts.intake.stop_taking()
            await app.service.aclose()
            await parts.intake.aclose()
            await door.close()


async def wait_for(claim: Callable[[], object], *, within_s: float = 5.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(within_s):
        while not claim():
            await asyncio.sleep(0.005)
