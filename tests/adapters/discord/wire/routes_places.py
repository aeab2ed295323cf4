"""Routes of the bot itself, servers, members, channels, threads and files."""

from __future__ import annotations

from tests.adapters.discord.wire import payloads, threads
from tests.adapters.discord.wire.refusals import Refused
from tests.adapters.discord.wire.rest import Call, Handler, Reply, Route
from tests.adapters.discord.wire.rights import BITS, may, rights
from tests.adapters.discord.wire.world import DM, PRIVATE_THREAD, PUBLIC_THREAD, Channel, Guild, Json, User, World


def room_of(world: World, call: Call, *needed: str) -> Channel:
    """The channel a request is about. Refused where the bot cannot see it, or lacks a permission in it."""
    room = world.channels.get(call.ids["channel_id"])
    if room is None:
        raise Refused(10003)
    have = rights(world, world.me.id, room)
    if not have & BITS["view_channel"]:
        raise Refused(50001)
    if any(not have & BITS[name] for name in needed):
        raise Refused(50013)
    return room


def talking(room: Channel) -> str:
    """The permission that talking needs there."""
    return "send_messages_in_threads" if room.is_thread else "send_messages"


def guild_of(world: World, call: Call) -> Guild:
    guild = world.guilds.get(call.ids["guild_id"])
    if guild is None:
        raise Refused(10004)
    if world.me.id not in guild.members:
        raise Refused(50001)
    return guild


def direct(world: World, user: User) -> Channel:
    """The direct talk of the bot with somebody; the same every time."""
    for room in world.channels.values():
        if room.kind == DM and user.id in room.recipients:
            return room
    room = Channel(world.new_id(), DM, "", recipients=(world.me.id, user.id))
    world.channels[room.id] = room
    return room


def _me(world: World, _call: Call) -> Json:
    return payloads.user(world.me) | {"verified": True, "mfa_enabled": True, "locale": "en-US", "email": None}


def _application(world: World, _call: Call) -> Json:
    return payloads.application(world)


def _user(world: World, call: Call) -> Json:
    found = world.users.get(call.ids["user_id"])
    if found is None:
        raise Refused(10013)
    return payloads.user(found)


def _my_guilds(world: World, call: Call) -> list[Json]:
    mine = [one for one in sorted(world.guilds.values(), key=lambda guild: guild.id) if world.me.id in one.members]
    after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 200))
    return [payloads.partial_guild(world, one) for one in mine if one.id > after][:limit]


def _open_direct(world: World, call: Call) -> Json:
    user = world.users.get(int(call.body["recipient_id"]))
    if user is None:
        raise Refused(10013)
    if user.id == world.me.id or user.bot:
        raise Refused(50007)
    return payloads.channel(world, direct(world, user))


def _guild(world: World, call: Call) -> Json:
    guild = guild_of(world, call)
    counted = {"approximate_member_count": len(guild.members), "approximate_presence_count": 1}
    return payloads.guild(guild) | (counted if call.query.get("with_counts") in ("1", "true") else {})


def _roles(world: World, call: Call) -> list[Json]:
    return [payloads.role(one) for one in guild_of(world, call).roles.values()]


def _channels(world: World, call: Call) -> list[Json]:
    guild = guild_of(world, call)
    return [payloads.channel(world, one) for one in world.guild_channels(guild.id) if not one.is_thread]


def _member(world: World, call: Call) -> Json:
    guild, user_id = guild_of(world, call), call.ids["user_id"]
    if user_id not in world.users:
        raise Refused(10013)
    if user_id not in guild.members:
        raise Refused(10007)
    return payloads.member(world, guild.members[user_id])


def _members(world: World, call: Call) -> list[Json]:
    guild = guild_of(world, call)
    if not world.app.members:
        raise Refused(50001)
    after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 1))
    found = [one for one in sorted(guild.members.values(), key=lambda one: one.user_id) if one.user_id > after]
    return [payloads.member(world, one) for one in found[:limit]]


