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
from typing import Any

from adapters.slack.door.app import SlackApp
from adapters.slack.door.connection import SocketConnection
from adapters.slack.handlers import Body
from adapters.slack.places import PLATFORM
from adapters.slack.site import Site, Times
from bot.app import App
from bot.chat import Actor, ChatService, Delivery, Event, Inbound, Place
from bot.config.settings import Settings
from tests.adapters.opening import opened
from tests.adapters.slack.doors import options_of
from tests.adapters.slack.homes import QUICK, site_of
from tests.adapters.slack.kit import Team
from tests.adapters.slack.wire.interactions import Ack, Interaction
from tests.adapters.slack.wire.messages import Message, View, words
from tests.adapters.slack.wire.world import User
from tests.models.endpoint import ScriptedEndpoint


class Troubled:
    """The service, which breaks while there is `trouble`."""

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self.trouble: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if self.trouble is not None:
            raise self.trouble
        return getattr(self._service, name)


class Board:
    """An adapter that shows what lasts in the stand-in: nothing of what passes."""

    platform = PLATFORM

    def __init__(self, site: Site) -> None:
        self._site = site

    def is_watched(self, place: Place) -> bool:
        return False

    def target(self, actor: Actor, channel: str, key: str) -> Place | str:
        return "not here"

    async def show(self, place: Place, event: Event) -> None:
        """Nothing of what passes."""

    async def send(self, delivery: Delivery) -> str:
        return await self._site.delivering.send(delivery)


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
    service: Troubled

    async def ask(self, said: str = "deploy", *, by: User | None = None, place: Place | None = None) -> Message:
        """Somebody asks something in a thread of its own, and the bot comes to rest; gives the question."""
        person = by or self.team.anna
        question = self.team.server.say(person, self.team.room, said, unseen=True)
        where = place or self.team.place(question.ts)
        await self.app.service.receive(
            Inbound(f"test:{question.ts}", where, self.actor(person), said, int(time.time() * 1000))
        )
        await self.app.service.idle()
        return question

    async def card(self, label: str = "Approve") -> Message:
        """The newest message with such a button."""
        slack = self.team.server
        await slack.until(lambda: any(label in one.labels for one in slack.said()))
        return [one for one in slack.said() if label in one.labels][-1]

    async def told(self, one: Interaction, timeout_s: float = 5.0) -> str:
        """What somebody is told alone because of what they did: privately where they are, or directly."""
        before = len(self.ephemerals(one.user)), len(self.direct(one.user))
        await self.team.server.until(
            lambda: (len(self.ephemerals(one.user)), len(self.direct(one.user))) != before, timeout_s
        )
        return [*self.ephemerals(one.user)[before[0] :], *self.direct(one.user)[before[1] :]][0]

    async def modal(self, one: Interaction) -> View:
        """The modal that opens because of what somebody did."""
        slack = self.team.server
        before = len(slack.views_of(one.user))
        await slack.until(lambda: len(slack.views_of(one.user)) > before)
        return slack.views_of(one.user)[-1]

    async def sent(self, user: User, view: View, *values: str, forged: bool = False) -> Ack:
        """How a modal is acknowledged that somebody sends, with these values in its first fields."""
        given = dict(zip(self.fields(view), values, strict=False))
        return await self.team.server.submit(user, view, given, forged=forged).acked()

    def ephemerals(self, user: User) -> list[str]:
        return [one.shown for one in self.team.server.ephemerals(user)]

    def direct(self, user: User) -> list[str]:
        """What the bot wrote to somebody directly, the names of files too."""
        slack = self.team.server
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
        await self.team.server.until(claim)

    async def refused(self) -> list[tuple[str, str]]:
        """Who pressed what they may not, and why it was refused, oldest first, as the audit has it."""
        rows = await self.app.audit.read(filters={"event": "click.refused"})
        return [(row["approver"], row["reason"]) for row in rows]

    def files(self, user: User) -> list[tuple[str, bytes]]:
        """The files the bot sent to somebody directly."""
        slack = self.team.server
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
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, *, answers: str = "thread", times: Times = QUICK
) -> AsyncIterator[Desk]:
    """The bot, connected over a socket."""
    options = options_of(team.server, settings.data_dir, answers=answers)
    async with opened(settings, endpoint) as app:
        service = Troubled(app.service)
        async with site_of(team.server, lambda: service, options, times=times) as site:
            app.add_adapter(Board(site))
            door = SlackApp(site)
            connection = SocketConnection(options, door, failed=lambda why: None)
            await connection.start(within_s=5)
            try:
                await app.service.recover()
                yield Desk(team, app, service)
            finally:
                await connection.close()
                await door.close()
