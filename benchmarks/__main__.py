"""Print, per loop, the client's CPU per model call as a ratio to the bare SDK loop of the same run."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers import PEERS, Raw, Sdk

ROUNDS = 10
REPEATS = 7
MIN_CPU_S = 0.3


def main() -> None:
    with endpoint() as url, tempfile.TemporaryDirectory() as folder:
        medians = asyncio.run(compare(url, Path(folder)))
    base, floor = medians[Sdk.name], medians[Raw.name]
    print(f"{ROUNDS} rounds with one call each, 1 kB results, client CPU per model call, median of {REPEATS}\n")
    print(f"{'loop':<20}{'x SDK loop':>12}{'x raw':>8}")
    for name, cpu in medians.items():
        print(f"{name:<20}{cpu / base:>12.2f}{cpu / floor:>8.1f}")


@contextlib.contextmanager
def endpoint() -> Iterator[str]:
    """The model endpoint in a process of its own, so that its CPU is not counted."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.server", str(port)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


async def compare(url: str, folder: Path) -> dict[str, float]:
    """CPU seconds per model call by loop, the loops interleaved over the repeats."""
    samples: dict[str, list[float]] = {peer.name: [] for peer in PEERS}
    peers = [peer() for peer in PEERS]
    for peer in peers:
        await peer.open(url, folder)
        assert await peer.answer(f"rounds {ROUNDS}") == "done"
    for _ in range(REPEATS):
        for peer in peers:
            samples[peer.name].append(await cpu_per_call(peer))
    for peer in peers:
        await peer.close()
    return {name: statistics.median(taken) for name, taken in samples.items()}


async def cpu_per_call(peer: Raw) -> float:
    calls, started = 0, cpu_s()
    while (spent := cpu_s() - started) < MIN_CPU_S:
        assert await peer.answer(f"rounds {ROUNDS}") == "done"
        calls += ROUNDS + 1
    return spent / calls


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
