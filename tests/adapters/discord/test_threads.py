"""Where a conversation is: threads the bot opens, those of people, private ones, forums, voice, answers in place."""

from __future__ import annotations

import pytest

from bot.chat import Actor
from bot.config.settings import Settings
from tests.adapters.discord.kit import Team
from tests.adapters.discord.talk import Talk, talking
from tests.adapters.discord.wire import Channel, Upload
from tests.adapters.discord.wire.faults import OPEN_THREAD
from tests.adapters.discord.wire.world import FORUM, VOICE
from tests.models.endpoint import ScriptedEndpoint, calls
from tests.pictures import PNG

# --- a question in a channel ---


async def test_a_question_opens_a_thread_that_is_called_after_it_with_the_asker_in_it(talk: Talk) -> None:
    message = await talk.ask("@nod what\nis   new?")

    thread = talk.thread_of(message)
    assert thread.name == "what is new?"
    assert set(thread.member_ids) == {talk.team.server.bot.id, talk.team.anna.id}
    assert talk.team.texts(thread.id) == ["Ok."]
    assert talk.words() == []


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("x" * 300, "x" * 80),
        ("\u202eevil", "\\u{202e}evil"),
        ("@everyone look", "@everyone look"),
        ("a\u0000b", "a\\u{0}b"),
    ],
)
async def test_a_thread_is_called_so_that_nothing_hides_in_its_name(talk: Talk, text: str, title: str) -> None:
    """Row 44."""
    message = await talk.ask(f"@nod {text}")

    assert talk.thread_of(message).name == title


async def test_a_thread_of_a_question_without_words_has_a_name(talk: Talk) -> None:
    message = await talk.ask("@nod \u200b", files=[Upload("a.txt", b"a")])

    assert talk.thread_of(message).name == "Question"


async def test_two_questions_are_two_conversations(talk: Talk) -> None:
    first = await talk.ask("@nod one")
    second = await talk.ask("@nod two")

    assert talk.has_thread(first)
    assert talk.has_thread(second)
    assert "Ok." not in talk.told()


async def test_where_the_bot_may_open_no_threads_it_answers_in_place(talk: Talk) -> None:
    team = talk.team
    team.server.set_permissions(team.room, team.server.bot, deny=["create_public_threads"])

    message = await talk.ask("@nod hi")

    assert not talk.has_thread(message)
    (answer,) = [one for one in team.said(team.room.id) if one.text == "Ok."]
    assert answer.reply_to_id == message.id


async def test_the_operator_may_have_answers_in_place(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint, answers="place") as talk:
        first = await talk.ask("@nod one")
        await talk.ask("@nod two", by=team.ben)

    assert not talk.has_thread(first)
    assert talk.words() == ["Ok.", "Ok."]
    assert team.server.asked(OPEN_THREAD) == []
    assert [one for one in talk.told() if one == "two"] == ["two"]
    assert any("> one" in str(one) for one in talk.told())


# --- in a thread the bot opened ---


async def test_in_its_own_thread_everybody_is_followed(talk: Talk) -> None:
    thread = talk.thread_of(await talk.ask("@nod what is new?"))

    await talk.ask("and before?", where=thread)
    await talk.ask("what about me?", where=thread, by=talk.team.ben)

    assert talk.tasks() == ["what is new?", "and before?", "what about me?"]
    assert talk.team.texts(thread.id) == ["Ok."] * 3


async def test_people_who_talk_to_each_other_there_are_left_alone(talk: Talk) -> None:
    team = talk.team
    thread = talk.thread_of(await talk.ask("@nod what is new?"))
    role = team.server.create_role(team.guild, "ops", mentionable=True)

    first = talk.say(f"{team.ben.mention} look", where=thread)
    talk.say("I see", where=thread, by=team.ben, reply_to=first)
    talk.say("I see too", where=thread, by=team.ben, reply_to=first, ping=False)
    talk.say(f"{role.mention} look", where=thread)
    team.server.set_role(team.server.everyone(team.guild), may=["view_channel", "send_messages", "mention_everyone"])
    talk.say("@everyone look", where=thread)
    await talk.settle()

    assert talk.tasks() == ["what is new?"]


async def test_a_mention_there_counts_beside_others(talk: Talk) -> None:
    thread = talk.thread_of(await talk.ask("@nod what is new?"))

    await talk.ask(f"@nod ask {talk.team.ben.mention}", where=thread)

    assert talk.tasks()[-1] == "ask @ben"


