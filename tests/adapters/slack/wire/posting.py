"""How a message comes to be, changes and goes, and what is told of it (docs, "message event")."""

from __future__ import annotations

import re
from typing import Any

from tests.adapters.slack.wire import payloads, sessions
from tests.adapters.slack.wire.messages import Json, Message
from tests.adapters.slack.wire.world import Channel, World

_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_SYSTEM = ("channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name")


def mentioned(text: str) -> list[str]:
    """The people a text names, each once; what is in code names nobody."""
    return list(dict.fromkeys(_MENTION.findall(_CODE.sub("", text))))


def put(world: World, channel: Channel, message: Message, *, is_told: bool = True) -> Message:
    """Let a message be there, and tell it."""
    channel.messages[message.ts] = message
    for one in message.files:
        if channel.id not in one.channels:
            one.channels.append(channel.id)
    if message.is_reply and (root := channel.messages.get(message.thread_ts)):
        root.thread_ts = root.ts
    if message.bot_id:
        sessions.answered(world, channel.id, message.thread)
    if is_told:
        tell(world, channel, message)
        tell_mentions(world, channel, message, mentioned(message.text))
    return message


def change(world: World, channel: Channel, message: Message, *, by: str, is_edit: bool = True, **before: Any) -> None:
    """Tell that a message is not what it was; the caller has changed it and keeps what it was in its `versions`, or,
    where nobody edited it, gives fields of it as they were."""
    previous = payloads.message(world, message) | before
    text, blocks = message.versions[-1] if is_edit and message.versions else (message.text, message.blocks)
    previous |= {"text": text} | ({"blocks": blocks} if blocks else {})
    was_edited = previous.pop("edited", None) if is_edit else None
    if is_edit:
        previous |= {"edited": was_edited} if was_edited and message.edited_ts else {}
        message.edited_by, message.edited_ts = by, world.new_ts()
    now = world.new_ts()
    event = {
        "type": "message",
        "subtype": "message_changed",
        "message": payloads.message(world, message) | {"source_team": message.team, "user_team": message.team},
        "previous_message": previous,
        "channel": channel.id,
        "hidden": True,
        "ts": now,
        "event_ts": now,
        "channel_type": payloads.channel_type(channel),
    }
    world.emit(event, channel=channel)
    if is_edit and not message.bot_id:
        tell_mentions(world, channel, message, [one for one in mentioned(message.text) if one not in mentioned(text)])


def remove(world: World, channel: Channel, message: Message) -> None:
    """Delete a message; the first of a thread that has answers leaves a tombstone."""
    previous = payloads.message(world, message)
    now = world.new_ts()
    common = {"channel": channel.id, "hidden": True, "ts": now, "event_ts": now}
    kind = {"channel_type": payloads.channel_type(channel)}
    if any(not one.is_deleted for one in channel.replies(message.ts)[1:]) and not message.is_reply:
        message.is_tombstone = True
        told = {"subtype": "message_changed", "message": payloads.message(world, message)}
    else:
        message.is_deleted = True
        told = {"subtype": "message_deleted", "deleted_ts": message.ts}
    world.emit({"type": "message", **told, "previous_message": previous, **common, **kind}, channel=channel)


def tell(world: World, channel: Channel, message: Message) -> None:
    """The event of a new message."""
    body = payloads.message(world, message)
    body |= {"channel": channel.id, "event_ts": message.ts, "channel_type": payloads.channel_type(channel)}
    if channel.is_shared:
        body |= _where_from(message)
    world.emit(body, channel=channel)


def tell_mentions(world: World, channel: Channel, message: Message, users: list[str]) -> None:
    """`app_mention` for each workspace's bot that is named and in the channel; a direct talk has none."""
    if channel.kind == "im" or message.subtype in _SYSTEM:
        return
    for install in world.installs.values():
        if install.user not in users or install.user not in channel.members or message.user == install.user:
            continue
        body = payloads.message(world, message)
        body |= {"type": "app_mention", "channel": channel.id, "event_ts": message.edited_ts or message.ts}
        body.pop("subtype", None)
        if channel.is_shared:
            body |= _where_from(message)
        world.emit(body, channel=channel, teams=[install.team])


def _where_from(message: Message) -> Json:
    """What a message in a shared channel says of its author's workspace."""
    return {"user_team": message.team, "source_team": message.team}
