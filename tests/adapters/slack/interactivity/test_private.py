"""Answers to one person alone, and what is left where a way to them is closed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from structlog.testing import capture_logs

from adapters.slack.api.rooms import Rooms
from adapters.slack.inbound.events import Message
from adapters.slack.interactivity.interactions import Interaction
from adapters.slack.interactivity.modals import Modals
from adapters.slack.interactivity.private import Private
from adapters.slack.interactivity.replies import Replies
from adapters.slack.interactivity.responding import Responder
from tests.adapters.slack.homes import homes_of
from tests.adapters.slack.kit import Team
from tests.adapters.slack.pressing import shown_in
from tests.adapters.slack.wire.messages import words


@dataclass
class Corner:
    """Where people are told things alone, and what they see of it."""

    team: Team
    private: Private

    def at(self, **where: str) -> Interaction:
        return Interaction(self.team.id, self.team.anna.id, **where)  # type: ignore[arg-type]

    @property
    def ephemerals(self) -> list[str]:
        return [one.shown for one in self.team.server.ephemerals(self.team.anna)]

    @property
    def direct(self) -> list[str]:
        return [one.shown for one in self.team.server.said(self.team.server.talk_of(self.team.anna))]


@pytest.fixture
async def corner(team: Team) -> AsyncIterator[Corner]:
    async with homes_of(team.server) as homes, aiohttp.ClientSession() as session:
        responder = Responder(lambda: session, team.server.api_url)
        yield Corner(team, Private(homes, Rooms(homes), responder, Modals(homes)))


async def test_a_sentence_stands_in_the_thread_where_something_was_pressed(corner: Corner) -> None:
    slack, room = corner.team.server, corner.team.room
    question = slack.say(corner.team.anna, room, "hello", unseen=True)

    await corner.private.tell(corner.at(channel=room.id, thread=question.ts, message=question.ts), "Not *yours*.")

    (only,) = slack.ephemerals(corner.team.anna)
    assert only.thread_ts == question.ts
    assert only.blocks[0]["text"] == {"type": "plain_text", "text": "Not *yours*.", "emoji": False}
    assert corner.direct == []


async def test_somebody_who_is_not_there_is_told_directly(corner: Corner) -> None:
    closed = corner.team.server.create_channel("closed", kind="private", has_bot=False)

    await corner.private.tell(corner.at(channel=closed.id, message="1700000000.000100"), "Not yours.")

    assert corner.direct == ["Not yours."]


async def test_what_can_be_said_in_no_way_is_noted(corner: Corner) -> None:
    corner.team.server.faults.fail("*", "account_inactive", times=9)

    with capture_logs() as logged:
        await corner.private.tell(corner.at(channel=corner.team.room.id, message="1700000000.000100"), "Not yours.")

    assert [one["event"] for one in logged][-1] == "private.not_told"
    assert corner.team.server.said() == []


async def test_a_long_answer_begins_there_and_comes_whole_as_a_file(corner: Corner) -> None:
    slack = corner.team.server
    long = "\n".join(f"- line {number} of an answer" for number in range(2_000))

    await corner.private.answer(corner.at(channel=corner.team.room.id, message="1700000000.000100"), long)

    (only,) = slack.ephemerals(corner.team.anna)
    ((name, content),) = [
        (file.name, file.content) for one in slack.said(slack.talk_of(corner.team.anna)) for file in one.files
    ]
    assert len(json.dumps(only.blocks)) < 13_000
    assert "line 0 of" in only.shown
    assert "I sent you `answer.md` directly." in only.shown
    assert (name, content.decode()) == ("answer.md", long)


async def test_a_very_long_sentence_is_cut(corner: Corner) -> None:
    await corner.private.tell(corner.at(channel=corner.team.room.id, message="1700000000.000100"), "x" * 9_000)

    (only,) = corner.ephemerals
    assert only.startswith("xxx")
    assert len(only) <= 3_000


async def test_markup_in_an_answer_names_and_opens_nothing(corner: Corner) -> None:
    loud = "**bold** <!channel> <@U0000000001> [here](https://a.example)"

    await corner.private.answer(corner.at(channel=corner.team.room.id, message="1700000000.000100"), loud)

    (only,) = corner.team.server.ephemerals(corner.team.anna)
    said = json.dumps(only.blocks) + only.text
    assert "<!channel>" not in said
    assert "<@U" not in said
    assert "https://a.example" in said


async def test_a_message_in_a_direct_talk_is_answered_below_it(corner: Corner) -> None:
    question = corner.team.server.direct(corner.team.anna, "help", unseen=True)
    message = Message(corner.team.id, question.channel, question.ts, corner.team.anna.id, "help")

    await Replies(corner.private).answer(message, "**Words**")
    await Replies(corner.private).tell(message, "And a sentence.")

    said = corner.team.server.said(corner.team.server.talk_of(corner.team.anna), thread=question)
    assert [words(one.blocks) for one in said] == [["**Words**"], ["And a sentence."]]
    assert corner.ephemerals == []


async def test_a_message_in_a_channel_is_answered_to_its_author_alone(corner: Corner) -> None:
    question = corner.team.server.say(corner.team.anna, corner.team.room, "help", unseen=True)
    message = Message(corner.team.id, question.channel, question.ts, corner.team.anna.id, "help")

    await Replies(corner.private).tell(message, "For you.")

    assert corner.ephemerals == ["For you."]
    assert corner.team.server.said() == []


async def test_a_modal_says_it_above_the_one_it_was_pressed_in(corner: Corner) -> None:
    """Where Slack opens none any more, it is said directly."""
    await corner.private.tell(corner.at(view="V1", trigger="1.2.gone"), "Not yours.")

    assert corner.direct == ["Not yours."]
    assert shown_in({"blocks": corner.team.server.said()[0].blocks}) == ["Not yours."]
