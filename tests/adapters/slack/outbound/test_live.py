"""What passes on Slack: the session of the thread, a task for each tool, the text as it is written."""

from __future__ import annotations

import pytest

from bot.chat import TextSoFar, Working
from tests.adapters.slack.homes import place_of
from tests.adapters.slack.stage import RUN, Stage, asked, stage_on
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.messages import Message, words
from tests.adapters.slack.wire.world import Channel, User


def tasks(message: Message) -> list[tuple[str, str, str]]:
    """Title, state and details of each task of a stream."""
    cards = [one for one in message.blocks if one["type"] == "task_card"]
    return [
        (one["title"], one["status"], "".join(words([one["details"]] if "details" in one else []))) for one in cards
    ]


def methods(slack: SlackServer) -> list[str]:
    return [one.method for one in slack.calls()]


# the session of the thread


async def test_the_thread_says_at_once_that_the_bot_works_and_then_that_it_is_done(
    slack: SlackServer, stage: Stage
) -> None:
    stage.begin()
    await slack.until(lambda: stage.status == "processing")

    await stage.answer("Quick.")
    await stage.ended()

    assert stage.statuses == ["processing", "active"]
    assert methods(slack) == ["agents.sessions.setStatus", "chat.postMessage", "agents.sessions.setStatus"]


async def test_a_new_session_is_named_after_the_question(slack: SlackServer, stage: Stage) -> None:
    stage.begin()

    await slack.until(lambda: stage.status)

    assert [one.title for one in slack.world.sessions.values()] == ["a question"]


async def test_a_run_that_waits_for_people_is_suspended(slack: SlackServer, stage: Stage) -> None:
    stage.begin()
    await slack.until(lambda: stage.status == "processing")

    stage.call("1", "waiting")
    stage.end("waiting")
    await stage.ended()

    assert stage.status == "suspended"
    assert stage.said() == []


async def test_where_an_app_has_no_sessions_the_thread_says_that_it_thinks(slack: SlackServer, stage: Stage) -> None:
    slack.app.is_agent = False
    stage.begin()
    await slack.until(lambda: slack.calls("assistant.threads.setStatus"))

    await stage.answer("Quick.")
    await stage.ended()
    stage.begin("run-2")
    await slack.until(lambda: len(slack.calls("assistant.threads.setStatus")) == 3)

    said = [one.args["status"] for one in slack.calls("assistant.threads.setStatus")]
    assert said == ["is thinking…", "", "is thinking…"]
    assert len(slack.calls("agents.sessions.setStatus")) == 1


async def test_where_nothing_can_be_said_of_it_the_answer_comes_all_the_same(slack: SlackServer, stage: Stage) -> None:
    slack.faults.fail("agents.sessions.setStatus", "unknown_method", times=9)
    slack.faults.fail("assistant.threads.setStatus", "missing_scope", times=9)
    stage.begin()

    await stage.answer("Quick.")
    await stage.ended()

    assert [one.shown for one in stage.said()] == ["Quick.\nGood"]


async def test_the_thread_does_not_go_on_saying_that_the_bot_works_after_a_lost_call(
    slack: SlackServer, stage: Stage
) -> None:
    stage.begin()
    await slack.until(lambda: stage.status == "processing")
    slack.faults.cut("agents.sessions.setStatus", times=4)

    stage.end("cancelled")
    await slack.until(lambda: stage.status == "active")

    assert stage.said() == []


async def test_a_run_that_is_over_does_not_end_the_session_of_the_next(stage: Stage) -> None:
    stage.begin()
    stage.write("Some words to begin with, ")
    await stage.drawn("Some words")
    stage.begin("run-2")

    await stage.answer("Some words to begin with, and more.")
    await stage.ended()

    assert stage.status == "processing"


# the stream


@pytest.mark.parametrize("is_direct", [False, True])
async def test_words_are_streamed_to_who_asked(
    slack: SlackServer, room: Channel, anna: User, *, is_direct: bool
) -> None:
    async with stage_on(slack, asked(slack, anna, None if is_direct else room), anna) as stage:
        stage.begin()
        stage.write("Some words are ")
        message = await stage.drawn("Some words are")
        stage.write("Some words are shown while they are written, and ")
        await stage.drawn("while they are written")

    assert message.stream is not None
    assert (message.stream.recipient_user, message.stream.recipient_team) == (anna.id, anna.team)
    assert message.stream.text == "Some words are shown while they are written, and "


