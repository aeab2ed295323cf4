"""Routes of messages."""

from __future__ import annotations

from tests.adapters.discord.wire import payloads, posting
from tests.adapters.discord.wire.refusals import Refused, invalid
from tests.adapters.discord.wire.rest import Call, Route
from tests.adapters.discord.wire.rights import may
from tests.adapters.discord.wire.routes_places import room_of, talking
from tests.adapters.discord.wire.world import DM, VOICE, Channel, Json, Message, World


def _send(world: World, call: Call) -> Json:
    room = room_of(world, call)
    room = room_of(world, call, talking(room))
    if room.kind not in (0, 1, VOICE, 5, 10, 11, 12):
        raise Refused(50008)
    if room.kind == DM:
        _check_direct(world, room)
    if call.files:
        room_of(world, call, "attach_files")
    if (call.body or {}).get("embeds"):
        room_of(world, call, "embed_links")
    message = posting.say(world, room, world.me.id, call.post)
    return payloads.message(world, message)


def _check_direct(world: World, room: Channel) -> None:
    """A direct message needs a person who takes it and shares a server with the bot."""
    other = next(one for one in room.recipients if one != world.me.id)
    shares = any({other, world.me.id} <= guild.members.keys() for guild in world.guilds.values())
    if not world.users[other].accepts_dms or not shares:
        raise Refused(50007)


def _listing(world: World, call: Call) -> list[Json]:
    """A page, newest first; without the right to read the history it is empty."""
    room = room_of(world, call)
    limit = int(call.query.get("limit", 50))
    if not 1 <= limit <= 100:
        raise invalid("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")
    if not may(world, world.me.id, room, "read_message_history"):
        return []
    page = _page(room.history, call.query, limit)
    return [_as_seen(world, room, message) for message in reversed(page)]


def _page(history: list[Message], query: dict[str, str], limit: int) -> list[Message]:
    if "around" in query:
        at = int(query["around"])
        before = [one for one in history if one.id < at][-(limit // 2) :]
        return before + [one for one in history if one.id >= at][: limit - len(before)]
    if "after" in query:
        return [one for one in history if one.id > int(query["after"])][:limit]
    if "before" in query:
        return [one for one in history if one.id < int(query["before"])][-limit:]
    return history[-limit:]


def _as_seen(world: World, room: Channel, message: Message) -> Json:
    body = payloads.message(world, message)
    if world.app.message_content:
        return body
    return payloads.blanked(body, world.me.id, is_direct=room.guild_id is None)


def _found(room: Channel, call: Call) -> Message:
    message = room.messages.get(call.ids["message_id"])
    if message is None:
        raise Refused(10008)
    return message


def _get(world: World, call: Call) -> Json:
    room = room_of(world, call, "read_message_history")
    return _as_seen(world, room, _found(room, call))


def _edit(world: World, call: Call) -> Json:
    room = room_of(world, call)
    message = _found(room, call)
    if message.author_id != world.me.id:
        raise Refused(50005)
    if message.kind not in (0, 19, 20, 23):
        raise Refused(50021)
    if room.archived:
        raise Refused(50083)
    return payloads.message(world, posting.change(world, room, message, call.post))


def _delete(world: World, call: Call) -> None:
    room = room_of(world, call)
    message = _found(room, call)
    if message.author_id != world.me.id:
        room_of(world, call, "manage_messages")
    posting.remove(world, room, message)


def _delete_many(world: World, call: Call) -> None:
    room = room_of(world, call, "manage_messages")
    ids = [int(one) for one in call.body["messages"]]
    if not 2 <= len(ids) <= 100:
        raise invalid("messages", "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length.")
    for message in [room.messages[one] for one in ids if one in room.messages]:
        posting.remove(world, room, message)


def _type(world: World, call: Call) -> None:
    room = room_of(world, call)
    room_of(world, call, talking(room))
    if room.archived:
        raise Refused(50083)
    world.typing.append(room.id)


def _react(world: World, call: Call) -> None:
    room = room_of(world, call, "read_message_history", "add_reactions")
    who = _found(room, call).reactions.setdefault(call.words["emoji"], [])
    if world.me.id not in who:
        who.append(world.me.id)


def _unreact(world: World, call: Call) -> None:
    room = room_of(world, call)
    who = _found(room, call).reactions.get(call.words["emoji"], [])
    if world.me.id in who:
        who.remove(world.me.id)


ROUTES: list[Route] = [
    ("POST /channels/{channel_id}/messages", _send),
    ("GET /channels/{channel_id}/messages", _listing),
    ("POST /channels/{channel_id}/messages/bulk-delete", _delete_many),
    ("GET /channels/{channel_id}/messages/{message_id}", _get),
    ("PATCH /channels/{channel_id}/messages/{message_id}", _edit),
    ("DELETE /channels/{channel_id}/messages/{message_id}", _delete),
    ("POST /channels/{channel_id}/typing", _type),
    ("PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me", _react),
    ("DELETE /channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me", _unreact),
]
