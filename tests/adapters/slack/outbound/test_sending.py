"""What must arrive on Slack: once, whatever is lost, refused or slow on the way."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.slack.api.rooms import Rooms
from adapters.slack.outbound.marks import mark
from adapters.slack.outbound.sending import Post, Sender
from bot.chat import Place
from bot.errors import PlaceGone, SendError
from tests.adapters.slack.homes import Homes, direct_to, homes_of, place_of
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.world import Channel, User


def now_ms() -> int:
    return round(time.time() * 1000)


@pytest.fixture
async def homes(slack: SlackServer, room: Channel) -> AsyncIterator[Homes]:
    async with homes_of(slack) as one:
        yield one


def sender_on(homes: Homes, *, began_s: float = 0.0) -> Sender:
    """A process that sends; by default it began long ago, so that what is new was not sent by one before it."""
    started = iter([began_s])
    return Sender(Rooms(homes), clock=lambda: next(started, time.time()))


@pytest.fixture
def sender(homes: Homes) -> Sender:
    return sender_on(homes)


@pytest.fixture(params=["channel", "thread", "direct", "direct thread"])
async def place(request: pytest.FixtureRequest, slack: SlackServer, room: Channel, anna: User) -> Place:
    match request.param:
        case "channel":
            return place_of(room)
        case "thread":
            return place_of(room, slack.say(anna, room, "a question").ts)
        case "direct":
            return direct_to(anna)
        case _:
            return direct_to(anna, slack.direct(anna, "a question").ts)


def texts(slack: SlackServer) -> list[str]:
    return [one.text for one in slack.said()]


async def test_a_message_comes_to_its_place_with_nothing_that_pings_or_previews(
    slack: SlackServer, sender: Sender, place: Place
) -> None:
    block = {"type": "markdown", "text": "**hello**"}

    sent = await sender.post(place, [Post("hello", (block,))], key="k", since_ms=now_ms())

    (message,) = slack.said()
    assert sent == [message.ts]
    assert (message.text, message.blocks[0]["text"], message.thread_ts) == ("hello", "**hello**", place.thread)
    (call,) = slack.calls("chat.postMessage")
    wanted = {"unfurl_links": False, "unfurl_media": False, "parse": "none", "link_names": False}
    assert {name: call.args[name] for name in wanted} == wanted


async def test_a_new_message_is_not_looked_for_first(slack: SlackServer, sender: Sender, place: Place) -> None:
    await sender.post(place, [Post("one")], key="k", since_ms=now_ms())

    called = [one.method for one in slack.calls() if one.method != "conversations.open"]
    assert called == ["chat.postMessage"]


async def test_a_direct_talk_is_opened_once(slack: SlackServer, sender: Sender, anna: User) -> None:
    for number in range(3):
        await sender.post(direct_to(anna), [Post(str(number))], key=str(number), since_ms=now_ms())

    assert len(slack.calls("conversations.open")) == 1


# once


async def test_a_message_whose_answer_was_lost_is_there_once(slack: SlackServer, sender: Sender, place: Place) -> None:
    slack.faults.lose("chat.postMessage")

    sent = await sender.post(place, [Post("one")], key="k", since_ms=now_ms())

    (message,) = slack.said()
    assert sent == [message.ts]


@pytest.mark.parametrize("failure", ["cut", 500, 503, "internal_error", "fatal_error"])
async def test_a_message_that_did_not_arrive_is_sent_at_the_next_attempt(
    slack: SlackServer, sender: Sender, place: Place, failure: int | str
) -> None:
    if failure == "cut":
        slack.faults.cut("chat.postMessage")
    else:
        slack.faults.fail("chat.postMessage", failure)
    with pytest.raises(SendError):
        await sender.post(place, [Post("one")], key="k", since_ms=now_ms())

    await sender.post(place, [Post("one")], key="k", since_ms=now_ms(), attempts=1)

    assert texts(slack) == ["one"]


async def test_where_the_look_fails_too_the_next_attempt_finds_it(
    slack: SlackServer, sender: Sender, place: Place
) -> None:
    looked_with = "conversations.replies" if place.thread else "conversations.history"
    slack.faults.lose("chat.postMessage")
    slack.faults.limit(looked_with, retry_after=600)
    with pytest.raises(SendError):
        await sender.post(place, [Post("one")], key="k", since_ms=now_ms())
    slack.faults.clear()

    async with homes_of(slack) as later:
        await sender_on(later).post(place, [Post("one")], key="k", since_ms=now_ms(), attempts=1)

    assert texts(slack) == ["one"]


async def test_several_parts_come_in_order_and_once_whatever_part_was_lost(
    slack: SlackServer, sender: Sender, place: Place
) -> None:
    parts = [Post(one) for one in ("first", "second", "third")]
    slack.faults.cut("chat.postMessage", where=lambda call: call.args["text"] == "second")
    slack.faults.lose("chat.postMessage", where=lambda call: call.args["text"] == "third")
    with pytest.raises(SendError):
        await sender.post(place, parts, key="k", since_ms=now_ms())

    sent = await sender.post(place, parts, key="k", since_ms=now_ms(), attempts=1)

    assert texts(slack) == ["first", "second", "third"]
    assert sent == [one.ts for one in slack.said()]


@pytest.mark.parametrize("count", [1, 3])
async def test_after_a_restart_what_had_arrived_is_found_and_not_repeated(
    slack: SlackServer, homes: Homes, sender: Sender, place: Place, count: int
) -> None:
    """The process ended after it had sent and before it could note it: nothing counted that as an attempt."""
    parts = [Post(str(number)) for number in range(3)]
    since_ms = now_ms()
    before = await sender.post(place, parts[:count], key="k", since_ms=since_ms)

    after = await sender_on(homes, began_s=time.time()).post(place, parts, key="k", since_ms=since_ms)

    assert texts(slack) == ["0", "1", "2"]
    assert after[:count] == before


async def test_what_this_process_sent_is_not_sent_again_though_nobody_noted_it(
    slack: SlackServer, sender: Sender, place: Place
) -> None:
    for _ in range(2):
        await sender.post(place, [Post("one")], key="k", since_ms=now_ms())

    assert texts(slack) == ["one"]


async def test_two_messages_that_say_the_same_are_two(
    slack: SlackServer, homes: Homes, sender: Sender, place: Place
) -> None:
    since_ms = now_ms()
    await sender.post(place, [Post("Done.")], key="k1", since_ms=since_ms)

    await sender_on(homes, began_s=time.time()).post(place, [Post("Done.")], key="k2", since_ms=since_ms, attempts=1)

    assert texts(slack) == ["Done.", "Done."]


async def test_somebody_elses_message_with_our_mark_is_not_ours(
    slack: SlackServer, sender: Sender, room: Channel, anna: User
) -> None:
    forged = slack.say(anna, room, "Done.")
    forged.metadata = mark("k:0")

    await sender.post(place_of(room), [Post("Done.")], key="k", since_ms=now_ms(), attempts=1)

    assert texts(slack) == ["Done."]


async def test_it_is_found_among_many(slack: SlackServer, homes: Homes, sender: Sender, room: Channel) -> None:
    slack.world.rules.page_size = 2
    since_ms = now_ms()
    question = slack.say(slack.world.users[room.members[0]], room, "a question")
    place = place_of(room, question.ts)
    await sender.post(place, [Post("one")], key="k", since_ms=since_ms)
    for number in range(7):
        slack.say(slack.world.users[room.members[0]], room, str(number), thread=question)

    await sender_on(homes, began_s=time.time()).post(place, [Post("one")], key="k", since_ms=since_ms)

    assert texts(slack) == ["one"]


async def test_where_the_history_may_not_be_read_it_is_sent_all_the_same(
    slack: SlackServer, sender: Sender, room: Channel
) -> None:
    slack.bot.scopes.remove("channels:history")

    await sender.post(place_of(room), [Post("one")], key="k", since_ms=now_ms(), attempts=1)

    assert texts(slack) == ["one"]


# later, or never


async def test_what_slack_wants_much_slower_is_left_for_later(
    slack: SlackServer, sender: Sender, room: Channel
) -> None:
    slack.faults.limit("chat.postMessage", retry_after=600)
    with pytest.raises(SendError) as caught:
        await sender.post(place_of(room), [Post("one")], key="k", since_ms=now_ms())

    assert caught.value.retry_after_s == pytest.approx(600, abs=1)
    assert texts(slack) == []


async def test_in_a_channel_that_is_archived_nothing_can_be_said(sender: Sender, room: Channel) -> None:
    room.is_archived = True

    with pytest.raises(PlaceGone):
        await sender.post(place_of(room), [Post("one")], key="k", since_ms=now_ms())


async def test_in_a_channel_the_bot_was_removed_from_nothing_can_be_said(
    slack: SlackServer, sender: Sender, room: Channel
) -> None:
    room.members.remove(slack.bot.user)

    with pytest.raises(PlaceGone):
        await sender.post(place_of(room), [Post("one")], key="k", since_ms=now_ms())


async def test_in_a_thread_that_was_deleted_nothing_can_be_said(
    slack: SlackServer, sender: Sender, room: Channel, anna: User
) -> None:
    question = slack.say(anna, room, "a question")
    slack.delete(question)

    with pytest.raises(PlaceGone):
        await sender.post(place_of(room, question.ts), [Post("one")], key="k", since_ms=now_ms(), attempts=1)


@pytest.mark.parametrize("change", [{"deleted": True}, {"is_bot": True}, {"accepts_dms": False}])
async def test_to_a_person_who_takes_no_messages_nothing_can_be_said(
    sender: Sender, anna: User, change: dict[str, Any]
) -> None:
    for name, value in change.items():
        setattr(anna, name, value)

    with pytest.raises(PlaceGone):
        await sender.post(direct_to(anna), [Post("one")], key="k", since_ms=now_ms())


async def test_in_a_workspace_without_the_bot_nothing_can_be_said(sender: Sender) -> None:
    with pytest.raises(PlaceGone):
        await sender.post(Place("slack", "T0ELSE", "C1", ""), [Post("one")], key="k", since_ms=now_ms())


async def test_a_refusal_of_the_message_itself_is_tried_again_later(
    slack: SlackServer, sender: Sender, room: Channel
) -> None:
    slack.bot.scopes.remove("chat:write")

    with pytest.raises(SendError, match="chat:write") as caught:
        await sender.post(place_of(room), [Post("one")], key="k", since_ms=now_ms())

    assert not isinstance(caught.value, PlaceGone)


# what slack does not show


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long"])
async def test_blocks_that_slack_does_not_take_are_said_as_text(
    slack: SlackServer, sender: Sender, room: Channel, code: str
) -> None:
    slack.faults.fail("chat.postMessage", code)
    block = {"type": "markdown", "text": "**hello**"}

    await sender.post(place_of(room), [Post("hello " * 1000, (block,))], key="k", since_ms=now_ms())

    (message,) = slack.said(room)
    assert (message.text, message.blocks) == ("hello " * 1000, [])


async def test_the_text_beside_blocks_is_short_and_whole(slack: SlackServer, sender: Sender, room: Channel) -> None:
    text = "x" * 3_797 + "&amp;" + "y" * 9_000

    await sender.post(
        place_of(room), [Post(text, ({"type": "markdown", "text": "hello"},))], key="k", since_ms=now_ms()
    )

    (message,) = slack.said(room)
    assert message.text == "x" * 3_797 + "…"


# files


async def test_a_file_follows_its_message(slack: SlackServer, sender: Sender, place: Place) -> None:
    await sender.post(place, [Post("look", files=(("a.txt", b"some words"),))], key="k", since_ms=now_ms())

    first, second = slack.said()
    assert first.text == "look"
    assert [(one.name, one.content) for one in second.files] == [("a.txt", b"some words")]
    assert second.thread_ts == place.thread


async def test_a_file_whose_answer_was_lost_is_found(slack: SlackServer, sender: Sender, place: Place) -> None:
    slack.faults.lose("files.completeUploadExternal")

    await sender.post(place, [Post("look", files=(("a.txt", b"x"),))], key="k", since_ms=now_ms())

    assert [len(one.files) for one in slack.said()] == [0, 1]


async def test_after_a_restart_a_file_that_had_arrived_is_not_shared_again(
    slack: SlackServer, homes: Homes, sender: Sender, place: Place
) -> None:
    since_ms = now_ms()
    post = Post("look", files=(("a.txt", b"x"), ("b.txt", b"y")))
    await sender.post(place, [Post("look", files=post.files[:1])], key="k", since_ms=since_ms)

    await sender_on(homes, began_s=time.time()).post(place, [post], key="k", since_ms=since_ms)

    assert [[file.name for file in one.files] for one in slack.said()] == [[], ["a.txt"], ["b.txt"]]


async def test_two_files_that_look_alike_are_two(slack: SlackServer, sender: Sender, place: Place) -> None:
    same = ("a.txt", b"x")

    await sender.post(place, [Post("look", files=(same, same))], key="k", since_ms=now_ms(), attempts=1)
    await sender.post(place, [Post("again", files=(same,))], key="k2", since_ms=now_ms(), attempts=1)

    assert [len(one.files) for one in slack.said()] == [0, 1, 1, 0, 1]


async def test_a_file_that_is_not_taken_is_told_of_once(slack: SlackServer, sender: Sender, room: Channel) -> None:
    slack.bot.scopes.remove("files:write")
    post = Post("look", files=(("a.txt", b"x"),))

    for attempts in range(2):
        await sender.post(place_of(room), [post], key="k", since_ms=now_ms(), attempts=attempts)

    first, second = texts(slack)
    assert first == "look"
    assert "files:write" in second


async def test_a_file_that_cannot_be_sent_does_not_hold_up_what_comes_after_it(
    slack: SlackServer, sender: Sender, room: Channel
) -> None:
    slack.faults.cut("upload", times=99)
    post = Post("look", files=(("a.txt", b"x"),))
    for attempts in range(5):
        with pytest.raises(SendError):
            await sender.post(place_of(room), [post], key="k", since_ms=now_ms(), attempts=attempts)

    await sender.post(place_of(room), [post], key="k", since_ms=now_ms(), attempts=5)

    assert texts(slack) == ["look", "I could not attach a file here: Slack cannot be reached."]


# changes


async def test_a_message_can_say_something_else(slack: SlackServer, sender: Sender, place: Place) -> None:
    (ts,) = await sender.post(place, [Post("one", ({"type": "markdown", "text": "1"},))], key="k", since_ms=now_ms())

    is_there = await sender.edit(place, ts, Post("two", ({"type": "markdown", "text": "2"},)))

    (message,) = slack.said()
    assert is_there
    assert (message.text, message.blocks[0]["text"], message.metadata) == ("two", "2", mark("k:0"))


async def test_a_change_whose_answer_was_lost_is_made_again(slack: SlackServer, sender: Sender, room: Channel) -> None:
    (ts,) = await sender.post(place_of(room), [Post("one")], key="k", since_ms=now_ms())
    slack.faults.lose("chat.update")

    assert await sender.edit(place_of(room), ts, Post("two"))
    assert texts(slack) == ["two"]


@pytest.mark.parametrize("how", ["deleted", "not ours", "too old"])
async def test_what_cannot_be_changed_is_told(
    slack: SlackServer, sender: Sender, room: Channel, anna: User, how: str
) -> None:
    (ts,) = await sender.post(place_of(room), [Post("one")], key="k", since_ms=now_ms())
    if how == "deleted":
        slack.delete(slack.said(room)[0])
    elif how == "not ours":
        ts = slack.say(anna, room, "mine").ts
    else:
        slack.faults.fail("chat.update", "edit_window_closed")

    assert not await sender.edit(place_of(room), ts, Post("two"))


async def test_a_change_in_a_channel_that_is_archived_is_not_possible(sender: Sender, room: Channel) -> None:
    (ts,) = await sender.post(place_of(room), [Post("one")], key="k", since_ms=now_ms())
    room.is_archived = True

    with pytest.raises(PlaceGone):
        await sender.edit(place_of(room), ts, Post("two"))
