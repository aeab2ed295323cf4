"""What is looked for after a start: in which places, and from when on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import discord

from adapters.discord.catchup import Look, looks
from bot.chat import Place, Room
from bot.config.settings import Settings
from tests.adapters.discord.kit import Team, running_nod
from tests.adapters.discord.wire import Message
from tests.adapters.discord.wire.faults import HISTORY, Asked
from tests.models.endpoint import ScriptedEndpoint, says

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def ask(team: Team, text: str, *, unseen: bool = False) -> Message:
    return team.server.say(team.anna, team.room, f"{team.server.bot.mention} {text}", unseen=unseen)


def is_a_look(asked: Asked) -> bool:
    return "after" in asked.query


def test_what_was_said_in_a_thread_does_not_hide_what_its_channel_missed() -> None:
    begun, last = NOW - timedelta(hours=2), NOW - timedelta(minutes=1)
    thread = discord.utils.time_snowflake(begun)
    room = Room(Place("discord", "1", "10", str(thread)), frozenset(), int(last.timestamp() * 1000))

    found = looks([room], NOW)

    assert found == [Look(thread, 1, last), Look(10, 1, begun)]


def test_a_place_where_nobody_wrote_for_days_is_quiet() -> None:
    old, new = NOW - timedelta(days=3), NOW - timedelta(hours=1)
    threads = [discord.utils.time_snowflake(moment) for moment in (old, new)]
    places = [Place("discord", "1", "10", str(thread)) for thread in threads]
    rooms = [Room(place, frozenset(), int(at.timestamp() * 1000)) for place, at in zip(places, (old, new), strict=True)]

    found = {look.channel_id: look.is_quiet for look in looks(rooms, NOW)}

    assert found == {threads[0]: True, threads[1]: False, 10: False}


async def test_what_a_start_that_died_had_not_looked_for_is_found_by_the_next(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer 1"), says("Answer 2"), says("Answer 3")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "one")
        await team.answer("Answer 1")
        await nod.idle()
    ask(team, "missed", unseen=True)
    looked = team.server.faults.hang(HISTORY, times=9, where=is_a_look)
    async with running_nod(team, settings, endpoint) as nod:
        await team.server.until(lambda: looked.hits)
        ask(team, "three")
        await team.answer("Answer 2")
        await nod.idle()
    team.server.faults.clear()
    async with running_nod(team, settings, endpoint) as nod:
        await team.answer("Answer 3", 20)
        await nod.idle()
        await asyncio.sleep(0.5)

    assert "missed" in str(endpoint.requests[2].body["messages"][-1])
    assert len(endpoint.requests) == 3


async def test_a_place_that_cannot_be_read_does_not_keep_others_from_being_looked_at(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer 1"), says("Answer 2")]
    async with running_nod(team, settings, endpoint) as nod:
        first = ask(team, "one")
        await team.answer("Answer 1")
        await nod.idle()
    team.server.say(team.anna, team.server.world.channels[first.id], "in the thread", unseen=True)
    ask(team, "in the channel", unseen=True)
    cut = team.server.faults.cut(HISTORY, times=2, where=is_a_look)
    async with running_nod(team, settings, endpoint) as nod:
        await team.answer("Answer 2", 20)
        await nod.idle()

    assert len(cut.hits) == 2  # the second is of aiohttp, which asks again once
