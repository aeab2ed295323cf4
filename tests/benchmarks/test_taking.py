"""Samples come from worker processes; disturbed ones are taken again, and a worker that fails is left out visibly."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.plan import SCENARIOS, Scenario
from benchmarks.samples import Samples
from benchmarks.taking import Taker, endpoint


class Scripted(Taker):
    """A taker whose processes ran as slowly as it is told."""

    slowness: list[float]

    def _result(self, scenario: Scenario, peer: str) -> dict[str, Any]:
        calibration_ms = self.slowness.pop(0)
        return {"figures": {"cpu": calibration_ms}, "versions": {}, "calibration_ms": calibration_ms}


def scripted(tmp_path: Path, *slowness: float) -> Scripted:
    taker = Scripted(Samples(repeats=1), "", tmp_path, None, {})
    taker.slowness = list(slowness)
    return taker


def test_a_worker_in_its_own_process_gives_figures_and_versions(tmp_path: Path) -> None:
    with endpoint(None) as url:
        taker = Taker(Samples(repeats=1), url, tmp_path, None, {"raw": Path(sys.executable)})
        taker.sample(SCENARIOS["start"], "raw")

    assert taker.samples.median("start", "raw", "start_to_resumed_cpu_ms") is not None
    assert "aiohttp" in taker.samples.versions["raw"]
    assert taker.samples.left_out == {}


def test_a_worker_that_fails_leaves_its_peer_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taker = Taker(Samples(repeats=1), "http://127.0.0.1:9/v1", tmp_path, None, {"raw": Path(sys.executable)})
    taker.sample(SCENARIOS["loop"], "raw")

    assert taker.samples.left_out == {"raw aiohttp in loop": "its process failed"}
    assert "Cannot connect" in capsys.readouterr().out


def test_a_disturbed_sample_is_taken_again(tmp_path: Path) -> None:
    taker = scripted(tmp_path, 1.0, 1.5, 1.1)
    taker.sample(SCENARIOS["loop"], "raw")
    taker.sample(SCENARIOS["loop"], "raw")

    assert taker.samples.values("loop", "raw", "cpu") == [1.0, 1.1]
    assert taker.samples.retaken == 1


def test_the_calmest_of_three_disturbed_tries_is_kept(tmp_path: Path) -> None:
    taker = scripted(tmp_path, 1.0, 1.9, 1.5, 1.7)
    taker.sample(SCENARIOS["loop"], "raw")
    taker.sample(SCENARIOS["loop"], "raw")

    assert taker.samples.values("loop", "raw", "cpu") == [1.0, 1.5]
