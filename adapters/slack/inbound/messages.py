"""What people wrote on Slack as text for the service: names in the place of ids, addresses in full, nothing escaped.

Pure. Slack (docs, "Formatting message text"): people, channels, groups, addresses and dates stand in angle brackets,
and every other `&`, `<` and `>` is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from adapters.spoken import shown_name, without_code

_ENTITY = re.compile(r"<(?P<what>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")
_PERSON = re.compile(r"<@(?P<id>[UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>")
_GROUP = re.compile(r"<!subteam\^(?P<id>S[A-Z0-9]{1,30})(?:\|[^<>]*)?>")
_EVERYBODY = re.compile(r"<!(?:here|channel|everyone|group)(?:\|[^<>]*)?>")
_ESCAPED = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ESCAPE = re.compile("|".join(_ESCAPED))
_ID = re.compile(r"[A-Z0-9]{1,40}")
Naming = Callable[[str], str]
"""What something of this id is called, "" where nobody knows."""


def _nameless(_id: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Names:
    """How ids are called: people's, channels', and user groups' (by their handle)."""

    person: Naming = _nameless
    channel: Naming = _nameless
    group: Naming = _nameless


def calls(text: str, user: str) -> bool:
    """Whether the text mentions this person or bot, outside of code."""
    return bool(user) and user in people_in(text)


def people_in(text: str) -> list[str]:
    """The people that are mentioned outside of code, each once."""
    return list(dict.fromkeys(_ids(_PERSON, text)))


def groups_in(text: str) -> list[str]:
    """The user groups that are mentioned outside of code, each once."""
    return list(dict.fromkeys(_ids(_GROUP, text)))


def named_in(text: str) -> list[str]:
    """The people that a text names anywhere, each once."""
    return list(dict.fromkeys(hit["id"] for hit in _PERSON.finditer(text)))


def is_for_others(text: str, own: str) -> bool:
    """Whether it is addressed to people, groups or everybody, and not to the bot."""
    others = people_in(text)
    return own not in others and bool(others or groups_in(text) or _EVERYBODY.search(without_code(text)))


def readable(text: str, own: str, names: Names) -> str:
    """What a message says, without the bot's own mention (`own` is its id)."""
    return re.sub(f"{_ENTITY.pattern}|{_ESCAPE.pattern}", lambda hit: _plain(hit, own, names), text).strip()


def unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda hit: _ESCAPED[hit[0]], text)


def _ids(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    return (hit["id"] for hit in pattern.finditer(without_code(text)))


def _plain(hit: re.Match[str], own: str, names: Names) -> str:
    if hit["what"] is None:
        return _ESCAPED[hit[0]]
    what, label = hit["what"], unescaped(hit["label"] or "")
    match what[:1]:
        case "@" if _ID.fullmatch(what[1:]):
            return "" if what[1:] == own else f"@{_named(what[1:], names.person, label)}"
        case "#" if _ID.fullmatch(what[1:]):
            return f"#{_named(what[1:], names.channel, label)}"
        case "!":
            return _special(what[1:], label, names)
        case _:
            return unescaped(what).removeprefix("mailto:").removeprefix("tel:")


def _special(what: str, label: str, names: Names) -> str:
    """What Slack spells with a `!`: groups, everybody, dates."""
    kind, _, rest = what.partition("^")
    if kind == "subteam":
        group = rest.partition("^")[0]
        return f"@{_named(group, names.group, label.removeprefix('@'))}"
    if kind in ("here", "channel", "everyone", "group"):
        return f"@{kind}"
    return label or unescaped(what)


def _named(one: str, naming: Naming, label: str) -> str:
    """What something is called: as we know it, as the message says, or else by its id."""
    return shown_name(naming(one) or label) if naming(one) or label else one