async def test_few_words_are_not_sent_one_by_one(slack: SlackServer, stage: Stage) -> None:
    stage.begin()
    stage.write("word ")
    await stage.drawn("word")
    for count in range(2, 101):
        stage.live.show(stage.place, TextSoFar(RUN, "word " * count))
    await stage.drawn("word " * 99)

    assert len(slack.calls("chat.appendStream")) == 1


async def test_each_call_is_a_task_of_its_own_state(slack: SlackServer, stage: Stage) -> None:
    stage.begin()
    stage.call("1", "started", by="ben")
    stage.call("2", "started", tool="fetch")
    message = await stage.drawn("look")
    assert tasks(message) == [("look", "in_progress", ""), ("fetch", "in_progress", "")]

    stage.call("1", "done", by="ben")
    stage.call("2", "failed", tool="fetch")
    await slack.until(lambda: "in_progress" not in str(tasks(message)))

    assert tasks(message) == [
        ("look", "complete", "done · 2.1 s · approved by ben"),
        ("fetch", "error", "failed · 2.1 s"),
    ]


async def test_what_waits_for_approval_has_no_task(stage: Stage) -> None:
    stage.begin()
    stage.call("1", "done")
    stage.call("2", "waiting", tool="deploy")
    message = await stage.drawn("look")

    assert [title for title, _, _ in tasks(message)] == ["look"]


async def test_the_words_before_a_call_stand_above_it_and_those_after_it_below(stage: Stage) -> None:
    stage.begin()
    stage.write("I look it up.")
    stage.call("1", "started")
    message = await stage.drawn("look")
    stage.call("1", "done")
    stage.write("It is there.\n")
    await stage.drawn("It is there.")

    assert [one["type"] for one in message.blocks] == ["markdown", "task_card", "markdown"]


async def test_names_in_a_task_do_not_ping(stage: Stage) -> None:
    stage.begin()
    stage.call("1", "done", tool="<@U0BEN>", by="<!channel>")
    message = await stage.drawn("‹@U0BEN›")

    assert "<" not in str(tasks(message))


async def test_before_a_wait_the_stream_is_closed_and_left(stage: Stage) -> None:
    stage.begin()
    stage.write("I look, then I ")
    stage.call("1", "done")
    message = await stage.drawn("look")
    stage.end("waiting")
    await stage.ended()

    assert message.stream is not None
    assert message.stream.state == "stopped"
    assert "I look, then I" in message.shown
    assert stage.status == "suspended"


async def test_after_a_wait_a_new_stream_begins(stage: Stage) -> None:
    stage.begin()
    stage.call("1", "done")
    await stage.drawn("look")
    stage.end("waiting")
    await stage.ended()
    stage.begin()
    stage.call("2", "started", tool="deploy", by="ben")
    await stage.drawn("deploy")
    await stage.answer("It is out.")
    await stage.ended()

    first, second = stage.said()
    assert [title for title, _, _ in tasks(first)] == ["look"]
    assert [title for title, _, _ in tasks(second)] == ["deploy"]
    assert "It is out." in second.shown
    assert stage.statuses == ["processing", "suspended", "processing", "active"]


async def test_a_run_that_goes_on_before_its_wait_is_shown_begins_anew_too(slack: SlackServer, stage: Stage) -> None:
    slack.faults.slow("chat.stopStream", 0.1)
    stage.begin()
    stage.call("1", "done")
    await stage.drawn("look")
    stage.end("waiting")
    stage.begin()
    stage.call("2", "started", tool="deploy")
    await stage.drawn("deploy")
    await stage.answer("It is out.")
    await stage.ended()

    assert [[title for title, _, _ in tasks(one)] for one in stage.said()] == [["look"], ["deploy"]]
    assert stage.status == "active"


@pytest.mark.parametrize("has_called", [False, True])
async def test_a_run_that_ends_without_a_word_leaves_only_its_tools(stage: Stage, *, has_called: bool) -> None:
    stage.begin()
    if has_called:
        stage.call("1", "done")
    stage.write("Half of ")
    await stage.drawn("Half of")
    stage.end("cancelled")
    await stage.ended()

    assert [one.shown for one in stage.said()] == (["✅ `look` done · 2.1 s"] if has_called else [])
    assert stage.status == "active"


