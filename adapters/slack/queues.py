"""What was kept, taken in order: one thing after the other in each line, all lines at once.

What fails is tried again where it stands, for a moment; then by itself, with growing pauses, so that what came after it
goes on; and after some attempts no more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

import structlog

from bot.chat import Envelope, Inbox
from bot.errors import SendError, StoreError

log = structlog.get_logger()

IN_LINE_S = (0.3, 1.0, 2.0)
"""Pauses in which the rest of the line waits as well."""
ASIDE_S = (10.0, 60.0, 300.0, 1_200.0)
"""Pauses of what has left its line."""
MAX_HINT_S = 60.0
"""The longest pause that is believed where Slack names one itself."""
TROUBLE = (StoreError, SendError)
"""What passes: a database or a platform that refuses."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait after each failure: so many attempts in the line, so many beside it."""

    in_line_s: tuple[float, ...] = IN_LINE_S
    aside_s: tuple[float, ...] = ASIDE_S

    @property
    def attempts(self) -> int:
        return len(self.in_line_s) + len(self.aside_s) + 1

    def after(self, attempts: int) -> float:
        """How long to wait after so many failures."""
        return (*self.in_line_s, *self.aside_s)[attempts - 1]

    def is_aside(self, attempts: int) -> bool:
        return attempts > len(self.in_line_s)


class Queues:
    """`take` takes one thing; `give_up` is told of one that was tried too often, and must not raise.

    A process that ends in between leaves the rest in the inbox, where the next one finds it.
    """

    def __init__(
        self,
        inbox: Callable[[], Inbox],
        *,
        take: Callable[[Envelope], Awaitable[None]],
        give_up: Callable[[Envelope], Awaitable[None]],
        pauses: Pauses,
    ) -> None:
        self._inbox = inbox
        self._take = take
        self._give_up = give_up
        self._pauses = pauses
        self._lines: dict[Hashable, deque[Envelope]] = {}
        self._in_hand: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    def add(self, line: Hashable, envelope: Envelope) -> None:
        """Take this when those before it in its line are taken. What is in hand already is left where it is."""
        if self._is_stopping or envelope.number in self._in_hand:
            return
        self._in_hand.add(envelope.number)
        if line in self._lines:
            self._lines[line].append(envelope)
            return
        self._lines[line] = deque([envelope])
        self._start(self._work(line))

    def stop(self) -> None:
        """Begin nothing more: what is being taken may end."""
        self._is_stopping = True

    async def aclose(self, *, within_s: float) -> None:
        """Wait for what is being taken, then let it go."""
        self._is_stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    @property
    def is_busy(self) -> bool:
        return bool(self._in_hand)

    # --- at work ---

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, line: Hashable) -> None:
        waiting = self._lines[line]
        while waiting and not self._is_stopping:
            envelope = waiting.popleft()
            left = await self._try(envelope, is_aside=False)
            if left is not None:
                self._start(self._try_aside(left))
        del self._lines[line]

    async def _try_aside(self, envelope: Envelope) -> None:
        await asyncio.sleep(self._pauses.after(envelope.attempts))
        await self._try(envelope, is_aside=True)

    async def _try(self, envelope: Envelope, *, is_aside: bool) -> Envelope | None:
        """Take this, again after pauses; gives it back where it has to leave its line."""
        while not self._is_stopping:
            if envelope.attempts >= self._pauses.attempts:
                await self._end(envelope)
                break
            failed = await self._once(envelope)
            if failed is None:
                break
            envelope, pause_s = failed
            if envelope.attempts >= self._pauses.attempts:
                continue
            if self._pauses.is_aside(envelope.attempts) and not is_aside:
                return envelope
            await asyncio.sleep(pause_s)
        return None

    async def _once(self, envelope: Envelope) -> tuple[Envelope, float] | None:
        """Take this once; where that fails, how it stands then and how long to wait."""
        hint_s = 0.0
        try:
            await self._take(envelope)
            await self._inbox().settled(envelope)
            self._in_hand.discard(envelope.number)
            return None
        except TROUBLE as err:
            log.warning("event.held_up", kind=type(err).__name__, attempts=envelope.attempts + 1)
            hint_s = min(getattr(err, "retry_after_s", None) or 0.0, MAX_HINT_S)
        except Exception:  # the rim of an event
            log.exception("event.failed", attempts=envelope.attempts + 1)
        failed = await self._failed(envelope)
        at_most = min(failed.attempts, self._pauses.attempts - 1)
        return failed, max(self._pauses.after(at_most), hint_s)

    async def _failed(self, envelope: Envelope) -> Envelope:
        try:
            return await self._inbox().failed(envelope)
        except StoreError:  # then it counts in this process only
            return Envelope(envelope.number, envelope.body, envelope.at_ms, envelope.attempts + 1)

    async def _end(self, envelope: Envelope) -> None:
        """Try this no more."""
        log.error("event.given_up", attempts=envelope.attempts)
        await self._give_up(envelope)
        try:
            await self._inbox().settled(envelope)
        except StoreError as err:  # the next process gives it up
            log.warning("event.not_settled", kind=type(err).__name__)
        self._in_hand.discard(envelope.number)
