"""Questions that read differently later, that are deleted, that come twice, or not in the order they were written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.adapters.discord.talk import LAST, Talk
from tests.adapters.discord.wire import Upload
from tests.adapters.discord.wire.faults import FILE
from tests.models.endpoint import calls, says


def hanging(gate: asyncio.Event, then: dict[str, Any]) -> Callable[[object], Any]:
    async def answer(_request: object) -> dict[str, Any]:
        await gate.wait()
        return then

    return answer


async def asked(talk: Talk, count: int) -> None:
    await talk.team.server.until(lambda: len(talk.endpoint.requests) >= count)


# --- edited ---


async def test_an_edited_question_begins_anew(talk: Talk) -> None:
    gate = asyncio.Event()
    talk.endpoint.script[:0] = [hanging(gate, says("old")), says("new")]
    message = talk.say("@nod what is one?")
    await asked(talk, 1)

    talk.team.server.edit(message, f"{talk.team.server.bot.mention} what is two?")
    await talk.team.answer("new")
    gate.set()
    await talk.nod.idle()

    assert talk.tasks() == ["what is one?", "what is two?"]
    assert "old" not in talk.team.texts()


async def test_a_question_can_be_edited_twice(talk: Talk) -> None:
    gate = asyncio.Event()
    talk.endpoint.script[:0] = [hanging(gate, says("old")), hanging(gate, says("older")), says("new")]
    message = talk.say("@nod one")
    await asked(talk, 1)
    talk.team.server.edit(message, f"{talk.team.server.bot.mention} two")
    await asked(talk, 2)

    talk.team.server.edit(message, f"{talk.team.server.bot.mention} three")
    await talk.team.answer("new")
    gate.set()
    await talk.nod.idle()

    assert talk.tasks() == ["one", "two", "three"]
    assert [one for one in talk.team.texts(message.id) if one in ("old", "older", "new")] == ["new"]


async def test_an_edit_after_something_has_started_changes_nothing(talk: Talk) -> None:
    gate = asyncio.Event()
    talk.endpoint.script[:0] = [calls(("look", {})), hanging(gate, says("done"))]
    message = talk.say("@nod look")
    await asked(talk, 2)

    talk.team.server.edit(message, f"{talk.team.server.bot.mention} look away")
    await talk.settle(rests=False)
    gate.set()
    await talk.team.answer("done")

    assert len([one for one in talk.endpoint.requests if one.body["messages"][-1]["content"] == "look away"]) == 0


async def test_an_edit_while_the_question_is_on_its_way_in_is_not_lost(talk: Talk) -> None:
    """A slow file holds it up; when it is there, the edit comes after it."""
    gate = asyncio.Event()
    talk.endpoint.script[:0] = [hanging(gate, says("done"))] * 2
    talk.team.server.faults.slow(FILE, 0.3)
    message = talk.say("@nod what is one?", files=[Upload("a.txt", b"a")])
    await talk.team.server.until(lambda: talk.team.server.asked(FILE))

    talk.team.server.edit(message, f"{talk.team.server.bot.mention} what is two?")
    await talk.team.server.until(lambda: any("two" in str(one) for one in talk.tasks()))
    gate.set()
    await talk.nod.idle()

    assert talk.team.texts(message.id).count("done") == 1


async def test_a_preview_is_no_edit(talk: Talk) -> None:
    """Row 41: an update that brings embeds only."""
    gate = asyncio.Event()
    talk.endpoint.script[:0] = [hanging(gate, says("done"))]
    message = talk.say("@nod see https://example.org")
    await asked(talk, 1)

    talk.team.server.unfurl(message)
    talk.team.server.unfurl(message)
    gate.set()
    await talk.team.answer("done")
    await talk.settle()

    assert talk.tasks() == ["see https://example.org"]


async def test_an_edit_by_the_same_words_is_none(talk: Talk) -> None:
    message = await talk.ask("@nod hi")
    talk.team.server.edit(message, message.content)
    await talk.settle()

    assert talk.tasks() == ["hi"]


# --- deleted ---


async def test_a_deleted_question_is_answered_no_more(talk: Talk) -> None:
    gate = asyncio.Event()
    talk.endpoint.script[:0] = [hanging(gate, says("too late"))]
    message = talk.say("@nod hi")
    await asked(talk, 1)

    talk.team.server.delete(message)
    await talk.settle(rests=False)
    gate.set()
    await talk.nod.idle()

    assert "too late" not in talk.team.texts()
    assert [one for one in talk.team.said(talk.team.room.id) if one.kind == 0 and "Stop" in str(one.labels)] == []


async def test_questions_deleted_together_are_answered_no_more(talk: Talk) -> None:
    gate = asyncio.Event()
    talk.endpoint.script[:0] = [hanging(gate, says("too late"))] * 2
    first, second = talk.say("@nod one"), talk.say("@nod two")
    await asked(talk, 2)
    body = {"ids": [str(first.id), str(second.id)], "channel_id": str(talk.team.room.id)}

    talk.team.server.gateway.emit(
        "MESSAGE_DELETE_BULK", body | {"guild_id": str(talk.team.guild.id)}, guild_id=talk.team.guild.id
    )
    await talk.settle(rests=False)
    gate.set()
    await talk.nod.idle()

    assert "too late" not in talk.team.texts()


async def test_a_question_deleted_on_its_way_in_is_not_answered(talk: Talk) -> None:
    talk.team.server.faults.slow(FILE, 0.3)
    message = talk.say("@nod hi", files=[Upload("a.txt", b"a")])
    await talk.team.server.until(lambda: talk.team.server.asked(FILE))

    talk.team.server.delete(message)
    await talk.team.server.until(lambda: talk.team.server.asked(FILE)[0].status == 200)
    await talk.settle()

    assert talk.tasks() == []


async def test_a_deleted_message_that_was_none_of_ours_is_no_matter(talk: Talk) -> None:
    message = talk.say("hi")
    talk.team.server.delete(message)
    await talk.ask("@nod hi")

    assert talk.tasks() == ["hi"]


# --- twice, and in disorder ---


async def test_the_same_event_twice_is_one_run(talk: Talk) -> None:
    """Row 46."""
    talk.team.server.gateway.hold()
    talk.say("@nod hi")
    talk.team.server.gateway.release(lambda events: [*events, *events, *events])
    await talk.settle()

    assert talk.tasks() == ["hi"]


async def test_the_same_event_with_other_words_is_one_run_and_noted(
    talk: Talk,
) -> None:
    """Row 46: the first is kept, the difference logged."""
    talk.team.server.gateway.hold()
    talk.say("@nod hi")
    (event,) = talk.team.server.gateway.release()
    await talk.settle()
    changed = event.payload | {"content": f"{talk.team.server.bot.mention} ho"}
    with capture_logs() as logged:
        talk.team.server.gateway.emit("MESSAGE_CREATE", changed, guild_id=talk.team.guild.id)
        await talk.settle()

    assert talk.tasks() == ["hi"]
    assert [one["log_level"] for one in logged if one["event"] == "message.repeated"] == ["warning"]


@pytest.mark.parametrize("text", ["@nod help", "@nod", "@nod stop"])
async def test_a_word_that_comes_twice_is_answered_once(talk: Talk, text: str) -> None:
    talk.team.server.gateway.hold()
    talk.say(text)
    talk.team.server.gateway.release(lambda events: [*events, *events])
    await talk.settle()

    assert len(talk.words()) == 1


async def test_events_in_disorder_are_answered_each(talk: Talk) -> None:
    talk.team.server.gateway.hold()
    first, second = talk.say("@nod one"), talk.say("@nod two", by=talk.team.ben)
    talk.team.server.gateway.release(reversed)
    await talk.settle()

    assert sorted(talk.tasks()) == ["one", "two"]
    assert talk.team.texts(first.id) == talk.team.texts(second.id) == ["Ok."]


async def test_a_message_whose_deletion_came_first_is_not_answered(talk: Talk) -> None:
    talk.team.server.gateway.hold()
    message = talk.say("@nod hi")
    talk.team.server.delete(message)
    talk.team.server.gateway.release(reversed)
    await talk.settle()

    assert talk.tasks() == []


async def test_what_a_person_writes_stays_in_order_though_the_first_has_files(talk: Talk) -> None:
    talk.team.server.faults.slow(FILE, 0.3)
    dm = talk.team.server.dm(talk.team.anna)
    talk.say("first", where=dm, files=[Upload("a.txt", b"a")])
    talk.say("second", where=dm)
    talk.say("third", where=dm)
    await talk.team.server.until(lambda: len(talk.endpoint.requests) == 3)

    assert ["first" in str(one) for one in talk.tasks()] == [True, False, False]
    assert talk.tasks()[1:] == ["second", "third"]


async def test_one_persons_slow_file_holds_up_nobody_else(talk: Talk) -> None:
    talk.team.server.faults.slow(FILE, 1.0)
    talk.say("@nod mine", files=[Upload("a.txt", b"a")])
    await talk.ask("@nod yours", by=talk.team.ben)

    assert talk.tasks() == ["yours"]
    await talk.team.server.until(lambda: len(talk.tasks()) == 2)


async def test_what_is_sent_again_after_a_cut_starts_one_run(talk: Talk) -> None:
    """RESUME brings what the cut connection had not."""
    talk.team.server.gateway.is_muted = True
    talk.say("@nod hi")
    talk.team.server.gateway.drop()
    await talk.team.server.until(lambda: talk.team.server.gateway.resumes)
    await talk.settle()
    await talk.settle()

    assert talk.tasks() == ["hi"]
    assert LAST not in talk.tasks()
