"""The Home tab: what it shows to whom, when it is drawn anew, and what can be done from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from bot.config.settings import Settings
from tests.adapters.slack.kit import Team
from tests.adapters.slack.pressing import Desk, running_desk, shown_in
from tests.adapters.slack.wire.messages import View
from tests.adapters.slack.wire.world import User
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]


async def opened(desk: Desk, user: User) -> View:
    """Somebody's tab, drawn for this opening."""
    slack = desk.team.server
    before = len(slack.calls("views.publish"))
    slack.open_home(user)
    await slack.until(lambda: len([one for one in slack.calls("views.publish") if one.ok]) > before)
    home = slack.home_of(user)
    assert home is not None
    return home


def text_of(home: View) -> str:
    return "\n".join(shown_in(home.body))


async def test_it_shows_what_waits_and_the_rights_and_usage_of_one_person(
    desk: Desk, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Hello."), calls(("deploy", {"version": "1"}))]
    await desk.ask("hello")
    await desk.ask()

    mine, others = await opened(desk, desk.team.anna), await opened(desk, desk.team.ben)

    assert "deploy" in text_of(mine)
    assert "Look" in mine.labels
    assert desk.team.key(desk.team.anna) in text_of(mine)
    assert "tokens" in text_of(mine)
    assert "Nothing waits for you." in text_of(others)
    assert others.labels == []


async def test_only_admins_are_shown_forms(desk: Desk) -> None:
    forms = {"Give a role…", "Allow, ask or deny tools…"}

    assert forms <= set((await opened(desk, desk.team.admin)).labels)
    assert not forms & set((await opened(desk, desk.team.anna)).labels)


async def test_who_may_not_talk_is_told_so_there(desk: Desk) -> None:
    guest = desk.team.server.create_user("guest", is_guest=True)

    home = await opened(desk, guest)

    assert "You may not talk to this bot; ask an admin." in text_of(home)
    assert home.labels == []


async def test_it_is_drawn_anew_when_what_waits_has_changed(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    slack, anna = desk.team.server, desk.team.anna
    home = await opened(desk, anna)
    before = text_of(home)

    await desk.ask()
    await desk.until(lambda: "Look" in home.labels)
    slack.press(anna, await desk.card(), "Deny")
    await desk.until(lambda: home.labels == [])

    assert "Nothing waits for you." in before
    assert "Nothing waits for you." in text_of(home)


async def test_it_is_not_drawn_anew_for_whom_nothing_has_changed(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    slack = desk.team.server
    anna, ben = await opened(desk, desk.team.anna), await opened(desk, desk.team.ben)
    drawn = len(slack.calls("views.publish"))

    await desk.ask()
    await desk.until(lambda: "Look" in anna.labels)

    told = [one.args["user_id"] for one in slack.calls("views.publish")[drawn:]]
    assert told == [desk.team.anna.id]
    assert ben.labels == []


async def test_what_another_process_has_drawn_is_drawn_over(desk: Desk) -> None:
    home = await opened(desk, desk.team.anna)
    home.hash = "of.another"

    with capture_logs() as logged:
        await opened(desk, desk.team.anna)

    answers = [one.error for one in desk.team.server.calls("views.publish")]
    assert answers == ["", "hash_conflict", ""]
    assert [one for one in logged if one["log_level"] == "error"] == []


async def test_a_card_is_looked_at_and_decided_from_there(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    home = await opened(desk, anna)

    card = await desk.modal(slack.press(anna, home, "Look"))
    slack.press(anna, card, "Approve")
    await desk.until(lambda: ledger() == ["1"] and card.labels == [])
    await desk.until(lambda: home.labels == [])

    assert shown_in(card.body) == ["Approved."]


async def test_a_button_that_is_left_there_decides_nothing_twice(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    slack, anna = desk.team.server, desk.team.anna
    await desk.ask()
    home = await opened(desk, anna)
    card = await desk.modal(slack.press(anna, home, "Look"))
    approve = next(one["action_id"] for one in card.buttons if one["text"]["text"] == "Approve")
    slack.press(anna, await desk.card(), "Deny")
    await desk.until(lambda: home.labels == [])

    slack.press(anna, card, approve, forged=True)
    await desk.until(lambda: shown_in(card.body) == ["This was already denied by anna."])

    assert ledger() == []


async def test_nobody_decides_from_a_tab_what_they_may_not(
    desk: Desk, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """That a button is shown means nothing."""
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    slack, team = desk.team.server, desk.team
    await desk.ask()
    look = (await opened(desk, team.anna)).buttons[0]["action_id"]
    home = await opened(desk, team.ben)

    told = await desk.modal(slack.press(team.ben, home, look.replace("look", "approve"), forged=True))

    assert shown_in(told.body) == ["Only anna or an admin can decide this."]
    assert ledger() == []


# --- forms for admins -------------------------------------------------------------------------------------------------


async def test_a_role_is_given_by_a_form(desk: Desk) -> None:
    slack, team = desk.team.server, desk.team
    form = await desk.modal(slack.press(team.admin, await opened(desk, team.admin), "Give a role…"))

    offered = (await slack.suggest(team.admin, form, "role", "ad").acked()).options
    ack = await slack.submit(team.admin, form, {"who": team.ben, "role": offered[0], "for": "2h"}).acked()

    assert [one["value"] for one in offered] == ["admin"]
    assert shown_in(ack.body["view"])[0].startswith(f"{team.ben.mention} ")
    assert await desk.rules() == [team.key(team.ben)]


@pytest.mark.parametrize("verb", ["allow", "ask", "deny"])
async def test_tools_are_listed_by_a_form(desk: Desk, verb: str) -> None:
    slack, team = desk.team.server, desk.team
    form = await desk.modal(slack.press(team.admin, await opened(desk, team.admin), "Allow, ask or deny tools…"))
    tools = (await slack.suggest(team.admin, form, "tools", "").acked()).options
    chosen = [one for one in tools if one["value"] in ("deploy", "pay")]

    ack = await slack.submit(team.admin, form, {"who": team.ben, "tools": chosen, "verb": verb}).acked()

    assert ack.action == "update"
    assert await desk.rules() == [team.key(team.ben)] * 2


async def test_what_a_form_says_wrongly_is_told_at_its_field(desk: Desk) -> None:
    slack, team = desk.team.server, desk.team
    form = await desk.modal(slack.press(team.admin, await opened(desk, team.admin), "Allow, ask or deny tools…"))
    (deploy,) = (await slack.suggest(team.admin, form, "tools", "deploy").acked()).options
    given = {"who": team.ben, "tools": [deploy], "verb": "allow", "when": "version ~~ 1"}

    wrong = await slack.submit(team.admin, form, given).acked()
    robot = slack.create_user("robot", is_bot=True)
    bot = await slack.submit(team.admin, form, {**given, "who": robot, "when": ""}).acked()

    assert list(wrong.errors) == ["when"]
    assert bot.errors == {"who": "A bot has no rights of its own: name the person who asks."}
    assert await desk.rules() == []


async def test_a_form_is_judged_when_it_is_sent(desk: Desk) -> None:
    """Who opened it as an admin may be none any more; who is none may have got hold of it."""
    slack, team = desk.team.server, desk.team
    home = await opened(desk, team.anna)
    form = await desk.modal(slack.press(team.anna, home, "nod_role", forged=True))
    role = {"value": "admin", "text": {"type": "plain_text", "text": "admin"}}

    offered = await slack.suggest(team.anna, form, "role", "").acked()
    ack = await slack.submit(team.anna, form, {"who": team.anna, "role": role}).acked()

    assert shown_in(ack.body["view"]) == ["Only admins can do this."]
    assert offered.options == []
    assert await desk.rules() == []


# --- prompts ----------------------------------------------------------------------------------------------------------


async def test_the_messages_tab_suggests_what_to_ask_now_and_then(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    slack = team.server
    method = "assistant.threads.setSuggestedPrompts"
    async with running_desk(team, settings, endpoint) as desk:
        slack.open_messages(team.anna)
        await slack.until(lambda: slack.calls(method))
        slack.open_messages(team.anna)
        slack.open_messages(team.ben)
        await slack.until(lambda: len(slack.calls(method)) == 2)
        await opened(desk, team.anna)

    first, second = slack.calls(method)
    assert first.ok
    assert 1 <= len(first.args["prompts"]) <= 4
    assert (first.args["channel_id"], second.args["channel_id"]) == (
        slack.talk_of(team.anna).id,
        slack.talk_of(team.ben).id,
    )
