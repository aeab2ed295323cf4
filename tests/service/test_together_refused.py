"""A click for all of a reply decides exactly what its card stood for, or nothing, whatever came in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.cards import token_of
from bot.chat import Click
from bot.config.settings import Settings
from bot.decisions import MOVED
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, ROOT, opened
from tests.service.together import MIXED, THREE, at_once, drawn, stored, waiting
from tests.service.voting import CAROL, edited

pytestmark = pytest.mark.usefixtures("nothing_blocks")


async def test_a_click_on_what_has_changed_meanwhile_decides_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        first, _, last = await waiting(one)
        await one.click(first.approval_id, "deny")
        outcome = await at_once(one, last)

        assert (outcome.is_accepted, outcome.message) == (False, MOVED)
        assert outcome.card is not None
        assert outcome.card.together_count == 2
        assert len(await waiting(one)) == 2
        assert ledger() == []


async def test_a_click_after_an_edit_decides_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy 2 of admin,web:bob")
        await one.say("Deploy three")
        first, _, last = await waiting(one)
        await edited(one, first.approval_id, actor=BOB, version="evil")
        outcome = await at_once(one, last, actor=ROOT)

        assert (outcome.is_accepted, outcome.message) == (False, MOVED)
        assert [card.approved_by for card in await waiting(one)] == [("bob",), (), ()]
        assert ledger() == []


async def test_a_click_after_one_was_asked_for_anew_decides_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [MIXED]
    async with opened(settings, endpoint) as one:
        await one.say("Do three things")
        last = (await waiting(one))[2]
        await one.admin("approver deploy admin")
        await one.service.sweep()
        await one.service.idle()
        outcome = await at_once(one, last, actor=ROOT)

        assert (outcome.is_accepted, outcome.message) == (False, MOVED)
        assert len(await waiting(one)) == 3
        assert ledger() == []


async def test_a_late_click_is_told_who_decided(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [THREE, says("Understood.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        last = (await waiting(one))[2]
        await at_once(one, last, "deny")
        late = await at_once(one, last, actor=ROOT)

    assert (late.is_accepted, late.message) == (False, "This was already denied by alice.")


@pytest.mark.parametrize("together", ["nonsense", token_of(())])
async def test_a_word_that_stands_for_nothing_decides_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, together: str
) -> None:
    endpoint.script = [THREE, says("Understood.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        last = (await waiting(one))[2]
        forged = replace(last, together=together)

        assert (await at_once(one, forged)).message == MOVED
        assert len(await waiting(one)) == 3
        await at_once(one, last, "deny")
        assert not (await at_once(one, forged)).is_accepted


async def test_arguments_are_not_edited_by_a_click_for_all(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        last = (await waiting(one))[2]
        click = Click(last.approval_id, "edit", ALICE, arguments='{"version": "7"}', together=last.together)

        assert not (await one.service.decide(click)).is_accepted
        assert len(await waiting(one)) == 3


async def test_of_a_hundred_clicks_at_once_one_decides_all_of_it(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE, says("ok")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        last = (await waiting(one))[2]
        clicks = [
            Click(last.approval_id, verb, actor, together=last.together)
            for actor, verb in ((ALICE, "approve"), (ROOT, "deny"))
            for _ in range(50)
        ]
        random.Random(5).shuffle(clicks)
        outcomes = await asyncio.gather(*(one.service.decide(click) for click in clicks))
        await one.service.idle()
        rows = await one.plain("SELECT DISTINCT state, decided_by FROM approvals")

    assert sum(outcome.is_accepted for outcome in outcomes) == 1
    assert len(rows) == 1
    assert sorted(ledger()) == (["1", "2", "3"] if rows == [("approved", "web:alice")] else [])


async def test_it_can_still_be_clicked_after_a_restart(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE, says("All live.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        last = (await waiting(one))[2]
    async with opened(settings, endpoint) as two:
        outcome = await at_once(two, last)

    assert outcome.message == "3 calls: Approved."
    assert sorted(ledger()) == ["1", "2", "3"]


# --- against an oracle ---


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_a_click_decides_what_its_card_stood_for_or_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], seed: int
) -> None:
    """The oracle knows one thing alone: the ids that waited when a card was looked at, and those that wait now."""
    dice = random.Random(seed)
    endpoint.script = [calls(*(("deploy", {"version": str(number)}) for number in range(7))), says("ok")]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy 2 of admin,web:bob,web:carol")
        await one.say("Deploy seven")
        seen = [await waiting(one)]
        while len(cards := await waiting(one)) > 1:
            seen.append(cards)
            assert [card.together_count for card in cards] == [0] * (len(cards) - 1) + [len(cards)]
            assert await drawn(one) == await stored(one)
            move = dice.choice(["deny", "edit", "old", "old", "now"])
            chosen = dice.choice(cards)
            if move == "deny":
                await one.click(chosen.approval_id, "deny", actor=BOB)
            elif move == "edit":
                await edited(one, chosen.approval_id, actor=BOB, version=f"e{dice.random()}")
            else:
                looked_at = dice.choice(seen) if move == "old" else cards
                is_the_same = [card.approval_id for card in looked_at] == [card.approval_id for card in cards]
                outcome = await at_once(one, looked_at[-1], "deny", actor=CAROL)
                left = await waiting(one)
                assert outcome.is_accepted is is_the_same
                assert left == ([] if is_the_same else cards)

    assert ledger() == []
