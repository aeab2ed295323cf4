"""The outbox: what has to be shown arrives, in order, once; whatever the platform and the process do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot import chat
from bot.chat import Click, Inbound, Place
from bot.config.settings import Settings
from bot.errors import PlaceGone, SendError
from bot.storage.runs import now_ms
from tests.fakes import RecordingAdapter
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, PLACE, Bench, opened


def keys(adapter: RecordingAdapter) -> list[str]:
    """What was sent, by kind."""
    return [delivery.key.partition(":")[0] for delivery in adapter.sent]


async def test_cards_and_answers_are_sent_in_order_and_a_changed_card_is_an_edit(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It is out.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        await one.click((await one.only_card()).approval_id)

        assert keys(one.adapter)[0] == "card"
        assert keys(one.adapter)[-1] == "answer"
        cards = [delivery for delivery in one.adapter.sent if isinstance(delivery.event, chat.CardShown)]
        assert (cards[0].receipt, {card.receipt for card in cards[1:]}) == ("", {"m1"})
        assert len({card.key for card in cards}) == 1
        assert cards[-1].event.card.outcome == "done"  # type: ignore[union-attr]  # picked above


async def test_what_a_platform_refuses_for_a_while_is_sent_again_with_the_same_key(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("one"), says("two")]
    async with opened(settings, endpoint) as one:
        one.adapter.refuses = SendError("rate limited", retry_after_s=0.05)
        await one.say("First")
        await one.say("Second")
        assert one.answers() == []

        one.adapter.refuses = None
        while len(one.answers()) < 2:
            await asyncio.sleep(0.02)

        assert one.answers() == ["one", "two"]
        assert len({delivery.key for delivery in one.adapter.sent}) == 2


async def test_an_answer_whose_arrival_was_never_noted_comes_again_under_the_same_key(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("hello")]
    async with opened(settings, endpoint) as one:
        await one.say("Hi")
        await one.tamper("UPDATE outbox SET state = 'pending', sent_revision = 0")
        (first,) = one.adapter.sent

    async with opened(settings, endpoint) as two:
        await two.service.idle()

    (again,) = two.adapter.sent
    assert (again.key, again.event) == (first.key, first.event)


async def test_an_answer_that_was_not_sent_before_the_end_is_sent_after_the_next_start(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("hello")]
    async with opened(settings, endpoint) as one:
        one.adapter.refuses = SendError("down")
        await one.say("Hi")

    async with opened(settings, endpoint) as two:
        await two.tamper("UPDATE outbox SET due_ms = 0")
        await two.service.sweep()
        await two.service.idle()

    assert two.answers() == ["hello"]


async def test_a_place_that_is_gone_parks_what_is_for_it_until_somebody_writes_from_there(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("lost?"), says("here again")]
    async with opened(settings, endpoint) as one:
        one.adapter.refuses = PlaceGone("The channel was deleted.")
        await one.say("Hi")
        assert await one.app.outbox.parked() == 1
        await one.service.sweep()
        await one.service.idle()
        assert one.adapter.sent == []

        one.adapter.refuses = None
        await one.say("I am back")

        assert one.answers() == ["lost?", "here again"]
        assert await one.app.outbox.parked() == 0


async def test_a_card_that_is_closed_after_a_day_survives_a_refusal(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("ok")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        card = await one.only_card()
        await one.tamper("UPDATE outbox SET created_ms = created_ms - 100000000")
        await one.tamper("UPDATE approvals SET expires_ms = 1")
        one.adapter.refuses = SendError("rate limited", retry_after_s=0.05)
        await one.service.sweep()
        await one.service.idle()
        one.adapter.refuses = None
        while not one.answers():
            await asyncio.sleep(0.02)

        assert one.adapter.cards()[card.approval_id].state == "expired"


async def test_what_cannot_be_sent_for_a_bug_of_an_adapter_is_parked_before_long(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("one")]
    async with opened(settings, endpoint) as one:
        one.adapter.refuses = RuntimeError("a bug in an adapter")
        await one.say("First")
        for _ in range(12):
            await one.tamper("UPDATE outbox SET due_ms = 0")
            await one.service.sweep()
            await one.service.idle()

        assert await one.app.outbox.parked() == 1


async def test_what_a_platform_leaves_hanging_for_an_hour_is_kept_as_if_it_had_refused(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("one")]
    async with opened(settings, endpoint) as one:
        one.adapter.refuses = SendError("down")
        await one.say("First")
        await one.tamper("UPDATE outbox SET attempts = 60, due_ms = 0")
        one.adapter.refuses = TimeoutError()
        await one.service.sweep()
        await one.service.idle()
        assert await one.app.outbox.parked() == 0

        one.adapter.refuses = None
        await one.tamper("UPDATE outbox SET due_ms = 0")
        await one.service.sweep()
        await one.service.idle()

        assert one.answers() == ["one"]


async def test_a_place_that_hangs_or_fails_holds_no_other_up(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("a"), says("b")]

    class OneIsBroken(RecordingAdapter):
        async def send(self, delivery: chat.Delivery) -> str:
            if delivery.place == PLACE:
                raise RuntimeError("a bug in an adapter")
            return await super().send(delivery)

    async with opened(settings, endpoint) as one:
        one.app.add_adapter(broken := OneIsBroken())
        await one.say("Hi")
        await one.say("Hi", place=Place("web", "", "general", "t2"))

        assert [event.text for event in broken.events(chat.Answered)] == ["b"]  # type: ignore[attr-defined]


class Suppresses(RecordingAdapter):
    """A platform that knows a key it has seen: the copy is not shown, as with Discord's nonce. Loses one answer."""

    def __init__(self) -> None:
        super().__init__()
        self.visible: dict[str, chat.Event] = {}
        self.loses = 1

    async def send(self, delivery: chat.Delivery) -> str:
        if delivery.receipt or delivery.key not in self.visible:
            self.visible[delivery.key] = delivery.event
        if self.loses:
            self.loses -= 1
            raise SendError("the connection was cut after the message had arrived", retry_after_s=0.05)
        return f"m-{delivery.key}"


