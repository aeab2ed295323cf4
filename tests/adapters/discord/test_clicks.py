"""Buttons that are pressed by the wrong people, in the wrong place, too late, or with ids nobody knows.

The rows named are those of the table of bad inputs, the faults (F) and the threats (T) of the project's reliability
targets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.config.settings import Settings
from tests.adapters.discord.approving import ELSEWHERE, NOT_VALID, ask, cards, decided, refusals, told
from tests.adapters.discord.kit import Team, answered, button_id, running_nod
from tests.adapters.discord.wire.faults import CALLBACK
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]


async def test_ids_that_nobody_knows_are_answered_and_decide_nothing(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Row 35: unknown id, other version, extra parts, 101 characters, SQL, emoji, nothing of ours."""
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        card = await team.card()
        approve = button_id(card, "Approve")
        unreadable = [
            approve.replace("nod:", "nod2:"),
            f"{approve}:more:parts",
            f"nod:approve:{'a' * 89}",
            "nod:approve:' OR 1=1; DROP TABLE approvals; --",
            "nod:approve:💥",
            "nod:approve:",
            "nod:run:abc",
            "💥",
            "approve",
            approve.upper(),
            f" {approve}",
            f"{approve}\n",
        ]

        answers = {one: await told(team, team.server.press(team.anna, card, one, forged=True)) for one in unreadable}
        unknown = await told(team, team.server.press(team.anna, card, "nod:approve:0000", forged=True))
        as_button = await told(
            team, team.server.press(team.anna, card, approve.replace("approve", "denied"), forged=True)
        )
        await nod.idle()

    assert answers == dict.fromkeys(unreadable, NOT_VALID)
    assert unknown == "This approval is not known any more; nothing was run by this click."
    assert as_button == NOT_VALID
    assert "Approve" in card.labels
    assert ledger() == []


async def test_a_button_counts_only_on_its_own_card(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Row 36: a valid id in another channel, on another message, in another server, by somebody of another server."""
    server = team.server
    elsewhere = server.create_channel(team.guild, "elsewhere")
    others = server.create_guild("others", members=[team.anna, eve := server.create_user("eve")])
    there = server.create_channel(others, "there")
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Other."), calls(("deploy", {"version": "2"}))]
    async with running_nod(team, settings, endpoint) as nod:
        question = ask(team)
        card = await team.card()
        approve = button_id(card, "Approve")
        other = ask(team, "talk", at=elsewhere)
        message = await team.answer("Other.")
        ask(team)
        twin = (await cards(team, 2))[1]

        clicks = [
            server.press(team.anna, message, approve, forged=True),
            server.press(team.anna, card, approve, forged=True, channel=elsewhere),
            server.press(team.anna, twin, approve, forged=True),
            server.press(team.anna, card, approve, forged=True, channel=there),
            server.press(eve, card, approve, forged=True, channel=there),
            server.press(team.anna, card, approve, forged=True, channel=server.dm(team.anna)),
        ]
        for click in clicks:
            await told(team, click)
        await nod.idle()
        refused = await refusals(nod)

    assert question.id != other.id
    assert [answered(one) for one in clicks] == [
        ELSEWHERE,
        ELSEWHERE,
        ELSEWHERE,
        ELSEWHERE,
        ELSEWHERE,
        ELSEWHERE,
    ]
    anna, abroad = f"{team.scope}/{team.anna.id}", f"discord:{others.id}"
    strangers = [f"{abroad}/{team.anna.id}", f"{abroad}/{eve.id}"]
    assert sorted(actor for actor, _ in refused) == sorted([anna, anna, anna, *strangers, anna])
    assert ledger() == []


async def test_the_wrong_person_is_told_alone_and_the_right_one_decides(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """T2, row 37: somebody else, a guest, one who has not accepted the rules, a bot; by every button of the card."""
    server = team.server
    guest, newcomer, robot = (server.create_user(name, bot=name == "robot") for name in ("guest", "new", "robot"))
    server.join_guild(team.guild, guest, guest=True)
    server.join_guild(team.guild, newcomer, pending=True)
    server.join_guild(team.guild, robot)
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        card = await team.card()

        wrong = [
            server.press(person, card, label)
            for person in (team.ben, guest, newcomer, robot)
            for label in ("Approve", "Deny", "Deny with reason", "Edit", "Always…")
        ]
        answers = [await told(team, click) for click in wrong]
        before = ledger()
        refused = await refusals(nod)
        server.press(team.anna, card, "Approve")
        await team.answer("Out.")

    assert set(answers) == {
        "Only anna or an admin can decide this.",
        "Guests cannot decide this.",
        "Programs cannot do this.",
    }
    assert [click.answer.kind for click in wrong if click.answer] == [6, 6, 4, 4, 4] * 4
    assert before == []
    assert len(refused) == 20
    assert ledger() == ["1"]


async def test_who_is_not_said_to_be_anybody_is_refused(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Row 40: an interaction without member, without user; the bot goes on."""
    server = team.server
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint):
        ask(team)
        card = await team.card()

        no_member = server.press(team.anna, card, "Approve", without=["member"])
        direct = server.dm(team.anna)
        nobody = server.press(team.anna, card, "Approve", channel=direct, forged=True, without=["user"])
        answers = [await told(team, no_member), await told(team, nobody)]
        before = ledger()
        server.press(team.anna, card, "Approve")
        await team.answer("Out.")

    assert answers == ["Discord did not say who you are; try it again."] * 2
    assert before == []
    assert ledger() == ["1"]


