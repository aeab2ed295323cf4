"""What goes wrong on demand: statuses, limits, lost and late answers."""

from __future__ import annotations

import asyncio

import aiohttp
import discord
import pytest

from tests.adapters.discord.wire.client import Listener, logged_in
from tests.adapters.discord.wire.conftest import Team
from tests.adapters.discord.wire.faults import EDIT, SEND, Limit
from tests.adapters.discord.wire.test_server import text_channel


async def test_limited_request_is_sent_again_by_the_client(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.faults.limit(SEND, times=2, retry_after_s=0.05)
        await text_channel(client, team.room).send("through")

    assert [one.status for one in team.server.asked(SEND)] == [429, 429, 200]
    assert [one.text for one in team.room.history] == ["through"]
    assert len(team.server.limits.hits) == 2


async def test_global_limit_stops_every_route(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.faults.limit(SEND, retry_after_s=0.3, is_global=True)
        sending = asyncio.create_task(text_channel(client, team.room).send("through"))
        await team.server.until(lambda: not client.http._global_over.is_set())
        began = team.server.limits.hits[0].at
        await client.fetch_user(team.anna.id)
        await sending

    later = [one for one in team.server.requests if one.at > began]
    assert len(later) == 2
    assert all(one.at - began >= 0.3 for one in later)


async def test_enforced_limits_are_kept_by_the_client(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.limits.enforce({SEND: Limit(5, 0.5)})
        channel = text_channel(client, team.room)
        for number in range(7):
            await channel.send(f"{number}")

    times = [one.at for one in team.server.asked(SEND)]
    assert times[5] - times[0] >= 0.5
    assert [one.text for one in team.room.history] == ["0", "1", "2", "3", "4", "5", "6"]
    assert team.server.limits.hits == []


async def test_one_too_many_of_a_careless_client_gets_a_429(team: Team) -> None:
    team.server.limits.enforce({SEND: Limit(2, 5.0)})
    url = f"{team.server.api_url}/channels/{team.room.id}/messages"
    headers = {"Authorization": f"Bot {team.server.token}"}

    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(2):
            async with session.post(url, json={"content": "x"}) as answer:
                assert answer.status == 200
        async with session.post(url, json={"content": "x"}) as answer:
            body = await answer.json()

    assert answer.status == 429
    assert 0 < body["retry_after"] <= 5.0
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert "Via" in answer.headers
    assert len(team.server.limits.hits) == 1


@pytest.mark.parametrize("status", [500, 502])
async def test_broken_server_is_tried_again(team: Team, status: int) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.faults.fail(SEND, status)
        await text_channel(client, team.room).send("through")

    assert [one.status for one in team.server.asked(SEND)] == [status, 200]


async def test_unavailable_server_is_an_error_and_nothing_is_done(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.faults.fail(SEND, 503)
        with pytest.raises(discord.DiscordServerError):
            await text_channel(client, team.room).send("no")

    assert team.room.history == []


async def test_lost_answer_and_the_same_nonce_make_one_message(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        channel = text_channel(client, team.room)
        await channel.send("warm")
        team.server.faults.lose(SEND)
        with pytest.raises((aiohttp.ClientError, OSError)):
            await channel.send("once", nonce="n1")
        again = await channel.send("once", nonce="n1")

    assert [one.text for one in team.room.history] == ["warm", "once"]
    assert team.room.history[1].id == again.id
    assert [one.status for one in team.server.asked(SEND)] == [200, 0, 200]


async def test_cut_connection_does_nothing(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.faults.cut(SEND, where=lambda asked: "second" in str(asked.json))
        channel = text_channel(client, team.room)
        await channel.send("first")
        with pytest.raises((aiohttp.ClientError, OSError)):
            await channel.send("second")

    assert [one.text for one in team.room.history] == ["first"]


async def test_hanging_and_slow_answers_keep_the_client_waiting(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        channel = text_channel(client, team.room)
        sent = await channel.send("one")
        team.server.faults.slow(EDIT, 0.2)
        await sent.edit(content="two")
        hung = team.server.faults.hang(SEND, seconds=0.3)
        with pytest.raises((aiohttp.ClientError, OSError)):
            await channel.send("three")

    assert [one.text for one in team.room.history] == ["two"]
    assert len(hung.hits) == 1