async def test_a_run_that_ends_after_a_crash_leaves_nothing_half_shown(
    slack: SlackServer, stage: Stage, room: Channel, anna: User
) -> None:
    stage.begin()
    stage.write("Half of ")
    before = await stage.drawn("Half of")
    await stage.live.aclose()

    async with stage_on(slack, stage.place, anna) as later:
        later.begin(is_told=False)
        later.end("cancelled")
        await later.ended()

    assert before.is_deleted


# a stream that cannot go on


async def test_a_stream_that_grows_old_is_replaced_by_one_with_everything(
    slack: SlackServer, room: Channel, anna: User
) -> None:
    async with stage_on(slack, asked(slack, anna, room), anna, stream_s=0.1) as stage:
        stage.begin()
        stage.call("1", "done")
        stage.write("Some words are ")
        first = await stage.drawn("Some words are")
        await slack.until(lambda: first.is_deleted)
        stage.write("Some words are there in the end.\n")
        await stage.drawn("in the end")

        (second,) = stage.said()
        assert tasks(second) == [("look", "complete", "done · 2.1 s")]
        assert second.stream is not None
        assert second.stream.text == "Some words are there in the end.\n"


async def test_a_stream_that_slack_closed_is_replaced_by_one_with_everything(slack: SlackServer, stage: Stage) -> None:
    slack.world.rules.stream_idle_s = 0.0
    stage.begin()
    stage.write("Some words are ")
    first = await stage.drawn("Some words are")
    slack.world.rules.stream_idle_s = 300.0
    slack.expire(first)
    stage.write("Some words are there.\n")
    await slack.until(lambda: first.is_deleted)

    assert [one.shown for one in stage.said()] == ["Some words are there.\n"]


async def test_words_that_are_taken_back_are_not_left_standing(slack: SlackServer, stage: Stage) -> None:
    """A reply that broke off is asked for again."""
    stage.begin()
    stage.write("The first try of it ")
    first = await stage.drawn("The first try")
    stage.write("Another beginning of it ")
    await slack.until(lambda: first.is_deleted)

    assert [one.shown for one in stage.said()] == ["Another beginning of it "]


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream"])
@pytest.mark.parametrize("fault", ["lose", "cut"])
async def test_a_lost_call_leaves_nothing_twice(slack: SlackServer, stage: Stage, method: str, fault: str) -> None:
    getattr(slack.faults, fault)(method)
    stage.begin()
    stage.write("Some words are ")
    await slack.until(lambda: slack.calls("chat.startStream"))
    stage.write("Some words are there, and ")
    await slack.until(lambda: [one.shown for one in stage.said()] == ["Some words are there, and "])


async def test_where_the_pace_is_limited_the_words_come_later(slack: SlackServer, stage: Stage) -> None:
    stage.begin()
    stage.write("Some words are ")
    await stage.drawn("Some words are")
    slack.faults.limit("chat.appendStream", retry_after=1)
    stage.write("Some words are there. ")
    await slack.until(lambda: slack.faults.limited)
    for count in range(2, 300):
        stage.write("Some words are there. " * count)

    await stage.drawn("there. Some words are there. ")


async def test_after_slacks_stop_button_nothing_more_is_drawn(
    slack: SlackServer, stage: Stage, room: Channel, anna: User
) -> None:
    stage.begin()
    stage.write("Some words are ")
    message = await stage.drawn("Some words are")
    slack.stop_session(anna, room, stage.thread)
    stage.write("Some words are there, and many more of them follow. ")
    await slack.until(lambda: slack.calls("chat.appendStream"))
    stage.write("Some words are there, and many more of them follow, which nobody wants to read. ")
    other = place_of(room, slack.say(anna, room, "another question").ts)
    stage.live.show(other, Working("run-2", "running"))
    for text in ("Elsewhere, ", "Elsewhere, " * 50, "Elsewhere, " * 100):
        stage.live.show(other, TextSoFar("run-2", text))
        await stage.drawn(text, other.thread)

    await stage.answer("Stopped by anna.")
    await stage.ended()

    assert [one.ts for one in stage.said()] == [message.ts]
    assert "Stopped by anna." in message.shown
    assert len(slack.calls("chat.startStream")) == 2


async def test_a_message_that_somebody_deleted_is_not_written_again(slack: SlackServer, stage: Stage) -> None:
    stage.begin()
    stage.write("Some words are ")
    message = await stage.drawn("Some words are")
    slack.delete(message)
    stage.write("Some words are there, and many more of them follow. ")
    await slack.until(lambda: slack.calls("chat.appendStream"))
    await stage.answer("Here.")
    await stage.ended()

    assert [one.shown for one in stage.said()] == ["Here.\nGood"]


