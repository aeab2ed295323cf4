"""`/ask`: everybody sees question and answer; refused, nobody sees it any more, and one person is told why."""

from __future__ import annotations

import pytest

from bot.config.settings import Settings
from tests.adapters.discord.kit import Team, answered
from tests.adapters.discord.talk import Talk, talking
from tests.adapters.discord.wire import Upload
from tests.adapters.discord.wire.faults import FILE, MEMBER
from tests.models.endpoint import ScriptedEndpoint
from tests.pictures import PNG


async def test_in_a_channel_it_is_shown_and_opens_a_thread(talk: Talk) -> None:
    team = talk.team
    asked = team.server.slash(team.anna, team.room, "ask", {"question": "what *is* new?"})
    shown = await asked.said()
    await team.answer("Ok.")
    await talk.nod.idle()

    assert shown.text == "**anna** asks: what \\*is\\* new?"
    assert talk.thread_of(shown).name == "what *is* new?"
    assert team.anna.id in talk.thread_of(shown).member_ids
    assert team.texts(shown.id) == ["Ok."]
    assert talk.tasks() == ["what *is* new?"]


async def test_in_a_thread_it_is_answered_there(talk: Talk) -> None:
    thread = talk.thread_of(await talk.ask("@nod one"))

    talk.team.server.slash(talk.team.ben, thread, "ask", {"question": "two"})
    await talk.team.server.until(lambda: len(talk.endpoint.requests) == 2)
    await talk.nod.idle()

    assert talk.team.texts(thread.id)[-1] == "Ok."
    assert len(talk.told()) == 3


async def test_in_a_direct_talk_it_is_answered_there(talk: Talk) -> None:
    dm = talk.team.server.dm(talk.team.anna)
    await talk.ask("one", where=dm)

    talk.team.server.slash(talk.team.anna, dm, "ask", {"question": "two"})
    await talk.team.server.until(lambda: len(talk.endpoint.requests) == 2)
    await talk.nod.idle()

    assert talk.told() == ["one", "Ok.", "two"]


async def test_with_a_file(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with talking(team, settings, endpoint, vision=True) as talk:
        team.server.slash(team.anna, team.room, "ask", {"question": "what is it?", "file": Upload("cat.png", PNG)})
        await team.answer("Ok.")

    assert [one["type"] for one in talk.tasks()[0]] == ["text", "image_url"]


async def test_a_slow_file_does_not_let_the_command_fail(talk: Talk) -> None:
    """Discord waits three seconds for the first answer."""
    talk.team.server.faults.slow(FILE, 0.5)
    file = Upload("a.txt", b"a")

    asked = talk.team.server.slash(talk.team.anna, talk.team.room, "ask", {"question": "read", "file": file})
    first = await asked.answered()
    await talk.team.answer("Ok.")

    assert first.after_s < 0.5


@pytest.mark.parametrize("file", [Upload("a.zip", b"PK\x03\x04\0"), Upload("a.txt", b"x" * (6 << 20))])
async def test_a_file_that_is_not_taken_takes_the_question_back(talk: Talk, file: Upload) -> None:
    team = talk.team
    asked = team.server.slash(team.anna, team.room, "ask", {"question": "read", "file": file})
    await team.server.until(lambda: answered(asked))

    assert "a.zip" in answered(asked) or "too much" in answered(asked)
    assert not any("asks" in one for one in team.texts(team.room.id))
    assert talk.tasks() == []


async def test_somebody_who_may_not_is_told_privately_and_nobody_sees_it(talk: Talk) -> None:
    team = talk.team
    gus = team.server.create_user("gus")
    team.server.join_guild(team.guild, gus, guest=True)

    for _ in range(2):
        asked = team.server.slash(gus, team.room, "ask", {"question": "hi"})
        await team.server.until(lambda: answered(asked))  # noqa: B023

    assert talk.words() == []
    assert talk.tasks() == []


async def test_a_question_that_cannot_be_taken_back_is_still_refused(talk: Talk) -> None:
    team = talk.team
    gus = team.server.create_user("gus")
    team.server.join_guild(team.guild, gus, guest=True)
    team.server.faults.fail("DELETE /webhooks/{application_id}/{token}/messages/{message}", 404, code=10008)

    asked = team.server.slash(gus, team.room, "ask", {"question": "hi"})
    await team.server.until(lambda: answered(asked))

    assert talk.tasks() == []


async def test_what_went_wrong_takes_the_question_back_too(talk: Talk) -> None:
    dm = talk.team.server.dm(talk.team.anna)
    talk.team.server.faults.fail(MEMBER, 403, code=50001)

    asked = talk.team.server.slash(talk.team.anna, dm, "ask", {"question": "hi"})
    await talk.team.server.until(lambda: answered(asked))

    assert talk.words(dm) == []
    assert talk.tasks() == []


@pytest.mark.parametrize("question", ["\u200b", " \u2060 "])
async def test_a_question_in_which_nothing_is_to_be_seen_is_refused(talk: Talk, question: str) -> None:
    """Row 42."""
    asked = talk.team.server.slash(talk.team.anna, talk.team.room, "ask", {"question": question})
    await talk.team.server.until(lambda: answered(asked))

    assert talk.words() == []
    assert talk.tasks() == []


async def test_names_and_questions_are_shown_so_that_they_do_nothing(talk: Talk) -> None:
    """Row 44: a name of a thousand characters with line ends, and a question that pings, on one message."""
    team = talk.team
    mallory = team.server.create_user("m", display="@everyone\n# x]\u202e" + "y" * 1000)
    team.server.join_guild(team.guild, mallory)

    asked = team.server.slash(mallory, team.room, "ask", {"question": f"@everyone {team.ben.mention} " + "z" * 3000})
    shown = await asked.said()

    assert not shown.mentions_everyone
    assert shown.mention_ids == []
    assert len(shown.text) <= 2000
    assert "\n" not in shown.text
    assert "\u202e" not in shown.text


async def test_what_was_said_before_is_told(talk: Talk) -> None:
    talk.say("it broke at nine", by=talk.team.ben)

    talk.team.server.slash(talk.team.anna, talk.team.room, "ask", {"question": "sum up"})
    await talk.team.answer("Ok.")

    assert "> it broke at nine" in talk.told()[0]
