"""Which messages are for the bot, and what becomes of them: mentions, replies, direct talk, words, programs, edits."""

from __future__ import annotations

import pytest

from tests.adapters.discord.talk import HELP, Talk
from tests.adapters.discord.wire.faults import MEMBER
from tests.models.endpoint import calls

# --- mentions ---


@pytest.mark.parametrize(
    ("written", "task"),
    [
        ("@nod what is new?", "what is new?"),
        ("what is new, @nod", "what is new,"),
        ("tell @nod this", "tell  this"),
        ("@nod hi @nod", "hi"),
        ("> @nod hi", ">  hi"),
        ("`code` @nod hi", "`code`  hi"),
    ],
)
async def test_a_mention_is_taken_once_and_without_the_mention(talk: Talk, written: str, task: str) -> None:
    """Row 43: two mentions of the bot are one run."""
    await talk.ask(written)

    assert talk.tasks() == [task]


async def test_the_old_form_of_a_mention_is_one(talk: Talk) -> None:
    await talk.ask(f"<@!{talk.team.server.bot.id}> hi")

    assert talk.tasks() == ["hi"]


async def test_a_mention_of_the_bots_own_role_is_one(talk: Talk) -> None:
    role = next(one for one in talk.team.guild.roles.values() if one.managed_by == talk.team.server.bot.id)

    await talk.ask(f"<@&{role.id}> hi")

    assert talk.tasks() == ["hi"]


async def test_what_is_no_mention_is_left_alone(talk: Talk) -> None:
    """Row 43: a mention in code, and a person who calls themselves like the bot, are none."""
    spoof = talk.team.server.create_user("nod", display="nod")
    talk.team.server.join_guild(talk.team.guild, spoof)
    role = talk.team.server.create_role(talk.team.guild, "nod", mentionable=True)

    for text in (
        "`@nod` hi",
        "``@nod ` `` hi",
        "```\n@nod hi\n```",
        "```py\n@nod hi",
        f"{spoof.mention} hi",
        f"<@&{role.id}> hi",
        "@everyone hi",
        f"<#{talk.team.server.bot.id}>",
        f"<@{talk.team.server.bot.id}",
        "nod, hi",
    ):
        talk.say(text)
    await talk.settle()

    assert talk.tasks() == []
    assert talk.words() == []


async def test_a_wall_of_backticks_is_read_in_no_time(talk: Talk) -> None:
    await talk.ask("@nod " + "` `` " * 780)

    assert len(talk.tasks()) == 1


async def test_other_mentions_are_names_to_the_model(talk: Talk) -> None:
    role = talk.team.server.create_role(talk.team.guild, "ops")

    await talk.ask(
        f"@nod is {talk.team.ben.mention} of <@&{role.id}> in {talk.team.room.mention}? <:party:123456789012345678>"
    )

    assert talk.tasks() == ["is @ben of @ops in #general? :party:"]


# --- replies ---


@pytest.mark.parametrize("ping", [True, False])
async def test_a_reply_to_the_bot_is_for_it(talk: Talk, ping: bool) -> None:
    talk.say("@nod")
    word = await talk.team.answer(HELP)

    await talk.ask("and who are you?", reply_to=word, ping=ping)

    assert talk.tasks() == ["and who are you?"]


async def test_a_reply_to_a_person_is_not_for_it(talk: Talk) -> None:
    first = talk.say("who is there?")
    talk.say("me", by=talk.team.ben, reply_to=first)
    await talk.settle()

    assert talk.tasks() == []


# --- direct talk ---


async def test_everything_in_a_direct_talk_is_for_it(talk: Talk) -> None:
    dm = talk.team.server.dm(talk.team.anna)

    await talk.ask("hello", where=dm)
    await talk.ask("@nod again", where=dm)

    assert talk.tasks() == ["hello", "again"]
    assert talk.words(dm) == ["Ok.", "Ok."]
    assert talk.told() == ["hello", "Ok.", "again"]


