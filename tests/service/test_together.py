"""Deciding at once what one reply asked for: which card offers it, what a click on it decides, and what refuses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.cards import token_of
from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import BOB, PLACE, opened
from tests.service.together import MIXED, THREE, at_once, drawn, stored, waiting
from tests.service.voting import CAROL, FINANCE, edited

pytestmark = pytest.mark.usefixtures("nothing_blocks")


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
        approval = await one.app.approvals.approval(str(rows[0][0]))

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
