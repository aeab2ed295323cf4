"""Nod behind the buttons, commands and tabs of a stand-in Slack: the real door, service, database and model client.

What it shows is put there by a small adapter, so that these tests are about what people do with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.slack.api.rooms import Rooms
from adapters.slack.api.strict import part, text
from adapters.slack.directory.groups import Groups
from adapters.slack.directory.naming import Naming
from adapters.slack.directory.people import People
from adapters.slack.door.app import SlackApp
from adapters.slack.door.connection import SocketConnection
from adapters.slack.door.handlers import Body
from adapters.slack.drawing.cards import draw_card
from adapters.slack.drawing.words import plain
from adapters.slack.interactivity.about import Asking
from adapters.slack.interactivity.administering import Administering
from adapters.slack.interactivity.clicks import Clicks
from adapters.slack.interactivity.commands import Commands
from adapters.slack.interactivity.feedback import Feedback, feedback_block
from adapters.slack.interactivity.home import Home
from adapters.slack.interactivity.interactive import Interactive
from adapters.slack.interactivity.modals import Modals
from adapters.slack.interactivity.private import Private
from adapters.slack.interactivity.responding import Responder
from adapters.slack.interactivity.shortcuts import Shortcuts
from adapters.slack.interactivity.stops import Stops
from adapters.slack.options import Options
from adapters.slack.outbound.sending import Post, Sender
from adapters.slack.places import PLATFORM
from bot.app import App, open_app
from bot.chat import Actor, Answered, CardShown, ChatService, Delivery, Event, Inbound, Notice, Place
from bot.config.settings import Settings, load
from bot.models.config import from_mapping
from bot.models.registry import Registry
from tests.adapters.slack.homes import Homes, homes_of
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.interactions import Ack, Interaction
from tests.adapters.slack.wire.messages import Message, View, words
from tests.adapters.slack.wire.world import Channel, User
from tests.adapters.tools import write_tools
from tests.models.endpoint import ScriptedEndpoint


@dataclass
class Team:
    """One workspace with a channel, and the people in it; `root` administers the bot there."""

    slack: SlackServer
    room: Channel
    anna: User
    ben: User
    root: User

    @property
    def id(self) -> str:
        return self.slack.team.id

    def key(self, user: User) -> str:
        return f"{PLATFORM}:{self.id}/{user.id}"

    def place(self, thread: str = "", *, room: Channel | None = None) -> Place:
        return Place(PLATFORM, self.id, (room or self.room).id, thread)


def team_of(slack: SlackServer) -> Team:
    people = [slack.create_user(name) for name in ("anna", "ben", "root")]
    return Team(slack, slack.create_channel("general", members=people), *people)


def settings_of(team: Team, settings: Settings, **more: object) -> Settings:
    """These settings for this team: its admin, and Slack as the platform."""
    given = {"adapters": (PLATFORM,), "admins": (team.key(team.root),), **more}
    return settings.model_copy(update=given)


class Troubled:
    """The service, which breaks while there is `trouble`."""

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self.trouble: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if self.trouble is not None:
            raise self.trouble
        return getattr(self._service, name)


class Parts:
    """What is pressed and commanded, put together as a bot has it."""

    def __init__(
        self, app: App, homes: Homes, session: aiohttp.ClientSession, options: Options, **within: float
    ) -> None:
        self.service = Troubled(app.service)
        service = lambda: self.service  # noqa: E731  # what a site is given too
        rooms, modals = Rooms(homes), Modals(homes)
        self.sender = Sender(rooms)
        self.groups = Groups(homes)
        self.people = People(homes, self.groups)
        responder = Responder(lambda: session, options.api_url)
        self.private = Private(homes, rooms, responder, modals)
        self.home = Home(service, self.people, homes, modals, after_s=0.01)
        self.stops = Stops(service, self.people, self.private)
        asking = Asking(service, self.people, rooms, self.sender, modals, Naming(self.people, self.groups))
        administering = Administering(service, self.people, modals, self.home)
        self.interactive = Interactive(
            (
                Clicks(service, self.people, self.private, modals),
                Feedback(service, self.people, self.private),
                administering,
                asking,
            ),
            Commands(service, self.people, self.groups, self.private, options),
            Shortcuts(service, self.people, self.private, asking, self.home, options),
            administering.offered,
            self.private,
            responder,
            **within,
        )


class Handlers:
    """Hands on everything but messages."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        of = parts.interactive
        self.press, self.submit, self.closed = of.press, of.submit, of.closed
        self.command, self.shortcut, self.options = of.command, of.shortcut, of.options

    async def keep(self, body: Body, *, retry: int) -> None:
        event, team = part(body, "event"), text(body, "team_id")
        if text(event, "type") == "app_home_opened":
            await self.parts.home.opened(team, event)
        if text(event, "type") == "agent_session_stopped":
            await self.parts.stops.stopped(team, event)


