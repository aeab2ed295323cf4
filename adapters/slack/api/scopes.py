"""What the bot's token has to be allowed, and for what: each Web API method that is called, each event that comes.

The scopes of a method are on its page in Slack's reference ("Facts > Scopes"), those of an event on its own page.
"""

from __future__ import annotations

from collections.abc import Mapping

HISTORY = frozenset({"channels:history", "groups:history", "im:history", "mpim:history"})
READ = frozenset({"channels:read", "groups:read", "im:read", "mpim:read"})
_CHAT, _FILES, _PEOPLE = frozenset({"chat:write"}), frozenset({"files:write"}), frozenset({"users:read"})
_GROUPS, _NONE = frozenset({"usergroups:read"}), frozenset[str]()

METHODS: Mapping[str, frozenset[str]] = {
    "agents.sessions.setStatus": _CHAT,
    "apps.connections.open": _NONE,  # with the app-level token, which has connections:write
    "assistant.threads.setStatus": _CHAT,  # changelog of 2026-03-05
    "assistant.threads.setSuggestedPrompts": frozenset({"assistant:write"}),
    "auth.revoke": _NONE,
    "auth.test": _NONE,
    "bots.info": _PEOPLE,
    "chat.appendStream": _CHAT,
    "chat.delete": _CHAT,
    "chat.getPermalink": _NONE,
    "chat.postEphemeral": _CHAT,
    "chat.postMessage": _CHAT,
    "chat.startStream": _CHAT,
    "chat.stopStream": _CHAT,
    "chat.update": _CHAT,
    "conversations.history": HISTORY,
    "conversations.info": READ,
    "conversations.open": frozenset({"im:write"}),
    "conversations.replies": HISTORY,
    "files.completeUploadExternal": _FILES,
    "files.getUploadURLExternal": _FILES,
    "files.info": frozenset({"files:read"}),
    "oauth.v2.access": _NONE,
    "usergroups.list": _GROUPS,
    "users.info": _PEOPLE,
    "users.conversations": READ,
    "views.open": _NONE,
    "views.publish": _NONE,
    "views.push": _NONE,
    "views.update": _NONE,
}
"""By the name of the method."""

EVENTS: Mapping[str, frozenset[str]] = {
    "agent_session_stopped": _CHAT,
    "app_home_opened": _NONE,
    "app_mention": frozenset({"app_mentions:read"}),
    "app_uninstalled": _NONE,
    "member_joined_channel": frozenset({"channels:read", "groups:read"}),
    "message.channels": frozenset({"channels:history"}),
    "message.groups": frozenset({"groups:history"}),
    "message.im": frozenset({"im:history"}),
    "message.mpim": frozenset({"mpim:history"}),
    "subteam_created": _GROUPS,
    "subteam_members_changed": _GROUPS,
    "subteam_updated": _GROUPS,
    "tokens_revoked": _NONE,
    "user_change": _PEOPLE,
}
"""By the name of the subscription."""

OTHERS: Mapping[str, str] = {
    "assistant:write": "being an agent: the Messages tab with prompts, the stop button",
    "commands": "slash commands and shortcuts",
    "files:read": "reading what is attached to a message",
}
"""What is needed beside methods and events."""

SCOPES = tuple(sorted(frozenset[str]().union(OTHERS, *METHODS.values(), *EVENTS.values())))
"""All of them: what the manifests ask for, and what the doctor looks for."""
