"""What its person says to a run that works: handed to it, or left to be answered afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from bot import chat
from bot.chat import Upload
from bot.config.settings import Settings
from bot.desk import Desk
from bot.engine import words
from bot.storage.people import PeopleRows
from tests.models.endpoint import Recorded, ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, PLACE, Bench, opened

pytestmark = pytest.mark.usefixtures("nothing_blocks")
LOOK = ("current_time", {})


@pytest.fixture
def steering(settings: Settings) -> Settings:
    return settings.model_copy(update={"while_busy": "steer"})


@dataclass
class Thinking:
    """A model that thinks until it is let through."""

    answer: dict[str, object]
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _request: Recorded) -> dict[str, object]:
        self.begun.set()
        await self.may_end.wait()
        return self.answer


async def end(one: Bench, *thinking: Thinking) -> None:
    for each in thinking:
        each.may_end.set()
    await one.service.idle()


def told(request: Recorded) -> list[str]:
    """What people have said in a request, oldest first."""
    return [one["content"] for one in request.body["messages"] if one["role"] == "user"]


async def runs(one: Bench) -> list[tuple[object, ...]]:
    return await one.plain("SELECT task, status, answer FROM runs ORDER BY seq")


async def test_what_is_said_meanwhile_is_taken_up_and_answered_there(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("both"), says("later")]
    async with opened(steering, endpoint) as one:
        first = await one.hand_in("one")
        await thinking.begun.wait()
        second = await one.hand_in("two")
        third = await one.hand_in("three")
        await end(one, thinking)

        assert (first.is_steering, first.position) == (False, 0)
        assert [(one.is_steering, one.position) for one in (second, third)] == [(True, 1), (True, 2)]
        assert one.answers() == ["both"]
        assert await runs(one) == [("one", "done", "both"), ("two", "done", None), ("three", "done", None)]
        assert await one.plain("SELECT key FROM outbox") == [(f"answer:{first.run_id}",)]
        assert one.adapter.events(chat.Working).count(chat.Working(second.run_id, "done")) == 1
        await one.say("four")
    roles = [message["role"] for message in endpoint.requests[1].body["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user", "user"]
    assert told(endpoint.requests[1]) == ["one", "two", "three"]
    assert told(endpoint.requests[2]) == ["one\n\ntwo\n\nthree", "four"]


async def test_without_the_setting_it_is_answered_afterwards(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("first"), says("second")]
    async with opened(settings, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        second = await one.hand_in("two")
        await end(one, thinking)

        assert not second.is_steering
        assert one.answers() == ["first", "second"]


async def test_nobody_else_steers_a_run(steering: Settings, endpoint: ScriptedEndpoint) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("alice's"), says("bob's")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        theirs = await one.hand_in("two", actor=BOB)
        await end(one, thinking)

        assert not theirs.is_steering
        assert one.answers() == ["alice's", "bob's"]
    assert told(endpoint.requests[1]) == ["one"]


async def test_what_is_said_in_another_thread_is_answered_there(steering: Settings, endpoint: ScriptedEndpoint) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("elsewhere"), says("here")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        other = await one.hand_in("two", place=replace(PLACE, thread="t2"))
        while not one.answers():
            await asyncio.sleep(0.01)
        await end(one, thinking)

        assert not other.is_steering
        assert one.answers() == ["elsewhere", "here"]
    assert told(endpoint.requests[2]) == ["one"]


async def test_what_something_came_with_is_answered_afterwards_and_so_is_what_follows_it(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("first"), says("second"), says("third")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        attached = await one.hand_in("two", Upload("todo.md", b"milk"))
        await one.hand_in("three")
        await end(one, thinking)

        assert not attached.is_steering
        assert one.answers() == ["first", "second", "third"]
    assert told(endpoint.requests[1]) == ["one"]


async def test_what_comes_while_the_answer_is_written_is_answered_afterwards(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    thinking = Thinking(says("first"))
    endpoint.script = [thinking, says("second")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        await one.hand_in("two")
        await end(one, thinking)

        assert one.answers() == ["first", "second"]


async def test_what_is_said_while_a_run_waits_never_enters_it(
    steering: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    """Not even where it is still in the queue, behind somebody else, when the run goes on."""
    bobs, going_on = Thinking(says("bob's")), Thinking(calls(LOOK))
    endpoint.script = [calls(("deploy", {"version": "1"})), bobs, going_on, says("deployed"), says("late")]
    async with opened(steering, endpoint) as one:
        await one.say("Deploy 1")
        card = await one.only_card()
        await one.hand_in("bob's question", actor=BOB)
        await bobs.begun.wait()
        await one.hand_in("said while it waits")
        await one.service.decide(chat.Click(card.approval_id, "approve", ALICE))
        await going_on.begun.wait()
        await one.hand_in("said while it works")
        going_on.may_end.set()
        while "deployed" not in one.answers():
            await asyncio.sleep(0.01)
        await end(one, bobs)

        assert told(endpoint.requests[3]) == ["Deploy 1", "said while it works"]
        assert told(endpoint.requests[4])[-1] == "said while it waits"
        assert one.answers() == ["deployed", "bob's", "late"]
    assert ledger() == ["1"]


async def test_what_was_stopped_or_deleted_in_the_queue_is_not_taken_up(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("first")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        stopped = await one.hand_in("two")
        await one.hand_in("three", event_id="q3")
        await one.service.stop(PLACE, ALICE, run_id=stopped.run_id)
        await one.service.deleted("q3")
        await end(one, thinking)

        assert [status for _, status, _ in await runs(one)] == ["done", "cancelled", "cancelled"]
    assert told(endpoint.requests[1]) == ["one"]


async def test_a_repeated_delivery_of_what_was_taken_up_starts_nothing(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("both")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        second = await one.hand_in("two", event_id="q2")
        await end(one, thinking)
        again = await one.say("two", event_id="q2")

        assert again == chat.Receipt(second.run_id, is_duplicate=True)
        assert one.answers() == ["both"]


async def test_a_crash_after_it_was_taken_up_loses_nothing_and_says_nothing_twice(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    first, second = Thinking(calls(LOOK)), Thinking(says("never"))
    endpoint.script = [first, second, says("both")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await first.begun.wait()
        await one.hand_in("two")
        first.may_end.set()
        await second.begun.wait()
        await one.service._runner.aclose(within_s=0)

    async with opened(steering, endpoint) as two:
        await two.service.idle()
        assert two.answers() == ["both"]
    assert [told(request) for request in endpoint.requests[1:]] == [["one", "two"], ["one", "two"]]
    assert endpoint.requests[1].body["messages"] == endpoint.requests[2].body["messages"]


async def test_a_crash_before_it_was_taken_up_leaves_it_in_the_queue(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    first = Thinking(says("never"))
    endpoint.script = [first, calls(LOOK), says("both")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await first.begun.wait()
        await one.hand_in("two")
        await one.service._runner.aclose(within_s=0)
        assert [status for _, status, _ in await runs(one)] == ["running", "queued"]

    async with opened(steering, endpoint) as two:
        await two.service.idle()
        assert two.answers() == ["both"]


async def test_the_transcript_shows_what_was_said_and_no_answer_of_its_own(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("both")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        second = await one.hand_in("two")
        await end(one, thinking)
        shown = await one.service.transcript(PLACE)

    said = [event.text for event in shown if isinstance(event, chat.Said | chat.Answered)]
    assert said == ["one", "two", "both"]
    assert [event for event in shown if event == chat.Working(second.run_id, "done")] != []


async def test_whoever_asked_at_the_desk_is_told_where_it_is_answered(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("both")]
    async with opened(steering, endpoint) as one:
        first = asyncio.create_task(Desk(one.app).ask("one"))
        await thinking.begun.wait()
        second = asyncio.create_task(Desk(one.app).ask("two"))
        while len(await runs(one)) < 2:
            await asyncio.sleep(0.01)
        thinking.may_end.set()
        answers = [await first, await second]

    assert [(answer["status"], answer["response"]) for answer in answers] == [
        ("done", "both"),
        ("done", words.TAKEN_UP),
    ]


async def test_a_deleted_question_that_has_taken_up_another_says_that_it_was_stopped(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    """What was said to it later would else be lost without a word."""
    first, second = Thinking(calls(LOOK)), Thinking(says("never"))
    endpoint.script = [first, second]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one", event_id="q1")
        await first.begun.wait()
        await one.hand_in("two", event_id="q2")
        first.may_end.set()
        await second.begun.wait()
        await one.service.deleted("q2")
        edited = await one.service.edited(chat.Inbound("q1:2", PLACE, ALICE, "other", 1), was="q1")
        await one.service.deleted("q1")
        await one.service.idle()

        assert edited is None
        assert [answer.splitlines()[0] for answer in one.answers()] == ["Stopped."]


@pytest.mark.parametrize("is_erased", [True, False])
async def test_what_was_taken_up_is_forgotten_wherever_it_stands(
    steering: Settings, endpoint: ScriptedEndpoint, is_erased: bool
) -> None:
    thinking = Thinking(calls(LOOK))
    endpoint.script = [thinking, says("both")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        await one.hand_in("a secret")
        await end(one, thinking)
        people = PeopleRows(one.app.database)
        if is_erased:
            await people.erase(ALICE.key, by="web:root", scope="web:")
        else:
            await people.forget(before_ms=1 << 45, audit_before_ms=None)

        left = [
            *await one.plain("SELECT task, head, requester_name FROM runs"),
            *await one.plain("SELECT text FROM turns"),
            *await one.plain("SELECT body FROM run_messages"),
        ]
    assert len(left) == 4
    assert "a secret" not in str(left)


async def test_what_a_steered_run_has_read_is_known_to_the_next_one(
    steering: Settings, endpoint: ScriptedEndpoint
) -> None:
    thinking = Thinking(calls(("notes_search", {"query": ""})))
    endpoint.script = [thinking, says("both")]
    async with opened(steering, endpoint) as one:
        await one.hand_in("one")
        await thinking.begun.wait()
        await one.hand_in("two")
        await end(one, thinking)

        assert (await one.context()).taint.private == ("notes_search",)
