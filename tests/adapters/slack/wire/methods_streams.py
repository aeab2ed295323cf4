"""chat.startStream, chat.appendStream, chat.stopStream (docs, "Text streaming").

A stream ends when it is stopped, when a person stops it, and by itself: when nothing is appended for a while, and when
it has lived too long (slackapi/python-slack-sdk#1859).
"""

from __future__ import annotations

import time

from tests.adapters.slack.wire import blocks, payloads, posting, sessions
from tests.adapters.slack.wire.asking import Ask, Method, message_in, open_room
from tests.adapters.slack.wire.messages import Json, Message, Stream
from tests.adapters.slack.wire.methods_chat import metadata_of, thread_of, written
from tests.adapters.slack.wire.refusals import Refused, invalid
from tests.adapters.slack.wire.schema import anything, choice, listing, mapping, string, typed
from tests.adapters.slack.wire.world import Channel, World

MAX_TASK_TEXT = 256
"""Of a title, the details and the output of one update."""
_CHUNK = typed(
    {
        "markdown_text": mapping({"text": string(blocks.MAX_MARKDOWN)}),
        "plan_update": mapping({"title": string(MAX_TASK_TEXT)}),
        "task_update": mapping(
            {
                "id": string(255),
                "title": string(MAX_TASK_TEXT, 0),
                "status": choice("pending", "in_progress", "complete", "error"),
            },
            {
                "details": string(MAX_TASK_TEXT, 0),
                "output": string(MAX_TASK_TEXT, 0),
                "sources": listing(anything, 100, 0),
            },
        ),
        "blocks": mapping({"blocks": listing(blocks.MESSAGE, blocks.MAX_BLOCKS)}),
    }
)
CHUNKS = listing(_CHUNK, 1000, 0)


def start(ask: Ask) -> Json:
    channel = open_room(ask)
    ask.need("thread_ts")
    _require_recipient(ask, channel)
    mode = ask.text("task_display_mode") or "timeline"
    if mode not in ("timeline", "plan"):
        raise invalid("invalid_arguments", "must be one of timeline, plan [json-pointer:/task_display_mode]")
    parts = _parts(ask)
    message = written(ask, channel, {"text": "", "blocks": [], "attachments": []})
    message.thread_ts = thread_of(ask, channel)
    message.stream = Stream(mode, recipient_user=ask.text("recipient_user_id"))
    message.stream.recipient_team = ask.text("recipient_team_id")
    _take(message, parts)
    posting.put(ask.world, channel, message)
    return {"channel": channel.id, "ts": message.ts}


def append(ask: Ask) -> Json:
    channel, message = _streaming(ask)
    parts = _parts(ask)
    if not parts:
        raise Refused("no_text")
    assert message.stream is not None
    message.stream.appends += 1
    _take(message, parts)
    return {"channel": channel.id, "ts": message.ts}


def stop(ask: Ask) -> Json:
    channel, message = _streaming(ask)
    status = ask.text("session_status")
    if status and status not in sessions.STATUSES:
        raise Refused("invalid_status")
    parts = _parts(ask)
    closing = blocks.checked(ask.data("blocks", "invalid_blocks_format") or [])
    metadata = metadata_of(ask)
    assert message.stream is not None
    message.stream.closing = closing
    _take(message, parts)
    message.stream.state = "stopped"
    message.metadata = metadata or message.metadata
    if status:
        sessions.put(ask.world, channel, message.thread, status)
    posting.change(ask.world, channel, message, by=ask.install.user, is_edit=False)
    body = payloads.message(ask.world, message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": body}


def expire(world: World, message: Message) -> None:
    """Let a stream end by itself, as Slack does after some minutes."""
    assert message.stream is not None
    message.stream.state = "expired"
    posting.change(world, world.channels[message.channel], message, by=message.user, is_edit=False)


def _streaming(ask: Ask) -> tuple[Channel, Message]:
    """The message that is streamed. Raises Refused when it is not, or not any more."""
    channel = open_room(ask)
    message = message_in(ask, channel, ask.need("ts"))
    if message.user != ask.install.user:
        raise Refused("message_not_owned_by_app")
    stream, now, rules = message.stream, time.monotonic(), ask.world.rules
    if stream is None:
        raise Refused("message_not_in_streaming_state")
    if stream.is_open and (
        now - stream.touched_at > rules.stream_idle_s or now - stream.started_at > rules.stream_total_s
    ):
        expire(ask.world, message)
    if stream.state == "stopped_by_user":
        raise Refused("stopped_by_user")
    if not stream.is_open:
        raise Refused("message_not_in_streaming_state")
    return channel, message


def _parts(ask: Ask) -> list[Json]:
    """What a call brings, as chunks. Raises Refused."""
    markdown = ask.text("markdown_text")
    if len(markdown) > blocks.MAX_MARKDOWN:
        raise Refused("msg_too_long")
    chunks = ask.data("chunks", "invalid_chunks") or []
    faults: list[str] = []
    CHUNKS(chunks, "/chunks", faults)
    if faults:
        raise invalid("invalid_chunks", *faults)
    return [*([{"type": "markdown_text", "text": markdown}] if markdown else []), *chunks]


def _take(message: Message, parts: list[Json]) -> None:
    """Add chunks to a stream, and show what it is now."""
    stream = message.stream
    assert stream is not None
    for part in parts:
        stream.parts.append(part)
        if part["type"] == "plan_update":
            stream.plan = part["title"]
        if part["type"] == "task_update":
            stream.tasks[part["id"]] = _updated(stream.tasks.get(part["id"], {}), part)
    stream.touched_at = time.monotonic()
    message.text, message.blocks = stream.text, blocks.named(stream.blocks)


def _updated(held: Json, part: Json) -> Json:
    added = {name: held.get(name, "") + part.get(name, "") for name in ("details", "output")}
    sources = [*held.get("sources", []), *(part.get("sources") or [])]
    return {**part, **{name: text for name, text in added.items() if text}, "sources": sources}


def _require_recipient(ask: Ask, channel: Channel) -> None:
    """Who the stream is for has to be said outside of a direct talk. Raises Refused."""
    team, user = ask.text("recipient_team_id"), ask.text("recipient_user_id")
    if channel.kind != "im" and not team:
        raise Refused("missing_recipient_team_id")
    if channel.kind != "im" and not user:
        raise Refused("missing_recipient_user_id")
    if user and user not in ask.world.users:
        raise Refused("user_not_found")


METHODS: dict[str, Method] = {
    "chat.startStream": start,
    "chat.appendStream": append,
    "chat.stopStream": stop,
}
