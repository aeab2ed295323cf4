"""How long to go on with an endpoint that is in trouble: a turn's retries, and a breaker for all turns. No I/O."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.errors import ModelUnavailable
from bot.models.faults import MAX_WAIT_S

RETRIES_PER_REPLY = 2
RETRIES_PER_TURN = 6
FIRST_WAIT_S = 0.5

FAILURES = 5
REST_S = 30.0
MAX_REST_S = 300.0

Clock = Callable[[], float]


@dataclass(slots=True)
class RetryBudget:
    """The retries of one turn, however many replies it takes: a flaky endpoint does not multiply with the rounds."""

    left: int = RETRIES_PER_TURN

    def wait_s(self, err: ModelUnavailable, attempt: int, *, at_most_s: float) -> float | None:
        """Take one retry, and say how long to wait for it; None when there is no sense in one.

        `attempt` counts the retries of this reply from 0. Waits at least as long as the endpoint wished, but never
        beyond a minute or `at_most_s`.
        """
        if err.retry_after_s is not None:
            wait_s = err.retry_after_s * random.uniform(1.0, 1.1)
        else:
            wait_s = FIRST_WAIT_S * (1 << attempt) * random.uniform(0.75, 1.0)
        is_too_long = (err.retry_after_s or 0) > MAX_WAIT_S or wait_s >= at_most_s
        if attempt >= RETRIES_PER_REPLY or self.left <= 0 or is_too_long:
            return None
        self.left -= 1
        return wait_s


@dataclass(slots=True)
class Breaker:
    """Stops asking an endpoint that fails again and again, so that people are told at once instead of after a minute.

    Closed, it lets everything through. After `FAILURES` in a row, or when the endpoint wished for a longer pause than
    anybody waits, it is open for a while; then one request may try, and its outcome closes or opens it again.
    """

    clock: Clock = time.monotonic
    _failures: int = field(default=0, init=False)
    _open_until: float = field(default=-math.inf, init=False)
    _trial: object | None = field(default=None, init=False)

    @property
    def is_open(self) -> bool:
        return self.clock() < self._open_until

    @property
    def rests_s(self) -> float:
        """How long nobody should ask, in seconds, while `enter` gives None."""
        return max(1.0, self._open_until - self.clock())

    def enter(self) -> object | None:
        """Give a ticket for one request, None when nobody should ask now. Its outcome has to be reported."""
        if self.is_open or (self._failures >= FAILURES and self._trial is not None):
            return None
        ticket = object()
        if self._failures >= FAILURES:
            self._trial = ticket
        return ticket

    def succeeded(self) -> None:
        self._failures, self._trial, self._open_until = 0, None, -math.inf

    def let_go(self, ticket: object) -> None:
        """The request ended without telling anything about the endpoint: it was cancelled."""
        if ticket is self._trial:
            self._trial = None

    def failed(self, err: ModelUnavailable, ticket: object | None = None) -> None:
        self.let_go(ticket)
        wished_s = min(err.retry_after_s or 0.0, MAX_REST_S)
        if err.status == 429:  # it is there, and says itself when to come back
            if wished_s > MAX_WAIT_S:
                self._open_until = self.clock() + wished_s
            return
        self._failures += 1
        if self._failures >= FAILURES:
            self._open_until = self.clock() + max(REST_S, wished_s)
