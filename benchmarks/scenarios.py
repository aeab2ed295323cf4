"""What is measured: each scenario takes one warm peer through its work and gives its figures."""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import LEAST_CPU_S, calibrate, cpu_of, cpu_s, heartbeat, steps
from benchmarks.peers.ports import DurablePeer, Peer, StreamingPeer
from benchmarks.stored import stored_bytes
from benchmarks.task import Task
from benchmarks.work import ANSWER

Figures = dict[str, float]
SIZE = 1024
LARGE = 4096
ROUNDS = 10
GROWTH_ROUNDS = (10, 50, 200)
GROWTH_LEAST_CPU_S = 0.5
STREAM_CHUNKS = 64
PAUSE_LEAST, PAUSE_LEAST_CPU_S = 40, 1.0
CONVERSATIONS, LATENCY_MS = 500, 20
BYTES_TASKS = {
    "10x1k": Task(rounds=10, size=SIZE, gate=1),
    "25x4k": Task(rounds=25, size=LARGE, gate=1),
    "50x4k": Task(rounds=50, size=LARGE, gate=1),
}
PAUSED_TASK = Task(rounds=ROUNDS, size=SIZE, gate=1)


async def answer(peer: Peer, task: Task) -> None:
    """Run one conversation to its end, which has to be the right one."""
    said = await peer.run(task.text)
    assert said == ANSWER, said


async def loop(peer: Peer, *, rounds: int = ROUNDS, least_cpu_s: float = LEAST_CPU_S) -> Figures:
    """Rounds of one call each."""
    task = Task(rounds=rounds, size=SIZE)
    for _ in range(3):
        await answer(peer, task)
    spent_s = await cpu_of(lambda: answer(peer, task), least=3, least_cpu_s=least_cpu_s)
    return {"cpu_us_per_call": spent_s / task.model_calls * 1e6}


async def growth(
    peer: Peer, *, all_rounds: tuple[int, ...] = GROWTH_ROUNDS, least_cpu_s: float = GROWTH_LEAST_CPU_S
) -> Figures:
    """The same with large results and more and more rounds."""
    await answer(peer, Task(rounds=all_rounds[0], size=LARGE))
    figures = {}
    for rounds in all_rounds:
        task = Task(rounds=rounds, size=LARGE)
        spent_s = await cpu_of(lambda task=task: answer(peer, task), least_cpu_s=least_cpu_s)  # type: ignore[misc]
        figures[f"cpu_us_per_call_{rounds}"] = spent_s / task.model_calls * 1e6
    return figures


async def stream(peer: StreamingPeer, *, least: int = 20, least_cpu_s: float = LEAST_CPU_S) -> Figures:
    """One streamed reply, its text taken as it comes."""
    task = Task(chunks=STREAM_CHUNKS)

    async def one() -> None:
        said = await peer.stream(task.text)
        assert said == ANSWER, said

    for _ in range(5):
        await one()
    return {"cpu_us_per_reply": await cpu_of(one, least=least, least_cpu_s=least_cpu_s) * 1e6}


async def pause(
    peer: DurablePeer,
    make_fresh: Callable[[], DurablePeer],
    *,
    least: int = PAUSE_LEAST,
    least_cpu_s: float = PAUSE_LEAST_CPU_S,
) -> Figures:
    """Pauses beside the same loops without a gate, turn by turn; then each is resumed by fresh objects."""
    await peer.pause("warm", PAUSED_TASK.text)
    assert await peer.resume("warm") == ANSWER
    run_s, more_s = await _pauses(peer, least=least, least_cpu_s=least_cpu_s)
    fresh = make_fresh()
    await fresh.open()
    try:
        resumed_s = await _resumes(fresh, len(run_s))
    finally:
        await fresh.close()
    return {
        "pause_cpu_us": statistics.median(more_s) * 1e6,
        "run_and_pause_cpu_us": statistics.median(run_s) * 1e6,
        "resume_cpu_us": resumed_s * 1e6,
    }


