"""The gateway of the stand-in: drops, resumes, sessions that end, repeated events, shards, a server that is away."""

from __future__ import annotations

from tests.adapters.discord.wire.client import Listener, ShardedListener, logged_in
from tests.adapters.discord.wire.conftest import Team


async def test_what_was_missed_is_replayed_after_a_drop(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.say(team.anna, team.room, "before")
        await team.server.until(lambda: client.heard)
        team.server.gateway.drop()
        team.server.say(team.anna, team.room, "meanwhile")
        await team.server.until(lambda: "resumed" in client.names())
        team.server.say(team.anna, team.room, "after")
        await team.server.until(lambda: len(client.heard) == 3)

    assert [one.content for one in client.heard] == ["before", "meanwhile", "after"]
    assert len(team.server.gateway.identifies) == 1
    assert len(team.server.gateway.resumes) == 1


async def test_muted_events_come_only_after_a_resume(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.gateway.is_muted = True
        team.server.say(team.anna, team.room, "unheard")
        was_heard = bool(client.heard)
        team.server.gateway.drop()
        await team.server.until(lambda: client.heard)

    assert not was_heard
    assert client.heard[0].content == "unheard"


async def test_ended_session_begins_anew_and_misses_what_was_said(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.gateway.invalidate()
        await team.server.until(lambda: not team.server.gateway.connected)
        team.server.say(team.anna, team.room, "missed")
        await team.server.until(lambda: client.names().count("ready") == 2)
        team.server.say(team.anna, team.room, "heard")
        await team.server.until(lambda: client.heard)

    assert [one.content for one in client.heard] == ["heard"]
    assert len(team.server.gateway.identifies) == 2
    assert team.server.gateway.resumes == []


async def test_resume_of_a_forgotten_session_falls_back_to_a_new_one(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.gateway.refused_resumes = 1
        team.server.gateway.drop()
        await team.server.until(lambda: client.names().count("ready") == 2)

    assert len(team.server.gateway.resumes) == 1
    assert len(team.server.gateway.identifies) == 2


async def test_request_to_reconnect_is_followed_by_a_resume(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.gateway.reconnect()
        await team.server.until(lambda: "resumed" in client.names())
        team.server.gateway.invalidate(resumable=True)
        await team.server.until(lambda: client.names().count("resumed") == 2)
        team.server.gateway.close(4000)
        await team.server.until(lambda: client.names().count("resumed") == 3)

    assert len(team.server.gateway.identifies) == 1


async def test_client_leaves_a_gateway_that_went_deaf(team: Team) -> None:
    client = Listener(heartbeat_timeout=0.6)
    team.server.gateway.heartbeat_s = 0.2

    async with logged_in(client, team.server):
        await team.server.until(lambda: team.server.gateway.heartbeats >= 3)
        team.server.gateway.deafen()
        await team.server.until(lambda: "resumed" in client.names())

    assert len(team.server.gateway.identifies) == 1


async def test_events_can_come_twice_and_out_of_order(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.gateway.hold()
        team.server.say(team.anna, team.room, "one")
        team.server.say(team.anna, team.room, "two")
        team.server.gateway.release(reversed)
        team.server.gateway.again("MESSAGE_CREATE")
        await team.server.until(lambda: len(client.heard) == 3)

    assert [one.content for one in client.heard] == ["two", "one", "two"]


async def test_each_shard_hears_its_own_servers(team: Team) -> None:
    team.server.gateway.shards = 2
    even = team.server.create_guild("even", members=[team.anna], shard=(0, 2))
    odd = team.server.create_guild("odd", members=[team.anna], shard=(1, 2))
    rooms = [team.server.create_channel(even), team.server.create_channel(odd)]
    client = ShardedListener()

    async with logged_in(client, team.server):
        for room in rooms:
            team.server.say(team.anna, room, "here")
        await team.server.until(lambda: len(client.heard) == 2)

    shards = {one.guild.name: one.guild.shard_id for one in client.heard if one.guild}
    assert shards == {"even": 0, "odd": 1}
    assert sorted(one["shard"] for one in team.server.gateway.identifies) == [[0, 2], [1, 2]]


async def test_server_that_was_away_is_found_again_on_its_port(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        url = team.server.api_url
        await team.server.down()
        team.server.say(team.anna, team.room, "while away")
        await team.server.up()
        await team.server.until(lambda: client.heard)

    assert team.server.api_url == url
    assert [one.content for one in client.heard] == ["while away"]
    assert "resumed" in client.names()
