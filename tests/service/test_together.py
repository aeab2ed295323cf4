"""Several calls of one reply, decided by one click: exactly those the card stood for, each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.chat import Card, Click, Outcome
from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, ROOT, Bench, opened


def deploys(count: int) -> dict[str, object]:
    return calls(*(("deploy", {"version": str(number)}) for number in range(count)))


async def cards(one: Bench) -> list[Card]:
    """What waits, in the order of the calls."""
    found = await one.service.pending(ALICE)
    return sorted(found, key=lambda card: card.arguments)


async def together(one: Bench, card: Card, verb: str = "approve", actor: object = ALICE) -> Outcome:
    click = Click(card.approval_id, verb, actor, together=card.together)  # type: ignore[arg-type]
    outcome = await one.service.decide(click)
    await one.service.idle()
    return outcome


async def test_only_the_last_card_offers_it(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [deploys(3)]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        offered = [(card.together_count, bool(card.together)) for card in await cards(one)]

    assert offered == [(0, False), (0, False), (3, True)]


async def test_one_call_alone_offers_nothing(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [deploys(1)]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        (card,) = await cards(one)

    assert (card.together, card.together_count) == ("", 0)


async def test_one_click_approves_them_all_in_their_order(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [deploys(3), says("Done.")]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        outcome = await together(one, (await cards(one))[-1])
        assert one.answers() == ["Done."]

    assert (outcome.is_accepted, outcome.message) == (True, "3 calls: Approved.")
    assert ledger() == ["0", "1", "2"]


async def test_one_click_denies_them_all(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [deploys(2), says("Then not.")]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        outcome = await together(one, (await cards(one))[-1], "deny")

    assert (outcome.is_accepted, outcome.message) == (True, "2 calls: Denied.")
    assert ledger() == []


async def test_a_card_that_is_out_of_date_decides_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [deploys(3), says("Done.")]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        first, second, last = await cards(one)
        await one.click(first.approval_id, "deny")
        outcome = await together(one, last)
        assert not outcome.is_accepted
        assert outcome.message.startswith("Something of this was decided or changed meanwhile")
        assert {card.approval_id for card in await cards(one)} == {second.approval_id, last.approval_id}
        outcome = await together(one, (await cards(one))[-1])

    assert outcome.is_accepted
    assert ledger() == ["1", "2"]


async def test_the_card_that_offers_it_follows_when_another_is_decided(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [deploys(3)]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        first, second, last = await cards(one)
        await one.click(last.approval_id, "deny")
        shown = one.adapter.cards()
        assert [shown[card.approval_id].together_count for card in (first, second, last)] == [0, 2, 0]
        await one.click(first.approval_id, "deny")
        shown = one.adapter.cards()

    assert [shown[card.approval_id].together_count for card in (first, second, last)] == [0, 0, 0]


async def test_an_edit_makes_another_set(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    script = "import bot\n@bot.tool(confirm=True, effect='once', approver='2 of web:alice, web:bob')\n"
    assert settings.tools_dir is not None
    (settings.tools_dir / "two.py").write_text(script + "def two(n: int) -> str:\n    '''Two.'''\n    return 'ok'\n")
    endpoint.script = [calls(("two", {"n": 1}), ("two", {"n": 2}))]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        first, last = await cards(one)
        edit = Click(first.approval_id, "edit", BOB, arguments='{"n": 9}')
        assert (await one.service.decide(edit)).is_accepted
        await one.service.idle()
        outcome = await together(one, last)

    assert not outcome.is_accepted


async def test_each_call_keeps_its_own_approvers(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}), ("pay", {"amount": 5})), says("Half.")]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        shown = list(one.adapter.cards().values())
        last = next(card for card in shown if card.together)
        outcome = await together(one, last, actor=ALICE)
        assert ledger() == []  # the card is of a call that alice may not decide
        deploy = next(card for card in await cards(one) if card.tool == "deploy")
        everything = Click(deploy.approval_id, "approve", ALICE, together=last.together)
        outcome = await one.service.decide(everything)
        await one.service.idle()

    assert outcome.is_accepted
    assert "1. Approved." in outcome.message
    assert "2. " in outcome.message
    assert ledger() == ["1"]


async def test_a_made_up_token_decides_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [deploys(2)]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        last = (await cards(one))[-1]
        outcome = await one.service.decide(Click(last.approval_id, "approve", ALICE, together="0" * 20))

    assert not outcome.is_accepted
    assert ledger() == []


async def test_many_clicks_at_once_run_each_call_once(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [deploys(4), says("Done.")]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        last = (await cards(one))[-1]
        clicks = [Click(last.approval_id, "approve", who, together=last.together) for who in (ALICE, ROOT) * 25]
        await asyncio.gather(*(one.service.decide(click) for click in clicks))
        await one.service.idle()

    assert sorted(ledger()) == ["0", "1", "2", "3"]


async def test_sixteen_calls_are_in_the_order_of_the_calls(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [deploys(16)]
    async with opened(settings, endpoint) as one:
        await one.say("go")
        shown = one.adapter.cards()
        offering = [card for card in shown.values() if card.together]

    assert [(card.together_count, card.arguments) for card in offering] == [(16, '{\n  "version": "15"\n}')]
