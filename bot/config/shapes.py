"""What addresses and tokens look like, with a sentence for those that do not. Pure; no value is ever repeated."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bot.addresses import is_near

_DISCORD_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


def no_discord_token(text: str) -> str | None:
    """Why this cannot be a bot token of Discord, None where it looks like one."""
    if text.startswith(("xoxb-", "xapp-", "xoxp-")):
        return "this is a Slack token"
    if text[0] in "\"'" or text[-1] in "\"'":
        return "leave out the quotes around it"
    if text.startswith("Bot "):
        return "leave out the word Bot before it"
    if not _DISCORD_TOKEN.fullmatch(text):
        return "a bot token is three parts joined by dots: copy it from Bot > Token in the developer portal"
    return None


# --- Slack ------------------------------------------------------------------------------------------------------------

_SLACK_PREFIX = {"slack_bot_token": "xoxb-", "slack_app_token": "xapp-"}
_SLACK_TOKENS = {
    "xoxb-": "this is the bot token: it belongs in SLACK_BOT_TOKEN",
    "xapp-": "this is an app-level token: it belongs in SLACK_APP_TOKEN",
    "xoxp-": "this is a person's token: copy the Bot User OAuth Token (xoxb-) from OAuth & Permissions",
    "xoxe": "tokens that rotate are not supported: switch token rotation off",
}
SLACK_SHAPES = ("slack_bot_token", "slack_app_token", "slack_signing_secret", "slack_client_id", "slack_client_secret")
SLACK_KEYS = (*SLACK_SHAPES, "slack_public_url")


def no_slack_value(name: str, text: str) -> str | None:
    """Why this cannot be what `name`, one of `SLACK_SHAPES`, is to hold; None where it looks like it."""
    prefix = _SLACK_PREFIX.get(name, "")
    if text[0] in "\"'" or text[-1] in "\"'":
        return "leave out the quotes around it"
    if prefix and text.startswith(prefix):
        return None
    for other, why in _SLACK_TOKENS.items():
        if text.startswith(other):
            return why
    if prefix:
        return f"it begins with {prefix}; is another token in its place?"
    if name == "slack_client_id" and not re.fullmatch(r"[0-9]+\.[0-9]+", text, re.ASCII):
        return "it is two numbers with a dot between: copy it from Basic Information"
    if name != "slack_client_id" and not re.fullmatch(r"[\w-]{16,}", text, re.ASCII):
        return "it is at least 16 letters and digits: copy it from Basic Information"
    return None


def slack_lacks(mode: str, has: frozenset[str]) -> tuple[str, str] | None:
    """Which of `SLACK_KEYS` has to be changed, and why, where `has` are those that are set; None where all is well."""
    is_http, many = mode == "http", not has.isdisjoint({"slack_client_id", "slack_client_secret"})
    if many:
        return _lacks_for_many(is_http, has)
    if "slack_bot_token" not in has:
        return "slack_bot_token", "ADAPTERS names slack: set it to the bot token"
    if is_http and "slack_signing_secret" not in has:
        return "slack_signing_secret", _UNSIGNED
    if not is_http and "slack_app_token" not in has:
        return "slack_app_token", "SLACK_MODE is socket: set it to an app-level token"
    return None


_UNSIGNED = "SLACK_MODE is http: set it, as Slack's requests are known by it"


def _lacks_for_many(is_http: bool, has: frozenset[str]) -> tuple[str, str] | None:
    """Any workspace may install the bot: there are a client id and its secret."""
    if not is_http:
        return "slack_mode", "several workspaces (SLACK_CLIENT_ID) need http"
    if "slack_bot_token" in has:
        return "slack_bot_token", "leave it empty with SLACK_CLIENT_ID: each workspace has its own"
    needed = {
        "slack_client_id": "SLACK_CLIENT_SECRET is set: set this as well",
        "slack_client_secret": "SLACK_CLIENT_ID is set: set this as well",
        "slack_public_url": "SLACK_CLIENT_ID is set: set it to where workspaces install the bot",
        "slack_signing_secret": _UNSIGNED,
    }
    return next(((key, why) for key, why in needed.items() if key not in has), None)


# --- people ---------------------------------------------------------------------------------------------------------

_ACTOR = re.compile(r"[a-z]+:(?:[\w.-]+/)?[\w.@-]+")
_ACTORS = {
    "slack": (re.compile(r"T[A-Z0-9]+/[UW][A-Z0-9]+"), "slack:<team id>/<member id>, for example slack:T0ABC/U0DEF"),
    "discord": (re.compile(r"[0-9]+/[0-9]+"), "discord:<server id>/<user id>, both of them numbers"),
}


def no_actor(text: str) -> str | None:
    """Why this cannot be an identity, None where it looks like one."""
    if not _ACTOR.fullmatch(text):
        return "write each as platform:id or platform:workspace/id, for example web:root"
    platform, _, rest = text.partition(":")
    shape, how = _ACTORS.get(platform, (None, ""))
    return None if shape is None or shape.fullmatch(rest) else f"write those of {platform.title()} as {how}"


# --- addresses --------------------------------------------------------------------------------------------------------


def checked_url(value: str, schemes: set[str]) -> str:
    """The URL, or "". Raises `ValueError` with what is wrong with it."""
    if not value:
        return value
    try:
        url = urlsplit(value)
        port_is_fine = url.port is None or url.port > 0
    except ValueError:
        raise ValueError("it is not a URL") from None
    if url.scheme not in schemes or not url.hostname or not port_is_fine:
        raise ValueError(f"write a whole URL that begins with {' or '.join(sorted(s + '://' for s in schemes))}")
    if url.username or url.password:
        raise ValueError("a URL with a user or password in it is refused; use the key's own setting")
    if url.scheme in ("http", "ws") and not is_near(url.hostname):
        raise ValueError("plain http is only for this machine and private networks; use https")
    return value
