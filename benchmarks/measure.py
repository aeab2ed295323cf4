"""CPU of this process, how disturbed this core is, and taking both while something runs. Only the standard library."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

LEAST_CPU_S = 0.3
_CALIBRATE_EVERY_S = 0.05
_HEARTBEAT_S = 0.005

cpu_s = time.process_time
"""CPU of this process since it started, user and system, all threads."""

_calibrations: list[float] = []


def pin(core: int | None) -> None:
    """Keep this process on one core, where there is one to be kept on."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {core})


def calibrate() -> None:
    """Note the CPU of a fixed piece of work: neighbours on a shared machine make it grow, and every figure with it."""
    was_enabled = gc.isenabled()
    gc.disable()  # collecting a peer's large heap must not look like a neighbour
    started, seen = cpu_s(), {}
    for number in range(20_000):
        seen[number & 1023] = (number, str(number))
    _calibrations.append((cpu_s() - started) * 1e3)
    if was_enabled:
        gc.enable()


def calibration_ms() -> float:
    """How long the fixed piece of work took in this process, on average."""
    return statistics.mean(_calibrations)


async def cpu_of(run: Callable[[], Awaitable[object]], *, least: int = 1, least_cpu_s: float = LEAST_CPU_S) -> float:
    """Mean CPU seconds of one `run`: at least `least` of them, and until `least_cpu_s` is spent."""
    gc.collect()
    calibrate()
    spent = since = 0.0
    count = 0
    while count < least or spent < least_cpu_s:
        if since > _CALIBRATE_EVERY_S:
            calibrate()
            since = 0.0
        started = cpu_s()
        await run()
        took = cpu_s() - started
        spent, since, count = spent + took, since + took, count + 1
    calibrate()
    return spent / count


@contextlib.asynccontextmanager
async def heartbeat() -> AsyncIterator[list[float]]:
    """How late the event loop came, in seconds, at every beat while this is open."""
    late: list[float] = []

    async def beat() -> None:
        while True:
            due = time.perf_counter() + _HEARTBEAT_S
            await asyncio.sleep(_HEARTBEAT_S)
            late.append(time.perf_counter() - due)

    task = asyncio.create_task(beat())
    try:
        yield late
    finally:
        task.cancel()
        await asyncio.wait([task])


@contextlib.contextmanager
def steps() -> Iterator[list[float]]:
    """The longest single step of the event loop while this is open, in seconds of its thread's CPU; one item.

    A loop of many conversations is late when many of them are ready at once; a long step is one that nobody shares.
    """
    longest = [0.0]
    handles: Any = asyncio.Handle  # its `_run` is private, and the only way to time every step
    run_step = handles._run

    def timed(handle: asyncio.Handle) -> None:
        started = time.thread_time()
        run_step(handle)
        took = time.thread_time() - started
        if took > longest[0]:
            longest[0] = took

    handles._run = timed
    try:
        yield longest
    finally:
        handles._run = run_step
