"""A bot's life on Discord: dropped, resumed, refused, sharded, without Discord for a while."""

from __future__ import annotations

import asyncio

import pytest

from adapters.discord import DiscordAdapter
from bot.config.settings import Settings
from bot.errors import ConfigError
from tests.adapters.discord.kit import Team, options_of, running_nod
from tests.adapters.discord.wire import Message, Upload
from tests.models.endpoint import ScriptedEndpoint, says


def ask(team: Team, text: str = "hello") -> Message:
    return team.server.say(team.anna, team.room, f"{team.server.bot.mention} {text}")


def answers(team: Team) -> list[str]:
    return [text for text in team.texts() if text.startswith("Answer")]


async def test_what_came_while_the_connection_was_away_is_answered_once(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer 1"), says("Answer 2")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "one")
        await team.answer("Answer 1")
        team.server.gateway.drop()
        ask(team, "two")
        await team.answer("Answer 2", 20)
        await nod.idle()

    assert len(team.server.gateway.resumes) == 1
    assert answers(team) == ["Answer 1", "Answer 2"]


async def test_after_a_session_that_cannot_be_resumed_what_was_missed_is_looked_for(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer 1"), says("Answer 2")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "one")
        await team.answer("Answer 1")
        await nod.idle()
        team.server.gateway.invalidate()
        team.server.say(team.anna, team.room, f"{team.server.bot.mention} two", unseen=True)
        await team.answer("Answer 2", 40)
        await nod.idle()

    assert answers(team) == ["Answer 1", "Answer 2"]


async def test_what_comes_before_a_session_is_ready_does_not_hide_what_was_missed(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer 1"), says("Answer 2"), says("Answer 3")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "one")
        await team.answer("Answer 1")
        await nod.idle()
        team.server.gateway.invalidate()
        team.server.say(team.ben, team.room, f"{team.server.bot.mention} missed", unseen=True)
        await team.server.until(lambda: len(team.server.gateway.identifies) == 2, 20)
        await asyncio.sleep(0.3)
        ask(team, "three")
        await team.answer("Answer 3", 20)
        await nod.idle()

    assert sorted(answers(team)) == ["Answer 1", "Answer 2", "Answer 3"]


async def test_an_event_that_comes_twice_is_answered_once(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer 1"), says("Answer 2")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "one")
        team.server.gateway.again("MESSAGE_CREATE")
        await team.answer("Answer 1")
        team.server.gateway.again("MESSAGE_CREATE")
        ask(team, "two")
        await team.answer("Answer 2")
        await nod.idle()

    assert answers(team) == ["Answer 1", "Answer 2"]
    assert len(endpoint.requests) == 2


async def test_two_shards_hear_their_servers_and_direct_messages(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    other = team.server.create_guild("other", members=[team.ben], shard=(1, 2))
    room = team.server.create_channel(other, "elsewhere")
    endpoint.script = [says("Answer 1"), says("Answer 2"), says("Answer 3")]
    async with running_nod(team, settings, endpoint, shards=2) as nod:
        assert len(team.server.gateway.connected) == 2
        ask(team, "one")
        await team.answer("Answer 1")
        team.server.say(team.ben, room, f"{team.server.bot.mention} two")
        await team.answer("Answer 2")
        team.server.say(team.anna, team.server.dm(team.anna), "three")
        await team.answer("Answer 3")
        await nod.idle()

    assert answers(team) == ["Answer 1", "Answer 2", "Answer 3"]


async def test_after_one_shard_began_anew_what_its_servers_said_meanwhile_is_looked_for(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    other = team.server.create_guild("other", members=[team.ben], shard=(1, 2))
    room = team.server.create_channel(other, "elsewhere")
    endpoint.script = [says("Answer 1"), says("Answer 2")]
    async with running_nod(team, settings, endpoint, shards=2) as nod:
        team.server.say(team.ben, room, f"{team.server.bot.mention} one")
        await team.answer("Answer 1")
        await nod.idle()
        team.server.gateway.invalidate(shard=1)
        team.server.say(team.ben, room, f"{team.server.bot.mention} two", unseen=True)
        await team.answer("Answer 2", 40)
        await nod.idle()

    assert answers(team) == ["Answer 1", "Answer 2"]


async def test_where_discord_cannot_be_reached_at_the_start_it_is_tried_again(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer 1")]
    team.server.faults.cut("GET /users/@me", times=2)
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "one")
        await team.answer("Answer 1")
        await nod.idle()

    assert nod.failures == []
    assert answers(team) == ["Answer 1"]


@pytest.mark.parametrize("reads_along", ["auto", "off"])
async def test_where_discord_wants_a_long_pause_at_the_start_it_is_tried_again(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, reads_along: str
) -> None:
    endpoint.script = [says("Answer 1")]
    team.server.faults.limit("GET /users/@me", retry_after_s=3600)
    async with running_nod(team, settings, endpoint, reads_along=reads_along) as nod:
        ask(team, "one")
        await team.answer("Answer 1")
        await nod.idle()

    assert nod.failures == []
    assert answers(team) == ["Answer 1"]


async def test_where_discord_leaves_it_hanging_a_start_goes_on_without(team: Team, settings: Settings) -> None:
    failures: list[ConfigError] = []
    adapter = DiscordAdapter(options_of(team, settings), failed=failures.append, start_s=0.3)
    hung = team.server.faults.hang("GET /users/@me", seconds=60)
    await adapter.start()
    state = adapter.state()
    await adapter.close()

    assert hung.hits
    assert (state, failures) == ("not connected", [])


async def test_discord_that_goes_away_and_comes_back_is_no_end(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer 1"), says("Answer 2")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "one")
        await team.answer("Answer 1")
        await team.server.down()
        await team.server.up()
        await team.server.connected(timeout_s=60)
        ask(team, "two")
        await team.answer("Answer 2", 20)
        await nod.idle()

    assert answers(team) == ["Answer 1", "Answer 2"]


async def test_an_intent_that_the_portal_does_not_allow_ends_it_with_a_sentence(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    team.server.world.app.message_content = False
    async with running_nod(team, settings, endpoint, reads_along="on") as nod:
        (failure,) = nod.failures

    assert failure.key == "DISCORD_MESSAGE_CONTENT"
    assert "Message Content Intent" in failure.user_message


async def test_without_that_intent_it_connects_all_the_same_and_hears_mentions(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    team.server.world.app.message_content = False
    endpoint.script = [says("Answer 1")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "one")
        await team.answer("Answer 1")
        await nod.idle()

    assert endpoint.requests[0].body["messages"][-1]["content"] == "one"


async def test_commands_are_told_to_discord_only_when_they_have_changed(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with running_nod(team, settings, endpoint):
        pass
    async with running_nod(team, settings, endpoint):
        pass

    assert len(team.server.world.command_writes) == 1


async def test_a_file_without_words_is_taken_in_a_thread_the_bot_opened(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer 1"), says("Answer 2")]
    async with running_nod(team, settings, endpoint) as nod:
        first = ask(team, "one")
        await team.answer("Answer 1")
        await nod.idle()
        thread = team.server.world.channels[first.id]
        team.server.say(team.anna, thread, files=[Upload("notes.txt", b"what was noted")])
        await team.answer("Answer 2")
        await nod.idle()

    assert "what was noted" in str(endpoint.requests[1].body["messages"])


@pytest.mark.parametrize("shards", [0, 1])
async def test_it_is_not_ready_while_discord_is_away(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, shards: int
) -> None:
    async with running_nod(team, settings, endpoint, shards=shards) as nod:
        await team.server.down()
        await team.server.until(lambda: nod.adapter.state() == "not connected")
        await team.server.up()
        await team.server.until(lambda: nod.adapter.state() == "ok", 30)