# without streams


@pytest.mark.parametrize("code", ["unknown_method", "not_allowed_token_type", "feature_disabled"])
async def test_where_there_are_no_streams_a_message_changes(slack: SlackServer, stage: Stage, code: str) -> None:
    slack.faults.fail("chat.startStream", code, times=9)
    stage.begin()
    stage.call("1", "done")
    stage.write("Some words are ")
    message = await stage.drawn("Some words are")
    assert message.labels == ["Stop"]
    stage.write("Some words are there.\n" + "More of them. " * 40)
    await stage.drawn("More of them.")
    await stage.answer("Some words are there.")
    await stage.ended()

    assert [one.shown for one in stage.said()] == ["✅ `look` done · 2.1 s\nSome words are there.\nGood"]
    stage.begin("run-2")
    stage.write("Again, ", "run-2")
    await stage.drawn("Again,")
    assert len(slack.calls("chat.startStream")) == 1


@pytest.mark.parametrize("code", ["missing_recipient_user_id", "user_not_found", "team_not_found"])
async def test_where_one_stream_is_refused_the_next_is_tried(slack: SlackServer, stage: Stage, code: str) -> None:
    slack.faults.fail("chat.startStream", code)
    for number in range(2):
        run_id = f"run-{number}"
        stage.begin(run_id)
        stage.write(f"Words of {number}, ", run_id)
        await stage.drawn(f"Words of {number},")

    assert [one.stream is None for one in stage.said()] == [True, False]


@pytest.mark.parametrize("fault", ["lose", "cut"])
async def test_a_first_message_that_was_lost_is_there_once(slack: SlackServer, stage: Stage, fault: str) -> None:
    slack.faults.fail("chat.startStream", "unknown_method")
    getattr(slack.faults, fault)("chat.postMessage")
    stage.begin()
    stage.write("Some words are ")
    await slack.until(lambda: slack.calls("chat.postMessage"))
    stage.write("Some words are there, and ")
    await stage.drawn("Some words are there, and")

    assert len(stage.said()) == 1


async def test_a_message_that_changes_is_left_before_a_wait_without_its_button(
    slack: SlackServer, stage: Stage
) -> None:
    slack.faults.fail("chat.startStream", "unknown_method")
    stage.begin()
    stage.write("I look, then I ask.")
    stage.call("1", "done")
    message = await stage.drawn("look")
    stage.end("waiting")
    await stage.ended()

    assert message.labels == []
    assert "`look` done" in message.shown


async def test_a_message_that_changes_goes_when_the_run_ends_without_a_word(slack: SlackServer, stage: Stage) -> None:
    slack.faults.fail("chat.startStream", "unknown_method")
    stage.begin()
    stage.write("Half of ")
    await stage.drawn("Half of")
    stage.end("cancelled")
    await stage.ended()

    assert stage.said() == []


async def test_in_a_place_without_a_thread_a_message_changes(slack: SlackServer, room: Channel, anna: User) -> None:
    place = asked(slack, anna, room)
    async with stage_on(slack, type(place)(place.platform, place.workspace, place.channel), anna) as stage:
        stage.begin()
        stage.write("Some words are ")
        await slack.until(lambda: any("Some words are" in one.shown for one in slack.said(room)))

    assert slack.calls("chat.startStream") == []


# where nothing can be shown


async def test_where_slack_does_not_let_it_show_anything_it_asks_once(
    slack: SlackServer, stage: Stage, room: Channel
) -> None:
    stage.begin()
    await slack.until(lambda: stage.status)
    room.is_archived = True
    stage.write("Some words are ")
    await slack.until(lambda: slack.calls("chat.startStream"))
    stage.write("Some words are there. " * 100)
    stage.end("failed")
    await stage.ended()

    assert len(slack.calls("chat.startStream")) == 1
    assert slack.calls("chat.postMessage") == []


async def test_who_has_to_wait_is_told_so_and_nobody_else(slack: SlackServer, stage: Stage, anna: User) -> None:
    stage.begin(status="queued")

    await slack.until(lambda: slack.ephemerals(anna))

    (told,) = slack.ephemerals(anna)
    assert told.text == "Queued: earlier messages come first."
    assert told.thread_ts == stage.thread
    assert stage.said() == []
