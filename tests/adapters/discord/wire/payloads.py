"""How Discord writes what there is: the objects of API v10, ids as strings, times as ISO 8601."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.adapters.discord.wire.rights import rights, rights_in_guild
from tests.adapters.discord.wire.world import (
    DM,
    FORUM,
    VOICE,
    Attachment,
    Channel,
    Guild,
    Interaction,
    Json,
    Member,
    Message,
    Role,
    User,
    World,
)


def user(person: User) -> Json:
    return {
        "id": str(person.id),
        "username": person.name,
        "discriminator": "0",
        "global_name": person.global_name,
        "avatar": None,
        "bot": person.bot,
        "public_flags": 0,
        "flags": 0,
    }


def role(of: Role) -> Json:
    tags = {"tags": {"bot_id": str(of.managed_by)}} if of.managed_by else {}
    return {
        "id": str(of.id),
        "name": of.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": of.position,
        "permissions": str(of.permissions),
        "managed": of.managed_by is not None,
        "mentionable": of.mentionable,
        "flags": 0,
    } | tags


def bare_member(of: Member) -> Json:
    """A member without the user inside, as it stands beside one."""
    return {
        "roles": [str(role_id) for role_id in of.role_ids],
        "nick": of.nick,
        "avatar": None,
        "joined_at": when(of.joined_at),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "pending": of.pending,
        "flags": of.flags,
        "communication_disabled_until": None,
    }


def member(world: World, of: Member) -> Json:
    return bare_member(of) | {"user": user(world.users[of.user_id])}


def channel(world: World, of: Channel) -> Json:
    if of.kind == DM:
        return _direct(world, of)
    body = {
        "id": str(of.id),
        "type": of.kind,
        "name": of.name,
        "guild_id": str(of.guild_id),
        "parent_id": str(of.parent_id) if of.parent_id else None,
        "last_message_id": _last(of),
        "rate_limit_per_user": 0,
        "flags": 0,
    }
    return body | (_thread(of) if of.is_thread else _place(of))


def _direct(world: World, of: Channel) -> Json:
    others = [user(world.users[one]) for one in of.recipients if one != world.me.id]
    return {"id": str(of.id), "type": DM, "last_message_id": _last(of), "recipients": others, "flags": 0}


def _place(of: Channel) -> Json:
    rules = [
        {"id": str(rule.id), "type": 0 if rule.is_role else 1, "allow": str(rule.allow), "deny": str(rule.deny)}
        for rule in of.overwrites.values()
    ]
    body: Json = {"topic": of.topic, "position": 0, "nsfw": False, "permission_overwrites": rules}
    if of.kind == VOICE:
        body |= {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}
    if of.kind == FORUM:
        body |= {"available_tags": [], "default_reaction_emoji": None, "default_forum_layout": 0}
    return body


def _thread(of: Channel) -> Json:
    metadata = {
        "archived": of.archived,
        "locked": of.locked,
        "auto_archive_duration": of.auto_archive_minutes,
        "archive_timestamp": when(of.archived_at),
    }
    return {
        "owner_id": str(of.owner_id),
        "thread_metadata": metadata | ({"invitable": True} if of.is_private else {}),
        "message_count": max(len(of.messages) - 1, 0),
        "total_message_sent": max(len(of.messages) - 1, 0),
        "member_count": len(of.member_ids),
    }


def thread_for(world: World, of: Channel, user_id: int) -> Json:
    """A thread as somebody in it gets it: with their own membership."""
    body = channel(world, of)
    return body | ({"member": thread_member(of, user_id)} if user_id in of.member_ids else {})


def thread_member(of: Channel, user_id: int) -> Json:
    return {"id": str(of.id), "user_id": str(user_id), "join_timestamp": when(of.archived_at), "flags": 1}


def _last(of: Channel) -> str | None:
    return str(max(of.messages)) if of.messages else None


def partial_guild(world: World, of: Guild) -> Json:
    """A server in GET /users/@me/guilds."""
    return {
        "id": str(of.id),
        "name": of.name,
        "icon": None,
        "banner": None,
        "owner": of.owner_id == world.me.id,
        "permissions": str(rights_in_guild(of, world.me.id)),
        "features": [],
    }


def guild(of: Guild) -> Json:
    return {
        "id": str(of.id),
        "name": of.name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "owner_id": str(of.owner_id),
        "region": "",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": [role(one) for one in of.roles.values()],
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "nsfw_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "vanity_url_code": None,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "max_members": 500_000,
    }


def whole_guild(world: World, of: Guild, *, with_members: bool) -> Json:
    """A server as GUILD_CREATE brings it: what the bot may see of it, and of its members itself only, unless the
    session has the members' intent."""
    channels = [one for one in world.guild_channels(of.id) if rights(world, world.me.id, one) & 1 << 10]
    members = of.members.values() if with_members else [of.members[world.me.id]]
    return guild(of) | {
        "joined_at": when(of.members[world.me.id].joined_at),
        "large": False,
        "member_count": len(of.members),
        "members": [member(world, one) for one in members],
        "channels": [channel(world, one) for one in channels if not one.is_thread],
        "threads": [thread_for(world, one, world.me.id) for one in channels if one.is_thread and not one.archived],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment(of: Attachment) -> Json:
    body: Json = {
        "id": str(of.id),
        "filename": of.filename,
        "size": len(of.content),
        "url": of.url,
        "proxy_url": of.url,
        "content_type": of.content_type,
    }
    if of.description is not None:
        body["description"] = of.description
    return body | ({"ephemeral": True} if of.is_ephemeral else {})


def message(world: World, of: Message, *, with_reply: bool = True) -> Json:
    """A message as REST answers it; events add `guild_id` and `member` (see `event_message`)."""
    room = world.channels.get(of.channel_id)
    body: Json = {
        "id": str(of.id),
        "channel_id": str(of.channel_id),
        "author": _author(world, of),
        "content": of.content,
        "timestamp": when(of.created_at),
        "edited_timestamp": when(of.edited_at) if of.edited_at else None,
        "tts": False,
        "mention_everyone": of.mentions_everyone,
        "mentions": [user(world.users[one]) for one in of.mention_ids],
        "mention_roles": [str(one) for one in of.mention_role_ids],
        "attachments": [attachment(one) for one in of.attachments],
        "embeds": of.embeds,
        "components": of.components,
        "pinned": False,
        "type": of.kind,
        "flags": of.flags,
    }
    for name, value in _extras(world, of, room).items():
        if value is not None:
            body[name] = value
    return body | _reference(world, of, room, with_reply=with_reply)


def _author(world: World, of: Message) -> Json:
    if of.webhook_name is None:
        return user(world.users[of.author_id])
    return {"id": str(of.author_id), "username": of.webhook_name, "discriminator": "0000", "avatar": None, "bot": True}


def _extras(world: World, of: Message, room: Channel | None) -> dict[str, Any]:
    """The fields a message has only sometimes; None for those it has not."""
    thread = world.channels.get(of.thread_id or 0)
    made_by = of.author_id == world.me.id
    return {
        "nonce": of.nonce if made_by else None,
        "webhook_id": str(of.webhook_id) if of.webhook_id else None,
        "application_id": str(world.app.id) if of.interaction else None,
        "thread": channel(world, thread) if thread else None,
        "interaction_metadata": _metadata(world, of.interaction) if of.interaction else None,
        "reactions": _reactions(world, of) or None,
        "position": 0 if room is not None and room.is_thread else None,
    }


def _reactions(world: World, of: Message) -> list[Json]:
    return [
        {
            "emoji": {"id": None, "name": emoji},
            "count": len(who),
            "count_details": {"burst": 0, "normal": len(who)},
            "me": world.me.id in who,
            "me_burst": False,
            "burst_colors": [],
        }
        for emoji, who in of.reactions.items()
        if who
    ]


def _metadata(world: World, of: Interaction) -> Json:
    body: Json = {
        "id": str(of.id),
        "type": of.kind,
        "user": user(world.users[of.user_id]),
        "authorizing_integration_owners": owners(world, of.guild_id),
    }
    if of.message is not None and of.kind == 3:
        body["interacted_message_id"] = str(of.message.id)
    if of.kind == 5:
        body["triggering_interaction_metadata"] = body | {"type": 2}
    return body


def owners(world: World, guild_id: int | None) -> Json:
    """Who installed the app that a thing was done with; 0 is a server, or 0 for a direct talk."""
    return {"0": str(guild_id) if guild_id else "0"}


def _reference(world: World, of: Message, room: Channel | None, *, with_reply: bool) -> Json:
    """What it replies to; the message itself only one deep (docs, "Message Reference")."""
    if of.reply_to_id is None or room is None:
        return {}
    where = room
    if of.kind == 21:
        where = world.channels.get(room.parent_id or 0, room)
    earlier = where.messages.get(of.reply_to_id)
    place = {"guild_id": str(room.guild_id)} if room.guild_id else {}
    body: Json = {
        "message_reference": {"type": 0, "message_id": str(of.reply_to_id), "channel_id": str(where.id)} | place
    }
    if with_reply:
        body["referenced_message"] = message(world, earlier, with_reply=False) if earlier else None
    return body


def event_message(world: World, of: Message) -> Json:
    """A message as MESSAGE_CREATE and MESSAGE_UPDATE bring it."""
    body = message(world, of)
    room = world.channels[of.channel_id]
    body["channel_type"] = room.kind
    if room.guild_id is None:
        return body
    body["guild_id"] = str(room.guild_id)
    known = world.guilds[room.guild_id].members
    if of.webhook_name is None and of.author_id in known:
        body["member"] = bare_member(known[of.author_id])
    for mentioned in body["mentions"]:
        if int(mentioned["id"]) in known:
            mentioned["member"] = bare_member(known[int(mentioned["id"])])
    return body


def blanked(body: Json, me_id: int, *, is_direct: bool) -> Json:
    """A message as somebody without the message content intent gets it (docs, "Message Content Intent")."""
    if reply := body.get("referenced_message"):
        body = body | {"referenced_message": blanked(reply, me_id, is_direct=is_direct)}
    mentioned = {one["id"] for one in body["mentions"]}
    if is_direct or body["author"]["id"] == str(me_id) or str(me_id) in mentioned:
        return body
    return body | {"content": "", "embeds": [], "attachments": [], "components": []}


def application(world: World) -> Json:
    app = world.app
    return {
        "id": str(app.id),
        "name": app.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot": user(world.me),
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": user(world.users[app.owner_id]),
        "team": None,
        "verify_key": "0" * 64,
        "flags": app.flags,
        "approximate_guild_count": len(world.guilds),
        "tags": [],
        "install_params": {"scopes": ["bot", "applications.commands"], "permissions": "0"},
        "integration_types_config": {"0": {}},
    }


def when(at: datetime) -> str:
    return at.isoformat()
