"""Answers on Slack: the message a run was shown in becomes its answer, and stands there once whatever goes wrong."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from adapters.slack.outbound.marks import found_in, name_of
from bot.errors import PlaceGone, SendError
from tests.adapters.slack.stage import RUN, Stage, stage_on
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.messages import Message
from tests.adapters.slack.wire.world import Channel, User

ANSWER = "The **answer** has a few words,\n\n```py\nprint('and code')\n```\n\nand an end."
HALF = ANSWER[: ANSWER.index("and code")]
SHOWN = f"{ANSWER}\nGood"


async def delivered(stage: Stage, text: str = ANSWER, *, attempts: int = 0) -> str:
    """Deliver it as the outbox does: again, until it is taken."""
    for attempt in range(attempts, 20):
        try:
            return await stage.answer(text, attempts=attempt)
        except PlaceGone:
            raise
        except SendError:
            continue
    raise AssertionError("it was never taken")


def name_in(message: Message) -> str:
    return found_in({"metadata": message.metadata})[0]


async def half_shown(stage: Stage) -> Message:
    """A run in the middle of its answer."""
    stage.begin()
    stage.write(HALF)
    return await stage.drawn("few words")


# the message becomes the answer


async def test_the_stream_becomes_the_answer(stage: Stage) -> None:
    message = await half_shown(stage)

    receipt = await delivered(stage)
    await stage.ended()

    assert [one.ts for one in stage.said()] == [message.ts] == [receipt]
    assert message.shown == SHOWN
    assert name_in(message) == name_of(f"answer:{RUN}:0")
    assert message.stream is not None
    assert message.stream.state == "stopped"
    assert stage.status == "active"


async def test_an_answer_with_calls_takes_few_calls_of_slack(slack: SlackServer, stage: Stage) -> None:
    stage.begin()
    for number in range(3):
        stage.call(str(number), "started")
        stage.call(str(number), "done")
    await stage.drawn("look")
    await delivered(stage)
    await stage.ended()

    assert [one.method for one in slack.calls()] == [
        "agents.sessions.setStatus",
        "chat.startStream",
        "chat.stopStream",
    ]
    (message,) = stage.said()
    assert [one["type"] for one in message.blocks] == ["task_card"] * 3 + ["markdown", "actions"]


async def test_an_answer_that_comes_at_once_is_one_message_with_its_calls_above(
    slack: SlackServer, stage: Stage
) -> None:
    stage.begin()
    stage.call("1", "done", by="ben")

    await delivered(stage)
    await stage.ended()

    (message,) = stage.said()
    assert message.shown == f"✅ `look` done · 2.1 s · approved by ben\n{SHOWN}"
    assert slack.calls("chat.startStream") == []


async def test_words_of_the_bot_itself_take_the_place_of_half_an_answer(stage: Stage) -> None:
    stage.begin()
    stage.call("1", "done")
    stage.write("Half of it is here, and ")
    message = await stage.drawn("Half of it")

    await delivered(stage, "The model cannot be reached.")
    await stage.ended()

    assert [one.ts for one in stage.said()] == [message.ts]
    assert message.shown == "✅ `look` done · 2.1 s\nThe model cannot be reached.\nGood"


@pytest.mark.parametrize("before", ["", "\n\n"])
async def test_blank_lines_around_an_answer_are_no_other_words(slack: SlackServer, stage: Stage, before: str) -> None:
    stage.begin()
    stage.write(f"{before}One line.\n")
    await stage.drawn("One line.")

    await delivered(stage, f"{before}One line.\n")

    assert slack.calls("chat.update") == []
    assert [one.shown.split() for one in stage.said()] == [["One", "line.", "Good"]]


async def test_a_post_without_a_run_is_sent_as_it_is(stage: Stage) -> None:
    await stage.answer("Good morning.", "")

    assert [one.shown for one in stage.said()] == ["Good morning."]


async def test_a_long_answer_goes_on_in_more_messages_with_whole_fences(stage: Stage) -> None:
    lines = "\n".join(f"line {number}" for number in range(2_000))
    text = f"The beginning.\n\n```\n{lines}\n```\nThe end."
    stage.begin()
    for end in range(2_000, len(text), 2_000):
        stage.write(text[:end])
        await stage.drawn(text[:end].split("\n")[-3][:8])
        if end > 8_000:
            break

    await delivered(stage, text)

    parts = [one.shown.removesuffix("\nGood") for one in stage.said()]
    assert len(parts) > 1
    assert all(part.count("```") % 2 == 0 and len(part) <= 12_000 for part in parts)
    assert [one for part in parts for one in part.splitlines() if one.startswith("line ")] == lines.splitlines()
    assert [one.shown.endswith("Good") for one in stage.said()] == [False] * (len(parts) - 1) + [True]


async def test_a_very_long_answer_comes_as_a_file_too(stage: Stage) -> None:
    text = "word " * 10_000
    stage.begin()
    stage.write(text[:1_000])
    message = await stage.drawn("word word")

    await delivered(stage, text)

    first, second = stage.said()
    assert first.ts == message.ts
    assert [(one.name, one.content) for one in second.files] == [("answer.md", text.encode())]


@pytest.mark.parametrize("has_streams", [True, False])
async def test_a_first_message_that_is_just_being_made_becomes_the_answer(
    slack: SlackServer, stage: Stage, *, has_streams: bool
) -> None:
    if not has_streams:
        slack.faults.fail("chat.startStream", "unknown_method")
    method = "chat.startStream" if has_streams else "chat.postMessage"
    slack.faults.slow(method, 0.1)
    stage.begin()
    stage.write(HALF)
    await slack.until(lambda: slack.calls(method))

    receipt = await delivered(stage)
    await stage.ended()

    assert [one.ts for one in stage.said()] == [receipt]
    assert len(slack.calls("chat.postMessage")) == (0 if has_streams else 1)


# exactly once

CALLS = ["chat.startStream", "chat.appendStream", "chat.stopStream", "agents.sessions.setStatus"]


@pytest.mark.parametrize("fault", ["lose", "cut", "limit", "internal_error", 503])
@pytest.mark.parametrize("method", CALLS)
async def test_a_streamed_answer_is_there_once_whatever_call_goes_wrong(
    slack: SlackServer, stage: Stage, method: str, fault: str | int
) -> None:
    order(slack, method, fault)
    stage.begin()
    stage.call("1", "done")
    stage.write(HALF[:20])
    await slack.until(lambda: slack.calls("chat.startStream"))
    stage.write(HALF)
    await slack.until(lambda: slack.calls("chat.appendStream") or len(slack.calls("chat.startStream")) > 1)

    receipt = await delivered(stage)
    await stage.ended()

    assert [one.ts for one in stage.said()] == [receipt]
    assert stage.said()[0].shown.endswith(SHOWN)
    assert stage.status == "active"


@pytest.mark.parametrize("fault", ["lose", "cut", "limit", "internal_error", 503])
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
async def test_an_answer_without_a_stream_is_there_once_whatever_call_goes_wrong(
    slack: SlackServer, stage: Stage, method: str, fault: str | int
) -> None:
    slack.faults.fail("chat.startStream", "unknown_method", times=99)
    order(slack, method, fault)
    stage.begin()
    stage.write(HALF[:20])
    await slack.until(lambda: slack.calls("chat.postMessage"))
    stage.write(HALF)

    receipt = await delivered(stage)
    await stage.ended()

    assert [one.ts for one in stage.said()] == [receipt]
    assert stage.said()[0].shown == SHOWN


@pytest.mark.parametrize("fault", ["lose", "cut", "internal_error"])
async def test_an_answer_that_was_not_shown_is_there_once_whatever_goes_wrong(
    slack: SlackServer, stage: Stage, fault: str
) -> None:
    order(slack, "chat.postMessage", fault)
    stage.begin()

    receipt = await delivered(stage)

    assert [one.ts for one in stage.said()] == [receipt]


@pytest.mark.parametrize("fault", ["lose", "cut", 503])
@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_a_file_is_there_once_whatever_call_goes_wrong(
    slack: SlackServer, stage: Stage, method: str, fault: str | int
) -> None:
    order(slack, method, fault)

    await delivered(stage, "word " * 10_000)

    assert [[file.name for file in one.files] for one in stage.said()] == [[], ["answer.md"]]


async def test_the_stop_and_the_look_after_it_may_both_be_lost(slack: SlackServer, stage: Stage) -> None:
    message = await half_shown(stage)
    slack.faults.lose("chat.stopStream")
    slack.faults.cut("conversations.replies", times=12)

    await delivered(stage)

    assert [one.ts for one in stage.said()] == [message.ts]
    assert message.shown == SHOWN


# a stream that is over


@pytest.mark.parametrize("how", ["expired", "stopped by anna"])
async def test_a_stream_that_is_over_is_changed_into_the_answer(
    slack: SlackServer, stage: Stage, room: Channel, anna: User, how: str
) -> None:
    stage.begin()
    stage.call("1", "done")
    stage.write(HALF)
    message = await stage.drawn("few words")
    if how == "expired":
        slack.expire(message)
    else:
        slack.stop_session(anna, room, stage.thread)

    receipt = await delivered(stage)

    assert [one.ts for one in stage.said()] == [message.ts] == [receipt]
    assert message.shown == f"✅ `look` done · 2.1 s\n{SHOWN}"
    assert name_in(message) == name_of(f"answer:{RUN}:0")


@pytest.mark.parametrize("fault", ["lose", "cut", 503])
async def test_a_change_into_the_answer_that_was_lost_is_made_once(
    slack: SlackServer, stage: Stage, fault: str | int
) -> None:
    message = await half_shown(stage)
    slack.expire(message)
    order(slack, "chat.update", fault)

    await delivered(stage)

    assert [one.ts for one in stage.said()] == [message.ts]
    assert message.shown == SHOWN


@pytest.mark.parametrize("how", ["deleted", "too old", "refused"])
async def test_where_the_message_cannot_become_the_answer_it_is_sent(
    slack: SlackServer, stage: Stage, how: str
) -> None:
    message = await half_shown(stage)
    if how == "deleted":
        slack.delete(message)
    else:
        slack.expire(message)
        slack.faults.fail("chat.update", "edit_window_closed" if how == "too old" else "cant_update_message", times=9)

    receipt = await delivered(stage)
    await stage.ended()

    assert [one.ts for one in stage.said()] == [receipt] != [message.ts]
    assert stage.said()[0].shown == SHOWN


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("code", ["invalid_blocks", "streaming_mode_mismatch", "invalid_chunks"])
async def test_what_slack_does_not_take_at_the_end_of_a_stream_it_takes_as_a_change(
    slack: SlackServer, stage: Stage, code: str, times: int
) -> None:
    message = await half_shown(stage)
    slack.faults.fail("chat.stopStream", code, times=times)

    await delivered(stage)

    assert [one.ts for one in stage.said()] == [message.ts]
    assert message.shown == SHOWN


async def test_in_a_channel_that_is_archived_by_then_the_answer_cannot_be_said(stage: Stage, room: Channel) -> None:
    await half_shown(stage)
    room.is_archived = True

    with pytest.raises(PlaceGone):
        await delivered(stage)

    await stage.ended()


# after a crash


async def restarted(stage: Stage) -> AsyncIterator[Stage]:
    """The process that comes after one that ended where it stood."""
    await stage.live.aclose()
    async with stage_on(stage.slack, stage.place, stage.anna, began_s=time.time()) as later:
        later.since_ms = stage.since_ms
        yield later


@pytest.mark.parametrize("has_streams", [True, False])
async def test_a_run_that_goes_on_after_a_crash_shows_nothing_twice(
    slack: SlackServer, stage: Stage, *, has_streams: bool
) -> None:
    if not has_streams:
        slack.faults.fail("chat.startStream", "unknown_method", times=99)
    before = await half_shown(stage)

    async for later in restarted(stage):
        later.begin(is_told=False)
        later.write(HALF)
        await slack.until(lambda: before.is_deleted)
        shown = await later.drawn("few words")
        receipt = await delivered(later)
        await later.ended()

    assert [one.ts for one in stage.said()] == [shown.ts] == [receipt]
    assert shown.shown == SHOWN


@pytest.mark.parametrize("has_streams", [True, False])
async def test_a_run_that_answers_at_once_after_a_crash_leaves_nothing_half_shown(
    slack: SlackServer, stage: Stage, *, has_streams: bool
) -> None:
    if not has_streams:
        slack.faults.fail("chat.startStream", "unknown_method", times=99)
    before = await half_shown(stage)

    async for later in restarted(stage):
        later.begin(is_told=False)
        receipt = await delivered(later)

    assert before.is_deleted
    assert [one.ts for one in stage.said()] == [receipt]


async def test_a_run_that_goes_on_after_a_crash_is_streamed_to_who_began_the_thread(stage: Stage, anna: User) -> None:
    async for later in restarted(stage):
        later.begin(is_told=False)
        later.write(HALF)
        message = await later.drawn("few words")

    assert message.stream is not None
    assert (message.stream.recipient_user, message.stream.recipient_team) == (anna.id, anna.team)


@pytest.mark.parametrize("has_streams", [True, False])
async def test_an_answer_that_a_crash_kept_from_being_sent_is_sent_and_what_was_half_shown_goes(
    slack: SlackServer, stage: Stage, *, has_streams: bool
) -> None:
    if not has_streams:
        slack.faults.fail("chat.startStream", "unknown_method", times=99)
    before = await half_shown(stage)

    async for later in restarted(stage):
        receipt = await delivered(later)

    assert before.is_deleted
    assert [one.ts for one in stage.said()] == [receipt]
    assert stage.said()[0].shown == SHOWN


@pytest.mark.parametrize("has_streams", [True, False])
async def test_an_answer_that_was_there_before_the_crash_is_found(
    slack: SlackServer, stage: Stage, *, has_streams: bool
) -> None:
    """It was sent, and the process ended before it could be noted."""
    if not has_streams:
        slack.faults.fail("chat.startStream", "unknown_method", times=99)
    await half_shown(stage)
    before = await delivered(stage)

    async for later in restarted(stage):
        after = await delivered(later)

    assert after == before
    assert [one.ts for one in stage.said()] == [before]


async def test_what_was_left_before_a_wait_is_not_taken_for_something_half_finished(stage: Stage) -> None:
    stage.begin()
    stage.call("1", "done")
    kept = await stage.drawn("look")
    stage.end("waiting")
    await stage.ended()

    async for later in restarted(stage):
        later.begin(is_told=False)
        later.call("2", "started", tool="deploy")
        await later.drawn("deploy")
        await delivered(later)
        await later.ended()

    first, second = stage.said()
    assert first.ts == kept.ts
    assert "The **answer**" in second.shown


async def test_the_messages_of_others_are_left_alone(
    slack: SlackServer, stage: Stage, room: Channel, anna: User
) -> None:
    theirs = slack.say(anna, room, "mine", thread=stage.thread)
    await half_shown(stage)

    async for later in restarted(stage):
        await delivered(later)

    assert not theirs.is_deleted


def order(slack: SlackServer, method: str, fault: str | int) -> None:
    """Let the next call of a method go wrong."""
    match fault:
        case "lose" | "cut":
            getattr(slack.faults, fault)(method)
        case "limit":
            slack.faults.limit(method, retry_after=1)
        case _:
            slack.faults.fail(method, fault)
