"""What owners and admins of workspaces do, and what the app is told of it (docs, "Events")."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tests.adapters.slack.wire import payloads, posting
from tests.adapters.slack.wire.messages import Json, Message
from tests.adapters.slack.wire.world import Channel, Install, User, UserGroup, World


class Owning:
    """Mixed into the server."""

    world: World

    # channels

    def join(self, user: User, channel: Channel) -> None:
        """Come into a channel: an event, and a message of Slack's own."""
        channel.members.append(user.id)
        self._system(channel, user, "channel_join", f"{user.mention} has joined the channel")
        event = {"type": "member_joined_channel", "user": user.id, "channel": channel.id, "team": user.team}
        self._told(event | {"channel_type": "C" if channel.kind == "channel" else "G"}, channel)

    def leave(self, user: User, channel: Channel) -> None:
        channel.members.remove(user.id)
        self._system(channel, user, "channel_leave", f"{user.mention} has left the channel")

    def invite_bot(self, channel: Channel, install: Install | None = None) -> None:
        """Let the bot be in a channel."""
        mine = install or self._first()
        self.join(self.world.users[mine.user], channel)

    def kick_bot(self, channel: Channel, install: Install | None = None) -> None:
        """Take the bot out of a channel."""
        mine = install or self._first()
        channel.members.remove(mine.user)
        event = {"type": "group_left" if channel.kind == "private" else "channel_left", "channel": channel.id}
        self.world.emit(event | {"event_ts": self.world.new_ts()}, teams=[mine.team])

    def archive(self, channel: Channel, by: User | None = None) -> None:
        channel.is_archived = True
        self._told({"type": f"{_kind(channel)}_archive", "channel": channel.id, "user": by.id if by else ""}, channel)

    def unarchive(self, channel: Channel, by: User | None = None) -> None:
        channel.is_archived = False
        self._told({"type": f"{_kind(channel)}_unarchive", "channel": channel.id, "user": by.id if by else ""}, channel)

    def rename(self, channel: Channel, name: str) -> None:
        channel.name = name
        named = {"id": channel.id, "name": name, "created": 1_700_000_000}
        self._told({"type": f"{_kind(channel)}_rename", "channel": named}, channel)

    def delete_channel(self, channel: Channel) -> None:
        """Let a channel be gone for good."""
        self._told({"type": f"{_kind(channel)}_deleted", "channel": channel.id}, channel)
        del self.world.channels[channel.id]

    # people

    def deactivate(self, user: User) -> None:
        """Let an account be gone, as when somebody leaves the company."""
        user.deleted = True
        self._changed(user)

    def make_guest(self, user: User, *, is_guest: bool = True) -> None:
        user.is_restricted = is_guest
        self._changed(user)

    # groups

    def set_group(self, group: UserGroup, users: Iterable[User]) -> None:
        """Change who is in a user group."""
        before, group.users = group.users, [one.id for one in users]
        added = [one for one in group.users if one not in before]
        removed = [one for one in before if one not in group.users]
        now = int(time.time())
        event: Json = {
            "type": "subteam_members_changed",
            "subteam_id": group.id,
            "team_id": group.team,
            "date_previous_update": now - 60,
            "date_update": now,
            "added_users": added,
            "added_users_count": len(added),
            "removed_users": removed,
            "removed_users_count": len(removed),
        }
        self.world.emit(event | {"event_ts": self.world.new_ts()}, teams=[group.team])
        self._group_updated(group)

    def enable_group(self, group: UserGroup, *, is_enabled: bool = True) -> None:
        """Switch a user group on or off."""
        group.is_enabled = is_enabled
        self._group_updated(group)

    # the app

    def uninstall(self, install: Install | None = None) -> None:
        """Take the app out of a workspace: its token is worth nothing any more."""
        mine = install or self._first()
        self.world.emit({"type": "app_uninstalled", "event_ts": self.world.new_ts()}, teams=[mine.team])
        self._revoked(mine)
        mine.refusal = "account_inactive"

    def revoke(self, install: Install | None = None, *, is_told: bool = True) -> None:
        """Take away the token of a workspace's bot."""
        mine = install or self._first()
        if is_told:
            self._revoked(mine)
        mine.refusal = "token_revoked"

    def _revoked(self, install: Install) -> None:
        event = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [install.user]}}
        self.world.emit(event | {"event_ts": self.world.new_ts()}, teams=[install.team])

    def _first(self) -> Install:
        return next(iter(self.world.installs.values()))

    def _system(self, channel: Channel, user: User, subtype: str, text: str) -> Message:
        message = Message(self.world.new_ts(), channel.id, user.id, user.team, text, subtype=subtype)
        return posting.put(self.world, channel, message)

    def _told(self, event: Json, channel: Channel) -> None:
        self.world.emit(event | {"event_ts": self.world.new_ts()}, channel=channel)

    def _changed(self, user: User) -> None:
        body = payloads.user(self.world, user, user.team)
        event = {"type": "user_change", "user": body, "cache_ts": int(time.time())}
        self.world.emit(event | {"event_ts": self.world.new_ts()}, teams=[user.team])

    def _group_updated(self, group: UserGroup) -> None:
        event = {"type": "subteam_updated", "subteam": payloads.group(group, with_users=True)}
        self.world.emit(event | {"event_ts": self.world.new_ts()}, teams=[group.team])


def _kind(channel: Channel) -> str:
    return "group" if channel.kind == "private" else "channel"
