"""Conversations in threads: who is heard there without a mention."""

from __future__ import annotations

from bot.config.settings import Settings
from tests.adapters.slack.hearing import Talk, talking
from tests.adapters.slack.kit import Team
from tests.models.endpoint import ScriptedEndpoint


async def test_a_question_opens_a_thread_in_which_its_author_goes_on(talk: Talk) -> None:
    message = await talk.ask("@nod hi")
    await talk.ask("and more", thread=message)

    assert talk.tasks() == ["hi", "and more"]
    assert [place for place, _ in talk.answers()] == [talk.team.place(message)] * 2


async def test_what_is_added_at_once_is_taken_too(talk: Talk) -> None:
    """Before anybody has looked at the question."""
    message = talk.say("@nod hi")
    talk.say("and more", thread=message)
    await talk.settle()

    assert talk.tasks() == ["hi", "and more"]


async def test_two_questions_are_two_conversations(talk: Talk) -> None:
    first, second = await talk.ask("@nod one"), await talk.ask("@nod two")

    assert [place for place, _ in talk.answers()] == [talk.team.place(first), talk.team.place(second)]


async def test_in_threads_of_people_those_who_talked_with_it_are_followed(talk: Talk) -> None:
    root = talk.say("lunch?", by=talk.team.ben)
    await talk.ask("@nod what is near?", thread=root)

    await talk.ask("and cheap?", thread=root)
    await talk.ask("I like soup", thread=root, by=talk.team.ben)
    await talk.ask("@nod is there soup?", thread=root, by=talk.team.ben)
    await talk.ask("really?", thread=root, by=talk.team.ben)

    assert talk.tasks() == ["what is near?", "and cheap?", "is there soup?", "really?"]


async def test_under_what_the_bot_wrote_everybody_is_followed_once_somebody_has_asked(talk: Talk) -> None:
    bot = talk.slack.world.users[talk.slack.bot.user]
    post = talk.say("The deploy is done.", by=bot, bot_id=talk.slack.bot.bot_id)

    await talk.ask("nice", thread=post, by=talk.team.ben)
    await talk.ask("@nod which one?", thread=post)
    await talk.ask("and when?", thread=post, by=talk.team.ben)

    assert talk.tasks() == ["which one?", "and when?"]


async def test_people_who_talk_to_each_other_there_are_left_alone(talk: Talk) -> None:
    group = talk.slack.create_group("ops", users=[talk.team.ben])
    message = await talk.ask("@nod hi")

    for text in (f"{talk.team.ben.mention} look", f"{group.mention} look", "<!here> look", "<!channel> look"):
        await talk.ask(text, thread=message)
    await talk.ask(f"{talk.team.ben.mention} and @nod, look", thread=message)

    assert talk.tasks() == ["hi", "@ben and , look"]


async def test_somebody_named_in_code_is_not_spoken_to(talk: Talk) -> None:
    message = await talk.ask("@nod hi")

    await talk.ask(f"what is `{talk.team.ben.mention}`?", thread=message)

    assert talk.tasks() == ["hi", "what is `@ben`?"]


async def test_its_threads_are_followed_after_a_restart(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint) as talk:
        message = await talk.ask("@nod hi")
    async with talking(team, settings, endpoint) as talk:
        await talk.ask("and more", thread=message)
        await talk.ask("me too", thread=message, by=team.ben)

        assert talk.tasks()[-1] == "and more"
        assert talk.answers() == [(team.place(message), "Ok.")]


async def test_a_broadcast_without_a_mention_starts_nothing(talk: Talk) -> None:
    """Row 41."""
    message = await talk.ask("@nod hi")

    await talk.ask("for everybody", thread=message, broadcast=True)

    assert talk.tasks() == ["hi"]


async def test_a_mention_that_is_shown_in_the_channel_too_is_answered_in_its_thread(talk: Talk) -> None:
    root = talk.say("lunch?")

    await talk.ask("@nod what is near?", thread=root, broadcast=True)

    assert talk.tasks() == ["what is near?"]
    assert [place for place, _ in talk.answers()] == [talk.team.place(root)]


async def test_what_nobody_asked_it_is_not_kept(talk: Talk) -> None:
    message = await talk.ask("@nod hi")
    before = len(await talk.rows())

    await talk.ask("lunch?")
    await talk.ask("noon", thread=message, by=talk.team.ben)

    assert len(await talk.rows()) == before
