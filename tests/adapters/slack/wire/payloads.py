"""How things are written: messages, channels, people as the Web API and events bring them (docs, "Objects")."""

from __future__ import annotations

from tests.adapters.slack.wire.messages import File, Json, Message, View
from tests.adapters.slack.wire.world import Channel, Install, Team, User, UserGroup, World

_FILETYPES = {"text/plain": "text", "application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}


def team(one: Team) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "url": f"https://{one.domain}.slack.com/",
        "domain": one.domain,
        "email_domain": "",
        "icon": {"image_default": True},
        "avatar_base_url": "https://ca.slack-edge.com/",
        "is_verified": False,
    }


def user(world: World, one: User, seen_from: str) -> Json:
    """A person as a workspace sees them: of somebody else's workspace there is less, and `is_stranger`."""
    body: Json = {
        "id": one.id,
        "team_id": one.team,
        "name": one.name,
        "deleted": one.deleted,
        "is_bot": one.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
        "profile": _profile(one),
    }
    if one.deleted:
        return body
    body |= {
        "color": "9f69e7",
        "real_name": one.real_name or one.name,
        "tz": one.tz,
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "is_email_confirmed": True,
        "who_can_share_contact_card": "EVERYONE",
    }
    if one.team != seen_from:
        return body | {"is_stranger": not _shares(world, one, seen_from)}
    return body | {
        "is_admin": one.is_admin,
        "is_owner": one.is_owner,
        "is_primary_owner": False,
        "is_restricted": one.is_restricted,
        "is_ultra_restricted": one.is_ultra_restricted,
    }


def channel(one: Channel, seen_by: Install) -> Json:
    """A conversation (docs, "Conversation object")."""
    is_im, is_mpim = one.kind == "im", one.kind == "mpim"
    common: Json = {
        "id": one.id,
        "created": 1_700_000_000,
        "is_archived": one.is_archived,
        "is_im": is_im,
        "is_org_shared": False,
        "context_team_id": seen_by.team,
        "updated": 1_700_000_000_000,
    }
    if is_im:
        other = next((member for member in one.members if member != seen_by.user), seen_by.user)
        return common | {"user": other, "is_user_deleted": False, "priority": 0}
    return common | {
        "name": one.name,
        "name_normalized": one.name,
        "is_channel": one.kind == "channel",
        "is_group": one.kind == "private",
        "is_mpim": is_mpim,
        "is_private": one.kind != "channel",
        "is_general": one.name == "general",
        "is_shared": one.is_shared,
        "is_ext_shared": one.is_shared,
        "is_pending_ext_shared": False,
        "is_member": seen_by.user in one.members,
        "creator": one.creator,
        "unlinked": 0,
        "parent_conversation": None,
        "pending_shared": [],
        "pending_connected_team_ids": [],
        "shared_team_ids": [one.team, *one.shared_with],
        "topic": {"value": one.topic, "creator": "", "last_set": 0},
        "purpose": {"value": one.purpose, "creator": "", "last_set": 0},
        "previous_names": [],
    }


def channel_type(one: Channel) -> str:
    """What events call the kind of a channel."""
    return {"channel": "channel", "private": "group", "im": "im", "mpim": "mpim"}[one.kind]


def bot_profile(world: World, install: Install) -> Json:
    return {
        "id": install.bot_id,
        "app_id": install.app_id,
        "user_id": install.user,
        "name": world.users[install.user].name,
        "icons": {"image_36": "https://a.slack-edge.com/bot_36.png"},
        "deleted": False,
        "updated": 1_700_000_000,
        "team_id": install.team,
    }


def message(world: World, one: Message, *, with_metadata: bool = False, in_history: bool = False) -> Json:
    """A message (docs, "Message payloads"). Events of it have the channel besides; the history has the thread's sums.

    Its metadata is told where it is asked for, and to the app that set it.
    """
    if one.is_tombstone:
        return _tombstone(world, one)
    body: Json = {"type": "message", "user": one.user, "ts": one.ts, "text": one.text, "team": one.team}
    if one.subtype:
        body["subtype"] = one.subtype
    if one.client_msg_id:
        body["client_msg_id"] = one.client_msg_id
    if one.bot_id:
        body |= {"bot_id": one.bot_id, "app_id": one.app_id}
        if install := next((found for found in world.installs.values() if found.bot_id == one.bot_id), None):
            body["bot_profile"] = bot_profile(world, install)
    if one.blocks:
        body["blocks"] = one.blocks
    if one.attachments:
        body["attachments"] = one.attachments
    if one.files:
        body |= {"files": [file(found) for found in one.files], "upload": False, "display_as_bot": False}
    if one.edited_ts:
        body["edited"] = {"user": one.edited_by, "ts": one.edited_ts}
    if one.metadata is not None:
        body["metadata"] = one.metadata if with_metadata else {"event_type": one.metadata["event_type"]}
    if one.thread_ts:
        body["thread_ts"] = one.thread_ts
    if one.is_reply:
        body["parent_user_id"] = _root_user(world, one)
    if one.reactions:
        body["reactions"] = [
            {"name": name, "users": list(users), "count": len(users)} for name, users in one.reactions.items()
        ]
    if one.stream is not None:
        body["streaming_state"] = "in_progress" if one.stream.is_open else "completed"
    return body | (_thread(world, one) if in_history else {})