async def test_a_card_whose_first_copy_arrived_unnoticed_still_follows(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It is out.")]
    async with opened(settings, endpoint) as one:
        one.app.add_adapter(platform := Suppresses())
        await one.say("Deploy 1")
        card = await one.only_card()
        await one.click(card.approval_id)
        while await one.app.outbox.next_in(PLACE):
            await asyncio.sleep(0.02)

    drawn = platform.visible[f"card:{card.approval_id}"]
    assert isinstance(drawn, chat.CardShown)
    assert (drawn.card.state, drawn.card.outcome) == ("approved", "done")


@pytest.mark.parametrize("fault", [RuntimeError("a bug in an adapter"), SendError("busy")])
async def test_whatever_an_adapter_does_with_what_passes_the_run_goes_on(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], fault: Exception
) -> None:
    class Stubborn(RecordingAdapter):
        def is_watched(self, place: Place) -> bool:
            raise fault

        async def show(self, place: Place, event: chat.Event) -> None:
            if not isinstance(event, chat.Answered | chat.CardShown):
                raise fault
            await super().show(place, event)

    endpoint.script = [calls(("deploy", {"version": "1"})), says("It is out.")]
    async with opened(settings, endpoint) as one:
        one.app.add_adapter(stubborn := Stubborn())
        await one.say("Deploy 1")
        await one.click((await one.only_card()).approval_id)

    assert ledger() == ["1"]
    assert [event.text for event in stubborn.events(chat.Answered)] == ["It is out."]  # type: ignore[attr-defined]


