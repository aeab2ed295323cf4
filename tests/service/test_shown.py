"""A button counts where a card of its approval was put, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.chat import Actor, Click, Outcome, Place
from bot.config.settings import Settings
from bot.decisions import ELSEWHERE
from tests.fakes import RecordingAdapter
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, PLACE, ROOT, Bench, opened
from tests.service.voting import edited

pytestmark = pytest.mark.usefixtures("nothing_blocks")

DEPLOY = calls(("deploy", {"version": "1"}))


async def press(
    one: Bench, approval_id: str, place: Place | None, shown_as: str = "", *, together: str = "", actor: Actor = ALICE
) -> Outcome:
    click = Click(approval_id, "approve", actor, together=together, shown_in=place, shown_as=shown_as)
    outcome = await one.service.decide(click)
    await one.service.idle()
    return outcome


@pytest.mark.parametrize(
    ("place", "shown_as", "counts"),
    [
        (PLACE, "m1", True),
        (PLACE, "", True),
        (None, "", True),
        (PLACE, "m2", False),
        (replace(PLACE, thread="t2"), "m1", False),
        (replace(PLACE, thread=""), "m1", False),
        (replace(PLACE, channel="random"), "m1", False),
        (replace(PLACE, workspace="W"), "m1", False),
        (replace(PLACE, platform="discord"), "m1", False),
    ],
)
async def test_a_button_counts_in_its_place_and_on_its_message(
    settings: Settings,
    endpoint: ScriptedEndpoint,
    ledger: Callable[[], list[str]],
    place: Place | None,
    shown_as: str,
    counts: bool,
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        outcome = await press(one, (await one.only_card()).approval_id, place, shown_as)

    assert outcome.is_accepted is counts
    assert ledger() == (["1"] if counts else [])


async def test_a_button_elsewhere_is_refused_audited_and_told_nothing(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [DEPLOY]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        outcome = await press(one, (await one.only_card()).approval_id, replace(PLACE, channel="random"))
        row = (await one.app.audit.read())[-1]

    assert (outcome.is_accepted, outcome.message, outcome.card) == (False, ELSEWHERE, None)
    keys = ("event", "tool", "approver", "decision", "outcome", "reason")
    assert [row[key] for key in keys] == ["click.refused", "deploy", "web:alice", "refused", "", ELSEWHERE]


async def test_a_card_whose_arrival_is_not_noted_yet_counts(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        await one.tamper("UPDATE outbox SET receipt = ''")
        await press(one, (await one.only_card()).approval_id, PLACE, "whatever")

    assert ledger() == ["1"]


async def test_a_copy_counts_where_it_is(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    copied = {"adapters": ("web", "discord"), "approvals_channels": ("web:>discord:1/500",)}
    async with opened(settings.model_copy(update=copied), endpoint) as one:
        there = RecordingAdapter("discord")
        one.app.add_adapter(there)
        await one.say("Deploy 1")
        card, channel = await one.only_card(), Place("discord", "1", "500")

        assert not (await press(one, card.approval_id, channel, "m2")).is_accepted
        assert not (await press(one, card.approval_id, replace(channel, channel="501"), "m1")).is_accepted
        assert (await press(one, card.approval_id, channel, "m1")).is_accepted
    assert ledger() == ["1"]


async def test_a_button_of_a_new_card_does_not_count_on_the_message_of_the_old_one(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [DEPLOY]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy 2 of admin,web:bob")
        await one.say("Deploy 1")
        await edited(one, (await one.only_card()).approval_id, actor=BOB, version="2")
        (new,) = [card for card in one.adapter.cards().values() if card.state == "pending"]
        (old_message,), (new_message,) = await one.plain("SELECT receipt FROM outbox WHERE kind = 'card' ORDER BY id")

        wrong = await press(one, new.approval_id, PLACE, str(old_message), actor=ROOT)
        right = await press(one, new.approval_id, PLACE, str(new_message), actor=ROOT)

    assert (wrong.message, right.is_accepted) == (ELSEWHERE, True)


async def test_a_button_for_all_counts_only_where_it_is(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}), ("deploy", {"version": "2"})), says("Live.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy both")
        last = (await one.service.pending(ROOT))[1]
        elsewhere = await press(one, last.approval_id, replace(PLACE, channel="random"), "m2", together=last.together)
        of_another = await press(one, last.approval_id, PLACE, "m1", together=last.together)
        ran = ledger()
        here = await press(one, last.approval_id, PLACE, "m2", together=last.together)

    assert (elsewhere.message, of_another.message, ran) == (ELSEWHERE, ELSEWHERE, [])
    assert here.message == "2 calls: Approved."
    assert sorted(ledger()) == ["1", "2"]
