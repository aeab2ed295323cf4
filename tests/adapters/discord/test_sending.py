"""What must arrive on Discord: once, whatever is lost, refused or slow on the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest

from bot.config.settings import Settings
from tests.adapters.discord.kit import Team, running_nod
from tests.adapters.discord.wire import Message
from tests.adapters.discord.wire.faults import SEND
from tests.models.endpoint import ScriptedEndpoint, calls, says

SUPPRESS_EMBEDS = 1 << 2


def ask(team: Team, text: str = "hello") -> Message:
    return team.server.say(team.anna, team.room, f"{team.server.bot.mention} {text}")


async def test_an_answer_whose_receipt_was_lost_is_there_once(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Once.")]
    async with running_nod(team, settings, endpoint) as nod:
        lost = team.server.faults.lose(SEND, where=lambda asked: "Once." in str(asked.json))

        ask(team)
        await team.server.until(lambda: lost.hits)
        await nod.idle()

    assert team.texts().count("Once.") == 1


async def test_where_the_nonce_is_forgotten_the_channel_says_what_arrived(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Once.")]
    team.server.world.rules.nonce_window_s = 0.0
    async with running_nod(team, settings, endpoint) as nod:
        lost = team.server.faults.lose(SEND, where=lambda asked: "Once." in str(asked.json))

        ask(team)
        await team.server.until(lambda: lost.hits)
        await nod.idle()

    assert team.texts().count("Once.") == 1


@pytest.mark.parametrize("answers", ["place", "thread"])
async def test_an_answer_is_not_taken_for_another_one_that_says_the_same(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, answers: str
) -> None:
    endpoint.script = [says("Done."), says("Done.")]
    async with running_nod(team, settings, endpoint, answers=answers) as nod:
        first = ask(team, "one")
        done = await team.answer("Done.")
        await nod.idle()
        refused = team.server.faults.fail(SEND, 408, where=lambda asked: "Done." in str(asked.json))

        if answers == "place":
            ask(team, "two")
        else:
            team.server.say(team.anna, team.server.world.channels[first.id], "two")
        await team.server.until(lambda: refused.hits)
        await nod.idle()

    assert [one.text for one in team.said(done.channel_id)].count("Done.") == 2


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_what_discord_refuses_for_a_while_arrives_once(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, status: int
) -> None:
    endpoint.script = [says("Once.")]
    async with running_nod(team, settings, endpoint) as nod:
        if status == 429:
            team.server.faults.limit(SEND, times=2)
        else:
            team.server.faults.fail(SEND, status, times=2)

        ask(team)
        await team.answer("Once.", 20)
        await nod.idle()

    assert team.texts().count("Once.") == 1


async def test_where_the_history_cannot_be_read_an_answer_comes_without_being_a_reply(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Here.")]
    everyone = team.server.everyone(team.guild)
    team.server.set_permissions(team.room, everyone, deny=["read_message_history"])
    async with running_nod(team, settings, endpoint, answers="place") as nod:
        ask(team)
        await team.answer("Here.")
        await nod.idle()

    assert team.texts().count("Here.") == 1


async def test_a_long_answer_comes_in_messages_with_whole_fences_and_in_order(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    code = "\n".join(f"line {number}" for number in range(400))
    endpoint.script = [says(f"Beginning\n\n```py\n{code}\n```\nThe end.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        await team.server.until(lambda: any("The end." in text for text in team.texts()))
        await nod.idle()

    parts = [text for text in team.texts() if "line " in text or "The end." in text]
    assert all(len(part) <= 2000 and part.count("```") % 2 == 0 for part in parts)
    assert re.findall(r"line (\d+)", "\n".join(parts)) == [str(number) for number in range(400)]


async def test_a_very_long_answer_comes_as_a_file_too(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("word " * 20_000)]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        await team.server.until(lambda: any(one.attachments for one in team.said()))
        await nod.idle()

    (message,) = [one for one in team.said() if one.attachments]
    assert message.attachments[0].filename == "answer.md"
    assert len(message.attachments[0].content) == 99_999
    assert "answer.md" in message.text


async def test_nothing_the_model_writes_pings_or_previews(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    hostile = f"@everyone <@{team.ben.id}> <@&{team.guild.id}> [x](http://evil.example/?q=1) http://evil.example"
    endpoint.script = [says(hostile)]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        await team.server.until(lambda: any("evil.example" in text for text in team.texts()))
        await nod.idle()

    sent = [one for one in team.server.asked(SEND) if "evil" in str(one.json)]
    assert all(one.json["allowed_mentions"].get("parse", []) == [] for one in sent)
    assert all(one.json["flags"] & SUPPRESS_EMBEDS for one in sent)
    (message,) = [one for one in team.said() if "evil" in one.text]
    assert message.mention_ids == []
    assert not message.mentions_everyone
    assert f"`<@{team.ben.id}>`" in message.text
    assert "](" not in message.text


async def test_where_the_channel_is_gone_the_person_who_asked_is_told_directly(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    def gone(_: object) -> object:
        team.server.delete_channel(team.room)
        return says("It is done.")

    endpoint.script = [gone]  # type: ignore[list-item]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        direct = team.server.dm(team.anna)
        await team.server.until(lambda: team.texts(direct.id), 15)
        await nod.idle()

    (text,) = team.texts(direct.id)
    assert "It is done." in text
    assert "I cannot write this in" in text


async def test_what_the_server_blocks_is_told_to_the_person_who_asked_directly(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """AutoMod holds for bots as for everybody."""
    endpoint.script = [says("A blocked word.")]
    async with running_nod(team, settings, endpoint) as nod:
        team.server.faults.fail(SEND, 400, code=200000, where=lambda asked: asked.path.count(str(team.room.id)) == 0)
        ask(team)
        direct = team.server.dm(team.anna)
        await team.server.until(lambda: team.texts(direct.id), 15)
        await nod.idle()

    (text,) = team.texts(direct.id)
    assert "A blocked word." in text


async def test_what_a_server_in_an_outage_was_to_get_comes_when_it_is_over(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    def away(_: object) -> object:
        team.server.outage(team.guild)
        return says("Late, but here.")

    endpoint.script = [away]  # type: ignore[list-item]
    async with running_nod(team, settings, endpoint, answers="place") as nod:
        refused = team.server.faults.fail(SEND, 403, code=50001, times=9)
        ask(team)
        await team.server.until(lambda: endpoint.requests)
        await asyncio.sleep(1)
        team.server.faults.clear()
        team.server.outage(team.guild, is_over=True)
        await team.answer("Late, but here.", 20)
        await nod.idle()

    assert refused.hits == []


async def test_what_a_server_that_removed_the_bot_was_to_get_comes_when_it_is_back(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    def kicked(_: object) -> object:
        team.server.kick_bot(team.guild)
        return says("Late, but here.")

    endpoint.script = [kicked, says("Hello again.")]  # type: ignore[list-item]
    async with running_nod(team, settings, endpoint, answers="place") as nod:
        team.server.faults.fail("POST /users/@me/channels", 403, code=50007, times=9)
        ask(team)
        await team.server.until(lambda: endpoint.requests)
        await nod.idle()
        assert "Late, but here." not in team.texts()

        team.server.invite_bot(team.guild)
        ask(team, "are you there?")
        await team.answer("Hello again.", 20)
        await nod.idle()

    assert [text for text in team.texts(team.room.id) if "ere." in text or "again." in text] == [
        "Late, but here.",
        "Hello again.",
    ]


async def test_a_notice_pings_those_it_is_for_and_nobody_else(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "@everyone"})), says("Nobody decided.")]
    settings = settings.model_copy(update={"approval_ttl_s": 1})
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "deploy")
        await team.card()
        await team.server.until(lambda: True)
        while not await nod.app.service.expire_due():
            pass
        await nod.idle()

    (notice,) = [one for one in team.said() if "nobody decided about" in one.text]
    assert notice.mention_ids == [team.anna.id]
    assert not notice.mentions_everyone
    assert ledger() == []
