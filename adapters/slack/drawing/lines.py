"""What was written after a slash command, as a line of words: the ids of what Slack recognised, and else what was
typed. Pure.

Slack (docs, "Slash commands", `should_escape`): people, channels, groups and addresses come as `<@U1|name>`,
`<#C1|name>`, `<!subteam^S1|@name>`, `<https://nod.example|nod.example>`, and every other `&`, `<` and `>` escaped.
"""

from __future__ import annotations

import re

_ENTITY = re.compile(r"<(?P<what>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")
_ID = re.compile(r"(?:@|#|!subteam\^)[A-Z0-9]{1,40}")
_PERSON = re.compile(r"<@(?P<user>[UW][A-Z0-9]{1,30})>")
_ESCAPED = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
MAX_PEOPLE = 5


def line_of(text: str) -> str:
    """The words, as they are read after `/nod`: `<@U1>`, `<#C1>`, `<!subteam^S1>`, and else what was typed."""
    return re.sub(f"{_ENTITY.pattern}|&(?:lt|gt|amp);", _plain, text)


def _plain(hit: re.Match[str]) -> str:
    if hit["what"] is None:
        return _ESCAPED[hit[0]]
    what, label = _unescaped(hit["what"]), hit["label"]
    if _ID.fullmatch(what):
        return f"<{what}>"
    if what.startswith("!"):
        return f"@{what[1:].partition('^')[0]}"
    return _unescaped(label) if label else what.removeprefix("mailto:")


def _unescaped(text: str) -> str:
    return re.sub("&(?:lt|gt|amp);", lambda hit: _ESCAPED[hit[0]], text)


def people_in(line: str) -> list[str]:
    """The ids of the people a line names, each once, the first few."""
    return list(dict.fromkeys(hit["user"] for hit in _PERSON.finditer(line)))[:MAX_PEOPLE]


def names_group(line: str) -> bool:
    """Whether a line names a user group."""
    return "<!subteam^" in line or "group:slack:" in line
