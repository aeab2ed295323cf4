"""What was kept is taken in order, again after failures, and no more after some of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from adapters.slack.inbound.queues import Pauses, Queues
from bot.chat import Envelope
from bot.errors import SendError, StoreBusy, StoreError
from tests.adapters.slack.doors import until

PAUSES = Pauses(in_line_s=(0.0, 0.0), aside_s=(0.0,), attempts=5)
NOW_S = 1_000_000.0


@dataclass
class MemoryInbox:
    """As much of an inbox as is asked here. `refuses` is raised by whatever is stored."""

    settled_numbers: list[int] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    refuses: StoreError | None = None

    async def settled(self, envelope: Envelope) -> None:
        if self.refuses:
            raise self.refuses
        self.settled_numbers.append(envelope.number)

    async def failed(self, envelope: Envelope) -> Envelope:
        if self.refuses:
            raise self.refuses
        self.failures.append(envelope.number)
        return replace(envelope, attempts=envelope.attempts + 1)


@dataclass
class Bench:
    """A queue over something that takes as a test says."""

    take: Callable[[Envelope], Awaitable[None]]
    pauses: Pauses = PAUSES
    inbox: MemoryInbox = field(default_factory=MemoryInbox)
    given_up: list[int] = field(default_factory=list)
    now_s: float = NOW_S

    def __post_init__(self) -> None:
        how = {"take": self.take, "give_up": self._give_up, "pauses": self.pauses, "clock": lambda: self.now_s}
        self.queues = Queues(lambda: self.inbox, **how)  # type: ignore[arg-type, return-value]  # as much of it as is asked

    async def _give_up(self, envelope: Envelope) -> None:
        self.given_up.append(envelope.number)

    def add(self, *numbers: int, line: str = "a", attempts: int = 0) -> None:
        for number in numbers:
            self.queues.add(line, Envelope(number, "{}", int(NOW_S * 1000), attempts))

    async def rest(self) -> None:
        await until(lambda: not self.queues.is_busy)


@dataclass
class Script:
    """Takes, but fails where it is told to: by number, what is raised at each attempt."""

    fails: dict[int, list[Exception]] = field(default_factory=dict)
    taken: list[int] = field(default_factory=list)

    async def __call__(self, envelope: Envelope) -> None:
        await asyncio.sleep(0)
        if left := self.fails.get(envelope.number):
            raise left.pop(0)
        self.taken.append(envelope.number)


async def test_a_line_is_taken_in_order_and_settled() -> None:
    bench = Bench(script := Script())

    bench.add(1, 2, 3)
    await bench.rest()

    assert script.taken == bench.inbox.settled_numbers == [1, 2, 3]


async def test_lines_do_not_wait_for_each_other() -> None:
    gate, taken = asyncio.Event(), []

    async def take(envelope: Envelope) -> None:
        if envelope.number == 1:
            await gate.wait()
        taken.append(envelope.number)

    bench = Bench(take)
    bench.add(1, 2)
    bench.add(3, line="b")
    await until(lambda: taken)
    gate.set()
    await bench.rest()

    assert taken == [3, 1, 2]


@pytest.mark.parametrize("error", [StoreBusy("locked"), SendError("429", retry_after_s=0.0), RuntimeError("a fault")])
async def test_what_fails_for_a_moment_keeps_its_place(error: Exception) -> None:
    bench = Bench(script := Script({1: [error, error]}))

    bench.add(1, 2)
    await bench.rest()

    assert script.taken == [1, 2]


async def test_what_fails_for_longer_is_tried_by_itself() -> None:
    bench = Bench(script := Script({1: [SendError("no")] * 4}))

    bench.add(1, 2, 3)
    await bench.rest()

    assert script.taken == [2, 3, 1]
    assert bench.given_up == []


async def test_a_fault_of_ours_is_counted_and_given_up_after_some_attempts() -> None:
    bench = Bench(script := Script({1: [RuntimeError("a fault")] * 99}))

    bench.add(1, 2)
    await bench.rest()

    assert script.taken == [2]
    assert bench.given_up == [1]
    assert sorted(bench.inbox.settled_numbers) == [1, 2]
    assert bench.inbox.failures == [1] * PAUSES.attempts


async def test_an_outage_is_waited_for_however_often_it_is_tried() -> None:
    bench = Bench(script := Script({1: [SendError("no")] * 99}))

    bench.add(1)
    await bench.rest()

    assert (script.taken, bench.given_up, bench.inbox.failures) == ([1], [], [])


async def test_after_a_day_an_outage_is_waited_for_no_more() -> None:
    bench = Bench(script := Script({1: [SendError("no")] * 99_999}))

    bench.add(1)
    await until(lambda: len(script.fails[1]) < 99_990)
    bench.now_s += PAUSES.patience_s + 1
    await bench.rest()

    assert (script.taken, bench.given_up, bench.inbox.settled_numbers) == ([], [1], [1])


async def test_what_a_process_that_was_away_for_days_left_is_tried_once() -> None:
    bench = Bench(script := Script(), now_s=NOW_S + 9 * PAUSES.patience_s)

    bench.add(1)
    await bench.rest()

    assert (script.taken, bench.given_up) == ([1], [])


async def test_what_ended_a_process_again_and_again_is_not_tried_once_more() -> None:
    bench = Bench(script := Script())

    bench.add(1, attempts=PAUSES.attempts)
    await bench.rest()

    assert (script.taken, bench.given_up) == ([], [1])


async def test_what_is_in_hand_is_not_taken_twice() -> None:
    bench = Bench(script := Script())

    bench.add(1, 1)
    bench.add(1, line="b")
    await bench.rest()

    assert script.taken == [1]


async def test_a_database_that_refuses_for_a_while_loses_nothing() -> None:
    """What was taken and could not be settled is taken again: whoever takes it knows it by then."""
    bench = Bench(script := Script())
    bench.inbox.refuses = StoreBusy("locked")
    bench.add(1)
    await until(lambda: script.taken)

    bench.inbox.refuses = None
    await bench.rest()

    assert set(script.taken) == {1}
    assert bench.inbox.settled_numbers == [1]


async def test_a_stop_begins_nothing_more_and_lets_what_is_at_work_end() -> None:
    gate, taken = asyncio.Event(), []

    async def take(envelope: Envelope) -> None:
        await gate.wait()
        taken.append(envelope.number)

    bench = Bench(take)
    bench.add(1, 2)
    await asyncio.sleep(0)
    bench.queues.stop()
    bench.add(3, line="b")
    gate.set()
    await bench.queues.aclose(within_s=5)

    assert taken == bench.inbox.settled_numbers == [1]


async def test_what_does_not_end_is_let_go() -> None:
    async def take(envelope: Envelope) -> None:
        await asyncio.Event().wait()

    bench = Bench(take)
    bench.add(1)
    await asyncio.sleep(0)
    await bench.queues.aclose(within_s=0.01)

    assert bench.inbox.settled_numbers == []


async def test_a_pause_does_not_hold_up_a_stop() -> None:
    bench = Bench(script := Script({1: [SendError("no")] * 9}), Pauses(in_line_s=(60.0,), aside_s=(60.0,)))
    bench.add(1)
    await until(lambda: len(script.fails[1]) < 9)

    async with asyncio.timeout(5):
        await bench.queues.aclose(within_s=0.01)


def test_pauses_grow() -> None:
    pauses = Pauses()
    waits = [pauses.after(failures) for failures in range(1, 80)]

    assert waits == sorted(waits)
    assert sum(wait for at, wait in enumerate(waits, 1) if not pauses.is_aside(at)) < 5
    assert sum(waits) > pauses.patience_s / 2
