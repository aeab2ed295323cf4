"""What is the same for every peer: the system prompt, the ten tools, their results. Only the standard library."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache

SYSTEM = " ".join(
    [
        "You are a careful assistant inside a team chat. Use tools when they help, keep answers short, never reveal "
        "secrets, and ask before anything irreversible."
    ]
    * 8
)
ANSWER = ("All done. " * 26)[:256]
_ROW = '{"id": 1842, "name": "Widget, blue", "qty": 7, "note": "line one\\nline two", "tags": ["a", "b"]}\n'

Tool = Callable[..., Awaitable[str]]


@cache
def result_of(size: int) -> str:
    """A result of `size` characters, as a catalogue would give it."""
    return (_ROW * (size // len(_ROW) + 1))[: size - 1] + "."


async def lookup(q: str, n: int, size: int) -> str:
    """Look up an item in the catalogue and return matching rows."""
    await asyncio.sleep(0)  # real tools wait, and other conversations go on meanwhile
    return result_of(size)


async def lookup_archive(q: str, n: int, size: int) -> str:
    """Look up an item in the archive and return matching rows."""
    return result_of(size)


async def send_email(to: str, subject: str, body: str) -> str:
    """Send an e-mail. Irreversible; needs the user's approval."""
    return f"sent to {to}"


def _search(name: str, described: str) -> Tool:
    async def search(query: str, limit: int = 10, tag: str = "all") -> str:
        return "ok"

    search.__name__ = search.__qualname__ = name
    search.__doc__ = described
    return search


_SEARCHES = {
    "search_docs": "Search the team's documents by keyword.",
    "search_tickets": "Search the ticket tracker by keyword.",
    "list_channels": "List chat channels the user can see.",
    "list_members": "List members of a channel.",
    "read_calendar": "Read calendar entries.",
    "read_metrics": "Read a metric series from monitoring.",
    "recall": "Recall a stored note.",
}
TOOLS: dict[str, Tool] = {
    "lookup": lookup,
    "lookup_archive": lookup_archive,
    "send_email": send_email,
    **{name: _search(name, described) for name, described in _SEARCHES.items()},
}
GATED = "send_email"

_Properties = dict[str, dict[str, str | int]]
_PARAMETERS: dict[str, _Properties] = {
    "lookup": {"q": {"type": "string"}, "n": {"type": "integer"}, "size": {"type": "integer"}},
    "send_email": {"to": {"type": "string"}, "subject": {"type": "string"}, "body": {"type": "string"}},
}
_SEARCH: _Properties = {
    "query": {"type": "string"},
    "limit": {"type": "integer", "default": 10},
    "tag": {"type": "string", "default": "all"},
}


def schemas() -> list[dict[str, object]]:
    """The tools as a request lists them, for the peers that write them by hand."""
    return [_schema(name, str(tool.__doc__)) for name, tool in TOOLS.items()]


def _schema(name: str, described: str) -> dict[str, object]:
    properties = _PARAMETERS.get(name.removesuffix("_archive"), _SEARCH)
    parameters = {
        "type": "object",
        "properties": properties,
        "required": [one for one, schema in properties.items() if "default" not in schema],
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": described, "parameters": parameters}}
