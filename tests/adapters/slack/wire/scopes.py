"""Which scope each method needs (docs, "Scopes"): one of those named, or that of the channel's kind."""

from __future__ import annotations

from tests.adapters.slack.wire.messages import Json
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.world import Install, World

NEEDED: dict[str, tuple[str, ...]] = {
    "agents.sessions.rename": ("chat:write",),
    "agents.sessions.setStatus": ("chat:write",),
    "assistant.threads.setStatus": ("chat:write", "assistant:write"),
    "assistant.threads.setSuggestedPrompts": ("assistant:write",),
    "assistant.threads.setTitle": ("assistant:write",),
    "bots.info": ("users:read",),
    "chat.appendStream": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.startStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "chat.update": ("chat:write",),
    "files.completeUploadExternal": ("files:write",),
    "files.delete": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "files.info": ("files:read",),
    "reactions.add": ("reactions:write",),
    "reactions.get": ("reactions:read",),
    "reactions.remove": ("reactions:write",),
    "team.info": ("team:read",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "users.conversations": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "users.info": ("users:read",),
    "users.list": ("users:read",),
}
"""Methods that are not named here need a token and no scope."""

BY_KIND: dict[str, dict[str, str]] = {
    "history": {
        "channel": "channels:history",
        "private": "groups:history",
        "im": "im:history",
        "mpim": "mpim:history",
    },
    "read": {"channel": "channels:read", "private": "groups:read", "im": "im:read", "mpim": "mpim:read"},
    "write": {"im": "im:write", "mpim": "mpim:write"},
}
_METHODS = {
    "conversations.history": "history",
    "conversations.replies": "history",
    "conversations.info": "read",
    "conversations.members": "read",
}


def require(world: World, install: Install, method: str, args: Json) -> None:
    """Let a call through if its token may. Raises Refused as Slack does: what is needed, and what there is."""
    needed = NEEDED.get(method, ()) or _by_channel(world, method, args)
    if needed and not set(needed) & set(install.scopes):
        raise lacking(install, ",".join(needed))


def lacking(install: Install, needed: str) -> Refused:
    return Refused("missing_scope", needed=needed, provided=",".join(install.scopes))


def accepted(method: str) -> str:
    """What the header `x-accepted-oauth-scopes` says."""
    by_kind = BY_KIND.get(_METHODS.get(method, ""), {})
    return ",".join(NEEDED.get(method, tuple(by_kind.values())))


def _by_channel(world: World, method: str, args: Json) -> tuple[str, ...]:
    table = BY_KIND.get(_METHODS.get(method, ""), {})
    channel = world.channels.get(str(args.get("channel")))
    if method == "conversations.open":
        users = [one for one in str(args.get("users") or "").split(",") if one]
        return ("mpim:write",) if len(users) > 1 else ("im:write",)
    if not table:
        return ()
    return (table[channel.kind],) if channel else tuple(table.values())
