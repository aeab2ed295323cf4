"""How runs end when they do not end by themselves: stopped, expired, damaged, cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot import chat
from bot.chat import Click, Inbound
from bot.config.settings import Settings
from bot.errors import ConfigError
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, PLACE, ROOT, opened

pytestmark = pytest.mark.usefixtures("nothing_blocks")


async def test_stop_ends_what_works_and_says_what_it_left(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("slow", {}))]
    async with opened(settings, endpoint) as one:
        await one.service.receive(Inbound("s1", PLACE, ALICE, "take long", 1))
        while not one.adapter.events(chat.ToolLine):
            await asyncio.sleep(0.01)
        assert await one.service.stop(PLACE, BOB) == "There is nothing of yours to stop here."

        assert await one.service.stop(PLACE, ALICE) == "Stopped."
        await one.service.idle()

        line = one.adapter.events(chat.ToolLine)[-1]
        assert isinstance(line, chat.ToolLine)
        assert line.state == "unknown"
        assert one.answers()[-1].startswith("Stopped by alice.")


async def test_stop_cancels_what_waits_and_its_card(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "6"}))]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 6")
        card = await one.only_card()
        await one.service.stop(PLACE, ALICE)
        late = await one.click(card.approval_id)

        assert one.adapter.cards()[card.approval_id].state == "cancelled"
        assert late.message == "This request was already cancelled; nothing was run."
        assert ledger() == []


async def test_a_queued_message_can_be_stopped(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    gate = asyncio.Event()

    async def slowly(_request: object) -> dict[str, object]:
        await gate.wait()
        return says("first")

    endpoint.script = [slowly]
    async with opened(settings, endpoint) as one:
        await one.service.receive(Inbound("q1", PLACE, BOB, "one", 1))
        await one.service.receive(Inbound("q2", PLACE, ALICE, "two", 2))

        assert await one.service.stop(PLACE, ALICE) == "Stopped."
        gate.set()
        await one.service.idle()

        assert one.answers() == ["Stopped by alice.", "first"]
        assert len(endpoint.requests) == 1


async def test_a_run_whose_model_is_gone_ends_with_a_sentence_and_frees_its_conversation(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "12"})), says("next")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 12")
        card = await one.only_card()
        # as if models.toml had been changed in between
        await one.tamper('UPDATE runs SET head = replace(head, \'"model":"m"\', \'"model":"gone"\')')

    async with opened(settings, endpoint) as two:
        await two.click(card.approval_id)
        assert ledger() == []
        assert two.answers()[0].startswith("There is no model called 'gone'.")
        drawn = two.adapter.cards()[card.approval_id]
        assert (drawn.state, drawn.outcome) == ("approved", "cancelled")
        await two.say("Are you there?")
        assert two.answers()[1] == "next"


async def test_a_queued_run_whose_model_is_gone_is_answered_by_the_one_there_is_now(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    gate = asyncio.Event()

    async def slowly(_request: object) -> dict[str, object]:
        await gate.wait()
        return says("never")

    endpoint.script = [slowly, says("first again"), says("second"), says("third")]
    async with opened(settings, endpoint) as one:
        await one.service.receive(Inbound("q1", PLACE, ALICE, "one", 1))
        while not endpoint.requests:
            await asyncio.sleep(0.01)
        await one.service.receive(Inbound("q2", PLACE, ALICE, "two", 2))
        await one.tamper(
            'UPDATE runs SET head = replace(head, \'"model":"m"\', \'"model":"gone"\') WHERE status = \'queued\''
        )
        await one.service.aclose(within_s=0)

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        await two.say("three")

        assert two.answers() == ["first again", "second", "third"]


async def test_what_nobody_decides_in_time_expires_by_itself(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"})), says("nobody came")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 7")
        card = await one.only_card()
        assert await one.service.expire_due() == 0
        await one.tamper("UPDATE approvals SET expires_ms = 1")

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        assert two.adapter.cards()[card.approval_id].state == "expired"
        assert two.answers() == ["nobody came"]
        assert await two.service.pending(ROOT) == []
    assert "nobody decided in time" in endpoint.requests[1].body["messages"][-1]["content"]
    assert ledger() == []


@pytest.mark.parametrize("damage", ["UPDATE runs SET head = '{}'", "UPDATE calls SET arguments = '{}'"])
async def test_a_damaged_run_with_an_expired_card_does_not_stop_the_bot(
    settings: Settings, endpoint: ScriptedEndpoint, damage: str
) -> None:
    endpoint.script = [calls(("deploy", {"version": "8"})), says("fine")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 8")
        await one.tamper(damage)
        await one.tamper("UPDATE approvals SET expires_ms = 1")

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        assert two.answers()[0].startswith("I cannot go on with this")
        await two.say("Hello?")
        assert two.answers()[-1] == "fine"


async def test_a_damaged_run_is_ended_and_its_conversation_goes_on(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "8"})), says("still here")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 8")
        card = await one.only_card()
        await one.service.decide(Click(card.approval_id, "approve", ALICE))
        await one.service.aclose(within_s=0)
        await one.tamper("UPDATE calls SET arguments = '{}', state = 'approved', result = NULL")
        await one.tamper("UPDATE runs SET status = 'running', answer = NULL")

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        assert two.answers()[0].startswith("I cannot go on with this: A stored call does not match its hash")
        endpoint.script.append(says("still here"))
        await two.say("Hello?")
        assert two.answers()[-1] == "still here"
        assert len(await two.service.transcript(PLACE)) > 3


async def cut_off_in_the_middle(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    """Stop the bot while an effect is under way."""
    endpoint.script = [calls(("slow", {})), says("please check")]
    async with opened(settings, endpoint) as one:
        await one.service.receive(Inbound("c1", PLACE, ALICE, "take long", 1))
        while not one.adapter.events(chat.ToolLine):
            await asyncio.sleep(0.01)
        await one.service.aclose(within_s=0)


async def test_an_unknown_outcome_is_reported_with_its_arguments(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    await cut_off_in_the_middle(settings, endpoint)

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        live = two.adapter.events(chat.Notice)
        stored = [event for event in await two.service.transcript(PLACE) if isinstance(event, chat.Notice)]

    assert [event.text for event in stored] == [event.text for event in live if isinstance(event, chat.Notice)]
    assert len(stored) == 1
    assert stored[0].text.startswith("alice: it is not known whether slow took effect")
    assert stored[0].text.endswith("Its arguments:\n{}")


async def test_a_call_that_was_cut_off_is_unknown_after_the_restart_and_never_repeated(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    await cut_off_in_the_middle(settings, endpoint)

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        line = two.adapter.events(chat.ToolLine)[-1]
        assert isinstance(line, chat.ToolLine)
        assert line.state == "unknown"
        assert two.answers() == ["please check"]

    assert "Outcome unknown" in endpoint.requests[1].body["messages"][-1]["content"]


async def test_a_second_process_is_told_who_owns_the_folder(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint):
        with pytest.raises(ConfigError, match="in use by another process"):
            async with opened(settings, endpoint):
                pass
