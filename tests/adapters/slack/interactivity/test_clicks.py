"""Buttons of cards, and the modals that come of them, pressed and sent by those who may."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.chat import Place
from bot.config.settings import Settings
from tests.adapters.slack.kit import Team
from tests.adapters.slack.pressing import Desk, button_id, running_desk, shown_in
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]


async def test_an_approval_runs_it_and_says_nothing_beside(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    await desk.ask()
    card = await desk.card()

    await desk.team.server.press(desk.team.anna, card, "Approve").acked()
    await desk.until(lambda: not card.labels and ledger())

    assert card.text.startswith("Approved by anna: ")
    assert ledger() == ["1"]
    assert desk.ephemerals(desk.team.anna) == []


async def test_a_denial_runs_nothing(desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Not then.")]
    await desk.ask()
    card = await desk.card()

    desk.team.server.press(desk.team.anna, card, "Deny")
    await desk.until(lambda: not card.labels)

    assert card.text.startswith("Denied by anna: ")
    assert ledger() == []


async def test_a_reason_reaches_the_card_and_the_model(desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Not then.")]
    await desk.ask()
    card = await desk.card()

    form = await desk.modal(desk.team.server.press(desk.team.anna, card, "Deny with reason"))
    ack = await desk.sent(desk.team.anna, form, "too early")
    await desk.until(lambda: len(endpoint.requests) == 2)

    assert ack.action == "clear"
    assert desk.team.server.views_of(desk.team.anna) == []
    assert card.text.startswith("Denied by anna: ")
    assert "too early" in card.shown
    assert "too early" in str(endpoint.requests[-1].body["messages"])
    assert ledger() == []


@pytest.mark.parametrize(
    "arguments", ["{", '{"version": 1}', '{"version": "2", "more": 1}', "[]", '{"version": "2", "version": "3"}']
)
async def test_an_edit_that_cannot_be_run_is_told_at_its_field(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger, arguments: str
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    await desk.ask()
    card = await desk.card()
    form = await desk.modal(desk.team.server.press(desk.team.anna, card, "Edit"))

    ack = await desk.sent(desk.team.anna, form, arguments)

    assert ack.action == "errors"
    (said,) = ack.errors.values()
    assert said.startswith("These arguments cannot be run: ")
    assert "Invalid arguments" not in said
    assert "call the tool" not in said
    assert form.is_open
    assert "Approve" in card.labels
    assert ledger() == []


async def test_an_edit_that_is_right_runs_in_place_of_what_was_asked(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    await desk.ask()
    card = await desk.card()
    form = await desk.modal(desk.team.server.press(desk.team.anna, card, "Edit"))

    wrong = await desk.sent(desk.team.anna, form, "{")
    right = await desk.sent(desk.team.anna, form, '{"version": "2"}')
    await desk.until(lambda: not card.labels and ledger())
    late = await desk.sent(desk.team.anna, form, '{"version": "3"}', forged=True)

    assert (wrong.action, right.action) == ("errors", "clear")
    assert ledger() == ["2"]
    assert shown_in(late.body["view"]) == ["This was already approved by anna; it has run."]


async def test_what_is_approved_for_longer_is_not_asked_again(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [
        calls(("deploy", {"version": "1"})),
        says("Out."),
        calls(("deploy", {"version": "1"})),
        says("!"),
    ]
    await desk.ask()
    card = await desk.card()

    menu = await desk.modal(desk.team.server.press(desk.team.anna, card, "Always…"))
    ack = await desk.sent(desk.team.anna, menu, desk.offered(menu)[-1])
    await desk.until(lambda: ledger() == ["1"])
    await desk.ask()

    assert ack.action == "clear"
    assert ledger() == ["1", "1"]


async def test_an_offer_that_nobody_made_approves_nothing(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    await desk.ask()
    menu = await desk.modal(desk.team.server.press(desk.team.anna, await desk.card(), "Always…"))

    sent = desk.team.server.submit(desk.team.anna, menu, {desk.fields(menu)[0]: desk.offered(menu)[0]})
    (elements,) = sent.body["view"]["state"]["values"].values()
    (chosen,) = elements.values()
    chosen["selected_option"]["value"] = "always"
    ack = await sent.acked()

    assert shown_in(ack.body["view"]) == ["That is not offered any more; press Always… again."]
    assert ledger() == []


async def test_all_that_was_asked_for_together_is_decided_at_once(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}), ("deploy", {"version": "2"})), says("Out.")]
    await desk.ask()
    card = await desk.card("Approve all 2")

    told = await desk.told(desk.team.server.press(desk.team.anna, card, "Approve all 2"))
    await desk.until(lambda: sorted(ledger()) == ["1", "2"])

    assert "Approved" in told


async def test_what_is_private_is_looked_at_and_decided_by_one_person_alone(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """T2: not in the channel; Look shows it to who may decide, and its buttons decide."""
    endpoint.script = [calls(("tell", {"secret": "the-code-is-7731"})), says("Told.")]
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card("Look")

    wrong = await desk.told(slack.press(desk.team.ben, card, "Look"))
    looked = await desk.modal(slack.press(anna, card, "Look"))
    before = json.dumps(looked.body)
    slack.press(anna, looked, "Approve")
    await desk.until(lambda: ledger() and looked.labels == [])

    assert wrong == "Only anna or an admin can decide this."
    assert slack.views_of(desk.team.ben) == []
    assert "the-code-is-7731" in before
    assert "the-code-is-7731" not in json.dumps([[one.text, one.blocks, one.versions] for one in slack.said()])
    assert shown_in(looked.body) == ["Approved."]
    assert ledger() == ["the-code-is-7731"]


async def test_a_reason_may_be_given_above_what_is_looked_at(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("tell", {"secret": "7731"})), says("Not then.")]
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card("Look")
    looked = await desk.modal(slack.press(anna, card, "Look"))

    form = await desk.modal(slack.press(anna, looked, "Deny with reason"))
    ack = await desk.sent(anna, form, "not that")
    await desk.until(lambda: not card.labels)

    assert ack.action == "clear"
    assert slack.views_of(anna) == []
    assert "not that" in card.shown
    assert ledger() == []


async def test_one_vote_of_two_is_told_to_who_gave_it(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("pay", {"amount": 5})), says("Paid.")]
    async with running_desk(team, settings, endpoint) as desk:
        await desk.app.service.command(
            team.place(), desk.actor(team.admin), "approver pay 2 of not_requester", is_admin=True
        )
        await desk.ask("pay")
        card = await desk.card()
        first = await desk.told(team.server.press(team.ben, card, "Approve"))
        before = ledger()
        team.server.press(team.admin, card, "Approve")
        await desk.until(lambda: ledger() == ["5"])

    assert first.startswith("You approved this; still needed: ")
    assert before == []


async def test_two_presses_at_the_same_moment_are_heard_in_their_order(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Row 38: approve, then deny by the same person; the second is told."""
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()

    slack.press(anna, card, "Approve")
    told = await desk.told(slack.press(anna, card, "Deny"))
    await desk.until(lambda: ledger() == ["1"])

    assert told.startswith("This was already approved by anna")


