"""Threads: made, joined, put away and woken (docs, "Threads")."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.adapters.discord.wire import payloads, posting
from tests.adapters.discord.wire.refusals import Refused, invalid
from tests.adapters.discord.wire.world import (
    HAS_THREAD,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    Channel,
    Json,
    Message,
    World,
)


def open_on(world: World, room: Channel, message: Message, user_id: int, body: Json) -> Channel:
    """Open the thread of a message; it has the message's own id. A second one is refused."""
    if message.id in world.channels:
        raise Refused(160004)
    if room.is_thread:
        raise Refused(50024)
    thread = _made(world, room, message.id, user_id, body, PUBLIC_THREAD)
    message.thread_id = thread.id
    message.flags |= HAS_THREAD
    starter = Message(world.new_id(), thread.id, user_id, kind=21, reply_to_id=message.id)
    thread.messages[starter.id] = starter
    _tell_created(world, thread)
    posting.tell(world, "MESSAGE_UPDATE", message)
    posting.tell(world, "MESSAGE_CREATE", starter)
    return thread


def open_in(world: World, room: Channel, user_id: int, body: Json) -> Channel:
    """Open a thread on no message; a public one is announced in its channel."""
    if room.is_thread:
        raise Refused(50024)
    kind = body.get("type", PRIVATE_THREAD)
    thread = _made(world, room, world.new_id(), user_id, body, kind)
    _tell_created(world, thread)
    if kind == PUBLIC_THREAD:
        notice = Message(world.new_id(), room.id, user_id, thread.name, kind=18, thread_id=thread.id)
        room.messages[notice.id] = notice
        posting.tell(world, "MESSAGE_CREATE", notice)
    return thread


def join(world: World, thread: Channel, user_id: int) -> None:
    """Let somebody be in a thread. Idempotent. A private one appears to the bot by that."""
    if user_id in thread.member_ids or user_id not in world.users:
        return
    thread.member_ids.append(user_id)
    if thread.is_private and user_id == world.me.id:
        body = payloads.thread_for(world, thread, user_id)
        world.emit("THREAD_CREATE", body, guild_id=thread.guild_id, channel=thread)
    _tell_members(world, thread, {"added_members": [payloads.thread_member(thread, user_id)]})


def leave(world: World, thread: Channel, user_id: int) -> None:
    if user_id in thread.member_ids:
        thread.member_ids.remove(user_id)
        _tell_members(world, thread, {"removed_member_ids": [str(user_id)]})


def settle(world: World, thread: Channel, *, archived: bool, locked: bool) -> None:
    """Put a thread away, or take it back."""
    if archived != thread.archived:
        thread.archived_at = datetime.now(UTC)
    thread.archived, thread.locked = archived, locked
    body = payloads.thread_for(world, thread, world.me.id)
    world.emit("THREAD_UPDATE", body, guild_id=thread.guild_id, channel=thread)


def wake(world: World, room: Channel) -> None:
    """What a message does to an archived thread: it opens again, unless it is locked."""
    if not room.archived:
        return
    if room.locked:
        raise Refused(50083)
    settle(world, room, archived=False, locked=False)


def _made(world: World, room: Channel, key: int, user_id: int, body: Json, kind: int) -> Channel:
    name = body.get("name") or ""
    if not 1 <= len(name) <= 100:
        raise invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    if kind not in (PUBLIC_THREAD, PRIVATE_THREAD):
        raise invalid("type", "BASE_TYPE_CHOICES", "Value must be one of (11, 12).")
    minutes = body.get("auto_archive_duration") or 1440
    if minutes not in (60, 1440, 4320, 10080):
        raise invalid("auto_archive_duration", "BASE_TYPE_CHOICES", "Value must be one of (60, 1440, 4320, 10080).")
    thread = Channel(key, kind, name, room.guild_id, room.id, owner_id=user_id, auto_archive_minutes=minutes)
    thread.member_ids.append(user_id)
    world.channels[thread.id] = thread
    return thread


def _tell_created(world: World, thread: Channel) -> None:
    body = payloads.thread_for(world, thread, world.me.id) | {"newly_created": True}
    world.emit("THREAD_CREATE", body, guild_id=thread.guild_id, channel=thread)


def _tell_members(world: World, thread: Channel, change: Json) -> None:
    body = {"id": str(thread.id), "guild_id": str(thread.guild_id), "member_count": len(thread.member_ids)}
    world.emit("THREAD_MEMBERS_UPDATE", body | change, guild_id=thread.guild_id, channel=thread)
