"""A pace: at once where nobody came before, then one after the other, in order."""

from __future__ import annotations

from adapters.discord.pace import Pace


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_the_first_one_waits_for_nothing_and_the_others_for_their_turn() -> None:
    clock = Clock()
    pace = Pace(0.5, clock=clock, sleep=clock.sleep)

    times = []
    for _ in range(4):
        await pace.turn()
        times.append(clock.now)

    assert times == [100.0, 100.5, 101.0, 101.5]


async def test_a_pause_saves_up_nothing() -> None:
    clock = Clock()
    pace = Pace(0.5, clock=clock, sleep=clock.sleep)
    await pace.turn()
    clock.now += 60

    await pace.turn()
    first = clock.now
    await pace.turn()

    assert (first, clock.now) == (160.0, 160.5)
