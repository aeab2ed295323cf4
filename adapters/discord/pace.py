"""A pace for requests that may be late: what passes never takes the room of what people wait for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any


class Pace:
    """Lets one through every `every_s` seconds, in the order they came. `clock` is time's, `sleep` asyncio's."""

    def __init__(
        self,
        every_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._every_s = every_s
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for one's turn; at once where nobody came shortly before."""
        now = self._clock()
        mine = max(self._next, now)
        self._next = mine + self._every_s
        if mine > now:
            await self._sleep(mine - now)
