"""A message is deleted or edited by its author, or one run is stopped: what ends, what goes on, and what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot import chat
from bot.chat import Actor, Inbound, Upload
from bot.config.settings import Settings
from bot.desk import Desk
from bot.engine import words
from bot.errors import Refused
from bot.storage.people import PeopleRows
from tests.models.endpoint import Recorded, ScriptedEndpoint, calls, says
from tests.pictures import PNG
from tests.service.kit import ALICE, BOB, PLACE, ROOT, Bench, opened

pytestmark = pytest.mark.usefixtures("nothing_blocks")
LATER_MS = 1 << 45


class Door:
    """A model that thinks until it is let through."""

    def __init__(self, answer: dict[str, object]) -> None:
        self.answer = answer
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self, _request: Recorded) -> dict[str, object]:
        self.reached.set()
        await self.open.wait()
        return self.answer


def edit(text: str, event_id: str = "q1:2", actor: Actor = ALICE) -> Inbound:
    return Inbound(event_id, PLACE, actor, text, 5_000)


def pictures(name: str) -> tuple[Upload, ...]:
    return tuple(Upload(f"{name}{number}.png", PNG) for number in range(4))


async def states(one: Bench) -> list[tuple[object, ...]]:
    return await one.plain("SELECT task, status, answer FROM runs ORDER BY seq")


def asked_for(endpoint: ScriptedEndpoint) -> list[str]:
    return [request.body["messages"][-1]["content"] for request in endpoint.requests]


# --- deleted ---


async def test_a_deleted_question_is_not_answered_and_not_remembered(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    door = Door(says("never"))
    endpoint.script = [door, says("fresh")]
    async with opened(settings, endpoint) as one:
        await one.hand_in("forget this", event_id="q1")
        await door.reached.wait()
        await one.service.deleted("q1")
        await one.service.idle()

        assert await states(one) == [("forget this", "cancelled", None)]
        assert one.answers() == []
        assert await one.plain("SELECT kind FROM outbox") == []
        assert one.adapter.events(chat.Working)[-1].status == "cancelled"  # type: ignore[attr-defined]
        await one.say("next")
        assert one.answers() == ["fresh"]
    assert [message["content"] for message in endpoint.requests[1].body["messages"][1:]] == ["next"]


async def test_what_waited_for_a_deleted_question_is_cancelled_and_its_card_shown_again(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1", event_id="q1")
        card = await one.only_card()
        await one.service.deleted("q1")
        await one.service.idle()
        late = await one.click(card.approval_id)

        assert one.adapter.cards()[card.approval_id].state == "cancelled"
        assert late.message == "This request was already cancelled; nothing was run."
        assert one.answers() == []
    assert ledger() == []


async def test_an_effect_under_way_for_a_deleted_question_is_reported_as_unknown(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("slow", {}))]
    async with opened(settings, endpoint) as one:
        await one.hand_in("take long", event_id="q1")
        while not one.adapter.events(chat.ToolLine):
            await asyncio.sleep(0.01)
        await one.service.deleted("q1")
        await one.service.idle()

        (report,) = one.adapter.events(chat.Notice)
        assert isinstance(report, chat.Notice)
        assert report.text.startswith("alice: it is not known whether slow took effect")
        assert one.answers() == []


async def test_a_deleted_question_in_the_queue_is_never_asked(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    door = Door(says("first"))
    endpoint.script = [door, says("third")]
    async with opened(settings, endpoint) as one:
        await one.hand_in("one", event_id="q1")
        await door.reached.wait()
        await one.hand_in("two", event_id="q2")
        await one.hand_in("three", event_id="q3")
        await one.service.deleted("q2")
        door.open.set()
        await one.service.idle()

        assert one.answers() == ["first", "third"]


async def test_deleting_what_is_answered_or_unknown_changes_nothing(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("done")]
    async with opened(settings, endpoint) as one:
        await one.say("Hi", event_id="q1")
        await one.service.deleted("q1")
        await one.service.deleted("nobody knows")
        await one.service.idle()

        assert await states(one) == [("Hi", "done", "done")]
        assert one.answers() == ["done"]


async def test_a_question_that_is_deleted_before_it_is_shown_is_shown_as_over_in_the_end(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with opened(settings, endpoint) as one:

        async def show(place: chat.Place, event: chat.Event) -> None:
            if isinstance(event, chat.Said):
                await one.service.deleted("q1")
            one.adapter.shown.append((place, event))

        one.adapter.show = show  # type: ignore[method-assign]  # a platform that is slow to show
        await one.say("forget this", event_id="q1")

        states = [event.status for event in one.adapter.events(chat.Working)]  # type: ignore[attr-defined]
        assert states[-2:] == ["running", "cancelled"]
    assert endpoint.requests == []


async def test_the_transcript_of_a_deleted_question_ends_with_its_state(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    door = Door(says("never"))
    endpoint.script = [door]
    async with opened(settings, endpoint) as one:
        receipt = await one.hand_in("forget this", event_id="q1")
        await door.reached.wait()
        await one.service.deleted("q1")

        said = await one.service.transcript(PLACE)
    assert said[-1] == chat.Working(receipt.run_id, "cancelled")
    assert not [event for event in said if isinstance(event, chat.Answered)]


async def test_whoever_asked_at_the_desk_is_told_that_there_is_no_answer(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    door = Door(says("never"))
    endpoint.script = [door]
    async with opened(settings, endpoint) as one:
        asking = asyncio.create_task(Desk(one.app).ask("Hello?"))
        await door.reached.wait()
        ((event_id,),) = await one.plain("SELECT event_id FROM runs")
        await one.service.deleted(str(event_id))
        answer = await asking

    assert (answer["status"], answer["response"]) == ("cancelled", words.UNANSWERED)


async def test_a_picture_of_a_deleted_question_is_not_sent_with_what_is_asked_later(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    door = Door(says("never"))
    endpoint.script = [says("one"), says("two"), door]
    async with opened(settings, endpoint, vision=True) as one:
        await one.say("look", *pictures("first"))
        await one.say("and look", *pictures("second"))
        await one.hand_in("and this", *pictures("gone"), event_id="q3")
        await door.reached.wait()
        await one.service.deleted("q3")
        context = await one.context()

    kept = {part.name for parts in context.attachments.values() for part in parts}
    assert kept == {one.name for one in (*pictures("first"), *pictures("second"))}


@pytest.mark.parametrize("is_erased", [True, False])
async def test_the_words_of_a_deleted_question_are_forgotten_like_any(
    settings: Settings, endpoint: ScriptedEndpoint, is_erased: bool
) -> None:
    door = Door(says("never"))
    endpoint.script = [door]
    async with opened(settings, endpoint) as one:
        await one.hand_in("a secret", event_id="q1")
        await door.reached.wait()
        await one.service.deleted("q1")
        people = PeopleRows(one.app.database)
        if is_erased:
            await people.erase(ALICE.key, by="web:root", scope="web:")
        else:
            await people.forget(before_ms=LATER_MS, audit_before_ms=None)

        ((task, status, answer, name, head),) = await one.plain(
            "SELECT task, status, answer, requester_name, head FROM runs"
        )
    assert (task, status, answer, name) == ("[erased]", "cancelled", None, "")
    assert "a secret" not in str(head)


# --- edited ---


async def test_an_edited_question_is_asked_anew_and_only_once_answered(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    door = Door(says("never"))
    endpoint.script = [door, says("right")]
    async with opened(settings, endpoint) as one:
        await one.hand_in("wrnog", event_id="q1")
        await door.reached.wait()
        receipt = await one.service.edited(edit("right?"), was="q1")
        await one.service.idle()

        assert receipt is not None
        assert (receipt.is_duplicate, receipt.position) == (False, 0)
        assert await states(one) == [("wrnog", "cancelled", None), ("right?", "done", "right")]
        assert one.answers() == ["right"]
        said = [event.text for event in one.adapter.events(chat.Said)]  # type: ignore[attr-defined]
        assert said == ["wrnog", "right?"]
    assert asked_for(endpoint) == ["wrnog", "right?"]


async def test_an_edit_that_comes_twice_starts_one_run(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    door = Door(says("never"))
    endpoint.script = [door, says("right")]
    async with opened(settings, endpoint) as one:
        await one.hand_in("wrnog", event_id="q1")
        await door.reached.wait()
        first = await one.service.edited(edit("right?"), was="q1")
        again = await one.service.edited(edit("right?"), was="q1")
        await one.service.idle()

        assert first is not None
        assert again == chat.Receipt(first.run_id, is_duplicate=True)
        assert one.answers() == ["right"]


async def test_an_edit_of_an_edit_takes_the_place_of_the_newer_one(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    first, second = Door(says("never")), Door(says("never"))
    endpoint.script = [first, second, says("third")]
    async with opened(settings, endpoint) as one:
        await one.hand_in("one", event_id="q1")
        await first.reached.wait()
        await one.service.edited(edit("two", "q1:2"), was="q1")
        await second.reached.wait()
        await one.service.edited(edit("three", "q1:3"), was="q1:2")
        await one.service.idle()

        assert one.answers() == ["third"]


async def test_an_edited_question_in_the_queue_is_asked_as_it_reads_now(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    door = Door(says("first"))
    endpoint.script = [door, says("second")]
    async with opened(settings, endpoint) as one:
        await one.hand_in("one", event_id="q0", actor=BOB)
        await door.reached.wait()
        await one.hand_in("tow", event_id="q1")
        receipt = await one.service.edited(edit("two"), was="q1")
        door.open.set()
        await one.service.idle()

        assert receipt is not None
        assert receipt.position == 1
        assert one.answers() == ["first", "second"]
    assert asked_for(endpoint) == ["one", "two"]


async def test_an_edit_cancels_what_waits_and_nothing_of_it_runs(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), calls(("deploy", {"version": "2"})), says("done")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1", event_id="q1")
        old = await one.only_card()
        await one.service.edited(edit("Deploy 2"), was="q1")
        await one.service.idle()
        new = await one.only_card()
        late = await one.click(old.approval_id)
        await one.click(new.approval_id)

        assert not late.is_accepted
        assert one.adapter.cards()[old.approval_id].state == "cancelled"
    assert ledger() == ["2"]


async def test_an_edit_after_something_has_started_changes_nothing(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("slow", {}))]
    async with opened(settings, endpoint) as one:
        await one.hand_in("take long", event_id="q1")
        while not one.adapter.events(chat.ToolLine):
            await asyncio.sleep(0.01)

        assert await one.service.edited(edit("take longer"), was="q1") is None
        assert await states(one) == [("take long", "running", None)]
        assert await one.plain("SELECT state FROM calls") == [("started",)]
        await one.service.stop(PLACE, ALICE)


async def test_an_effect_that_starts_while_the_edit_is_looked_at_goes_on(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("done")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1", event_id="q1")
        card = await one.only_card()
        old = await one.service._stops.unbegun("q1", ALICE)
        assert old is not None
        await one.click(card.approval_id)
        new = replace(old.run, id="new", task="Deploy 2", calls=(), messages=())

        late = await one.service._stops.exchange(old, new, event_id="q1:2", at_ms=1, attachments=())

        assert late is None
        assert await states(one) == [("Deploy 1", "done", "done")]
    assert ledger() == ["1"]


@pytest.mark.parametrize(
    ("text", "was", "actor"),
    [("Deploy  1 ", "q1", ALICE), ("Deploy 2", "q1", BOB), ("Deploy 2", "q1", ROOT), ("Deploy 2", "never", ALICE)],
)
async def test_an_edit_without_another_text_of_its_author_changes_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, text: str, was: str, actor: Actor
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy  1", event_id="q1")

        assert await one.service.edited(edit(text, actor=actor), was=was) is None
        assert await states(one) == [("Deploy  1", "waiting", None)]


async def test_an_answered_question_may_be_edited_without_another_answer(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("done")]
    async with opened(settings, endpoint) as one:
        await one.say("Hi", event_id="q1")

        assert await one.service.edited(edit("Hi!"), was="q1") is None
        assert one.answers() == ["done"]


async def test_an_edit_to_nothing_is_refused_and_the_question_is_still_answered(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    door = Door(says("done"))
    endpoint.script = [door]
    async with opened(settings, endpoint) as one:
        await one.hand_in("Hi", event_id="q1")
        await door.reached.wait()
        with pytest.raises(Refused):
            await one.service.edited(edit("  "), was="q1")
        door.open.set()
        await one.service.idle()

        assert one.answers() == ["done"]


async def test_a_crash_after_an_edit_leaves_the_new_question_to_be_answered(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    first, second = Door(says("never")), Door(says("never"))
    endpoint.script = [first, second, says("right")]
    async with opened(settings, endpoint) as one:
        await one.hand_in("wrnog", event_id="q1")
        await first.reached.wait()
        await one.service.edited(edit("right?"), was="q1")
        await second.reached.wait()
        await one.service._runner.aclose(within_s=0)

    async with opened(settings, endpoint) as two:
        again = await two.service.edited(edit("right?"), was="q1")
        await two.service.idle()
        assert again is not None
        assert again.is_duplicate
        assert two.answers() == ["right"]


# --- one run ---


async def test_stop_with_a_run_stops_that_one_alone(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    door = Door(says("first"))
    endpoint.script = [door, says("third")]
    async with opened(settings, endpoint) as one:
        await one.hand_in("one")
        await door.reached.wait()
        second = await one.hand_in("two")
        await one.hand_in("three")

        assert await one.service.stop(PLACE, ALICE, run_id=second.run_id) == "Stopped."
        door.open.set()
        await one.service.idle()
        assert one.answers() == ["Stopped by alice.", "first", "third"]


async def test_stop_says_whose_a_run_is_and_that_it_is_over(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    door = Door(says("first"))
    endpoint.script = [door]
    async with opened(settings, endpoint) as one:
        receipt = await one.hand_in("one")
        await door.reached.wait()
        theirs = await one.service.stop(PLACE, BOB, run_id=receipt.run_id)
        elsewhere = await one.service.stop(replace(PLACE, thread="t2"), ALICE, run_id=receipt.run_id)
        by_admin = await one.service.stop(PLACE, ROOT, run_id=receipt.run_id)
        again = await one.service.stop(PLACE, ALICE, run_id=receipt.run_id)

    assert theirs == "Only who asked for this, or an admin, can stop it."
    assert elsewhere == "This has ended already; there is nothing to stop."
    assert by_admin == "Stopped."
    assert again == "This has ended already; there is nothing to stop."