async def test_who_goes_on_from_their_own_words_is_followed(talk: Talk) -> None:
    thread = talk.thread_of(await talk.ask("@nod what is new?"))
    mine = await talk.ask("one", where=thread)

    await talk.ask("two", where=thread, reply_to=mine, ping=False)

    assert talk.tasks()[-1] == "two"


async def test_a_picture_without_a_word_is_followed(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with talking(team, settings, endpoint, vision=True) as talk:
        thread = talk.thread_of(await talk.ask("@nod look"))
        await talk.ask("", where=thread, files=[Upload("cat.png", PNG)])

    assert talk.tasks()[-1][0]["text"] == "Look at what I attached."


async def test_a_sticker_there_is_no_question(talk: Talk) -> None:
    thread = talk.thread_of(await talk.ask("@nod hi"))
    talk.say("", where=thread)
    await talk.settle()

    assert talk.team.texts(thread.id) == ["Ok."]


async def test_its_thread_is_followed_after_a_restart(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint) as talk:
        thread = talk.thread_of(await talk.ask("@nod what is new?"))

    async with talking(team, settings, endpoint) as again:
        await again.ask("and now?", where=thread, by=team.ben)

    assert again.tasks() == ["what is new?", "and now?"]
    assert len(again.told()) == 3


# --- in threads of people ---


@pytest.mark.parametrize("is_private", [False, True])
async def test_in_threads_of_people_those_who_talked_with_it_are_followed(talk: Talk, is_private: bool) -> None:
    team = talk.team
    thread = team.server.create_thread(team.anna, team.room, "plans", private=is_private)
    team.server.join_thread(thread, team.server.bot)
    team.server.join_thread(thread, team.ben)
    talk.say("what do we do?", where=thread)
    talk.say("no idea", where=thread, by=team.ben)

    await talk.ask("@nod what would you do?", where=thread)
    await talk.ask("and then?", where=thread)
    talk.say("I would not", where=thread, by=team.ben)
    await talk.settle()

    assert talk.tasks() == ["what would you do?", "and then?"]
    assert team.texts(thread.id) == ["Ok.", "Ok."]


async def test_a_private_thread_is_a_room_of_its_own(talk: Talk) -> None:
    team = talk.team
    thread = team.server.create_thread(team.anna, team.room, "plans", private=True)
    team.server.join_thread(thread, team.server.bot)

    await talk.ask("@nod a secret", where=thread)
    await talk.ask("@nod public")

    places = {str(one.place) for one in await talk.nod.app.service.rooms("discord", since_ms=0)}
    assert f"{talk.team.scope}/{thread.id}" in places
    assert "a secret" not in str(talk.told())


async def test_in_the_text_of_a_voice_channel_it_answers_in_place(talk: Talk) -> None:
    team = talk.team
    voice = team.server.create_channel(team.guild, "standup", kind=VOICE)

    message = await talk.ask("@nod hi", where=voice)

    assert not talk.has_thread(message)
    assert talk.words(voice) == ["Ok."]


async def test_a_post_of_a_forum_is_a_conversation(talk: Talk) -> None:
    team = talk.team
    forum = team.server.create_channel(team.guild, "ideas", kind=FORUM)
    post = Channel(team.server.world.new_id(), 11, "an idea", team.guild.id, forum.id, owner_id=team.anna.id)
    team.server.world.channels[post.id] = post
    team.server.unarchive(post)

    await talk.ask("@nod what do you think?", where=post)
    await talk.ask("and why?", where=post)

    assert talk.words(post) == ["Ok.", "Ok."]
    assert talk.told() == ["what do you think?", "Ok.", "and why?"]


# --- words are about where they are written ---


async def test_a_word_in_a_channel_opens_no_thread(talk: Talk) -> None:
    message = talk.say("@nod stop")
    await talk.settle()

    assert not talk.has_thread(message)
    assert len(talk.words()) == 1


async def test_stop_in_a_channel_is_about_that_channel(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """What was asked there while answers came in place is stopped there, though questions open threads by now."""
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with talking(team, settings, endpoint, answers="place") as talk:
        talk.say("@nod deploy 1")
        await team.card()

    async with talking(team, settings, endpoint) as again:
        again.say("@nod stop")
        await again.settle()
        waiting = await again.nod.app.service.pending(Actor("discord", str(team.guild.id), str(team.anna.id), "anna"))

    assert waiting == []
