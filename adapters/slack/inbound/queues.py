"""What was kept, taken in order: one thing after the other in each line, all lines at once.

What fails is tried again where it stands, for a moment; then by itself, with growing pauses, so that what came after it
goes on. A fault of ours is not tried for ever, and neither is what ended the process; an outage is waited for, a day.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.chat import Envelope, Inbox
from bot.errors import SendError, StoreError

log = structlog.get_logger()

MAX_HINT_S = 60.0
"""The longest pause that is believed where Slack names one itself."""
OUTAGE = (StoreError, SendError)
"""What passes by itself: a database or a platform that refuses."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait after each failure: so often in the line, then beside it, the last pause again and again.
    `attempts`: after so many faults, or ends of a process, it is given up; `patience_s`: an outage after so long."""

    in_line_s: tuple[float, ...] = (0.3, 1.0, 2.0)
    aside_s: tuple[float, ...] = (10.0, 60.0, 300.0, 1_200.0)
    attempts: int = 8
    patience_s: float = 86_400.0

    def after(self, failures: int) -> float:
        """How long to wait after so many failures."""
        each = (*self.in_line_s, *self.aside_s)
        return each[min(failures, len(each)) - 1]

    def is_aside(self, failures: int) -> bool:
        """Whether the line goes on without it."""
        return failures > len(self.in_line_s)


@dataclass(frozen=True, slots=True)
class _Work:
    """What is being taken, how often this process has failed at it, and how long to wait before it tries again."""

    envelope: Envelope
    failures: int = 0
    pause_s: float = 0.0


class Queues:
    """`take` takes one thing; `give_up` is told of one that will not be taken, and must not raise. `clock` gives
    seconds since 1970.

    A process that ends in between leaves the rest in the inbox, where the next one finds it.
    """

    def __init__(
        self,
        inbox: Callable[[], Inbox],
        *,
        take: Callable[[Envelope], Coroutine[Any, Any, None]],
        give_up: Callable[[Envelope], Coroutine[Any, Any, None]],
        pauses: Pauses,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._inbox = inbox
        self._take = take
        self._give_up = give_up
        self._pauses = pauses
        self._clock = clock
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

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, line: Hashable) -> None:
        waiting = self._lines[line]
        while waiting and not self._is_stopping:
            work: _Work | None = _Work(waiting.popleft())
            while work is not None and not self._is_stopping:
                work = await self._once(work)
                if work is not None and self._pauses.is_aside(work.failures):
                    self._start(self._aside(work))
                    break
                await asyncio.sleep(work.pause_s if work is not None else 0)
        del self._lines[line]

    async def _aside(self, first: _Work) -> None:
        work: _Work | None = first
        while work is not None and not self._is_stopping:
            await asyncio.sleep(work.pause_s)
            work = await self._once(work)

    async def _once(self, work: _Work) -> _Work | None:
        """Take this once, or give it up; how it stands where it has to be tried again."""
        envelope = work.envelope
        try:
            if self._is_over(work):
                log.error("event.given_up", attempts=envelope.attempts, failures=work.failures)
                await self._give_up(envelope)
            else:
                await self._take(envelope)
            await self._inbox().settled(envelope)
        except OUTAGE as err:
            log.warning("event.held_up", kind=type(err).__name__, failures=work.failures + 1)
            hint_s = getattr(err, "retry_after_s", None) or 0.0
            return self._again(work, envelope, at_least_s=min(hint_s, MAX_HINT_S))
        except Exception:  # the rim of an event
            log.exception("event.failed", attempts=envelope.attempts + 1)
            return self._again(work, await self._counted(envelope))
        self._in_hand.discard(envelope.number)
        return None

    def _is_over(self, work: _Work) -> bool:
        """Whether this was tried often enough, or for long enough."""
        age_s = self._clock() - work.envelope.at_ms / 1000
        is_old = work.failures > 0 and age_s > self._pauses.patience_s
        return is_old or work.envelope.attempts >= self._pauses.attempts

    def _again(self, work: _Work, envelope: Envelope, *, at_least_s: float = 0.0) -> _Work:
        failures = work.failures + 1
        return _Work(envelope, failures, max(self._pauses.after(failures), at_least_s))

    async def _counted(self, envelope: Envelope) -> Envelope:
        """With one more attempt, which the next process knows of."""
        try:
            return await self._inbox().failed(envelope)
        except StoreError:  # then only this one does
            return replace(envelope, attempts=envelope.attempts + 1)
