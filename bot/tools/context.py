"""What a tool is given: who asked, where, and the services it may use.

Tools never import storage or adapters; whoever builds the toolbox hands them in as these protocols.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from bot.engine.types import Actor, Place

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Give every address of a host (and port) as text."""


class Note(NamedTuple):
    """One remembered line of a room. `author` is for display; `at_ms` is milliseconds since 1970."""

    id: int
    author: str
    text: str
    at_ms: int


class Notes(Protocol):
    """The notes of each room. Implementations go by `place.room`: no room sees the notes of another."""

    async def add(self, place: Place, author: str, text: str, key: str, *, author_key: str) -> int:
        """Add a note and give the room's total number of notes. The same key twice adds it once.

        `author` is the name that is shown, `author_key` the identity: whose note it is.
        """

    async def search(self, place: Place, query: str, limit: int) -> Sequence[tuple[int, str, str, int]]:
        """Give the notes that hold every word of `query`, newest first, as `Note`s or rows of the same shape.

        An empty query matches every note.
        """

    async def clear(self, place: Place) -> int:
        """Delete every note of the room and give how many there were."""


class Posts(Protocol):
    """A way to write into another channel."""

    async def post(self, actor: Actor, from_place: Place, channel: str, text: str, key: str) -> str:
        """Post `text` and give a sentence that says where it went. Raises `ToolError` when it may not or cannot."""

    def refusal(self, actor: Actor, from_place: Place, channel: str) -> str | None:
        """None when this person may have something posted there, else a sentence that says why not.

        Asked before anybody is bothered with an approval: answers at once, without I/O.
        """


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """What the tools may use. A tool that `needs` a service which is None is not available.

    `fetch_allow_private` lifts the address check of `fetch_url` and is for tests only; `fetch_ports` are the ports it
    may connect to; `resolve` replaces the system's name lookup.
    """

    notes: Notes | None = None
    posts: Posts | None = None
    files_dir: Path | None = None
    fetch_allow_private: bool = False
    fetch_ports: frozenset[int] = frozenset({80, 443})
    resolve: Resolve | None = None
    now: Callable[[], datetime] = _utc_now


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Who asks for what is happening, and where.

    `key` is the idempotency key of the call, "run:call"; "" where the call is only checked.
    """

    key: str
    actor: Actor
    place: Place
    services: Services
