"""N of M: whose word counts, and how often."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot import chat
from bot.chat import Actor
from bot.config.settings import Settings
from bot.desk import Desk
from tests.models.endpoint import ScriptedEndpoint, says
from tests.service.kit import ALICE, BOB, PLACE, ROOT, opened
from tests.service.voting import CAROL, DAVE, DEPLOY, ERIN, HOUR_MS, edited, make_older, waiting

# --- whose word counts ---


async def test_two_different_approvers_settle_it(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one)
        first = await one.click(card.approval_id, actor=BOB)
        assert ledger() == []
        drawn = one.adapter.cards()[card.approval_id]
        second = await one.click(card.approval_id, actor=CAROL)
        rows = await one.app.audit.read(filters={"tool": "deploy"})

    assert (first.is_accepted, first.message) == (True, "You approved this; still needed: 1 more of finance.")
    assert (drawn.state, drawn.approved_by, drawn.missing) == ("pending", ("bob",), "1 more of finance")
    assert (second.is_accepted, second.message) == (True, "Approved.")
    assert ledger() == ["1"]
    assert [(row["event"], row["approver"]) for row in rows if row["decision"]] == [
        ("call.vote", "web:bob"),
        ("call.approved", "web:bob,web:carol"),
        ("call.done", "web:bob,web:carol"),
    ]


async def test_the_same_approver_twice_is_one_through_whatever_door(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one)
        await one.click(card.approval_id, actor=BOB)
        again = await one.click(card.approval_id, actor=BOB)
        by_words = await one.service.command(PLACE, BOB, f"approve {card.approval_id}")
        on_line = await Desk(one.app).decide(card.approval_id, "approve", who="bob")
        await one.service.sweep()
        await one.service.idle()
        assert (await one.only_card()).approved_by == ("bob",)
        assert ledger() == []
        await one.click(card.approval_id, actor=CAROL)

    said = "You had approved this already; still needed: 1 more of finance."
    assert (again.is_accepted, again.message, by_words, on_line["message"]) == (False, said, said, said)
    assert ledger() == ["1"]


async def test_two_linked_identities_count_once_also_when_they_were_linked_after_they_voted(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one, "3 of finance")
        await one.click(card.approval_id, actor=BOB)
        await one.click(card.approval_id, actor=DAVE)
        linked = await one.admin("link @bob @dave")
        third = await one.click(card.approval_id, actor=CAROL)
        assert ledger() == []
        fourth = await one.click(card.approval_id, actor=ERIN)

    assert linked == "web:bob and web:dave count as one person now."
    assert third.message == "You approved this; still needed: 1 more of finance."
    assert fourth.message == "Approved."
    assert ledger() == ["1"]


async def test_a_linked_identity_of_another_workspace_speaks_for_the_one_here_and_counts_with_it(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    elsewhere = Actor("slack", "T1", "U1", "bob")
    async with opened(settings, endpoint) as one:
        card = await waiting(one)
        before = await one.click(card.approval_id, actor=elsewhere)
        half = await one.admin("link @bob slack:T1/U1")
        still = await one.click(card.approval_id, actor=elsewhere)
        await Desk(one.app).admin("link web:bob slack:T1/U1")
        counted = await one.click(card.approval_id, actor=elsewhere)
        twice = await one.click(card.approval_id, actor=BOB)
        assert ledger() == []
        settled = await one.click(card.approval_id, actor=CAROL)

    assert before.message == still.message == "This can only be decided where it was asked for."
    assert half.endswith("once an admin of the other workspace says so too.")
    assert counted.message == "You approved this; still needed: 1 more of finance."
    assert "still needed: 1 more of finance" in twice.message
    assert (settled.message, ledger()) == ("Approved.", ["1"])


async def test_an_approver_who_lost_the_role_does_not_count_any_more(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one)
        await one.click(card.approval_id, actor=BOB)
        await one.admin("role @bob default")
        second = await one.click(card.approval_id, actor=CAROL)
        assert ledger() == []
        third = await one.click(card.approval_id, actor=DAVE)

    assert second.message == "You approved this; still needed: 1 more of finance."
    assert third.message == "Approved."
    assert ledger() == ["1"]


async def test_what_was_approved_by_enough_is_not_called_off_by_a_vote_that_did_not_count(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    """Bob's vote is void; those of Carol and Dave are enough, at the click and at the start."""
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one)
        await one.click(card.approval_id, actor=BOB)
        await one.admin("role @bob default")
        await one.click(card.approval_id, actor=CAROL)
        await one.click(card.approval_id, actor=DAVE)
        drawn = one.adapter.cards()[card.approval_id]

    assert (drawn.state, drawn.outcome) == ("approved", "done")
    assert ledger() == ["1"]


