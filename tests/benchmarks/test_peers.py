"""Raw, the SDK loop and both of Nod's do every scenario's work, in small."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks import scenarios
from benchmarks.peers import nod
from benchmarks.peers.ports import Setup
from benchmarks.plan import PEERS
from benchmarks.stored import stored_bytes
from benchmarks.task import Task
from benchmarks.work import ANSWER, schemas

HERE = ["raw", "sdk", "nod", "nod-budget", "nod-sqlite"]
PAUSING = ["raw", "sdk", "nod-sqlite"]
STREAMING = ["raw", "sdk", "nod"]
TINY = Task(rounds=2, size=100, gate=1)


def maker(key: str, url: str, database: Path | None) -> Callable[[], Any]:
    spec = PEERS[key]
    make = import_module(f"benchmarks.peers.{spec.module}").make
    return lambda: make(Setup(url, database, spec.is_budgeted))


@asynccontextmanager
async def opened(key: str, url: str, database: Path | None = None) -> AsyncIterator[Any]:
    peer = maker(key, url, database)()
    await peer.open()
    try:
        yield peer
    finally:
        await peer.close()


@pytest.mark.parametrize("key", HERE)
async def test_a_loop_answers(key: str, url: str, tmp_path: Path) -> None:
    async with opened(key, url, tmp_path / "bench.db" if PEERS[key].is_stored else None) as peer:
        figures = await scenarios.loop(peer, rounds=2, least_cpu_s=0)

    assert list(figures) == ["cpu_us_per_call"]


@pytest.mark.parametrize("key", HERE)
async def test_a_growing_conversation_answers(key: str, url: str, tmp_path: Path) -> None:
    async with opened(key, url, tmp_path / "bench.db" if PEERS[key].is_stored else None) as peer:
        figures = await scenarios.growth(peer, all_rounds=(1, 20), least_cpu_s=0)

    assert list(figures) == ["cpu_us_per_call_1", "cpu_us_per_call_20"]


@pytest.mark.parametrize("key", STREAMING)
async def test_a_stream_answers(key: str, url: str) -> None:
    async with opened(key, url) as peer:
        figures = await scenarios.stream(peer, least=1, least_cpu_s=0)

    assert list(figures) == ["cpu_us_per_reply"]


@pytest.mark.parametrize("key", PAUSING)
async def test_what_paused_is_resumed_by_fresh_objects(key: str, url: str, tmp_path: Path) -> None:
    make = maker(key, url, tmp_path / "bench.db")
    async with opened(key, url, tmp_path / "bench.db") as peer:
        figures = await scenarios.pause(peer, make, least=3, least_cpu_s=0)

    assert list(figures) == ["pause_cpu_us", "run_and_pause_cpu_us", "resume_cpu_us"]


@pytest.mark.parametrize("key", PAUSING)
async def test_stored_bytes_are_at_least_the_messages(key: str, url: str, tmp_path: Path) -> None:
    async with opened(key, url, tmp_path / "bench.db") as peer:
        figures = await scenarios.bytes_of(peer, tmp_path / "bench.db", tasks={"tiny": TINY})

    assert figures["at_end_tiny"] > figures["at_gate_tiny"] > 2 * TINY.size


@pytest.mark.parametrize("key", STREAMING)
async def test_conversations_at_once_answer_over_a_connection_each(key: str, url: str) -> None:
    async with opened(key, url) as peer:
        figures = await scenarios.concurrent(peer, url, conversations=4, rounds=2)

    assert figures["connections_per_conversation"] == 1.0


@pytest.mark.parametrize("key", PAUSING)
async def test_a_click_finishes_what_another_opening_paused(key: str, url: str, tmp_path: Path) -> None:
    async with opened(key, url, tmp_path / "bench.db") as first:
        await scenarios.paused_by_one_process(first)
    async with opened(key, url, tmp_path / "bench.db") as second:
        figures = await scenarios.resumed_by_another(second)

    assert list(figures) == ["start_to_resumed_cpu_ms", "start_to_ready_cpu_ms"]


async def test_nods_run_without_a_gate_leaves_only_its_end_unstored(url: str, tmp_path: Path) -> None:
    task = Task(rounds=2, size=100)
    async with opened("nod-sqlite", url, tmp_path / "bench.db") as peer:
        await peer.unpaused(task.text)
        without_end = stored_bytes(tmp_path / "bench.db")
        await peer.run(task.text)
        with_end = stored_bytes(tmp_path / "bench.db") - without_end

    assert without_end > 2 * task.size
    assert with_end - without_end > len(ANSWER)


def test_nod_offers_the_very_schemas_the_others_write_by_hand() -> None:
    assert [json.loads(spec.schema_json) for spec in nod._SPECS] == schemas()
