"""Whose server a direct talk belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from adapters.discord.homes import KEPT_S, Homes
from bot.chat import Actor
from tests.adapters.discord.kit import Team
from tests.adapters.discord.talk import Talk
from tests.adapters.discord.wire import User, pointed_at
from tests.adapters.discord.wire.client import Listener, logged_in
from tests.adapters.discord.wire.faults import MEMBER


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def home(homes: Homes, client: Listener, person: User, workspace: str = "") -> Actor | None:
    return await homes.actor(await client.fetch_user(person.id), workspace)


async def test_a_person_is_known_in_the_oldest_server_they_share(team: Team) -> None:
    younger = team.server.create_guild("younger", members=[team.anna, team.ben])
    only_here = team.server.create_user("carl")
    team.server.join_guild(younger, only_here)
    client = Listener()

    with pointed_at(team.server):
        async with logged_in(client, team.server):
            homes = Homes(client)
            anna = await home(homes, client, team.anna)
            carl = await home(homes, client, only_here)
            there = await home(homes, client, team.anna, str(younger.id))

    assert anna == Actor("discord", str(team.guild.id), str(team.anna.id), "anna")
    assert carl == Actor("discord", str(younger.id), str(only_here.id), "carl")
    assert there == Actor("discord", str(younger.id), str(team.anna.id), "anna")


async def test_it_is_believed_for_a_minute(team: Team) -> None:
    """Then whoever has left is nobody, and whoever has another role has it."""
    role = team.server.create_role(team.guild, "ops")
    clock, client = Clock(), Listener()

    with pointed_at(team.server):
        async with logged_in(client, team.server):
            homes = Homes(client, clock=clock)
            first = await home(homes, client, team.anna)
            team.server.give_role(team.anna, role)
            kept = await home(homes, client, team.anna)
            clock.now += KEPT_S
            later = await home(homes, client, team.anna)
            team.server.leave_guild(team.guild, team.anna)
            clock.now += KEPT_S
            gone = await home(homes, client, team.anna)

    assert first is not None
    assert kept is not None
    assert later is not None
    assert first.groups == kept.groups == frozenset()
    assert later.groups == {str(role.id)}
    assert gone is None


async def test_guests_and_those_who_have_not_accepted_the_rules_are_guests(team: Team) -> None:
    gus, penny = team.server.create_user("gus"), team.server.create_user("penny")
    team.server.join_guild(team.guild, gus, guest=True)
    team.server.join_guild(team.guild, penny, pending=True)
    client = Listener()

    with pointed_at(team.server):
        async with logged_in(client, team.server):
            homes = Homes(client)
            standings = [one.standing for person in (gus, penny) if (one := await home(homes, client, person))]

    assert standings == ["guest", "guest"]


async def test_where_they_left_the_first_they_are_of_the_next(talk: Talk) -> None:
    """Their talk goes on in the other server, with the rights they have there."""
    team = talk.team
    younger = team.server.create_guild("younger", members=[team.ben])
    team.server.leave_guild(team.guild, team.ben)

    await talk.ask("hello", where=team.server.dm(team.ben), by=team.ben)

    rooms = await talk.nod.app.service.rooms("discord", since_ms=0)
    assert [one.place.workspace for one in rooms if one.place.channel == f"@{team.ben.id}"] == [str(younger.id)]


@pytest.mark.parametrize("status", [403])
async def test_what_discord_cannot_say_is_no_answer(team: Team, status: int) -> None:
    import discord

    team.server.faults.fail(MEMBER, status, code=50001)
    client = Listener()

    with pointed_at(team.server):
        async with logged_in(client, team.server):
            with pytest.raises(discord.HTTPException):
                await home(Homes(client), client, team.anna)