class Board:
    """An adapter that puts cards and answers into the stand-in."""

    platform = PLATFORM

    def __init__(self, sender: Sender, home: Home) -> None:
        self._sender = sender
        self._home = home

    def is_watched(self, place: Place) -> bool:
        return False

    def target(self, actor: Actor, channel: str, key: str) -> Place | str:
        return "not here"

    async def show(self, place: Place, event: Event) -> None:
        """Nothing of what passes."""

    async def send(self, delivery: Delivery) -> str:
        self._home.changed()
        match delivery.event:
            case CardShown(card):
                drawn = draw_card(card, is_copy=False, in_full=False)
                post = Post(drawn.text, drawn.blocks, drawn.files)
            case Answered(run_id, said):
                post = Post(said, ({"type": "section", "text": plain(said)}, feedback_block(run_id)))
            case Notice(_, said):
                post = Post(said)
        if delivery.receipt and await self._sender.edit(delivery.place, delivery.receipt, post):
            return delivery.receipt
        return (await self._sender.post(delivery.place, [post], key=delivery.key))[0]


def button_id(message: Message, label: str) -> str:
    """The id of a button."""
    return next(str(one["action_id"]) for one in message.buttons if one["text"]["text"] == label)


def shown_in(body: Body) -> list[str]:
    """What is read in a view."""
    return words(body["blocks"])


