"""Shortcuts: the words of a message's menu, a question about a message, and what waits for one's approval."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.slack.interactivity.about import GONE, NOT_THERE
from bot.config.settings import Settings
from tests.adapters.slack.kit import Team
from tests.adapters.slack.pressing import Desk, running_desk, shown_in
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]


def asked_of(endpoint: ScriptedEndpoint) -> str:
    """All that the last request to the model holds of people."""
    return "\n".join(str(one["content"]) for one in endpoint.requests[-1].body["messages"] if one["role"] == "user")


async def test_a_question_is_stopped_from_its_menu(desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    slack, anna = desk.team.server, desk.team.anna
    question = await desk.ask()
    card = await desk.card()

    of_others = await desk.told(slack.shortcut(desk.team.ben, "nod_stop", message=question))
    told = await desk.told(slack.shortcut(anna, "nod_stop", message=question))
    await desk.until(lambda: not card.labels)
    again = await desk.told(slack.shortcut(anna, "nod_stop", message=card))

    assert of_others == again == "There is nothing of yours to stop here."
    assert told == "Stopped."
    assert ledger() == []


async def test_a_thread_begins_anew_from_the_menu_of_any_of_its_messages(
    desk: Desk, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Four."), says("What?")]
    slack, anna = desk.team.server, desk.team.anna
    question = await desk.ask("two and two?")
    (answer,) = slack.said(desk.team.room)

    told = await desk.told(slack.shortcut(anna, "nod_reset_thread", message=answer))
    await desk.ask("and again?", place=desk.team.place(question.ts))

    assert told.startswith("Forgotten: from your next message on I begin anew here.")
    assert "two and two?" not in str(endpoint.requests[-1].body["messages"])


async def test_help_is_for_one_person_alone(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("Four.")]
    question = await desk.ask("two and two?")

    told = await desk.told(desk.team.server.shortcut(desk.team.ben, "nod_help", message=question))

    assert "`/nod approvals`" in told
    (ephemeral,) = desk.team.server.ephemerals(desk.team.ben)
    assert ephemeral.channel == desk.team.room.id


async def test_what_waits_is_shown_and_decided_from_anywhere(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()

    waiting = await desk.modal(slack.shortcut(anna, "nod_approvals"))
    nothing = await desk.modal(slack.shortcut(desk.team.ben, "nod_approvals"))
    card = await desk.modal(slack.press(anna, waiting, "Look"))
    slack.press(anna, card, "Approve")
    await desk.until(lambda: ledger() == ["1"])

    assert shown_in(nothing.body) == ["Nothing waits for you."]


# --- asking about a message -------------------------------------------------------------------------------------------


async def test_a_question_about_a_message_is_a_turn_in_its_thread(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("In four weeks.")]
    slack, team = desk.team.server, desk.team
    message = slack.say(team.ben, team.room, f"<@{team.admin.id}> we ship &amp; celebrate <!here>", unseen=True)

    form = await desk.modal(slack.shortcut(team.anna, "nod_ask_about", message=message))
    ack = await desk.sent(team.anna, form, "When is *that*?")
    await desk.until(lambda: len(slack.said(team.room, thread=message)) == 2)

    question, answer = slack.said(team.room, thread=message)
    assert ack.action == "clear"
    assert question.shown == f"<@{team.anna.id}> asks:\nWhen is *that*?"
    assert question.blocks[1]["text"]["type"] == "plain_text"
    assert answer.shown.startswith("In four weeks.")
    heard = asked_of(endpoint)
    assert "When is *that*?" in heard
    assert "ben" in heard
    assert "@root we ship & celebrate @here" in heard


async def test_a_question_about_a_programs_message_says_that_it_is_one(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("It failed.")]
    slack, team = desk.team.server, desk.team
    robot = slack.create_user("buildbot", is_bot=True)
    message = slack.say(robot, team.room, "Build 7 failed", unseen=True, bot_id=robot.bot_id)

    form = await desk.modal(slack.shortcut(team.anna, "nod_ask_about", message=message))
    await desk.sent(team.anna, form, "Why?")
    await desk.until(lambda: endpoint.requests)

    assert "Build 7 failed" in asked_of(endpoint)


async def test_it_is_taken_once_however_often_it_is_sent(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("In four weeks.")]
    slack, team = desk.team.server, desk.team
    message = slack.say(team.ben, team.room, "we ship", unseen=True)
    form = await desk.modal(slack.shortcut(team.anna, "nod_ask_about", message=message))

    await desk.sent(team.anna, form, "When?")
    await desk.sent(team.anna, form, "When?", forged=True)
    await desk.app.service.idle()

    assert len(endpoint.requests) == 1
    assert len(slack.said(team.room, thread=message)) == 2


async def test_a_question_that_cannot_be_shown_is_answered_all_the_same(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("In four weeks.")]
    slack, team = desk.team.server, desk.team
    message = slack.say(team.ben, team.room, "we ship", unseen=True)
    form = await desk.modal(slack.shortcut(team.anna, "nod_ask_about", message=message))
    slack.faults.fail("chat.postMessage", "internal_error", where=lambda call: "A question" in str(call.args))

    ack = await desk.sent(team.anna, form, "When?")
    await desk.until(lambda: slack.said(team.room, thread=message))

    assert ack.action == "clear"
    assert [one.shown.startswith("In four weeks.") for one in slack.said(team.room, thread=message)] == [True]


async def test_an_empty_question_is_asked_for_again(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    message = desk.team.server.say(desk.team.ben, desk.team.room, "we ship", unseen=True)
    form = await desk.modal(desk.team.server.shortcut(desk.team.anna, "nod_ask_about", message=message))

    ack = await desk.sent(desk.team.anna, form, " \n ")

    assert ack.errors == {"question": "Write what you want to know about it."}
    assert endpoint.requests == []


async def test_where_the_bot_is_not_nothing_is_asked(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    slack, team = desk.team.server, desk.team
    private = slack.create_channel("private", members=[team.anna], kind="private", has_bot=False)
    message = slack.say(team.anna, private, "we ship", unseen=True)
    form = await desk.modal(slack.shortcut(team.anna, "nod_ask_about", message=message))

    ack = await desk.sent(team.anna, form, "When?")

    assert shown_in(ack.body["view"]) == [NOT_THERE]
    assert endpoint.requests == []


async def test_a_message_that_is_gone_is_asked_about_no_more(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    slack, team = desk.team.server, desk.team
    message = slack.say(team.ben, team.room, "we ship", unseen=True)
    form = await desk.modal(slack.shortcut(team.anna, "nod_ask_about", message=message))
    slack.delete(message)

    ack = await desk.sent(team.anna, form, "When?")

    assert shown_in(ack.body["view"])[0] in (GONE, NOT_THERE)
    assert endpoint.requests == []


async def test_who_may_not_talk_asks_nothing_and_nobody_sees_it(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    slack, team = desk.team.server, desk.team
    guest = slack.create_user("guest", is_guest=True)
    team.room.members.append(guest.id)
    message = slack.say(team.ben, team.room, "we ship", unseen=True)
    form = await desk.modal(slack.shortcut(guest, "nod_ask_about", message=message))

    ack = await desk.sent(guest, form, "When?")

    assert shown_in(ack.body["view"]) == ["You may not talk to this bot; ask an admin."]
    assert slack.said() == []
    assert endpoint.requests == []


@pytest.mark.parametrize("answers", ["thread", "place"])
async def test_words_are_about_the_conversation_the_message_belongs_to(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, answers: str
) -> None:
    """Where questions open threads, that is the one below it; else what is at the top belongs to the channel."""
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with running_desk(team, settings, endpoint, answers=answers) as desk:
        in_place = team.place() if answers == "place" else None
        question = await desk.ask(place=in_place)
        told = await desk.told(team.server.shortcut(team.anna, "nod_stop", message=question))

    assert told == "Stopped."
