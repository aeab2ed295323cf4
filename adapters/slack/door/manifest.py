"""The app's manifest: what is pasted at api.slack.com/apps > Create New App > From a manifest.

Built from what the door takes and what the token needs, so that it asks for neither more nor less. Slack's schema:
github.com/slackapi/manifest-schema, schemas/manifest.schema.2.0.0.json.
"""

from __future__ import annotations

import json
from typing import Any

from adapters.slack.api.scopes import SCOPES
from adapters.slack.door.registered import REGISTERED

EVENTS_PATH, REDIRECT_PATH = "/slack/events", "/slack/oauth_redirect"
DESCRIPTION = "A chat bot that can act, and asks for a nod before it does."
LONG_DESCRIPTION = (
    "Nod answers in channels, threads and direct messages, and works with the tools that your team gives it. What a "
    "tool may do is decided by rules and by people: where a rule says so, Nod shows exactly what it is about to do and "
    "waits until somebody who may decide approves it. Everything that was asked, decided and done is in an audit."
)
AGENT_DESCRIPTION = "Asks your team before it acts. Tell it what you need; what has to be approved, it shows you first."
PROMPTS = (
    ("What can you do here?", "What can you do for me, and what do you have to ask about first?"),
    ("What waits for me?", "approvals"),
)


def manifest(http: str = "") -> dict[str, Any]:
    """The manifest for Socket Mode; with `http`, the bot's public address, the one for HTTP."""
    base = http.rstrip("/")
    events_url = {"request_url": base + EVENTS_PATH} if base else {}
    redirects = {"redirect_urls": [base + REDIRECT_PATH]} if base else {}
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Nod",
            "description": DESCRIPTION,
            "long_description": LONG_DESCRIPTION,
            "background_color": "#1f3a34",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "agent_view": {
                "agent_description": AGENT_DESCRIPTION,
                "suggested_prompts": [{"title": title, "message": message} for title, message in PROMPTS],
            },
            "bot_user": {"display_name": "Nod", "always_online": True},
            "shortcuts": [
                {"name": one.name, "type": one.kind, "callback_id": one.callback_id, "description": one.description}
                for one in REGISTERED.shortcuts
            ],
            "slash_commands": [
                {
                    "command": one.name,
                    **({"url": base + EVENTS_PATH} if base else {}),
                    "description": one.description,
                    "usage_hint": one.usage,
                    "should_escape": True,
                }
                for one in REGISTERED.commands
            ],
        },
        "oauth_config": {**redirects, "scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**events_url, "bot_events": list(REGISTERED.subscriptions)},
            "interactivity": {
                "is_enabled": True,
                **events_url,
                **({"message_menu_options_url": base + EVENTS_PATH} if base else {}),
            },
            "org_deploy_enabled": False,
            "socket_mode_enabled": not base,
            "token_rotation_enabled": False,
        },
    }


def as_text(content: dict[str, Any]) -> str:
    """The JSON to paste."""
    return json.dumps(content, indent=2) + "\n"
