"""What a platform delivered, kept from before it is acknowledged until it is taken: the words for it.

`bot.chat` hands them on to adapters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Envelope:
    """Something that was delivered and not taken yet. `body` is the text it was kept as, `attempts` how often taking it
    has failed, or was cut off by the end of a process."""

    number: int
    body: str
    at_ms: int
    attempts: int = 0


class Inbox(Protocol):
    """Keeps what comes. All of it raises `StoreError` where the database refuses."""

    async def keep(self, platform: str, keys: Sequence[str], body: str, *, author: str = "") -> Envelope | None:
        """Make this durable, once: None when one of its keys was known and it is taken already. The first key is the
        platform's own for this delivery; `author` is the identity of the person whose words are in it."""

    async def left(self, platform: str) -> list[Envelope]:
        """What an earlier process did not take, oldest first; each is counted as an attempt."""

    async def failed(self, envelope: Envelope) -> Envelope:
        """Taking this failed once more."""

    async def settled(self, envelope: Envelope) -> None:
        """This is taken: nothing of it is kept but that it was there."""

    async def withdrawn(self, platform: str, key: str) -> None:
        """Whoever made what is known by this key has taken it back: it is not to be taken any more."""
