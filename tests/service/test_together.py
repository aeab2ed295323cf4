"""Deciding at once what one reply asked for: which card offers it, what a click on it decides, and what refuses it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot import chat
from bot.cards import token_of
from bot.chat import Actor, Card, Click
from bot.config.settings import Settings
from bot.decisions import MOVED
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, PLACE, ROOT, Bench, opened
from tests.service.voting import CAROL, FINANCE, edited

pytestmark = pytest.mark.usefixtures("nothing_blocks")

THREE = calls(*(("deploy", {"version": str(number)}) for number in (1, 2, 3)))


async def waiting(one: Bench) -> list[Card]:
    """What waits of the first reply, as it would be drawn now, in the order of the calls."""
    cards = {card.approval_id: card for card in await one.service.pending(ROOT)}
    if not cards:
        return []
    first = await one.app.reader.approval(next(iter(cards)))
    assert first is not None
    return [cards[approval_id] for approval_id in first.together]


async def at_once(
    one: Bench, card: Card, verb: chat.Verb = "approve", *, actor: Actor = ALICE, reason: str = "", grant: str = "once"
) -> chat.Outcome:
    click = Click(card.approval_id, verb, actor, reason, grant=grant, together=card.together)
    outcome = await one.service.decide(click)
    await one.service.idle()
    return outcome


async def drawn(one: Bench) -> list[tuple[str, int]]:
    """What the cards offer that people see now, of what waits."""
    seen = [one.adapter.cards()[card.approval_id] for card in await waiting(one)]
    return [(card.together, card.together_count) for card in seen]


async def stored(one: Bench) -> list[tuple[str, int]]:
    return [(card.together, card.together_count) for card in await waiting(one)]


# --- which card offers it ---


async def test_only_the_last_card_of_a_reply_offers_it(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        ids = tuple(card.approval_id for card in await waiting(one))

        assert await drawn(one) == [("", 0), ("", 0), (token_of(ids), 3)]
        assert len(one.adapter.sent) == 3  # each card once: nothing of it changed meanwhile


async def test_a_call_that_waits_alone_offers_nothing(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy")

        assert await drawn(one) == [("", 0)]


async def test_calls_of_another_run_are_not_decided_with_it(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE, calls(("deploy", {"version": "9"})), says("done")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        await one.say("Deploy nine", place=replace(PLACE, thread="other"))
        offering = next(card for card in await waiting(one) if card.together)
        await at_once(one, offering)

        assert offering.together_count == 3
        assert sorted(ledger()) == ["1", "2", "3"]


async def test_sixteen_calls_are_in_the_order_they_were_asked_for(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(*(("deploy", {"version": str(number)}) for number in range(16)))]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy sixteen")
        rows = await one.plain(
            "SELECT approvals.id FROM approvals JOIN calls ON calls.id = call_id ORDER BY calls.position"
        )
        approval = await one.app.reader.approval(str(rows[0][0]))

        assert approval is not None
        assert approval.together == tuple(str(row[0]) for row in rows)
        assert [count for _, count in await drawn(one)] == [0] * 15 + [16]


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("verb", ["approve", "deny"])
async def test_the_offer_follows_when_one_of_them_is_decided(
    settings: Settings, endpoint: ScriptedEndpoint, at: int, verb: str
) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        cards = await waiting(one)
        await one.click(cards[at].approval_id, verb)

        left = tuple(card.approval_id for number, card in enumerate(cards) if number != at)
        assert await drawn(one) == [("", 0), (token_of(left), 2)]


async def test_the_last_one_that_waits_offers_nothing_any_more(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        cards = await waiting(one)
        await one.click(cards[2].approval_id)
        await one.click(cards[0].approval_id, "deny")

        assert await drawn(one) == [("", 0)]


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_the_offer_follows_an_edit(settings: Settings, endpoint: ScriptedEndpoint, at: int) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy 2 of admin,web:bob")
        await one.say("Deploy three")
        before = await waiting(one)
        outcome = await edited(one, before[at].approval_id, actor=BOB, version="7")

        ids = tuple(card.approval_id for card in await waiting(one))
        assert outcome.is_accepted
        assert ids[at] != before[at].approval_id
        assert await drawn(one) == [("", 0), ("", 0), (token_of(ids), 3)]


async def test_a_new_card_is_sent_once(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy 2 of admin,web:bob")
        await one.say("Deploy three")
        last = (await waiting(one))[2]
        await edited(one, last.approval_id, actor=BOB, version="7")
        new = (await waiting(one))[2]

        assert [one.key for one in one.adapter.sent].count(f"card:{new.approval_id}") == 1


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_the_offer_follows_when_one_of_them_expires(
    settings: Settings, endpoint: ScriptedEndpoint, at: int
) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        cards = await waiting(one)
        await one.tamper(f"UPDATE approvals SET expires_ms = 1 WHERE id = '{cards[at].approval_id}'")
        await one.service.sweep()
        await one.service.idle()

        left = tuple(card.approval_id for number, card in enumerate(cards) if number != at)
        assert await drawn(one) == [("", 0), (token_of(left), 2)]


MIXED = calls(("deploy", {"version": "1"}), ("pay", {"amount": 5}), ("pause", {}))


@pytest.mark.parametrize("tool", ["deploy", "pay", "pause"])
async def test_the_offer_follows_when_one_of_them_is_withdrawn(
    settings: Settings, endpoint: ScriptedEndpoint, tool: str
) -> None:
    endpoint.script = [MIXED]
    async with opened(settings, endpoint) as one:
        await one.say("Do three things")
        await one.admin(f"deny @alice {tool}")
        await one.service.sweep()
        await one.service.idle()

        assert len(await waiting(one)) == 2
        assert await drawn(one) == await stored(one)


@pytest.mark.parametrize("tool", ["deploy", "pay", "pause"])
async def test_the_offer_follows_when_one_of_them_is_asked_for_anew(
    settings: Settings, endpoint: ScriptedEndpoint, tool: str
) -> None:
    endpoint.script = [MIXED]
    async with opened(settings, endpoint) as one:
        await one.say("Do three things")
        before = [card.approval_id for card in await waiting(one)]
        await one.admin(f"approver {tool} admin")
        await one.service.sweep()
        await one.service.idle()

        after = [card.approval_id for card in await waiting(one)]
        assert len(set(after) - set(before)) == 1
        assert await drawn(one) == [("", 0), ("", 0), (token_of(tuple(after)), 3)]


# --- what it decides ---


async def test_approving_all_runs_each_once(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE, says("All live.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        outcome = await at_once(one, (await waiting(one))[2])
        cards = one.adapter.cards().values()

        assert (outcome.is_accepted, outcome.message) == (True, "3 calls: Approved.")
        assert sorted(ledger()) == ["1", "2", "3"]
        assert {(card.state, card.decided_by, card.outcome) for card in cards} == {("approved", "alice", "done")}
        assert one.answers() == ["All live."]


async def test_denying_all_denies_each_with_the_reason(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE, says("Understood.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        outcome = await at_once(one, (await waiting(one))[2], "deny", reason="freeze")
        cards = one.adapter.cards().values()

    assert outcome.message == "3 calls: Denied."
    assert ledger() == []
    assert [(card.state, card.reason) for card in cards] == [("denied", "freeze")] * 3
    said = [one["content"] for one in endpoint.requests[1].body["messages"] if one["role"] == "tool"]
    assert said == ["Action denied by user. Denied by alice. Reason: freeze"] * 3


async def test_each_is_voted_on_where_two_are_needed(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE, says("All live.")]
    async with opened(settings, endpoint) as one:
        for person in FINANCE:
            await one.admin(f"role @{person.user} finance")
        await one.admin("approver deploy 2 of finance")
        await one.say("Deploy three")
        first = await at_once(one, (await waiting(one))[2], actor=BOB)
        again = await at_once(one, (await waiting(one))[2], actor=BOB)
        ran, votes = ledger(), [card.approved_by for card in await waiting(one)]
        second = await at_once(one, (await waiting(one))[2], actor=CAROL)

    assert (ran, votes) == ([], [("bob",)] * 3)
    assert (first.is_accepted, first.message) == (True, "3 calls: You approved this; still needed: 1 more of finance.")
    assert (again.is_accepted, again.message) == (
        False,
        "3 calls: You had approved this already; still needed: 1 more of finance.",
    )
    assert second.message == "3 calls: Approved."
    assert sorted(ledger()) == ["1", "2", "3"]


@pytest.mark.parametrize("is_first", [True, False])
async def test_what_this_person_may_not_approve_is_refused_by_itself(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], is_first: bool
) -> None:
    pay, deploy = ("pay", {"amount": 5}), ("deploy", {"version": "1"})
    endpoint.script = [calls(*([pay, deploy] if is_first else [deploy, pay]))]
    async with opened(settings, endpoint) as one:
        await one.say("Do both")
        outcome = await at_once(one, (await waiting(one))[1])
        left = await waiting(one)
        refused = [row for row in await one.app.audit.read() if row["event"] == "click.refused"]

    no = "pay: Somebody else than the person who asked for this has to decide it."
    said = f"1. {no} 2. deploy: Approved." if is_first else f"1. deploy: Approved. 2. {no}"
    assert (outcome.is_accepted, outcome.message) == (True, f"2 calls: {said}")
    assert ledger() == ["1"]
    assert [card.tool for card in left] == ["pay"]
    assert [(row["tool"], row["approver"]) for row in refused] == [("pay", "web:alice")]


async def test_who_may_decide_none_of_them_is_refused_each(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        outcome = await at_once(one, (await waiting(one))[2], actor=BOB)

        assert (outcome.is_accepted, outcome.message) == (False, "3 calls: Only alice or an admin can decide this.")
        assert len(await waiting(one)) == 3
        assert ledger() == []


async def test_a_grant_counts_for_each_of_them(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [THREE, says("live"), calls(("deploy", {"version": "2"})), says("live again")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy three")
        await at_once(one, (await waiting(one))[2], grant="thread")
        await one.say("Deploy 2 again")

        assert sorted(ledger()) == ["1", "2", "2", "3"]


# --- what refuses it ---


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
