"""How what a person wrote is told as rich text, and who is named in a message (docs, "Rich text block",
"Formatting text")."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

from tests.adapters.slack.wire.messages import Json, Message, walk

_PARTS = re.compile(r"```(?P<block>.*?)```|`(?P<code>[^`\n]+)`|<(?P<link>[^<>\n]+)>", re.S)
_NAMED = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>|<!subteam\^(S[A-Z0-9]+)(?:\|[^>]*)?>|<!(here|channel|everyone)")
_URL = re.compile(r"https?://[^\s<>|)\]]+")
_MARKED = ("mrkdwn", "markdown")


def blocks(text: str) -> list[Json]:
    """The blocks a person's message has beside its text; none without words."""
    if not text:
        return []
    elements: list[Json] = []
    line: list[Json] = []
    for part in _split(text):
        if part["type"] != "block":
            line.append(part)
            continue
        elements += [{"type": "rich_text_section", "elements": line}] if line else []
        elements.append({"type": "rich_text_preformatted", "elements": [part | {"type": "text"}], "border": 0})
        line = []
    elements += [{"type": "rich_text_section", "elements": line}] if line else []
    return [{"type": "rich_text", "block_id": secrets.token_hex(3), "elements": elements}]


def pings(message: Message) -> set[str]:
    """Who would hear of a message: ids of people and groups, `here`, `channel`, `everyone`. What is in code counts,
    for Slack may still name somebody there."""
    found: set[str] = set()
    for text in _texts(message):
        found.update(name for match in _NAMED.finditer(text) for name in match.groups() if name)
    for part in walk(message.blocks):
        names = {"user": "user_id", "usergroup": "usergroup_id", "broadcast": "range"}
        name = names.get(str(part.get("type")))
        found.update([str(part[name])] if name and name in part else [])
    if message.options.get("parse") == "full" or message.options.get("link_names"):
        found.update(one for one in ("here", "channel", "everyone") if f"@{one}" in message.text)
    return found


def unfurled(message: Message) -> list[str]:
    """The addresses of a message that a preview may be shown for: none where the bot has said so, and in a stream."""
    is_shut = message.options.get("unfurl_links") is False and message.options.get("unfurl_media") is False
    if is_shut or message.stream is not None:
        return []
    return [url for text in _texts(message) for url in _URL.findall(text)]


def _texts(message: Message) -> Iterator[str]:
    """The texts of a message in which names and addresses are looked for."""
    yield message.text
    for part in walk(message.blocks):
        for name in ("text", "title", "subtitle", "body"):
            value = part.get(name)
            if isinstance(value, dict) and value.get("type") == "mrkdwn":
                yield value["text"]
        if part.get("type") in _MARKED and isinstance(part.get("text"), str):
            yield part["text"]


def _split(text: str) -> Iterator[Json]:
    at = 0
    for match in _PARTS.finditer(text):
        if match.start() > at:
            yield {"type": "text", "text": _unescaped(text[at : match.start()])}
        yield _part(match)
        at = match.end()
    if at < len(text):
        yield {"type": "text", "text": _unescaped(text[at:])}


def _part(match: re.Match[str]) -> Json:
    if match["block"] is not None:
        return {"type": "block", "text": _unescaped(match["block"].strip("\n"))}
    if match["code"] is not None:
        return {"type": "text", "text": _unescaped(match["code"]), "style": {"code": True}}
    target, _, label = match["link"].partition("|")
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:]}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:]}
    if target.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": target.removeprefix("!subteam^")}
    if target.startswith("!"):
        return {"type": "broadcast", "range": target[1:]}
    return {"type": "link", "url": target} | ({"text": label} if label else {})


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
