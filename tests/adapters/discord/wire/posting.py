"""Messages made, changed and taken away, by whomever; the rules of a message's body (docs, "Create Message")."""

from __future__ import annotations

import mimetypes
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.adapters.discord.wire import payloads, threads
from tests.adapters.discord.wire.components import checked_message
from tests.adapters.discord.wire.refusals import Refused, invalid, too_long
from tests.adapters.discord.wire.rights import BITS, may, rights
from tests.adapters.discord.wire.world import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    Attachment,
    Channel,
    Interaction,
    Json,
    Message,
    World,
)

_USER, _ROLE = re.compile(r"<@!?(\d+)>"), re.compile(r"<@&(\d+)>")
_SETTABLE = (1 << 2) | EPHEMERAL | (1 << 12) | COMPONENTS_V2
_ONLY_IN_OLD = ("content", "embeds", "poll", "sticker_ids")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way up."""

    filename: str
    content: bytes
    content_type: str = ""
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A body of a request to say something, with the files that came along, by their number."""

    body: Json
    files: dict[int, Upload] = field(default_factory=dict)


def say(world: World, room: Channel, author_id: int, post: Post, *, by: Interaction | None = None) -> Message:
    """Make a message of a request. With the nonce of one of the last minutes it gives that one and makes none."""
    if (earlier := _same_nonce(world, room, author_id, post.body)) is not None:
        return earlier
    settable = _SETTABLE if by is not None else _SETTABLE & ~EPHEMERAL
    message = Message(world.new_id(), room.id, author_id, flags=post.body.get("flags", 0) & settable, interaction=by)
    _fill(world, room, message, post)
    message.reply_to_id = _reply_to(world, room, author_id, post.body)
    message.kind = 19 if message.reply_to_id else 20 if by is not None and by.kind == 2 else 0
    mark_mentions(world, room, message, post.body)
    _remember_nonce(world, room, message, post.body)
    return put(world, room, message)


def put(world: World, room: Channel, message: Message) -> Message:
    """Let a finished message be there: kept and told, or, if ephemeral, shown to one person only."""
    if message.is_ephemeral:
        message.for_user_id = message.interaction.user_id if message.interaction else None
        world.ephemerals[message.id] = message
        return message
    threads.wake(world, room)
    room.messages[message.id] = message
    if room.is_thread:
        for user_id in [message.author_id, *message.mention_ids]:
            threads.join(world, room, user_id)
    tell(world, "MESSAGE_CREATE", message)
    return message


def change(world: World, room: Channel, message: Message, post: Post) -> Message:
    """Edit a message as PATCH says; what is not named stays."""
    body = post.body
    wanted = body.get("flags") or 0
    if message.flags & COMPONENTS_V2 and any(body.get(name) for name in _ONLY_IN_OLD):
        raise _only_in_old()
    becomes_v2 = bool(wanted & COMPONENTS_V2) and not message.flags & COMPONENTS_V2
    if becomes_v2 and ((message.content and "content" not in body) or (message.embeds and "embeds" not in body)):
        raise _only_in_old()
    version = (message.content, message.components)
    draft = Message(message.id, room.id, message.author_id, flags=message.flags & ~LOADING | wanted & COMPONENTS_V2)
    draft.content, draft.embeds, draft.components = message.content, message.embeds, message.components
    draft.attachments = message.attachments
    _fill(world, room, draft, post)
    message.content, message.embeds, message.components = draft.content, draft.embeds, draft.components
    message.attachments, message.flags = draft.attachments, draft.flags
    message.versions.append(version)
    message.edited_at = datetime.now(UTC)
    mark_mentions(world, room, message, body)
    if not message.is_ephemeral:
        tell(world, "MESSAGE_UPDATE", message)
    return message


def remove(world: World, room: Channel, message: Message) -> None:
    message.is_deleted = True
    if message.is_ephemeral:
        world.ephemerals.pop(message.id, None)
        return
    room.messages.pop(message.id, None)
    place = {"guild_id": str(room.guild_id)} if room.guild_id else {}
    payload = {"id": str(message.id), "channel_id": str(room.id)} | place
    world.emit("MESSAGE_DELETE", payload, guild_id=room.guild_id, channel=room)


def tell(world: World, event: str, message: Message) -> None:
    """Hand a message to the gateway."""
    room = world.channels[message.channel_id]
    world.emit(event, payloads.event_message(world, message), guild_id=room.guild_id, channel=room)


def store(world: World, room: Channel, upload: Upload, *, is_ephemeral: bool = False) -> Attachment:
    """Keep a file where its address can be asked for."""
    if len(upload.content) > world.rules.max_upload_bytes:
        raise Refused(40005)
    name = re.sub(r"[^\w.-]", "_", upload.filename)
    key = world.new_id()
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    kept = Attachment(
        key,
        name,
        upload.content,
        upload.content_type or guessed,
        f"{world.base_url}/cdn/attachments/{room.id}/{key}/{name}?ex=ffffffff&is=0&hm=0",
        upload.description,
        is_ephemeral,
    )
    world.attachments[key] = kept
    return kept