async def test_somebody_in_no_server_is_told_so(talk: Talk) -> None:
    dm = talk.team.server.dm(talk.team.ben)
    talk.team.server.leave_guild(talk.team.guild, talk.team.ben)

    talk.say("hello", by=talk.team.ben, where=dm)
    await talk.settle()

    assert talk.tasks() == []
    assert [one.content for one in dm.history if one.author_id == talk.team.ben.id] == ["hello"]
    assert talk.words(dm) == []  # Discord takes no message for somebody the bot shares no server with


async def test_a_member_who_cannot_be_looked_up_is_told_to_try_again(talk: Talk) -> None:
    talk.team.server.faults.fail(MEMBER, 403, code=50001)
    dm = talk.team.server.dm(talk.team.anna)

    talk.say("hello", where=dm)
    await talk.team.server.until(lambda: talk.words(dm))

    assert "did not take this" in talk.words(dm)[0]
    assert talk.tasks() == []


async def test_a_message_of_a_server_the_bot_knows_nothing_of_is_no_direct_one(talk: Talk) -> None:
    """It comes late, after the bot was kicked: nobody in that server may talk with it any more."""
    other = talk.team.server.create_guild("other", members=[talk.team.ben])
    room = talk.team.server.create_channel(other, "lobby")
    talk.team.server.gateway.hold()
    talk.say("just between us", by=talk.team.ben, where=room)
    talk.say("@nod hi", by=talk.team.ben, where=room)
    talk.team.server.kick_bot(other)
    talk.team.server.gateway.release(lambda events: [events[-1], *events[:-1]])
    await talk.settle()

    assert talk.tasks() == []


# --- messages with nothing in them, and words ---


@pytest.mark.parametrize("text", ["@nod", "@nod \u200b\u2060", "@nod @nod"])
async def test_nothing_but_the_mention_is_answered_with_a_hint(talk: Talk, text: str) -> None:
    """Row 42: only a mention, or only what cannot be seen: short help, and no call of the model."""
    message = talk.say(text)
    await talk.settle()

    assert talk.words() == [HELP]
    assert not talk.has_thread(message)
    assert talk.tasks() == []


async def test_a_sticker_alone_is_answered_with_a_hint_in_a_direct_talk_only(talk: Talk) -> None:
    """Row 42: an empty message, as stickers are to a bot."""
    dm = talk.team.server.dm(talk.team.anna)
    talk.say("", where=dm)
    talk.say("")
    await talk.settle()

    assert talk.words(dm) == [HELP]
    assert talk.words() == []
    assert talk.tasks() == []


async def test_four_thousand_characters_arrive_whole(talk: Talk) -> None:
    """Row 42: the most that Discord lets anybody write."""
    await talk.ask("@nod " + "x" * 3900 + " end")

    assert talk.tasks() == ["x" * 3900 + " end"]


async def test_forty_thousand_characters_are_refused_with_a_sentence(talk: Talk) -> None:
    """Row 42: more than Discord lets anybody write."""
    talk.say("@nod " + "x" * 40_000)
    await talk.settle()

    assert talk.words() == ["That message is too long\\: at most 32768 characters."]
    assert talk.tasks() == []


async def test_help_is_a_word(talk: Talk) -> None:
    talk.say("@nod HELP")
    await talk.settle()

    (text,) = talk.words()
    assert "approvals" in text
    assert talk.tasks() == []


async def test_stop_is_a_word_that_ends_what_runs(talk: Talk) -> None:
    talk.endpoint.script.insert(0, calls(("slow", {})))
    dm = talk.team.server.dm(talk.team.anna)
    talk.say("take long", where=dm)
    await talk.team.server.until(lambda: talk.endpoint.requests)

    talk.say("stop", where=dm)
    await talk.nod.idle()
    await talk.team.server.until(lambda: any("Stopped" in one for one in talk.words(dm)))

    assert len(talk.endpoint.requests) == 1


async def test_reset_thread_is_a_word_that_forgets(talk: Talk) -> None:
    dm = talk.team.server.dm(talk.team.anna)
    await talk.ask("remember 7", where=dm)
    talk.say("reset-thread", where=dm)
    await talk.team.server.until(lambda: len(talk.words(dm)) == 2)

    await talk.ask("which number?", where=dm)

    assert talk.told() == ["which number?"]
