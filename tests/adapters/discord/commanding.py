"""The commands over the stand-in Discord: discord.py with nothing but the command tree, and the real service behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import discord
import pytest

from adapters.discord.commands import add_commands
from adapters.discord.homes import NO_SERVER, Homes
from adapters.discord.people import actor_of
from adapters.discord.places import direct_place, place_in
from bot.chat import Actor, Card, ChatService, Completion, Place
from bot.config.settings import Settings
from tests.adapters.discord.kit import Team, settings_of, team_of
from tests.adapters.discord.wire import Interaction, User, pointed_at, running_discord
from tests.adapters.discord.wire.client import Listener, logged_in
from tests.models.endpoint import ScriptedEndpoint
from tests.service.kit import opened

Asked = tuple[str, tuple[str, ...]]


class Noting:
    """Hands on to the real service, and notes every line that reached it and from where."""

    def __init__(self, service: ChatService) -> None:
        self.service = service
        self.lines: list[str] = []
        self.speakers: list[tuple[Place, Actor]] = []
        self.trouble: Exception | None = None
        self.before: Callable[[], object] = lambda: None

    async def command(self, place: Place, actor: Actor, words: str, *, is_admin: bool = False) -> str:
        self.lines.append(f"/nod{'-admin' if is_admin else ''} {words}")
        self.speakers.append((place, actor))
        self.before()
        if self.trouble is not None:
            raise self.trouble
        return await self.service.command(place, actor, words, is_admin=is_admin)

    async def met(self, actor: Actor) -> None:
        await self.service.met(actor)

    async def complete(self, place: Place, actor: Actor, words: str, *, is_admin: bool = False) -> list[Completion]:
        if self.trouble is not None:
            raise self.trouble
        return await self.service.complete(place, actor, words, is_admin=is_admin)

    async def pending(self, actor: Actor) -> list[Card]:
        return await self.service.pending(actor)


@dataclass
class Desk:
    """One connected bot that knows its commands."""

    team: Team
    service: Noting
    client: Listener
    asked: list[Asked] = field(default_factory=list)
    ask_trouble: Exception | None = None

    async def use(self, user: User, path: str, **options: Any) -> str:
        """Use a command in the room and give what that person is told. `for_` is the option `for`."""
        return (await (await self.used(user, path, **options)).said()).text

    async def used(self, user: User, path: str, *, forged: bool = False, **options: Any) -> Interaction:
        given = {name.removesuffix("_"): value for name, value in options.items()}
        made = self.team.server.slash(user, self.team.room, path, given, forged=forged)
        await made.said()
        return made

    async def offered(self, user: User, path: str, option: str, typed: str = "") -> list[str]:
        made = self.team.server.complete(user, self.team.room, path, option, typed)
        return [one["value"] for one in (await made.answered()).choices]

    async def ask(self, interaction: Any, question: str, files: tuple[discord.Attachment, ...]) -> None:
        if self.ask_trouble is not None:
            raise self.ask_trouble
        self.asked.append((question, tuple([(await one.read()).decode() for one in files])))
        await interaction.response.send_message("taken")


@asynccontextmanager
async def running_commands(team: Team, service: ChatService) -> AsyncIterator[Desk]:
    client = Listener()
    desk = Desk(team, Noting(service), client)
    homes = Homes(client)

    async def where(interaction: Any) -> tuple[Place, Actor] | str:
        if interaction.guild_id is not None:
            return place_in(interaction.guild_id, interaction.channel), actor_of(interaction.user, interaction.guild_id)
        actor = await homes.actor(interaction.user)
        return NO_SERVER if actor is None else (direct_place(actor.workspace, interaction.user.id), actor)

    add_commands(client.tree, service=lambda: desk.service, where=where, ask=desk.ask)  # type: ignore[arg-type,return-value]
    with pointed_at(team.server):
        async with logged_in(client, team.server):
            await client.tree.sync()
            yield desk


@pytest.fixture
async def team() -> AsyncIterator[Team]:
    async with running_discord() as server:
        team = team_of(server)
        boss = server.create_role(team.guild, "boss", may=["manage_guild"])
        server.give_role(team.admin, boss)
        yield team


@pytest.fixture
async def desk(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Desk]:
    async with opened(settings_of(team, settings), endpoint) as bench, running_commands(team, bench.service) as desk:
        yield desk
    assert team.server.errors == []