def _fill(world: World, room: Channel, message: Message, post: Post) -> None:
    """Put content, embeds, files and components on a message. Raises Refused, then nothing was changed elsewhere."""
    body = post.body
    is_v2 = bool(message.flags & COMPONENTS_V2)
    if is_v2 and any(body.get(name) for name in _ONLY_IN_OLD):
        raise _only_in_old()
    if "content" in body:
        message.content = _checked_content(world, body["content"])
    if "embeds" in body:
        message.embeds = _checked_embeds(body["embeds"] or [])
    if len(body.get("attachments") or post.files) > 10:
        raise invalid("attachments", "BASE_TYPE_BAD_LENGTH", "Must be 10 or fewer in length.")
    message.attachments = _attached(world, room, message, post)
    if "components" in body:
        files = {one.filename: one for one in message.attachments}
        message.components = checked_message(body["components"] or [], files, is_v2=is_v2)
    if not (message.content or message.embeds or message.attachments or message.components or body.get("sticker_ids")):
        raise Refused(50006)


def _checked_content(world: World, given: str | None) -> str:
    text = (given or "").strip()
    if len(text) > world.rules.max_content:
        raise too_long("content", world.rules.max_content)
    return text


def _checked_embeds(embeds: list[Json]) -> list[Json]:
    if len(embeds) > 10:
        raise invalid("embeds", "BASE_TYPE_BAD_LENGTH", "Must be 10 or fewer in length.")
    total = 0
    for place, embed in enumerate(embeds):
        parts = [("title", embed.get("title"), 256), ("description", embed.get("description"), 4096)]
        parts += [("footer.text", embed.get("footer", {}).get("text"), 2048)]
        for one in embed.get("fields", []):
            parts += [("fields", one["name"], 256), ("fields", one["value"], 1024)]
        for name, text, most in parts:
            total += len(text or "")
            if len(text or "") > most:
                raise too_long(f"embeds.{place}.{name}", most)
    if total > 6000:
        raise invalid("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
    return [{"type": "rich"} | embed for embed in embeds]


def _attached(world: World, room: Channel, message: Message, post: Post) -> list[Attachment]:
    """The files a message has after this: those the body keeps by id, and the new ones, described by number."""
    named = post.body.get("attachments")
    kept = message.attachments
    if named is not None:
        ids = {str(one["id"]) for one in named}
        kept = [one for one in message.attachments if str(one.id) in ids]
    notes = {str(one.get("id")): one for one in named or []}
    new = []
    for number, upload in sorted(post.files.items()):
        note = notes.get(str(number), {})
        name = note.get("filename") or upload.filename
        described = Upload(name, upload.content, upload.content_type, note.get("description"))
        new.append(store(world, room, described, is_ephemeral=message.is_ephemeral))
    return [*kept, *new]


def _only_in_old() -> Refused:
    return invalid(
        "content",
        "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
        "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
    )


def _reply_to(world: World, room: Channel, author_id: int, body: Json) -> int | None:
    reference = body.get("message_reference")
    if not reference:
        return None
    if room.guild_id and not may(world, author_id, room, "read_message_history"):
        raise Refused(160002)
    message_id = int(reference["message_id"])
    if message_id in room.messages:
        return message_id
    if reference.get("fail_if_not_exists", True):
        raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    return None


def mark_mentions(world: World, room: Channel, message: Message, body: Json) -> None:
    """Note whom a message really mentions: what is written, as far as `allowed_mentions` and rights let it."""
    allowed = body.get("allowed_mentions")
    parse = {"users", "roles", "everyone"} if allowed is None else set(allowed.get("parse", []))
    allowed = allowed or {}
    text = message.text
    users = [one for one in _ids(_USER, text) if one in world.users]
    roles = [one for one in _ids(_ROLE, text) if room.guild_id and one in world.guilds[room.guild_id].roles]
    message.mention_ids = _let(users, "users", parse, allowed)
    message.mention_role_ids = _let(roles, "roles", parse, allowed)
    loud = bool(rights(world, message.author_id, room) & BITS["mention_everyone"])
    message.mentions_everyone = "everyone" in parse and loud and ("@everyone" in text or "@here" in text)
    _mark_replied(room, message, allowed, is_default="allowed_mentions" not in body)


def _mark_replied(room: Channel, message: Message, allowed: Json, *, is_default: bool) -> None:
    replied = room.messages.get(message.reply_to_id or 0)
    pings = allowed.get("replied_user", is_default)
    if replied is not None and pings and replied.author_id not in message.mention_ids and replied.webhook_name is None:
        message.mention_ids.append(replied.author_id)


def _let(found: Sequence[int], kind: str, parse: set[str], allowed: Json) -> list[int]:
    if kind in parse:
        return list(found)
    listed = {int(one) for one in allowed.get(kind) or []}
    return [one for one in found if one in listed]


def _ids(pattern: re.Pattern[str], text: str) -> list[int]:
    return list(dict.fromkeys(int(one) for one in pattern.findall(text)))


def _same_nonce(world: World, room: Channel, author_id: int, body: Json) -> Message | None:
    nonce = body.get("nonce")
    if nonce is not None and len(str(nonce)) > 25:
        raise too_long("nonce", 25)
    if nonce is None or not body.get("enforce_nonce"):
        return None
    at, message = world.nonces.get((author_id, room.id, str(nonce)), (0.0, None))
    return message if message is not None and time.monotonic() - at <= world.rules.nonce_window_s else None


def _remember_nonce(world: World, room: Channel, message: Message, body: Json) -> None:
    if body.get("nonce") is None:
        return
    message.nonce = str(body["nonce"])
    world.nonces[message.author_id, room.id, message.nonce] = (time.monotonic(), message)