async def test_a_denial_by_one_ends_it_whatever_the_others_said(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("Understood.")]
    async with opened(settings, endpoint) as one:
        card = await waiting(one, "3 of finance")
        await one.click(card.approval_id, actor=BOB)
        await one.click(card.approval_id, actor=CAROL)
        stranger = await one.click(card.approval_id, "deny", actor=Actor("web", "", "mallory", "mallory"))
        denied = await one.click(card.approval_id, "deny", actor=DAVE, reason="freeze")
        late = await one.click(card.approval_id, actor=ERIN)

    assert not stranger.is_accepted
    assert (denied.is_accepted, denied.message) == (True, "Denied.")
    assert late.message == "This was already denied by dave."
    assert ledger() == []


# --- edits ---


async def test_an_edit_voids_earlier_votes_and_closes_the_old_card(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        old = await waiting(one, "3 of finance")
        await one.click(old.approval_id, actor=BOB)
        await one.click(old.approval_id, actor=CAROL)
        outcome = await edited(one, old.approval_id, actor=DAVE, version="2")
        new = await one.only_card()
        await one.service.sweep()
        await one.service.idle()
        closed = one.adapter.cards()[old.approval_id]
        on_old = [await one.click(old.approval_id, verb, actor=ERIN) for verb in ("approve", "deny")]
        on_old.append(await edited(one, old.approval_id, actor=ERIN, version="evil"))
        assert ledger() == []
        for actor in (ERIN, BOB):
            await one.click(new.approval_id, actor=actor)

    assert outcome.message == "Edited; still needed: 2 more of finance."
    assert (new.approved_by, new.edited_by, new.arguments) == (("dave",), "dave", '{\n  "version": "2"\n}')
    assert (closed.state, closed.reason) == ("cancelled", "its arguments were edited by dave")
    assert {(one_of_them.is_accepted, one_of_them.message) for one_of_them in on_old} == {
        (False, "This request was already cancelled (its arguments were edited by dave); nothing was run.")
    }
    assert ledger() == ["2"]


async def test_an_edit_that_needs_others_shows_the_new_card_and_closes_the_old_one_at_once(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [DEPLOY]
    async with opened(settings, endpoint) as one:
        old = await waiting(one)
        await edited(one, old.approval_id, actor=DAVE, version="2")
        new = await one.only_card()
        drawn = {key: card.state for key, card in one.adapter.cards().items()}

    assert drawn == {old.approval_id: "cancelled", new.approval_id: "pending"}


async def test_neither_requester_nor_editor_counts_under_not_requester(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        old = await waiting(one, "finance not_requester")
        by_requester = await edited(one, old.approval_id, actor=ALICE, version="2")
        by_editor = await edited(one, old.approval_id, actor=BOB, version="3")
        new = await one.only_card()
        refused = [await one.click(new.approval_id, actor=actor) for actor in (ALICE, BOB)]
        assert ledger() == []
        accepted = await one.click(new.approval_id, actor=CAROL)

    assert by_requester.message == refused[0].message
    assert by_editor.message == "Edited; still needed: somebody of finance, not alice."
    assert [outcome.message for outcome in refused] == [
        "Somebody else than the person who asked for this has to decide it.",
        "Somebody else than the person who edited this has to decide it.",
    ]
    assert accepted.message == "Approved."
    assert ledger() == ["3"]


async def test_an_admin_who_asked_does_not_count_under_not_requester_either_nor_does_a_linked_identity(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy admin not_requester")
        await one.admin("role @carol admin")
        await one.admin("role @dave admin")
        await one.admin("link @root @dave")
        await one.say("Deploy 1", actor=ROOT)
        (card,) = await one.service.pending(CAROL)
        refused = [(await one.click(card.approval_id, actor=actor)).is_accepted for actor in (ROOT, DAVE)]
        assert ledger() == []
        accepted = await one.click(card.approval_id, actor=CAROL)

    assert (refused, accepted.is_accepted) == ([False, False], True)
    assert ledger() == ["1"]


# --- the fallback ---


async def test_the_fallback_may_decide_after_its_time_only_and_is_told_once(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    settings = settings.model_copy(update={"approval_reminders": 0})
    async with opened(settings, endpoint) as one:
        card = await waiting(one, "2 of @bob,@carol then @dave after 2h")
        early = await one.click(card.approval_id, actor=DAVE)
        await make_older(one, 2 * HOUR_MS - 60_000)
        await one.service.sweep()
        still_early = await one.click(card.approval_id, actor=DAVE)
        assert one.adapter.events(chat.Notice) == []
        await make_older(one, 60_000)
        for _ in range(3):
            await one.service.sweep()
            await one.service.idle()
        told = one.adapter.events(chat.Notice)

    async with opened(settings, endpoint) as two:
        await two.service.sweep()
        await two.service.idle()
        assert two.adapter.events(chat.Notice) == []
        assert ledger() == []
        late = await two.click(card.approval_id, actor=DAVE)

    assert (early.is_accepted, still_early.is_accepted, late.is_accepted) == (False, False, True)
    assert [notice.addressed for notice in told if isinstance(notice, chat.Notice)] == [
        ("web:bob", "web:carol", "web:dave")
    ]
    assert ledger() == ["1"]


async def test_an_edit_begins_the_time_of_the_fallback_anew(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY]
    async with opened(settings, endpoint) as one:
        card = await waiting(one, "2 of @bob,@carol then @dave after 2h")
        await make_older(one, 3 * HOUR_MS)
        await edited(one, card.approval_id, actor=BOB, version="2")
        outcome = await one.click((await one.only_card()).approval_id, actor=DAVE)

    assert not outcome.is_accepted
    assert ledger() == []


# --- who was never heard of before ---


@pytest.mark.parametrize("approver", ["&ops", "2 of &ops"])
async def test_somebody_of_a_group_whose_first_word_is_a_click_counts(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], approver: str
) -> None:
    """Whoever presses a button need never have written to the bot: the platform said who they are with the click."""
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        await one.admin(f"approver deploy {approver}")
        await one.say("Deploy 1")
        card = await one.only_card()
        for user in ("frank", "grace"):
            await one.click(card.approval_id, actor=Actor("web", "", user, user, frozenset({"ops"})))

    assert ledger() == ["1"]


async def test_somebody_of_a_group_who_was_met_before_counts(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    frank = Actor("web", "", "frank", "frank", frozenset({"ops"}))
    async with opened(settings, endpoint) as one:
        await one.service.met(frank)
        await one.admin("approver deploy &ops")
        await one.say("Deploy 1")
        outcome = await one.click((await one.only_card()).approval_id, actor=frank)

    assert outcome.message == "Approved."
    assert ledger() == ["1"]


async def test_who_left_the_group_since_they_were_met_does_not_count(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY]
    async with opened(settings, endpoint) as one:
        await one.service.met(Actor("web", "", "frank", "frank", frozenset({"ops"})))
        await one.admin("approver deploy &ops")
        await one.say("Deploy 1")
        card = await one.only_card()
        outcome = await one.click(card.approval_id, actor=Actor("web", "", "frank", "frank"))

    assert not outcome.is_accepted
    assert ledger() == []
