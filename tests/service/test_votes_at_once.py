"""N of M is settled once, whatever comes in between: other clicks, a crash, a restart, damage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot.chat import Actor, Card, Click, Place
from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import BOB, ROOT, opened
from tests.service.voting import CAROL, DAVE, DEPLOY, FINANCE, HOUR_MS, make_older, waiting


@pytest.mark.parametrize("needed", [2, 3, 5])
async def test_a_hundred_clicks_of_five_people_at_once_settle_it_once(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], needed: int
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one, f"{needed} of finance")
        clicks = [Click(card.approval_id, "approve", FINANCE[number % 5]) for number in range(100)]
        outcomes = await asyncio.gather(*(one.service.decide(click) for click in clicks))
        await one.service.idle()
        await one.service.sweep()
        await one.service.idle()
        settled = await one.plain("SELECT count(*) FROM audit WHERE event = 'call.approved'")
        voters = await one.plain("SELECT count(*) FROM votes")

    assert ledger() == ["1"]
    assert settled == [(1,)]
    assert needed <= int(str(voters[0][0])) <= 5
    assert sum(outcome.message == "Approved." for outcome in outcomes) == 1


async def test_a_crash_between_the_votes_and_the_settlement_is_mended_by_the_next_sweep(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one)
        await one.click(card.approval_id, actor=BOB)
    async with opened(settings, endpoint) as two:
        await two.tamper(vote_of(card, CAROL))  # as it stands when the process ended right after it
        await two.service.sweep()
        await two.service.idle()
        drawn = two.adapter.cards()[card.approval_id]

    assert (drawn.state, drawn.decided_by, drawn.outcome) == ("approved", "bob and carol", "done")
    assert ledger() == ["1"]


def vote_of(card: Card, actor: Actor) -> str:
    row = f"'{card.approval_id}', '{actor.key}', '{actor.user}', 'approve', '', 'once', '', 4000000000000"
    return f'INSERT INTO votes (approval_id, person, name, verb, reason, "grant", pattern, at_ms) VALUES ({row})'


@pytest.mark.parametrize(
    "left", ["role @carol default", "link @bob @carol", "deny @alice deploy", "approver deploy 3 of finance"]
)
async def test_the_sweep_settles_nothing_that_is_not_approved_by_enough_any_more(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], left: str
) -> None:
    endpoint.script = [DEPLOY, says("It was refused.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one)
        await one.click(card.approval_id, actor=BOB)
        await one.admin(left)
        await one.tamper(vote_of(card, CAROL))
        await one.service.sweep()
        await one.service.idle()

    assert ledger() == []


async def test_the_sweep_settles_nothing_whose_card_was_changed_from_outside(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It was refused.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one)
        await one.click(card.approval_id, actor=BOB)
        await one.tamper(vote_of(card, CAROL))
        await one.tamper('UPDATE approvals SET arguments = \'{"version": "harmless"}\'')
        await one.service.sweep()
        await one.service.idle()

    assert ledger() == []


async def test_a_damaged_run_does_not_hold_up_the_settling_of_another(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, calls(("deploy", {"version": "2"})), says("It is live.")]
    async with opened(settings, endpoint) as one:
        broken = await waiting(one)
        await one.say("Deploy 2", place=Place("web", "", "general", "other"))
        (sound,) = [card for card in await one.service.pending(ROOT) if card.approval_id != broken.approval_id]
        for card in (broken, sound):
            await one.tamper(vote_of(card, BOB))
            await one.tamper(vote_of(card, CAROL))
        await one.tamper(f"UPDATE runs SET head = X'7bff7d' WHERE id = '{broken.run_id}'")
        for _ in range(3):
            await one.service.sweep()
            await one.service.idle()

    assert ledger() == ["2"]


async def test_votes_survive_a_restart_and_so_does_who_is_missing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one, "3 of finance")
        await one.click(card.approval_id, actor=BOB)
    async with opened(settings, endpoint) as two:
        assert (await two.only_card()).approved_by == ("bob",)
        again = await two.click(card.approval_id, actor=BOB)
        await two.click(card.approval_id, actor=CAROL)
    async with opened(settings, endpoint) as three:
        seen = await three.only_card()
        assert ledger() == []
        await three.click(card.approval_id, actor=DAVE)

    assert again.message == "You had approved this already; still needed: 2 more of finance."
    assert (seen.approved_by, seen.missing) == (("bob", "carol"), "1 more of finance")
    assert ledger() == ["1"]


@pytest.mark.parametrize("times", range(5))
async def test_an_edit_beside_the_last_approval_runs_only_what_everybody_saw(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], times: int
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one, "2 of finance")
        await one.click(card.approval_id, actor=BOB)
        edit = Click(card.approval_id, "edit", DAVE, arguments='{"version": "evil"}')
        edited, approved = await asyncio.gather(
            one.service.decide(edit), one.service.decide(Click(card.approval_id, "approve", CAROL))
        )
        await one.service.idle()
        ran = ledger()
        waits = await one.service.pending(ROOT)

    assert edited.is_accepted != approved.is_accepted
    assert "evil" not in ran
    assert len(ran) == (1 if approved.is_accepted else 0)
    assert len(waits) == (0 if approved.is_accepted else 1)


async def test_a_fallback_that_voted_early_is_enough_once_its_time_has_come(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one, "2 of finance then admin after 2h")
        await one.click(card.approval_id, actor=ROOT)
        before = ledger()
        await make_older(one, 3 * HOUR_MS)
        await one.service.sweep()
        await one.service.idle()

    assert (before, len(ledger())) == ([], 1)
