"""Work on keys: once at a time each, once more when kicked meanwhile, and nothing left behind."""

from __future__ import annotations

import asyncio

from bot.runner.inprocess import Runner


class Work:
    """Counts, and works until it is let go."""

    def __init__(self) -> None:
        self.times = 0
        self.at_once = 0
        self.most_at_once = 0
        self.go_on = asyncio.Event()

    async def __call__(self, key: str, changed: asyncio.Event) -> None:
        self.times += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.go_on.wait()
        self.at_once -= 1


async def test_kicks_while_it_works_are_one_more_round_and_never_two_at_once() -> None:
    work = Work()
    runner = Runner(work)
    runner.kick("a")
    await asyncio.sleep(0)
    for _ in range(5):
        runner.kick("a")
    work.go_on.set()

    await asyncio.wait_for(runner.idle(), 5)

    assert (work.times, work.most_at_once) == (2, 1)


async def test_the_work_is_told_that_something_changed() -> None:
    told = asyncio.Event()

    async def work(key: str, changed: asyncio.Event) -> None:
        if not told.is_set():
            await changed.wait()
            told.set()

    runner = Runner(work)
    runner.kick("a")
    await asyncio.sleep(0)
    runner.kick("a")

    await asyncio.wait_for(runner.idle(), 5)
    assert told.is_set()


async def test_a_task_cancelled_before_its_first_step_leaves_nothing_behind() -> None:
    work = Work()
    runner = Runner(work)
    runner.kick("a")
    await runner.cancel("a")

    await asyncio.wait_for(runner.idle(), 5)
    await asyncio.wait_for(runner.rested("a"), 5)

    assert work.times == 0


async def test_work_that_breaks_is_logged_and_can_be_kicked_again() -> None:
    times = 0

    async def work(key: str, changed: asyncio.Event) -> None:
        nonlocal times
        times += 1
        raise ValueError("broken")

    runner = Runner(work)
    for _ in range(2):
        runner.kick("a")
        await asyncio.wait_for(runner.idle(), 5)

    assert times == 2


async def test_closing_waits_a_moment_then_cancels_and_takes_nothing_new() -> None:
    work = Work()
    runner = Runner(work)
    runner.kick("a")
    await asyncio.sleep(0)

    await asyncio.wait_for(runner.aclose(within_s=0.01), 5)
    runner.kick("b")
    await asyncio.wait_for(runner.idle(), 5)

    assert work.times == 1


async def test_a_kick_between_the_end_of_the_work_and_its_clearing_away_is_not_lost() -> None:
    worked = 0

    async def work(key: str, _changed: asyncio.Event) -> None:
        nonlocal worked
        worked += 1
        if worked == 1:  # runs after the work has returned, before anybody was told that its task is done
            asyncio.get_running_loop().call_soon(runner.kick, key)

    runner: Runner[str] = Runner(work)
    runner.kick("a")
    await asyncio.sleep(0.01)
    await runner.idle()

    assert worked == 2