async def _pauses(peer: DurablePeer, *, least: int, least_cpu_s: float) -> tuple[list[float], list[float]]:
    """CPU seconds of each run to the gate, and how much more that was than the run without a gate right after it."""
    plain = Task(rounds=PAUSED_TASK.rounds, size=PAUSED_TASK.size)
    await peer.unpaused(plain.text)
    gc.collect()
    run_s: list[float] = []
    more_s: list[float] = []
    while len(run_s) < least or sum(run_s) < least_cpu_s:
        started = cpu_s()
        await peer.pause(f"run-{len(run_s)}", PAUSED_TASK.text)
        between = cpu_s()
        await peer.unpaused(plain.text)
        run_s.append(between - started)
        more_s.append(run_s[-1] - (cpu_s() - between))
        if len(run_s) % 10 == 0:
            calibrate()
    return run_s, more_s


async def _resumes(peer: DurablePeer, count: int) -> float:
    """Mean CPU seconds of resuming one of `count` waiting runs, the first two not counted."""
    left = iter(range(count))

    async def one() -> None:
        assert await peer.resume(f"run-{next(left)}") == ANSWER

    await one()
    await one()
    return await cpu_of(one, least=count - 2, least_cpu_s=0)


async def bytes_of(peer: DurablePeer, database: Path, *, tasks: dict[str, Task] | None = None) -> Figures:
    """What one run has stored, at the gate and at its end."""
    figures: Figures = {}
    await peer.pause("warm", PAUSED_TASK.text)
    await peer.resume("warm")
    for name, task in (tasks or BYTES_TASKS).items():
        before = stored_bytes(database)
        await peer.pause(name, task.text)
        figures[f"at_gate_{name}"] = stored_bytes(database) - before
        assert await peer.resume(name) == ANSWER
        figures[f"at_end_{name}"] = stored_bytes(database) - before
    calibrate()
    return figures


async def concurrent(peer: Peer, url: str, *, conversations: int = CONVERSATIONS, rounds: int = ROUNDS) -> Figures:
    """Many conversations at once, each with a model that takes its time."""
    await answer(peer, Task(rounds=3))
    task = Task(rounds=rounds, latency_ms=LATENCY_MS)
    await asyncio.to_thread(_counts, url)
    gc.collect()
    calibrate()
    async with heartbeat() as late:
        with steps() as longest:
            started, began = cpu_s(), time.perf_counter()
            await asyncio.gather(*(answer(peer, task) for _ in range(conversations)))
            spent_s, wall_s = cpu_s() - started, time.perf_counter() - began
    calibrate()
    calls = conversations * task.model_calls
    return {
        "calls_per_cpu_s": calls / spent_s,
        "cpu_us_per_call": spent_s / calls * 1e6,
        "calls_per_s": calls / wall_s,
        "connections_per_conversation": (1 + (await asyncio.to_thread(_counts, url))["connections"]) / conversations,
        "worst_stall_ms": max(late, default=0.0) * 1e3,
        "longest_step_ms": longest[0] * 1e3,
    }


def _counts(url: str) -> dict[str, Any]:
    """What the endpoint counted since it was last asked."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as response:
        counts: dict[str, Any] = json.loads(response.read())
        return counts


async def paused_by_one_process(peer: DurablePeer) -> Figures:
    """The first half of a fresh start: this process ends with the run waiting."""
    await peer.pause("fresh", PAUSED_TASK.text)
    calibrate()
    return {"paused_cpu_ms": cpu_s() * 1e3}


async def resumed_by_another(peer: DurablePeer) -> Figures:
    """The second half: all CPU of this process from its start to the end of the resumed run."""
    ready_s = cpu_s()
    said = await peer.resume("fresh")
    done_s = cpu_s()
    assert said == ANSWER, said
    calibrate()
    return {"start_to_resumed_cpu_ms": done_s * 1e3, "start_to_ready_cpu_ms": ready_s * 1e3}