async def test_a_link_that_is_followed_decides_nothing_and_needs_no_word(
    desk: Desk, endpoint: ScriptedEndpoint
) -> None:
    """Slack tells of it like of a button."""
    endpoint.script = [calls(("deploy", {"version": "1"})), calls(("deploy", {"version": "2"}))]
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()
    card.blocks[-1]["elements"].append(
        {"type": "button", "url": "https://a.example", "action_id": "go", "text": {"text": "Go"}}
    )

    await slack.press(anna, card, "go").acked()
    after = await desk.told(slack.press(anna, card, "nod:approve:0000", forged=True))

    assert after == "This approval is not known any more; nothing was run by this click."
    assert desk.ephemerals(anna) == [after]


async def test_a_modal_that_is_closed_meanwhile_leaves_what_was_decided_to_be_told(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("tell", {"secret": "7731"})), says("Told.")]
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    looked = await desk.modal(slack.press(anna, await desk.card("Look"), "Look"))

    pressed = slack.press(anna, looked, "Approve")
    slack.close(anna, looked)
    told = await desk.told(pressed)
    await desk.until(lambda: ledger() == ["7731"])

    assert told == "Approved."


async def test_a_direct_talk_is_a_place_like_any_other(desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger) -> None:
    """A card in its thread, and one that stands at its top, under which somebody has answered."""
    endpoint.script = [
        calls(("deploy", {"version": "1"})),
        says("Out."),
        calls(("deploy", {"version": "2"})),
        says("!"),
    ]
    slack, team = desk.team.server, desk.team
    question = slack.direct(team.anna, "deploy", unseen=True)
    talk = Place("slack", team.id, f"@{team.anna.id}")

    await desk.ask(place=replace(talk, thread=question.ts))
    slack.press(team.anna, await desk.card(), "Approve")
    await desk.until(lambda: ledger() == ["1"])
    await desk.ask(place=talk)
    card = await desk.card()
    slack.direct(team.anna, "why?", thread=card, unseen=True)
    slack.press(team.anna, card, "Approve")
    await desk.until(lambda: ledger() == ["1", "2"])

    assert card.channel == question.channel
    assert desk.ephemerals(team.anna) == []


async def test_arguments_that_fit_into_no_modal_are_not_edited_there(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "x" * 4_000}))]
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()
    edit = button_id(card, "Approve").replace("approve", "edit")

    told = await desk.told(slack.press(anna, card, edit, forged=True))

    assert told == "These arguments are too long to be edited here."
    assert slack.views_of(anna) == []
    assert ledger() == []
