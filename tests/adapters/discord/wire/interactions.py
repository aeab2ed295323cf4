"""How an interaction is written: what INTERACTION_CREATE brings (docs, "Interaction Object")."""

from __future__ import annotations

from collections.abc import Sequence

from tests.adapters.discord.wire.payloads import attachment, bare_member, channel, member, message, owners, role, user
from tests.adapters.discord.wire.rights import ALL, rights
from tests.adapters.discord.wire.world import Attachment, Channel, Interaction, Json, Role, User, World


def interaction(world: World, of: Interaction) -> Json:
    """What INTERACTION_CREATE brings."""
    room = world.channels.get(of.channel_id)
    body: Json = {
        "id": str(of.id),
        "application_id": str(world.app.id),
        "type": of.kind,
        "token": of.token,
        "version": 1,
        "data": of.data,
        "channel_id": str(of.channel_id),
        "locale": "en-US",
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": owners(world, of.guild_id),
        "context": 0 if of.guild_id else 1,
        "attachment_size_limit": world.rules.max_upload_bytes,
        "app_permissions": str(rights(world, world.me.id, room) if room else 0),
    }
    if room is not None:
        body["channel"] = channel(world, room) | {"permissions": str(rights(world, of.user_id, room))}
    if of.message is not None:
        body["message"] = message(world, of.message)
    return body | (_by_member(world, of, room) if of.guild_id else {"user": user(world.users[of.user_id])})


def _by_member(world: World, of: Interaction, room: Channel | None) -> Json:
    assert of.guild_id is not None
    found = world.guilds[of.guild_id].members[of.user_id]
    may = str(rights(world, of.user_id, room) if room else ALL)
    return {
        "guild_id": str(of.guild_id),
        "guild_locale": "en-US",
        "guild": {"id": str(of.guild_id), "locale": "en-US", "features": []},
        "member": member(world, found) | {"permissions": may},
    }


def resolved(world: World, room: Channel, things: Sequence[User | Role | Channel | Attachment]) -> Json:
    """The `resolved` part of an interaction: the things whose ids are named in it."""
    body: dict[str, Json] = {}
    members = world.guilds[room.guild_id].members if room.guild_id else {}
    for one in things:
        key = str(one.id)
        match one:
            case User():
                body.setdefault("users", {})[key] = user(one)
                if one.id in members:
                    may = {"permissions": str(rights(world, one.id, room))}
                    body.setdefault("members", {})[key] = bare_member(members[one.id]) | may
            case Role():
                body.setdefault("roles", {})[key] = role(one)
            case Channel():
                may = {"permissions": str(rights(world, world.me.id, one))}
                body.setdefault("channels", {})[key] = channel(world, one) | may
            case Attachment():
                body.setdefault("attachments", {})[key] = attachment(one)
    return body