async def test_who_comes_late_is_told_who_decided(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F28: every button of a card that was denied, and of one whose run was stopped."""
    server = team.server
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Not then."), calls(("deploy", {"version": "2"}))]
    async with running_nod(team, settings, endpoint):
        ask(team)
        card = await team.card()
        ids = [button_id(card, one) for one in ("Approve", "Deny", "Deny with reason", "Edit", "Always…")]
        server.press(team.admin, card, "Deny")
        await team.answer("Not then.")
        late = [await told(team, server.press(team.anna, card, one, forged=True)) for one in ids]

        question = ask(team)
        second = (await cards(team, 1))[0]
        ids = [button_id(second, one) for one in ("Approve", "Edit")]
        server.delete(question)
        await decided(team, second)
        stopped = [await told(team, server.press(team.anna, second, one, forged=True)) for one in ids]

    assert set(late) == {"This was already denied by root."}
    assert set(stopped) == {"This request was already cancelled; nothing was run."}
    assert ledger() == []


async def test_a_click_whose_acknowledgement_fails_is_decided_all_the_same(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F26: too late (10062), answered already (40060), 5xx, lost, cut, never answered: decided once, and the card
    follows by the bot's own token."""
    server = team.server
    faults = [
        lambda: server.faults.fail(CALLBACK, 404, code=10062),
        lambda: server.faults.fail(CALLBACK, 400, code=40060),
        lambda: server.faults.fail(CALLBACK, 503, times=9),
        lambda: server.faults.lose(CALLBACK),
        lambda: server.faults.cut(CALLBACK, times=2),
        lambda: server.faults.hang(CALLBACK, seconds=8),
    ]
    for number, _ in enumerate(faults):
        endpoint.script += [calls(("deploy", {"version": str(number)})), says(f"Out {number}.")]
    async with running_nod(team, settings, endpoint) as nod:
        for number, order in enumerate(faults):
            ask(team)
            card = await team.card()
            order()
            server.press(team.anna, card, "Approve")
            await team.answer(f"Out {number}.", 9)
            assert "**Approved** by **anna**" in await decided(team, card)
            server.faults.clear()
        refused = await refusals(nod)

    assert ledger() == ["0", "1", "2", "3", "4", "5"]
    assert refused == []


async def test_an_expired_token_loses_words_and_nothing_else(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F26: the token is dead before anything is answered, also for what opens a modal."""
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint):
        ask(team)
        card = await team.card()
        for label in ("Edit", "Deny with reason", "Always…"):
            team.server.press(team.anna, card, label).expire()
        wrong = team.server.press(team.ben, card, "Approve")
        wrong.expire()
        team.server.press(team.anna, card, "Approve").expire()
        await team.answer("Out.")

    assert answered(wrong) == ""
    assert ledger() == ["1"]


async def test_a_click_while_the_bot_stops_is_answered_and_kept(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F20: nothing that was shown as accepted is lost by a stop."""
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        card = await team.card()
        nod.adapter.stop_taking()
        await nod.app.service.aclose()
        click = team.server.press(team.anna, card, "Approve")
        await click.answered()
        await asyncio.sleep(0.3)

    async with running_nod(team, settings, endpoint):
        await team.answer("Out.")

    assert ledger() == ["1"]


async def test_a_name_that_is_no_name_stays_inert_wherever_it_is_said(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Row 44: markup, a mention, a line end and a turned direction in the name of who approves."""
    server = team.server
    loud = server.create_user("loud", display="@everyone **x** \u202e<@&1>\n```")
    server.join_guild(team.guild, loud)
    endpoint.script = [calls(("pay", {"amount": 1})), says("Paid.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        card = await team.card()
        approve = button_id(card, "Approve")
        server.press(loud, card, "Approve")
        await team.answer("Paid.")
        text = await decided(team, card)
        click = server.press(team.ben, card, approve, forged=True)
        await told(team, click)
        await nod.idle()

    late = answered(click)
    everywhere = "".join(one.text + str(one.versions) for one in team.said()) + late
    assert "\u202e" not in everywhere
    assert "**x**" not in everywhere
    assert "\\*\\*x\\*\\*" in text
    assert not any(one.mentions_everyone or one.mention_role_ids for one in team.said())
    assert ledger() == ["1"]
