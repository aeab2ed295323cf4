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