def _search_members(world: World, call: Call) -> list[Json]:
    query, limit = call.query["query"].lower(), int(call.query.get("limit", 1))
    found = [
        one
        for one in guild_of(world, call).members.values()
        if (one.nick or "").lower().startswith(query) or world.users[one.user_id].name.lower().startswith(query)
    ]
    return [payloads.member(world, one) for one in found[:limit]]


def _channel(world: World, call: Call) -> Json:
    return payloads.thread_for(world, room_of(world, call), world.me.id)


def _change_channel(world: World, call: Call) -> Json:
    room = room_of(world, call)
    if not room.is_thread:
        room = room_of(world, call, "manage_channels")
        room.name, room.topic = call.body.get("name", room.name), call.body.get("topic", room.topic)
        world.emit("CHANNEL_UPDATE", payloads.channel(world, room), guild_id=room.guild_id, channel=room)
        return payloads.channel(world, room)
    _change_thread(world, room, call.body)
    return payloads.thread_for(world, room, world.me.id)


def _change_thread(world: World, thread: Channel, body: Json) -> None:
    """A thread's maker may rename and archive it; locking, and opening a locked one, need the right to manage threads.
    While archived it can only be opened."""
    manages = may(world, world.me.id, thread, "manage_threads")
    archived, locked = body.get("archived", thread.archived), body.get("locked", thread.locked)
    if not manages and (thread.owner_id != world.me.id or locked != thread.locked or thread.locked):
        raise Refused(50013)
    if thread.archived and archived:
        raise Refused(50083)
    thread.name = body.get("name", thread.name)
    thread.auto_archive_minutes = body.get("auto_archive_duration", thread.auto_archive_minutes)
    threads.settle(world, thread, archived=archived, locked=locked)


def delete_room(world: World, room: Channel) -> None:
    """Take a channel or thread away, with the threads of it."""
    name = "THREAD_DELETE" if room.is_thread else "CHANNEL_DELETE"
    world.emit(name, payloads.channel(world, room), guild_id=room.guild_id, channel=room)
    for thread in [one for one in world.channels.values() if one.parent_id == room.id and one.is_thread]:
        del world.channels[thread.id]
    del world.channels[room.id]


def _delete_channel(world: World, call: Call) -> Json:
    room = room_of(world, call)
    if room.kind == DM:
        return payloads.channel(world, room)
    room = room_of(world, call, "manage_threads" if room.is_thread else "manage_channels")
    body = payloads.channel(world, room)
    delete_room(world, room)
    return body


def _open_thread_on(world: World, call: Call) -> Json:
    room = room_of(world, call, "create_public_threads")
    message = room.messages.get(call.ids["message_id"])
    if message is None:
        raise Refused(10008)
    return payloads.thread_for(world, threads.open_on(world, room, message, world.me.id, call.body), world.me.id)


def _open_thread(world: World, call: Call) -> Reply:
    is_private = call.body.get("type", PRIVATE_THREAD) == PRIVATE_THREAD
    room = room_of(world, call, "create_private_threads" if is_private else "create_public_threads")
    thread = threads.open_in(world, room, world.me.id, call.body)
    return Reply(201, payloads.thread_for(world, thread, world.me.id))


def _thread_of(world: World, call: Call) -> Channel:
    thread = room_of(world, call)
    if not thread.is_thread:
        raise Refused(50024)
    return thread


def _join_thread(world: World, call: Call) -> None:
    thread = _thread_of(world, call)
    if thread.archived:
        raise Refused(50083)
    threads.join(world, thread, call.ids.get("user_id", world.me.id))


def _leave_thread(world: World, call: Call) -> None:
    threads.leave(world, _thread_of(world, call), call.ids.get("user_id", world.me.id))


def _thread_members(world: World, call: Call) -> list[Json]:
    thread = _thread_of(world, call)
    return [payloads.thread_member(thread, one) for one in thread.member_ids]


