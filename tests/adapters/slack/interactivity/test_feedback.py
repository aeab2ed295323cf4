"""Good and bad below an answer, and Slack's own stop button."""

from __future__ import annotations

from collections.abc import Callable

from slack_sdk.models.blocks import ContextActionsBlock

from adapters.slack.interactivity.feedback import NOT_VALID, feedback_block
from tests.adapters.slack.pressing import Desk
from tests.adapters.slack.wire.messages import Message
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]


async def answer(desk: Desk, endpoint: ScriptedEndpoint) -> Message:
    endpoint.script = [says("Four.")]
    await desk.ask("two and two?")
    return desk.team.server.said(desk.team.room)[-1]


async def rated(desk: Desk) -> list[tuple[str, str]]:
    rows = await desk.app.audit.read(filters={"event": "answer.rated"})
    return [(row["approver"], row["decision"]) for row in rows]


def test_the_buttons_are_slacks_own_and_say_what_they_are() -> None:
    ContextActionsBlock(**feedback_block("r1")).validate_json()


async def test_what_people_think_of_an_answer_is_kept(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    slack, team = desk.team.server, desk.team
    shown = await answer(desk, endpoint)
    rate = shown.buttons[0]["action_id"]

    thanks = [
        await desk.told(slack.press(person, shown, rate, value=value, forged=True))
        for person, value in ((team.anna, "good"), (team.ben, "bad"), (team.anna, "bad"))
    ]
    kept = await rated(desk)

    assert len(set(thanks)) == 1
    assert thanks[0].startswith("Thank you")
    assert kept == [(team.key(team.anna), "good"), (team.key(team.ben), "bad"), (team.key(team.anna), "bad")]


async def test_a_rating_that_was_never_offered_is_not_kept(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    slack, anna = desk.team.server, desk.team.anna
    shown = await answer(desk, endpoint)
    rate = shown.buttons[0]["action_id"]
    elsewhere = slack.create_channel("elsewhere", members=[anna])

    odd = await desk.told(slack.press(anna, shown, rate, value="great", forged=True))
    unknown = await desk.told(slack.press(anna, shown, "nod:rate:0000", value="good", forged=True))
    moved = await desk.told(slack.press(anna, shown, rate, value="good", forged=True, channel=elsewhere))

    assert odd == NOT_VALID
    assert unknown == "This answer is not known any more; nothing was kept of it."
    assert moved == "This button does not belong here; nothing was kept of it."
    assert await rated(desk) == []


async def test_slacks_stop_button_ends_what_its_presser_started(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    slack, team = desk.team.server, desk.team
    question = await desk.ask()
    card = await desk.card()

    slack.stop_session(team.ben, team.room, question, forged=True)
    await slack.until(lambda: desk.ephemerals(team.ben))
    still_waits = "Approve" in card.labels
    slack.stop_session(team.anna, team.room, question, forged=True)
    await slack.until(lambda: not card.labels)

    assert desk.ephemerals(team.ben) == ["There is nothing of yours to stop here."]
    assert still_waits
    assert desk.ephemerals(team.anna) == []
    assert ledger() == []
