"""The stand-in itself, with a plain discord.py client on it: login, messages, threads, direct talks, files, rights."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import discord
import pytest

from tests.adapters.discord.wire import Channel, Upload
from tests.adapters.discord.wire.client import Listener, logged_in
from tests.adapters.discord.wire.conftest import Team
from tests.adapters.discord.wire.faults import MEMBER


def text_channel(client: discord.Client, room: Channel) -> discord.TextChannel:
    found = client.get_channel(room.id)
    assert isinstance(found, discord.TextChannel)
    return found


async def test_client_logs_in_and_hears_a_mention(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.say(team.anna, team.room, f"{team.server.bot.mention} hello")
        await team.server.until(lambda: client.heard)

    heard = client.heard[0]
    assert heard.content == f"{team.server.bot.mention} hello"
    assert heard.author.name == "anna"
    assert client.user in heard.mentions
    assert heard.guild is not None
    assert heard.guild.name == "team"
    assert team.server.errors == []


async def test_wrong_token_is_refused_at_login(team: Team) -> None:
    client = Listener()

    async with client:
        with pytest.raises(discord.LoginFailure):
            await client.start("not the token")


async def test_intents_that_are_off_in_the_portal_end_the_connection(team: Team) -> None:
    client = Listener()
    team.server.world.app.message_content = False

    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with logged_in(client, team.server):
            pass


async def test_flags_of_the_application_say_which_intents_are_on(team: Team) -> None:
    client = Listener()
    team.server.world.app.members = False

    async with logged_in(client, team.server):
        info = await client.application_info()

    assert info.flags.gateway_message_content_limited
    assert not info.flags.gateway_guild_members_limited
    assert not info.flags.gateway_presence_limited


async def test_without_the_content_intent_only_words_to_the_bot_are_readable(team: Team) -> None:
    client = Listener(intents=discord.Intents.default())
    mention = team.server.bot.mention

    async with logged_in(client, team.server):
        team.server.say(team.anna, team.room, "among ourselves")
        team.server.say(team.anna, team.room, f"{mention} to you")
        team.server.say(team.anna, team.server.dm(team.anna), "in private")
        await team.server.until(lambda: len(client.heard) == 3)

    assert [one.content for one in client.heard] == ["", f"{mention} to you", "in private"]


async def test_what_the_bot_sends_edits_and_deletes_is_there(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        sent = await text_channel(client, team.room).send("one")
        kept = team.room.messages[sent.id]
        await sent.edit(content="two")
        was = kept.text
        await sent.delete()

    assert was == "two"
    assert [content for content, _ in kept.versions] == ["one"]
    assert kept.is_deleted
    assert team.room.history == []
    assert team.server.errors == []


async def test_edits_and_deletions_by_people_are_told(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        message = team.server.say(team.anna, team.room, "one")
        team.server.edit(message, "two")
        team.server.unfurl(message)
        team.server.delete(message)
        await team.server.until(lambda: "deleted" in client.names())

    edits = [event for name, event in client.noted if name == "edited"]
    assert [(one.message.content, one.message.edited_at is None) for one in edits] == [("two", False), ("two", False)]
    assert client.names()[-1] == "deleted"


async def test_same_nonce_gives_the_same_message(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        channel = text_channel(client, team.room)
        first = await channel.send("once", nonce="turn-1")
        second = await channel.send("once", nonce="turn-1")
        team.server.world.rules.nonce_window_s = 0.0
        third = await channel.send("once", nonce="turn-1")

    assert second.id == first.id
    assert third.id != first.id
    assert len(team.room.history) == 2


async def test_reply_refers_to_its_message_and_pings_its_author(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        sent = await text_channel(client, team.room).send("a question?")
        mine = team.room.messages[sent.id]
        team.server.say(team.anna, team.room, "yes", reply_to=mine)
        team.server.say(team.ben, team.room, "no", reply_to=mine, ping=False)
        await team.server.until(lambda: len(client.heard) == 2)
        answer = await client.heard[0].reply("thanks", mention_author=False)

    pinging, silent = client.heard
    assert pinging.reference is not None
    assert pinging.reference.message_id == sent.id
    assert client.user in pinging.mentions
    assert client.user not in silent.mentions
    assert team.room.messages[answer.id].mention_ids == []


async def test_mentions_that_are_not_allowed_ping_nobody(team: Team) -> None:
    client = Listener(allowed_mentions=discord.AllowedMentions.none())
    words = f"@everyone {team.anna.mention} {team.ben.mention}"

    async with logged_in(client, team.server):
        channel = text_channel(client, team.room)
        quiet = await channel.send(words)
        loud = await channel.send(words, allowed_mentions=discord.AllowedMentions(users=[discord.Object(team.anna.id)]))

    assert team.room.messages[quiet.id].mention_ids == []
    assert not team.room.messages[quiet.id].mentions_everyone
    assert team.room.messages[loud.id].mention_ids == [team.anna.id]


async def test_too_long_and_empty_messages_are_refused(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        channel = text_channel(client, team.room)
        with pytest.raises(discord.HTTPException) as long:
            await channel.send("x" * 2001)
        with pytest.raises(discord.HTTPException) as empty:
            await channel.send("  \n ")

    assert (long.value.status, long.value.code) == (400, 50035)
    assert "2000 or fewer" in str(long.value)
    assert (empty.value.status, empty.value.code) == (400, 50006)
    assert team.room.history == []


async def test_history_comes_in_pages(team: Team) -> None:
    client = Listener()
    for number in range(230):
        team.server.say(team.anna, team.room, f"line {number}", unseen=True)
    middle = team.room.history[100]

    async with logged_in(client, team.server):
        channel = text_channel(client, team.room)
        whole = [one.content async for one in channel.history(limit=None)]
        after = [one.content async for one in channel.history(limit=3, after=discord.Object(middle.id))]
        before = [one.content async for one in channel.history(limit=2, before=discord.Object(middle.id))]
        around = [one.content async for one in channel.history(limit=3, around=discord.Object(middle.id))]

    assert whole == [f"line {number}" for number in reversed(range(230))]
    assert after == ["line 101", "line 102", "line 103"]
    assert before == ["line 99", "line 98"]
    assert sorted(around) == ["line 100", "line 101", "line 99"]


async def test_dated_back_message_is_as_old_as_said(team: Team) -> None:
    message = team.server.say(team.anna, team.room, "long ago", ago_s=7 * 3600, unseen=True)

    age = discord.utils.utcnow() - message.created_at

    assert 6.9 < age.total_seconds() / 3600 < 7.1
    assert team.room.history == [message]


async def test_thread_of_a_message_has_its_id_and_there_is_but_one(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        message = team.server.say(team.anna, team.room, "a topic")
        await team.server.until(lambda: client.heard)
        thread = await client.heard[0].create_thread(name="talk")
        await thread.send("in here")
        with pytest.raises(discord.HTTPException) as again:
            await client.heard[0].create_thread(name="again")
        active = await client.guilds[0].active_threads()

    room = team.server.world.channels[thread.id]
    assert thread.id == message.id
    assert [one.kind for one in room.history] == [21, 0]
    assert [one.text for one in team.server.said(thread.id)] == ["in here"]
    assert again.value.code == 160004
    assert [one.id for one in active] == [thread.id]


async def test_archived_thread_wakes_by_a_message_but_not_when_locked(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        made = team.server.create_thread(team.anna, team.room, "side talk")
        await team.server.until(lambda: client.guilds[0].get_thread(made.id))
        thread = client.guilds[0].get_thread(made.id)
        assert thread is not None
        await thread.join()
        team.server.archive(made)
        await thread.send("awake")
        was_archived = made.archived
        team.server.archive(made, locked=True)
        with pytest.raises(discord.HTTPException) as locked:
            await thread.send("still there?")
        listed = [one.id async for one in text_channel(client, team.room).archived_threads()]

    assert not was_archived
    assert (locked.value.status, locked.value.code) == (400, 50083)
    assert listed == [made.id]
    assert team.server.bot.id in made.member_ids


async def test_private_thread_appears_when_the_bot_is_called_into_it(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        made = team.server.create_thread(team.anna, team.room, "closed", private=True)
        team.server.say(team.anna, made, "nobody else here")
        team.server.say(team.anna, made, f"{team.server.bot.mention} come in")
        await team.server.until(lambda: client.heard)

    assert [one.content for one in client.heard] == [f"{team.server.bot.mention} come in"]
    assert isinstance(client.heard[0].channel, discord.Thread)
    assert client.heard[0].channel.is_private()


async def test_direct_talk_goes_both_ways_until_it_is_closed(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        anna = await client.fetch_user(team.anna.id)
        await anna.send("psst")
        team.server.say(team.anna, team.server.dm(team.anna), "yes?")
        await team.server.until(lambda: client.heard)
        team.anna.accepts_dms = False
        with pytest.raises(discord.Forbidden) as closed:
            await anna.send("psst")

    assert [one.text for one in team.server.said(team.server.dm(team.anna).id)] == ["psst"]
    assert isinstance(client.heard[0].channel, discord.DMChannel)
    assert closed.value.code == 50007


async def test_files_go_up_and_down(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        sent = await text_channel(client, team.room).send(
            "here", file=discord.File(__file__, filename="notes.txt", description="what I know")
        )
        theirs = team.server.say(team.anna, team.room, "mine", files=[Upload("cat.png", b"\x89PNG", "image/png")])
        await team.server.until(lambda: client.heard)
        given = client.heard[0].attachments[0]
        content = await given.read()
        theirs.attachments[0].answers = 404
        with pytest.raises(discord.NotFound):
            await given.read()

    kept = team.room.messages[sent.id].attachments[0]
    assert kept.content == Path(__file__).read_bytes()
    assert (kept.filename, kept.description, kept.content_type) == ("notes.txt", "what I know", "text/plain")
    assert (given.filename, given.content_type, given.size, content) == ("cat.png", "image/png", 4, b"\x89PNG")


async def test_file_can_send_elsewhere(team: Team) -> None:
    message = team.server.say(team.anna, team.room, files=[Upload("a.txt", b"a")])
    file = message.attachments[0]
    file.answers, file.redirect_to = 302, "http://169.254.169.254/"

    async with aiohttp.ClientSession() as session, session.get(file.url, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "http://169.254.169.254/")


async def test_what_the_bot_may_not_it_cannot(team: Team) -> None:
    client = Listener()
    hidden = team.server.create_channel(team.guild, "hidden")
    team.server.set_permissions(hidden, team.server.everyone(team.guild), deny=["view_channel"])

    async with logged_in(client, team.server):
        channel = text_channel(client, team.room)
        team.server.set_permissions(team.room, team.server.bot, deny=["send_messages"])
        with pytest.raises(discord.Forbidden) as mute:
            await channel.send("hello")
        with pytest.raises(discord.Forbidden) as blind:
            await client.fetch_channel(hidden.id)
        team.server.say(team.anna, hidden, "secret")
        team.server.say(team.anna, team.room, "open")
        await team.server.until(lambda: client.heard)
        team.server.delete_channel(team.room)
        with pytest.raises(discord.NotFound) as gone:
            await channel.send("hello")

    assert (mute.value.code, blind.value.code, gone.value.code) == (50013, 50001, 10003)
    assert [one.content for one in client.heard] == ["open"]


async def test_kicked_bot_has_no_access_any_more(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        channel = text_channel(client, team.room)
        team.server.kick_bot(team.guild)
        await team.server.until(lambda: not client.guilds)
        with pytest.raises(discord.Forbidden) as out:
            await channel.send("hello")

    assert out.value.code == 50001


async def test_members_roles_and_guilds_are_told_as_they_are(team: Team) -> None:
    client = Listener()
    role = team.server.create_role(team.guild, "ops", may=["manage_guild"])
    team.server.give_role(team.anna, role)
    stranger = team.server.create_user("stranger")

    async with logged_in(client, team.server):
        guild = client.guilds[0]
        anna = await guild.fetch_member(team.anna.id)
        with pytest.raises(discord.NotFound) as unknown:
            await guild.fetch_member(stranger.id)
        roles = await guild.fetch_roles()
        listed = [one.name async for one in client.fetch_guilds()]

    assert [one.name for one in anna.roles] == ["@everyone", "ops"]
    assert anna.guild_permissions.manage_guild
    assert unknown.value.code == 10007
    assert {one.name for one in roles} == {"@everyone", "nod", "ops"}
    assert listed == ["team"]
    assert len(team.server.asked(MEMBER)) == 2


async def test_webhooks_and_other_bots_are_heard_as_such(team: Team) -> None:
    client = Listener()
    other = team.server.create_user("other", bot=True)
    team.server.join_guild(team.guild, other)

    async with logged_in(client, team.server):
        team.server.webhook_says(team.room, "deploys", "done")
        team.server.say(other, team.room, "beep")
        await team.server.until(lambda: len(client.heard) == 2)

    assert client.heard[0].webhook_id is not None
    assert client.heard[0].author.name == "deploys"
    assert client.heard[1].author.bot


async def test_unknown_route_is_answered_and_noted(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        with pytest.raises(discord.NotFound):
            await client.fetch_invite("abc")

    assert team.server.errors == ["unknown route: GET /api/v10/invites/abc?with_counts=1"]