async def test_a_card_that_changed_before_it_could_be_sent_is_drawn_as_it_is_now_however_often_it_changed(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It is out.")]
    async with opened(settings, endpoint) as one:
        one.adapter.refuses = SendError("rate limited", retry_after_s=0.05)
        await one.say("Deploy 1")
        await one.click((await one.only_card()).approval_id)
        one.adapter.refuses = None
        while not one.answers():
            await asyncio.sleep(0.02)

        assert keys(one.adapter) == ["card", "card", "answer"]
        first, edit, _ = one.adapter.sent
        assert (first.event, first.receipt, edit.receipt) == (edit.event, "", "m1")


async def test_answers_of_two_runs_in_one_place_never_overlap(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    """A run that is resumed by a click and one that was asked meanwhile end at the same time."""
    endpoint.script = [calls(("deploy", {"version": "1"})), *[says("done") for _ in range(2)]]

    class Slow(RecordingAdapter):
        busy = 0

        async def send(self, delivery: chat.Delivery) -> str:
            assert self.busy == 0, "another message is being sent to this place"
            self.busy += 1
            await asyncio.sleep(0.02)
            self.busy -= 1
            return await super().send(delivery)

    async with opened(settings, endpoint) as one:
        one.app.add_adapter(slow := Slow())
        await one.say("Deploy 1")
        card = await one.only_card()
        await asyncio.gather(
            one.service.receive(Inbound("other", PLACE, ALICE, "And this?", 5)),
            one.service.decide(Click(card.approval_id, "approve", ALICE)),
        )
        await one.service.idle()

    assert len(slow.events(chat.Answered)) == 2
    assert keys(slow)[0] == "card"


async def test_an_answer_given_on_the_command_line_is_not_sent_anywhere(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("printed")]
    async with opened(settings, endpoint) as one:
        await one.say("Hi", place=Place("cli", "", "default"), actor=chat.Actor("cli", "", "operator"))

        assert await one.app.outbox.places() == []


@pytest.mark.parametrize("text", ["the same", "something else"])
async def test_an_event_that_comes_again_starts_nothing_whatever_it_says(
    settings: Settings, endpoint: ScriptedEndpoint, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad input row 46: the first one is kept; that the second one differs is logged."""
    endpoint.script = [says("once")]
    async with opened(settings, endpoint) as one:
        first = await one.say("the same", event_id="twice")
        second = await one.say(text, event_id="twice")

        assert (second.run_id, second.is_duplicate) == (first.run_id, True)
        assert one.answers() == ["once"]
    warned = [line for line in capsys.readouterr().err.splitlines() if "message.repeated" in line and "warning" in line]
    assert len(warned) == (text != "the same")


async def test_a_reload_shows_the_same_as_those_saw_who_watched(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("notes_search", {"query": ""})), calls(("deploy", {"version": "1"})), says("out")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        await one.click((await one.only_card()).approval_id)

        stored = await one.service.transcript(PLACE)
        assert await _last_lines(one) == {event.call_id: event for event in stored if isinstance(event, chat.ToolLine)}


async def _last_lines(one: Bench) -> dict[str, chat.ToolLine]:
    lines = [event for event in one.adapter.events(chat.ToolLine) if isinstance(event, chat.ToolLine)]
    return {line.call_id: line for line in lines}


async def test_a_delivery_says_since_when_it_waits_how_often_it_was_refused_and_whose_it_is(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It is out.")]
    async with opened(settings, endpoint) as one:
        one.adapter.refuses = SendError("rate limited", retry_after_s=3600)
        before = now_ms()
        await one.say("Deploy 1")
        after = now_ms()
        one.adapter.refuses = None
        await one.tamper("UPDATE outbox SET due_ms = 0")
        await one.service.sweep()
        await one.service.idle()
        (late,) = one.adapter.sent
        await one.click((await one.only_card()).approval_id)

    assert before <= late.since_ms <= after
    assert (late.attempts, late.asked_by) == (1, "web:alice")
    assert {(sent.attempts, sent.asked_by) for sent in one.adapter.sent[1:]} == {(0, "web:alice")}


async def test_a_post_is_nobodys(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await one.app.reader.add_post(PLACE, "Hello, everybody.", key="k")
        await one.service.sweep()
        await one.service.idle()

    assert [(sent.attempts, sent.asked_by) for sent in one.adapter.sent] == [(0, "")]