def _thread_member(world: World, call: Call) -> Json:
    thread = _thread_of(world, call)
    if call.ids["user_id"] not in thread.member_ids:
        raise Refused(10007)
    return payloads.thread_member(thread, call.ids["user_id"])


def _archived(kinds: tuple[int, ...], *, mine: bool = False) -> Handler:
    def listing(world: World, call: Call) -> Json:
        room = room_of(world, call, "read_message_history")
        found = [
            one
            for one in world.channels.values()
            if one.parent_id == room.id and one.kind in kinds and one.archived
            if not mine or world.me.id in one.member_ids
        ]
        found.sort(key=lambda one: one.archived_at, reverse=True)
        limit = int(call.query.get("limit", 50))
        return _listed(world, found[:limit]) | {"has_more": len(found) > limit}

    return listing


def _active(world: World, call: Call) -> Json:
    rooms = world.guild_channels(guild_of(world, call).id)
    seen = [one for one in rooms if one.is_thread and not one.archived and may(world, world.me.id, one, "view_channel")]
    return _listed(world, seen)


def _listed(world: World, found: list[Channel]) -> Json:
    joined = [one for one in found if world.me.id in one.member_ids]
    return {
        "threads": [payloads.thread_for(world, one, world.me.id) for one in found],
        "members": [payloads.thread_member(one, world.me.id) for one in joined],
    }


def _file(world: World, call: Call) -> Reply:
    """The bytes of an attachment, or whatever its address was told to answer."""
    kept = world.attachments.get(call.ids["attachment_id"])
    if kept is None or kept.answers == 404:
        return Reply(404, b"This content is no longer available.", {"Content-Type": "text/plain"})
    if kept.answers in (301, 302, 307):
        return Reply(kept.answers, b"", {"Location": kept.redirect_to})
    return Reply(kept.answers, kept.content, {"Content-Type": kept.content_type})


ROUTES: list[Route] = [
    ("GET /users/@me", _me),
    ("GET /users/@me/guilds", _my_guilds),
    ("POST /users/@me/channels", _open_direct),
    ("GET /users/{user_id}", _user),
    ("GET /oauth2/applications/@me", _application),
    ("GET /applications/@me", _application),
    ("GET /guilds/{guild_id}", _guild),
    ("GET /guilds/{guild_id}/roles", _roles),
    ("GET /guilds/{guild_id}/channels", _channels),
    ("GET /guilds/{guild_id}/members", _members),
    ("GET /guilds/{guild_id}/members/search", _search_members),
    ("GET /guilds/{guild_id}/members/{user_id}", _member),
    ("GET /guilds/{guild_id}/threads/active", _active),
    ("GET /channels/{channel_id}", _channel),
    ("PATCH /channels/{channel_id}", _change_channel),
    ("DELETE /channels/{channel_id}", _delete_channel),
    ("POST /channels/{channel_id}/messages/{message_id}/threads", _open_thread_on),
    ("POST /channels/{channel_id}/threads", _open_thread),
    ("GET /channels/{channel_id}/thread-members", _thread_members),
    ("PUT /channels/{channel_id}/thread-members/@me", _join_thread),
    ("DELETE /channels/{channel_id}/thread-members/@me", _leave_thread),
    ("GET /channels/{channel_id}/thread-members/{user_id}", _thread_member),
    ("PUT /channels/{channel_id}/thread-members/{user_id}", _join_thread),
    ("DELETE /channels/{channel_id}/thread-members/{user_id}", _leave_thread),
    ("GET /channels/{channel_id}/threads/archived/public", _archived((10, PUBLIC_THREAD))),
    ("GET /channels/{channel_id}/threads/archived/private", _archived((PRIVATE_THREAD,))),
    ("GET /channels/{channel_id}/users/@me/threads/archived/private", _archived((PRIVATE_THREAD,), mine=True)),
    ("GET /cdn/attachments/{channel_id}/{attachment_id}/{filename}", _file),
]
