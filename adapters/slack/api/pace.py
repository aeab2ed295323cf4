"""How fast Slack may be called: what it allows a method, and what it asked to wait for.

Slack counts per method and workspace, and `chat.postMessage` per channel besides (docs, "Rate limits"). Bursts are
allowed; a 429 says how long that method has to rest, and no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.recent import Latest

MAX_KNOWN = 10_000
Key = tuple[str, str]
"""A method, and the channel where Slack counts per channel, else ""."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` calls at once, then one every `every_s` seconds."""

    every_s: float
    burst: int


RATES = {
    "chat.postMessage": Rate(1.0, 4),
    "chat.update": Rate(1.2, 10),
    "chat.appendStream": Rate(0.6, 15),
    "chat.startStream": Rate(3.0, 10),
    "chat.stopStream": Rate(3.0, 10),
}
"""A little below what Slack says it allows: about one message a second and channel, 50 changes, 100 appends and 20
streams a minute."""
PER_CHANNEL = frozenset({"chat.postMessage"})


@dataclass(slots=True)
class _Door:
    """When the next call may go: by our own rate (the time at which the burst is whole again), and by Slack's word."""

    whole_at: float = 0.0
    closed_until: float = 0.0


@dataclass(slots=True)
class Paces:
    """Of one workspace. `clock` gives seconds that only grow."""

    clock: Callable[[], float] = time.monotonic
    rates: dict[str, Rate] = field(default_factory=lambda: RATES)
    _doors: Latest[Key, _Door] = field(default_factory=lambda: Latest(MAX_KNOWN))

    def turn(self, method: str, channel: str, *, within_s: float) -> tuple[float, bool]:
        """How many seconds to wait for one's turn, and whether that turn is taken: it is not where it would take longer
        than `within_s`."""
        now = self.clock()
        door, rate = self._door(method, channel), self.rates.get(method)
        wait_s = max(0.0, door.closed_until - now)
        if rate is not None:
            wait_s = max(wait_s, door.whole_at - rate.every_s * (rate.burst - 1) - now)
        if wait_s > within_s:
            return wait_s, False
        if rate is not None:
            door.whole_at = max(door.whole_at, now + wait_s) + rate.every_s
        return wait_s, True

    def hold(self, method: str, channel: str, seconds: float) -> None:
        """Slack wants no call of this method for so long."""
        door = self._door(method, channel)
        door.closed_until = max(door.closed_until, self.clock() + seconds)

    def _door(self, method: str, channel: str) -> _Door:
        key = (method, channel if method in PER_CHANNEL else "")
        door = self._doors.setdefault(key, _Door())
        self._doors.move_to_end(key)
        return door