@dataclass
class Desk:
    """One running bot, and what a person sees of it."""

    team: Team
    app: App
    parts: Parts

    async def ask(self, said: str = "deploy", *, by: User | None = None, place: Place | None = None) -> Message:
        """Somebody asks something in a thread of its own, and the bot comes to rest; gives the question."""
        person = by or self.team.anna
        question = self.team.slack.say(person, self.team.room, said, unseen=True)
        actor = await self.parts.people.actor(self.team.id, person.id)
        where = place or self.team.place(question.ts)
        await self.app.service.receive(Inbound(f"test:{question.ts}", where, actor, said, int(time.time() * 1000)))
        await self.app.service.idle()
        return question

    async def card(self, label: str = "Approve") -> Message:
        """The newest message with such a button."""
        slack = self.team.slack
        await slack.until(lambda: any(label in one.labels for one in slack.said()))
        return [one for one in slack.said() if label in one.labels][-1]

    async def told(self, one: Interaction, timeout_s: float = 5.0) -> str:
        """What somebody is told alone because of what they did: privately where they are, or directly."""
        before = len(self.ephemerals(one.user)), len(self.direct(one.user))
        await self.team.slack.until(
            lambda: (len(self.ephemerals(one.user)), len(self.direct(one.user))) != before, timeout_s
        )
        return [*self.ephemerals(one.user)[before[0] :], *self.direct(one.user)[before[1] :]][0]

    async def modal(self, one: Interaction) -> View:
        """The modal that opens because of what somebody did."""
        slack = self.team.slack
        before = len(slack.views_of(one.user))
        await slack.until(lambda: len(slack.views_of(one.user)) > before)
        return slack.views_of(one.user)[-1]

    async def sent(self, user: User, view: View, *values: str, forged: bool = False) -> Ack:
        """How a modal is acknowledged that somebody sends, with these values in its first fields."""
        given = dict(zip(self.fields(view), values, strict=False))
        return await self.team.slack.submit(user, view, given, forged=forged).acked()

    def ephemerals(self, user: User) -> list[str]:
        return [one.shown for one in self.team.slack.ephemerals(user)]

    def direct(self, user: User) -> list[str]:
        """What the bot wrote to somebody directly, the names of files too."""
        slack = self.team.slack
        rooms = [one for one in slack.world.channels.values() if one.kind == "im" and user.id in one.members]
        return [one.shown or ", ".join(file.name for file in one.files) for room in rooms for one in slack.said(room)]

    def actor(self, user: User) -> Actor:
        """Somebody as the service knows a member."""
        return Actor(PLATFORM, self.team.id, user.id, user.name)

    def fields(self, view: View) -> list[str]:
        """The fields of a modal, by their blocks."""
        return [block["block_id"] for block in view.blocks if block["type"] == "input"]

    def offered(self, view: View) -> list[str]:
        """The values a menu of a modal offers."""
        return [option["value"] for block in view.blocks for option in block.get("element", {}).get("options", ())]

    async def until(self, claim: Callable[[], object]) -> None:
        await self.team.slack.until(claim)

    async def refused(self) -> list[tuple[str, str]]:
        """Who pressed what they may not, and why it was refused, oldest first, as the audit has it."""
        rows = await self.app.audit.read(filters={"event": "click.refused"})
        return [(row["approver"], row["reason"]) for row in rows]

    def files(self, user: User) -> list[tuple[str, bytes]]:
        """The files the bot sent to somebody directly."""
        slack = self.team.slack
        rooms = [one for one in slack.world.channels.values() if one.kind == "im" and user.id in one.members]
        return [(file.name, file.content) for room in rooms for one in slack.said(room) for file in one.files]

    async def rules(self) -> list[str]:
        """Whom rules are for, oldest first."""

        def read() -> list[str]:
            with contextlib.closing(sqlite3.connect(self.app.settings.data_dir / "nod.db")) as connection:
                return [row[0] for row in connection.execute("SELECT subject FROM rules ORDER BY id")]

        return await asyncio.to_thread(read)

    async def forget_approvals(self) -> None:
        """Let the database be one in which nothing was asked for."""

        def forget() -> None:
            with contextlib.closing(sqlite3.connect(self.app.settings.data_dir / "nod.db")) as connection, connection:
                connection.execute("DELETE FROM approvals")

        await asyncio.to_thread(forget)


@asynccontextmanager
async def running_desk(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, *, answers: str = "thread", **within: float
) -> AsyncIterator[Desk]:
    """The bot, connected over a socket."""
    row = from_mapping({"label": "m", "api_url": endpoint.url, "model_name": "m", "host_type": "generic"})
    slack = team.slack
    async with (
        open_app(settings, models=Registry([row], default="m")) as app,
        homes_of(slack) as homes,
        aiohttp.ClientSession() as session,
    ):
        options = Options(
            settings.data_dir,
            slack.bot_token,
            slack.app_token,
            api_url=slack.api_url,
            answers=answers,  # type: ignore[arg-type]
        )
        parts = Parts(app, homes, session, options, **within)
        app.add_adapter(Board(parts.sender, parts.home))
        door = SlackApp(Handlers(parts))
        connection = SocketConnection(options, door, failed=lambda why: None)
        await connection.start(within_s=5)
        try:
            await app.service.recover()
            yield Desk(team, app, parts)
        finally:
            await connection.close()
            await door.close()
            await parts.interactive.aclose()
            await parts.home.aclose()


# --- fixtures --------------------------------------------------------------------------------------------------------


@pytest.fixture
def team(slack: SlackServer) -> Team:
    return team_of(slack)


@pytest.fixture
def settings(team: Team, tmp_path: Path) -> Settings:
    environment = {"DATA_DIR": str(tmp_path / "data"), "TOOLS_DIR": str(write_tools(tmp_path))}
    return settings_of(team, load(environment, None)[0])


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[[], list[str]]:
    """What really happened, outside of the bot."""
    path = tmp_path / "ledger"
    return lambda: path.read_text().split() if path.exists() else []


@pytest.fixture
async def desk(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Desk]:
    async with running_desk(team, settings, endpoint) as one:
        yield one
