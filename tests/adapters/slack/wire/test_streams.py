"""Streams and sessions of the stand-in."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import PlanUpdateChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.messages import Message, Stream
from tests.adapters.slack.wire.world import Channel, User


def target(slack: SlackServer, root: Message, anna: User) -> dict[str, Any]:
    return {
        "channel": root.channel,
        "thread_ts": root.ts,
        "recipient_team_id": slack.team.id,
        "recipient_user_id": anna.id,
    }


@pytest.fixture
def root(slack: SlackServer, room: Channel, anna: User) -> Message:
    return slack.say(anna, room, "a question")


def stream_of(slack: SlackServer) -> Stream:
    stream = slack.said()[-1].stream
    assert stream is not None
    return stream


async def test_sdk_stream_is_one_message(slack: SlackServer, client: AsyncWebClient, root: Message, anna: User) -> None:
    streamer = await client.chat_stream(**target(slack, root, anna), buffer_size=4)
    await streamer.append(markdown_text="**hello ")
    await streamer.append(markdown_text="world**")
    await streamer.stop(session_status="active")
    [message] = slack.said()

    assert (message.shown, stream_of(slack).state) == ("**hello world**", "stopped")
    assert slack.session(slack.world.channels[root.channel], root).status == "active"


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("recipient_team_id", "missing_recipient_team_id"),
        ("recipient_user_id", "missing_recipient_user_id"),
        ("thread_ts", "invalid_arguments"),
    ],
)
async def test_stream_in_a_channel_says_whose_it_is(
    slack: SlackServer, client: AsyncWebClient, root: Message, anna: User, missing: str, error: str
) -> None:
    args = {name: value for name, value in target(slack, root, anna).items() if name != missing}

    with pytest.raises(SlackApiError, match=error):
        await client.api_call("chat.startStream", json=args)


async def test_stream_that_paused_too_long_is_over(
    slack: SlackServer, client: AsyncWebClient, root: Message, anna: User
) -> None:
    started = await client.chat_startStream(**target(slack, root, anna), markdown_text="one")
    slack.world.rules.stream_idle_s = 0

    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        await client.chat_appendStream(channel=root.channel, ts=started["ts"], markdown_text="two")

    await client.chat_update(channel=root.channel, ts=started["ts"], markdown_text="one two")
    assert [message.shown for message in slack.said()] == ["one two"]


@pytest.mark.parametrize(
    ("method", "error"), [("chat_update", "streaming_state_conflict"), ("chat_delete", "cant_delete_message")]
)
async def test_open_stream_cannot_be_changed_otherwise(
    slack: SlackServer, client: AsyncWebClient, root: Message, anna: User, method: str, error: str
) -> None:
    started = await client.chat_startStream(**target(slack, root, anna), markdown_text="one")
    more = {"text": "two"} if method == "chat_update" else {}

    with pytest.raises(SlackApiError, match=error):
        await getattr(client, method)(channel=root.channel, ts=started["ts"], **more)


async def test_tasks_are_told_again_by_their_id(
    slack: SlackServer, client: AsyncWebClient, root: Message, anna: User
) -> None:
    begun = TaskUpdateChunk(id="1", title="Search", status="in_progress", details="a")
    done = TaskUpdateChunk(id="1", title="Searched", status="complete", details="b", output="found")
    args = target(slack, root, anna) | {"task_display_mode": "plan"}
    started = await client.chat_startStream(**args, chunks=[PlanUpdateChunk(title="Plan"), begun])
    await client.chat_stopStream(channel=root.channel, ts=started["ts"], chunks=[done])
    [plan] = slack.said()[0].blocks

    assert (plan["type"], plan["title"], len(plan["tasks"])) == ("plan", "Plan", 1)
    assert slack.said()[0].shown.split("\n") == ["Plan", "Searched", "ab", "found"]


@pytest.mark.parametrize(
    "chunk",
    [
        {"type": "task_update", "id": "1", "title": "t", "status": "done"},
        {"type": "task_update", "id": "1", "title": "t" * 257, "status": "complete"},
        {"type": "markdown_text", "text": "t" * 12_001},
        {"type": "picture", "url": "x"},
    ],
)
async def test_chunk_that_slack_would_not_take_is_refused(
    slack: SlackServer, client: AsyncWebClient, root: Message, anna: User, chunk: dict[str, Any]
) -> None:
    with pytest.raises(SlackApiError, match="invalid_chunks"):
        await client.chat_startStream(**target(slack, root, anna), chunks=[chunk])


async def test_stop_button_ends_the_stream(
    slack: SlackServer, client: AsyncWebClient, room: Channel, root: Message, anna: User
) -> None:
    await client.agents_sessions_setStatus(channel_id=room.id, thread_ts=root.ts, status="processing")
    started = await client.chat_startStream(**target(slack, root, anna), markdown_text="one")
    slack.stop_session(anna, room, root)

    with pytest.raises(SlackApiError, match="stopped_by_user"):
        await client.chat_appendStream(channel=room.id, ts=started["ts"], markdown_text="two")

    assert slack.events[-1].event["streaming_message_ts"] == [started["ts"]]
    assert slack.session(room, root).status == "processing"


async def test_status_warns_when_nobody_would_hear_of_the_stop(
    slack: SlackServer, client: AsyncWebClient, room: Channel, root: Message
) -> None:
    slack.app.events.discard("agent_session_stopped")

    answer = await client.agents_sessions_setStatus(channel_id=room.id, thread_ts=root.ts, status="processing")

    assert answer["warning"] == "missing_agent_session_stopped_event_subscription"


async def test_note_is_gone_with_the_next_message(
    slack: SlackServer, client: AsyncWebClient, room: Channel, root: Message
) -> None:
    await client.assistant_threads_setStatus(channel_id=room.id, thread_ts=root.ts, status="is thinking")
    await client.chat_postMessage(channel=room.id, thread_ts=root.ts, text="an answer")

    assert (slack.session(room, root).note, slack.session(room, root).notes) == ("", ["is thinking"])
