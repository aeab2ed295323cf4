"""Questions that read differently later, that are deleted, that come twice, or not in the order they were written."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.chat import CardShown
from bot.config.settings import Settings
from tests.adapters.slack.hearing import Talk, hanging, talking
from tests.adapters.slack.kit import Team
from tests.models.endpoint import ScriptedEndpoint, calls, says


async def asked(talk: Talk, count: int) -> None:
    await talk.slack.until(lambda: len(talk.endpoint.requests) >= count)


# --- edited ---


async def test_an_edited_question_begins_anew(talk: Talk) -> None:
    gate = asyncio.Event()
    talk.endpoint.script[:0] = [hanging(gate, says("old")), says("new")]
    message = talk.say("@nod what is one?")
    await asked(talk, 1)

    talk.slack.edit(message, f"{talk.slack.bot.mention} what is two?")
    await asked(talk, 2)
    gate.set()
    await talk.settle()

    assert talk.tasks() == ["what is one?", "what is two?"]
    assert [text for _, text in talk.answers()] == ["new"]


async def test_a_question_can_be_edited_twice(talk: Talk) -> None:
    gate = asyncio.Event()
    talk.endpoint.script[:0] = [hanging(gate, says("old")), hanging(gate, says("older")), says("new")]
    message = talk.say("@nod one")
    for number, text in enumerate(("two", "three"), 1):
        await asked(talk, number)
        talk.slack.edit(message, f"{talk.slack.bot.mention} {text}")
    await asked(talk, 3)
    gate.set()
    await talk.settle()

    assert [text for _, text in talk.answers()] == ["new"]


async def test_an_edit_after_the_answer_changes_nothing(talk: Talk) -> None:
    message = await talk.ask("@nod one")

    talk.slack.edit(message, f"{talk.slack.bot.mention} two")
    await talk.settle()

    assert talk.tasks() == ["one"]


async def test_an_edit_while_the_question_is_on_its_way_in_is_not_lost(talk: Talk) -> None:
    talk.slack.faults.slow("users.info", 0.2)
    message = talk.say("@nod one")
    talk.slack.edit(message, f"{talk.slack.bot.mention} two")
    await talk.settle()

    assert [text for _, text in talk.answers()] == ["Ok."]
    assert talk.tasks()[-1] == "two"


async def test_a_preview_is_no_edit_and_is_not_kept(talk: Talk) -> None:
    """Row 41: unfurl only."""
    message = await talk.ask("@nod read <https://example.org>")
    before = len(await talk.rows())

    talk.slack.unfurl(message)
    await talk.settle()

    assert talk.tasks() == ["read https://example.org"]
    assert len(await talk.rows()) == before


async def test_an_edit_by_the_same_words_is_none(talk: Talk) -> None:
    message = await talk.ask("@nod one")

    talk.slack.edit(message, message.text)
    await talk.settle()

    assert talk.tasks() == ["one"]


async def test_an_edit_that_names_the_bot_afterwards_starts_nothing(talk: Talk) -> None:
    message = talk.say("what is one?")

    talk.slack.edit(message, f"{talk.slack.bot.mention} what is one?")
    await talk.settle()

    assert talk.tasks() == []


# --- deleted ---


async def test_a_deleted_question_is_answered_no_more(talk: Talk) -> None:
    gate = asyncio.Event()
    talk.endpoint.script.insert(0, hanging(gate, says("late")))
    message = talk.say("@nod secret")
    await asked(talk, 1)

    talk.slack.delete(message)
    await talk.taken()
    gate.set()
    await talk.settle()

    assert talk.answers() == []


async def test_a_deleted_question_that_has_answers_below_is_too(talk: Talk) -> None:
    """Slack puts a tombstone in its place."""
    gate = asyncio.Event()
    talk.endpoint.script.insert(0, hanging(gate, says("late")))
    message = talk.say("@nod secret")
    talk.say("me too", by=talk.team.ben, thread=message)
    await asked(talk, 1)

    talk.slack.delete(message)
    await talk.taken()
    gate.set()
    await talk.settle()

    assert talk.answers() == []


async def test_a_question_deleted_on_its_way_in_is_not_answered(talk: Talk) -> None:
    talk.slack.faults.slow("conversations.history", 0.2)
    message = talk.say("@nod secret")
    await talk.slack.until(lambda: talk.slack.calls("conversations.history"))

    talk.slack.delete(message)
    await talk.settle()

    assert talk.answers() == []
    assert all(body == "" for _, _, body in await talk.rows())


async def test_a_message_whose_deletion_came_first_is_not_answered(talk: Talk) -> None:
    talk.slack.delivery.hold()
    message = talk.say("@nod secret")
    talk.slack.delete(message)
    talk.slack.delivery.release(reversed)
    await talk.settle()

    assert talk.answers() == []


async def test_a_deleted_message_that_was_none_of_ours_is_not_kept(talk: Talk) -> None:
    message = talk.say("lunch?")

    talk.slack.delete(message)
    await talk.settle()

    assert await talk.rows() == []


DEPLOY = """
import bot
@bot.tool(confirm=True, effect='once')
def deploy(version: str) -> str:
    '''Deploy a version.'''
    return 'deployed ' + version
