"""Buttons that are pressed by the wrong people, in the wrong place, too late, or with ids nobody knows.

The rows named are those of the table of bad inputs, the faults (F) and the threats (T) of the project's reliability
targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from adapters.slack.interactivity.clicks import NOT_VALID
from adapters.slack.interactivity.interactive import FAILED, NOBODY, ORGANISATION
from adapters.slack.interactivity.modals import TOO_LATE
from bot.config.settings import Settings
from tests.adapters.slack.homes import QUICK
from tests.adapters.slack.kit import Team
from tests.adapters.slack.pressing import Desk, button_id, running_desk, shown_in
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]
ELSEWHERE = "This button does not belong here; nothing was decided by it."
NOT_KNOWN = "This approval is not known any more; nothing was run by this click."
BUTTONS = ("Approve", "Deny", "Deny with reason", "Edit", "Always…")


@pytest.fixture(autouse=True)
def deploying(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]


async def test_row_35_ids_that_nobody_knows_are_answered_and_decide_nothing(desk: Desk, ledger: Ledger) -> None:
    """Other version, extra parts, too long, SQL, emoji, nothing of ours."""
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()
    approve = button_id(card, "Approve")
    unreadable = [
        approve.replace("nod:", "nod2:"),
        f"{approve}:more:parts",
        f"nod:approve:{'a' * 242}",
        "nod:approve:' OR 1=1; DROP TABLE approvals; --",
        "nod:approve:💥",
        "nod:approve:",
        "nod:run:abc",
        "nod:rate:",
        "💥",
        "approve",
        approve.upper(),
        f" {approve}",
        f"{approve}\n",
        approve.replace("approve", "denied"),
    ]

    answers = [await desk.told(slack.press(anna, card, one, forged=True)) for one in unreadable]
    unknown = await desk.told(slack.press(anna, card, "nod:approve:0000", forged=True))

    assert answers == [NOT_VALID] * len(unreadable)
    assert unknown == NOT_KNOWN
    assert "Approve" in card.labels
    assert ledger() == []


async def test_row_35_modals_that_nobody_knows_decide_nothing(desk: Desk, ledger: Ledger) -> None:
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()
    form = await desk.modal(slack.press(anna, card, "Edit"))
    known = form.body["callback_id"]

    shown = []
    for callback in ("", "nod:edited:", "💥", known.replace("edited", "approve"), known.replace("edited", "look")):
        form.body["callback_id"] = callback
        ack = await desk.sent(anna, form, '{"version": "2"}', forged=True)
        shown += shown_in(ack.body["view"])

    assert shown == [NOT_VALID] * 5
    assert ledger() == []


async def test_row_36_a_button_counts_only_on_its_own_card(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """A valid id on another message, in another channel, in a direct talk, in another workspace."""
    slack = team.server
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Other."), calls(("deploy", {"version": "2"}))]
    elsewhere = slack.create_channel("elsewhere", members=[team.anna])
    other_team = slack.create_team("others")
    slack.install(other_team)
    abroad = slack.create_user("anna", team=other_team)
    there = slack.create_channel("there", members=[abroad], team=other_team)
    async with running_desk(team, settings, endpoint) as desk:
        await desk.ask()
        card = await desk.card()
        approve = button_id(card, "Approve")
        await desk.ask("talk")
        answer = slack.said(team.room)[-1]
        await desk.ask()
        twin = await desk.card()

        told = [
            await desk.told(slack.press(team.anna, answer, approve, forged=True)),
            await desk.told(slack.press(team.anna, twin, approve, forged=True)),
            await desk.told(slack.press(team.anna, card, approve, forged=True, channel=elsewhere)),
            await desk.told(slack.press(team.anna, card, approve, forged=True, channel=slack.talk_of(team.anna))),
            await desk.told(slack.press(abroad, card, approve, forged=True, channel=there)),
        ]
        refused = await desk.refused()

    assert twin is not card
    assert told == [ELSEWHERE] * 5
    assert [why for _, why in refused] == [ELSEWHERE] * 5
    assert [who for who, _ in refused] == [team.key(team.anna)] * 4 + [f"slack:{other_team.id}/{abroad.id}"]
    assert ledger() == []


async def test_a_click_from_a_workspace_the_bot_is_not_in_decides_nothing(desk: Desk, ledger: Ledger) -> None:
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()

    pressed = slack.press(anna, card, "Approve", team={"id": "T0ELSEWHERE", "domain": "x"})
    said = await pressed.responded()

    assert shown_in(said) == ["I am not installed in that workspace."]
    assert ledger() == []


async def test_row_37_the_wrong_person_is_told_alone_by_every_button(desk: Desk, ledger: Ledger) -> None:
    """T2: somebody else, a guest, one of another company, a bot, one who has left; then the right one decides."""
    slack, team = desk.team.server, desk.team
    outsider = slack.create_user("eve", team=slack.create_team("others"))
    people = [
        (team.ben, "Only anna or an admin can decide this."),
        (slack.create_user("guest", is_guest=True), "Guests cannot decide this."),
        (slack.create_user("visitor", is_single_channel_guest=True), "Guests cannot decide this."),
        (outsider, "Guests cannot decide this."),
        (slack.create_user("robot", is_bot=True), "Programs cannot do this."),
        (slack.create_user("former", deleted=True), "You do not belong to this workspace any more."),
    ]
    team.room.members += [one.id for one, _ in people]
    team.room.shared_with = [outsider.team]
    await desk.ask()
    card = await desk.card()

    answers = [{await desk.told(slack.press(person, card, label)) for label in BUTTONS} for person, _ in people]
    before, refused = ledger(), await desk.refused()
    slack.press(team.anna, card, "Approve")
    await desk.until(lambda: ledger() == ["1"])

    assert answers == [{why} for _, why in people]
    assert before == []
    assert len(refused) == len(people) * len(BUTTONS)
    assert not any(slack.views_of(person) for person, _ in people)


async def test_row_37_somebody_who_has_just_left_decides_nothing(desk: Desk, ledger: Ledger) -> None:
    """Slack is asked when it counts, whatever was known a moment ago."""
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()
    anna.deleted = True

    told = await desk.told(slack.press(anna, card, "Approve"))

    assert told == "You do not belong to this workspace any more."
    assert ledger() == []


async def test_nothing_runs_for_a_requester_who_has_left(desk: Desk, ledger: Ledger) -> None:
    slack, team = desk.team.server, desk.team
    await desk.ask()
    card = await desk.card()
    team.anna.deleted = True

    slack.press(team.admin, card, "Approve")
    await desk.until(lambda: "Approve" not in card.labels)
    await desk.app.service.idle()

    assert ledger() == []


async def test_what_somebody_is_to_slack_gives_no_rights(desk: Desk, ledger: Ledger) -> None:
    slack = desk.team.server
    owner = slack.create_user("owner", is_admin=True, is_owner=True)
    desk.team.room.members.append(owner.id)
    await desk.ask()

    told = await desk.told(slack.press(owner, await desk.card(), "Approve"))

    assert told == "Only anna or an admin can decide this."
    assert ledger() == []


@pytest.mark.parametrize(("said", "told"), [("approve", "approved by root; it has run"), ("deny", "denied by root")])
async def test_who_comes_late_is_told_who_decided(desk: Desk, said: str, told: str) -> None:
    """F28: every button of a card that is decided."""
    slack, team = desk.team.server, desk.team
    await desk.ask()
    card = await desk.card()
    ids = [button_id(card, one) for one in BUTTONS]
    slack.press(team.admin, card, "Approve" if said == "approve" else "Deny")
    await desk.until(lambda: not card.labels)
    await desk.app.service.idle()

    late = {await desk.told(slack.press(team.anna, card, one, forged=True)) for one in ids}

    assert late == {f"This was already {told}."}


async def test_row_39_a_card_whose_row_is_missing_runs_nothing(desk: Desk, ledger: Ledger) -> None:
    """A database that was restored from before it."""
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()
    form = await desk.modal(slack.press(anna, card, "Edit"))
    await desk.forget_approvals()

    told = {await desk.told(slack.press(anna, card, label)) for label in BUTTONS}
    ack = await desk.sent(anna, form, '{"version": "2"}')

    assert told == {NOT_KNOWN}
    assert shown_in(ack.body["view"]) == [NOT_KNOWN]
    assert ledger() == []


@pytest.mark.parametrize("user", [None, {}, {"id": None}, {"id": 7}, {"id": "U1/../U2"}])
async def test_row_40_who_is_not_said_to_be_anybody_is_refused(desk: Desk, ledger: Ledger, user: object) -> None:
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()

    pressed = slack.press(anna, card, "Approve")
    pressed.body["user"] = user
    said = await pressed.responded()
    slack.press(anna, card, "Deny")
    await desk.until(lambda: not card.labels)

    assert shown_in(said) == [NOBODY]
    assert ledger() == []


async def test_an_installation_for_a_whole_organisation_is_refused(desk: Desk, ledger: Ledger) -> None:
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()

    pressed = slack.press(anna, card, "Approve", is_enterprise_install=True)

    assert shown_in(await pressed.responded()) == [ORGANISATION]
    assert ledger() == []


async def test_row_49_an_address_that_is_not_slacks_is_never_fetched(desk: Desk) -> None:
    slack, ben = desk.team.server, desk.team.ben
    await desk.ask()
    card = await desk.card()
    pretended = slack.url.replace("127.0.0.1", "localhost") + "/actions/T1/1/x"
    slack.faults.fail("chat.postEphemeral", "not_in_channel")

    told = await desk.told(slack.press(ben, card, "Approve", response_url=pretended))

    assert told == "Only anna or an admin can decide this."
    assert desk.direct(ben) == [told]
    assert slack.calls("response_url") == []


@pytest.mark.parametrize("error", ["user_not_in_channel", "channel_not_found", "internal_error"])
async def test_what_cannot_be_said_where_they_are_goes_to_the_address_slack_gave(desk: Desk, error: str) -> None:
    slack, ben = desk.team.server, desk.team.ben
    await desk.ask()
    card = await desk.card()
    slack.faults.fail("chat.postEphemeral", error, times=9)

    said = await slack.press(ben, card, "Approve").responded()

    assert shown_in(said) == ["Only anna or an admin can decide this."]
    assert desk.direct(ben) == []


async def test_a_modal_that_slack_opens_no_more_is_asked_for_again(desk: Desk) -> None:
    """F26: three seconds have passed."""
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()
    slack.world.rules.trigger_lives_s = -1.0

    told = {await desk.told(slack.press(anna, card, label)) for label in ("Edit", "Deny with reason", "Always…")}

    assert told == {TOO_LATE}
    assert slack.views_of(anna) == []


async def test_a_click_while_slack_does_not_answer_decides_nothing_and_says_so(desk: Desk, ledger: Ledger) -> None:
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()
    slack.faults.fail("users.info", 503, times=3)

    told = await desk.told(slack.press(anna, card, "Approve"), 9)
    slack.press(anna, card, "Approve")
    await desk.until(lambda: ledger() == ["1"])

    assert told.startswith("Slack is in trouble")


async def test_what_was_typed_stays_while_slack_does_not_answer(desk: Desk, ledger: Ledger) -> None:
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    form = await desk.modal(slack.press(anna, await desk.card(), "Edit"))
    slack.faults.limit("users.info", retry_after=60)

    ack = await desk.sent(anna, form, '{"version": "2"}')

    assert ack.action == "errors"
    assert list(ack.errors) == desk.fields(form)
    assert form.is_open
    assert ledger() == []


async def test_what_breaks_is_logged_and_said_without_its_insides(desk: Desk, ledger: Ledger) -> None:
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    card = await desk.card()
    form = await desk.modal(slack.press(anna, card, "Edit"))
    desk.service.trouble = RuntimeError("secret insides")

    with capture_logs() as logged:
        told = await desk.told(slack.press(anna, card, "Deny"))
        ack = await desk.sent(anna, form, '{"version": "2"}')

    assert told == FAILED
    assert "half done" in shown_in(ack.body["view"])[0]
    assert [one["event"] for one in logged if one["log_level"] == "error"] == ["interaction.failed"] * 2
    assert ledger() == []


async def test_a_form_that_takes_long_is_acknowledged_and_answered_afterwards(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Slack waits three seconds, and then shows that something failed."""
    slack = team.server
    async with running_desk(team, settings, endpoint, times=replace(QUICK, submitted_within_s=0.05)) as desk:
        await desk.ask()
        form = await desk.modal(slack.press(team.anna, await desk.card(), "Edit"))
        slack.faults.slow("users.info", 0.3)
        sent = slack.submit(team.anna, form, {desk.fields(form)[0]: "{"})
        told = await desk.told(sent)
        ack = await sent.acked()

    assert ack.action == "clear"
    assert told.startswith("These arguments cannot be run: ")
    assert ledger() == []


async def test_a_name_that_is_no_name_stays_inert_wherever_it_is_said(desk: Desk) -> None:
    """Row 44: markup, a mention, a line end and a turned direction in the name of who decided."""
    slack, team = desk.team.server, desk.team
    loud = slack.create_user("<!channel> *x* \u202e<@U1>\n```")
    team.room.members.append(loud.id)
    await desk.app.service.command(team.place(), desk.actor(team.admin), f"role <@{loud.id}> admin", is_admin=True)
    await desk.ask()
    card = await desk.card()
    approve = button_id(card, "Approve")
    slack.press(loud, card, "Approve")
    await desk.until(lambda: not card.labels)
    await desk.told(slack.press(team.ben, card, approve, forged=True))

    (ephemeral,) = slack.ephemerals(team.ben)
    (block,) = ephemeral.blocks
    assert block["text"]["type"] == "plain_text"
    assert "\u202e" not in str(ephemeral.blocks) + ephemeral.text
    assert "<!channel>" not in ephemeral.text
    assert "<@" not in ephemeral.text
