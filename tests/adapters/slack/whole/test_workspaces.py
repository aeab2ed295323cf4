"""Any workspace may install the bot: each is served with its own token, and forgotten when it takes it away."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import aiohttp
import pytest

from bot.config.settings import Settings
from tests.adapters.slack.kit import Nod, Team, running_nod
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire import Team as Workspace
from tests.models.endpoint import ScriptedEndpoint, says

KEY = b"0123456789abcdef0123456789abcdef"


def of_many(server: SlackServer) -> dict[str, object]:
    """The options of a bot that any workspace may install."""
    app = server.app
    public = {"client_id": app.client_id, "client_secret": app.client_secret, "public_url": "http://nod.internal"}
    return {"mode": "http", "bot_token": "", "app_token": "", "secret_key": KEY, **public}


async def install(nod: Nod, server: SlackServer, team: Workspace) -> int:
    """Somebody of a workspace goes through the pages; the status of the last."""
    owner = server.create_user("owner", team=team)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(f"{nod.base}/slack/install", allow_redirects=False) as begun:
            back = server.approve(begun.headers["location"], owner, team)
        async with browser.get(back.replace("http://nod.internal", nod.base)) as ended:
            return ended.status


@pytest.mark.parametrize("restarts", [False, True], ids=["at once", "after a restart"])
async def test_each_workspace_is_served_with_its_own_token(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, *, restarts: bool
) -> None:
    server = team.server
    other = server.create_team("other")
    endpoint.script = [says("Ok.")] * 2
    async with running_nod(team, settings, endpoint, **of_many(server)) as nod:
        assert [await install(nod, server, one) for one in (server.team, other)] == [200, 200]
        if not restarts:
            await served_in_both(team, other)
    if restarts:
        async with running_nod(team, settings, endpoint, **of_many(server)):
            await served_in_both(team, other)


async def served_in_both(team: Team, other: Workspace) -> None:
    server = team.server
    eve = server.create_user("eve", team=other)
    room = server.create_channel("theirs", members=[eve], team=other)
    bot = server.world.installs[other.id]
    here = team.ask("hello")
    there = server.say(eve, room, f"<@{bot.user}> hello")

    answers = await server.until(
        lambda: found if len(found := [one for one in server.said() if "Ok." in one.shown]) == 2 else None
    )

    assert {(one.channel, one.thread_ts) for one in answers} == {(team.room.id, here.ts), (room.id, there.ts)}
    used = {call.token for call in server.calls() if call.args.get("channel") == room.id}
    assert used == {bot.token}


async def test_a_workspace_that_takes_it_away_is_forgotten(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    server = team.server
    async with running_nod(team, settings, endpoint, **of_many(server)) as nod:
        await install(nod, server, server.team)
        token = server.world.installs[server.team.id].token
        assert token.encode() not in await asyncio.to_thread((settings.data_dir / "slack.db").read_bytes)

        assert await asyncio.to_thread(kept, settings) == 1

        server.uninstall(server.world.installs[server.team.id])
        await server.until(lambda: kept(settings) == 0)

    assert nod.failures == []


def kept(settings: Settings) -> int:
    """How many tokens are kept."""
    with contextlib.closing(sqlite3.connect(settings.data_dir / "slack.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM slack_bots").fetchone()
    return int(count)


async def test_a_workspace_that_took_its_token_away_unheard_is_forgotten_when_something_is_sent(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    server = team.server
    endpoint.script = [says("Ok.")]
    async with running_nod(team, settings, endpoint, **of_many(server)) as nod:
        await install(nod, server, server.team)
        server.faults.fail("*", "token_revoked", times=1_000)
        team.ask("hello")
        await server.until(lambda: kept(settings) == 0)

    assert nod.failures == []


async def test_a_token_that_was_taken_away_unheard_ends_the_bot_when_something_is_sent(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    server = team.server
    endpoint.script = [says("Ok.")]
    async with running_nod(team, settings, endpoint) as nod:
        server.faults.fail("*", "token_revoked", times=1_000)
        team.ask("hello")
        await server.until(lambda: nod.failures)

    assert "copy the Bot User OAuth Token anew" in nod.failures[0].user_message