def file(one: File, *, is_whole: bool = False) -> Json:
    """A file (docs, "File object"); one of Slack Connect names only itself until it is asked for (`files.info`)."""
    if one.access and not is_whole:
        return {
            "id": one.id,
            "mode": "file_access",
            "file_access": one.access,
            "created": 0,
            "timestamp": 0,
            "user": "",
        }
    if one.is_deleted:
        return {"id": one.id, "mode": "tombstone", "created": 1_700_000_000, "timestamp": 1_700_000_000}
    return _file_facts(one) | {
        "is_public": True,
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": one.url,
        "url_private_download": "/download/".join(one.url.rsplit("/", 1)),
        "media_display_type": "unknown",
        "permalink": f"https://files.example/files/{one.user}/{one.id}",
        "permalink_public": f"https://files.example/pub/{one.id}",
        "is_starred": False,
        "has_rich_preview": False,
        "file_access": "visible",
        "channels": list(one.channels),
        "groups": [],
        "ims": [],
        "comments_count": 0,
    }


def group(one: UserGroup, *, with_users: bool) -> Json:
    body: Json = {
        "id": one.id,
        "team_id": one.team,
        "is_usergroup": True,
        "is_subteam": True,
        "name": one.name,
        "description": "",
        "handle": one.handle,
        "is_external": False,
        "date_create": 1_700_000_000,
        "date_update": 1_700_000_000,
        "date_delete": 0 if one.is_enabled else 1_700_000_001,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": "U00000000",
        "updated_by": "U00000000",
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(one.users),
        "channel_count": 0,
    }
    return body | ({"users": list(one.users)} if with_users else {})


def view(world: World, one: View) -> Json:
    """A view as methods answer and interactions bring it (docs, "View payloads")."""
    install = world.installs[one.team]
    body = one.body
    common: Json = {
        "id": one.id,
        "team_id": one.team,
        "type": one.kind,
        "blocks": body["blocks"],
        "private_metadata": body.get("private_metadata", ""),
        "callback_id": body.get("callback_id", ""),
        "state": {"values": {}},
        "hash": one.hash,
        "title": body.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
        "clear_on_close": bool(body.get("clear_on_close", False)),
        "notify_on_close": bool(body.get("notify_on_close", False)),
        "close": body.get("close"),
        "submit": body.get("submit"),
        "previous_view_id": one.previous or None,
        "root_view_id": one.root or one.id,
        "app_id": install.app_id,
        "external_id": one.external_id,
        "app_installed_team_id": one.team,
        "bot_id": install.bot_id,
    }
    return common


def _file_facts(one: File) -> Json:
    filetype = _FILETYPES.get(one.mimetype, one.name.rpartition(".")[2] or "binary")
    return {
        "id": one.id,
        "created": 1_700_000_000,
        "timestamp": 1_700_000_000,
        "name": one.name,
        "title": one.title or one.name,
        "mimetype": one.mimetype,
        "filetype": filetype,
        "pretty_type": filetype.upper(),
        "user": one.user,
        "user_team": one.team,
        "editable": False,
        "size": len(one.content) if one.size is None else one.size,
        "mode": one.mode,
        "is_external": False,
        "external_type": "",
    }


def _profile(one: User) -> Json:
    real = one.real_name or one.name
    body: Json = {
        "real_name": real,
        "real_name_normalized": real,
        "display_name": one.name,
        "display_name_normalized": one.name,
        "avatar_hash": "0",
        "status_text": "",
        "status_emoji": "",
        "image_48": "https://avatars.example/48.png",
        "team": one.team,
    }
    if one.bot_id:
        body |= {"bot_id": one.bot_id, "always_active": True}
    return body | ({"guest_invited_by": ""} if one.is_restricted or one.is_ultra_restricted else {})


def _shares(world: World, one: User, team_id: str) -> bool:
    return any(one.id in room.members and team_id in (room.team, *room.shared_with) for room in world.channels.values())


def _root_user(world: World, one: Message) -> str:
    root = world.channels[one.channel].messages.get(one.thread_ts)
    return root.user if root else ""


def _tombstone(world: World, one: Message) -> Json:
    return {
        "type": "message",
        "subtype": "tombstone",
        "text": "This message was deleted.",
        "user": "USLACKBOT",
        "hidden": True,
        "ts": one.ts,
        **({"thread_ts": one.thread_ts} if one.thread_ts else {}),
        **_thread(world, one),
    }


def _thread(world: World, one: Message) -> Json:
    """The sums of a thread, that its first message has."""
    if one.is_reply or not one.thread_ts:
        return {}
    replies = [found for found in world.channels[one.channel].replies(one.ts)[1:] if not found.is_deleted]
    if not replies:
        return {}
    users = list(dict.fromkeys(found.user for found in replies))
    return {
        "thread_ts": one.ts,
        "reply_count": len(replies),
        "reply_users_count": len(users),
        "latest_reply": replies[-1].ts,
        "reply_users": users[:5],
        "is_locked": False,
        "subscribed": False,
    }