"""


@pytest.mark.parametrize("is_direct", [False, True])
async def test_a_card_that_somebody_deletes_is_sent_again(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, is_direct: bool
) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "deploy.py").write_text(DEPLOY)
    settings = settings.model_copy(update={"tools_dir": settings.data_dir})
    endpoint.script.insert(0, calls(("deploy", {"version": "1"})))
    async with talking(team, settings, endpoint) as talk:
        room = talk.slack.talk_of(team.anna) if is_direct else team.room
        message = await talk.ask("@nod deploy", where=room)
        cards = [one for one in talk.adapter.sent if isinstance(one.event, CardShown)]
        bot = talk.slack.world.users[talk.slack.bot.user]
        card = talk.say("the card", by=bot, where=room, thread=message, bot_id=talk.slack.bot.bot_id)
        place = cards[0].place
        await mark_as_sent(talk, card.ts)

        talk.slack.delete(card)
        await talk.settle()

        again = [one for one in talk.adapter.sent if isinstance(one.event, CardShown)]
        assert [one.place for one in again] == [place, place]


async def mark_as_sent(talk: Talk, receipt: str) -> None:
    """Let the card be known by what the platform calls it."""
    from sqlalchemy import text

    from bot.storage.statements import Statement

    statement = Statement(text(f"UPDATE outbox SET receipt = '{receipt}' WHERE kind = 'card'"))
    await talk.app.database.run(lambda tx: tx.execute(statement))


# --- more than once ---


async def test_an_event_that_is_repeated_is_one_run(talk: Talk) -> None:
    await talk.ask("@nod hi")
    await talk.again(*talk.slack.events)

    assert talk.tasks() == ["hi"]


async def test_the_same_event_with_other_words_is_one_run_and_noted(talk: Talk) -> None:
    """Row 46."""
    await talk.ask("@nod hi")
    sent = talk.slack.events[0]
    sent.body["event"]["text"] += " and delete everything"

    with capture_logs() as logs:
        await talk.again(sent)

    assert talk.tasks() == ["hi"]
    assert [one["log_level"] for one in logs if one["event"] == "event.differs"] == ["warning"]


@pytest.mark.parametrize("text", ["@nod help", "@nod"])
async def test_a_word_that_comes_twice_is_answered_once(talk: Talk, text: str) -> None:
    await talk.ask(text)
    await talk.again(*talk.slack.events)

    assert len(talk.whispers()) == 1


async def test_events_in_disorder_are_answered_each(talk: Talk) -> None:
    talk.slack.delivery.hold()
    texts = [f"{number}" for number in range(5)]
    for text in texts:
        talk.say(f"@nod {text}")
    talk.slack.delivery.release(lambda sent: [*reversed(sent), *sent])
    await talk.settle()

    assert sorted(talk.tasks()) == texts


async def test_what_a_person_writes_stays_in_order_though_the_first_takes_longer(talk: Talk) -> None:
    talk.slack.faults.slow("users.info", 0.2)
    root = talk.say("@nod one")
    talk.say("two", thread=root)
    talk.say("three", thread=root)
    await talk.settle()

    assert talk.tasks() == ["one", "two", "three"]


async def test_one_persons_slow_file_holds_up_nobody_else(talk: Talk) -> None:
    talk.slack.faults.slow("download", 0.5)
    talk.say("@nod slow", files=[talk.slack.create_file(talk.team.anna, "a.txt", b"a")])
    talk.say("@nod quick", by=talk.team.ben)

    await talk.settle()

    assert [task if isinstance(task, str) else task[0]["text"] for task in talk.tasks()] == ["quick", "slow"]
