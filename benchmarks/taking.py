"""Takes the samples: endpoint on one core, every peer and scenario in a fresh process on another, turn by turn."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environments import ROOT, CannotInstall, python_of
from benchmarks.plan import PEERS, SCENARIOS, Scenario
from benchmarks.samples import Samples
from benchmarks.worker import MARK

DISTURBED = 1.2
"""A sample is taken again when its process was this much slower than the calmest one at a fixed piece of work."""
TRIES = 3
LONG_S = 10.0
"""A sample that took longer than this is not taken again."""
RETAKING_S = 300.0
"""How long samples are taken again in all: on a machine that is never calm, that would have no end."""
TIMEOUT_S = 900.0
_LAST_WORDS = 600
_QUIET = {
    "NO_PROXY": "127.0.0.1",
    "OPENAI_API_KEY": "x",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "DO_NOT_TRACK": "1",
    "PYTHONHASHSEED": "0",
}


class Failed(Exception):
    """A worker process did not give a result."""


def cores() -> tuple[int | None, int | None]:
    """The core of the endpoint and the core of the client; None where there are not two."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


@contextlib.contextmanager
def endpoint(core: int | None) -> Iterator[str]:
    """The mock model in a process of its own; gives its address."""
    command = [sys.executable, "-m", "benchmarks.endpoint", *_core_option(core)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def take(samples: Samples, *, peers: list[str], scenarios: list[str], tries: int = TRIES) -> None:
    """Take every sample of the plan that is asked for, into `samples`."""
    began = time.monotonic()
    samples.left_out |= {PEERS[peer].label: "not asked for" for peer in PEERS if peer not in peers}
    samples.left_out |= {f"scenario {key}": "not asked for" for key in SCENARIOS if key not in scenarios}
    for_endpoint, for_client = cores()
    pythons = _interpreters(samples, peers)
    with endpoint(for_endpoint) as url, tempfile.TemporaryDirectory() as folder:
        taker = Taker(samples, url, Path(folder), for_client, pythons, tries)
        for scenario in (SCENARIOS[key] for key in scenarios):
            for repeat in range(samples.repeats):
                for peer in (one for one in scenario.peers if one in pythons):
                    if repeat < scenario.repeats_of(peer, samples.repeats):
                        taker.sample(scenario, peer)
                print(f"{scenario.key} {repeat + 1}/{samples.repeats}", flush=True)
    samples.minutes = (time.monotonic() - began) / 60


def _interpreters(samples: Samples, peers: list[str]) -> dict[str, Path]:
    """The interpreter of each peer; one that cannot be made leaves its peers out, visibly."""
    pythons = {}
    for peer in peers:
        try:
            pythons[peer] = python_of(PEERS[peer].environment)
        except CannotInstall as err:
            samples.left_out[PEERS[peer].label] = "its packages could not be installed"
            print(f"{PEERS[peer].label} is left out: {err}", flush=True)
    return pythons


@dataclass
class Taker:
    """Runs workers one at a time, and remembers how calm this machine can be."""

    samples: Samples
    url: str
    folder: Path
    core: int | None
    pythons: dict[str, Path]
    tries: int = TRIES
    _calmest_ms: float = field(default=float("inf"), init=False)
    _retaking_s: float = field(default=0.0, init=False)

    def sample(self, scenario: Scenario, peer: str) -> None:
        """Take one sample; a worker that fails leaves its peer out of the scenario, visibly."""
        if scenario.key == "help":
            self.samples.add("help", peer, {"wall_s": help_wall_s()})
            return
        try:
            result = self._calm(scenario, peer)
        except Failed as err:
            what = f"{PEERS[peer].label} in {scenario.key}"
            self.samples.left_out[what] = "its process failed"
            print(f"{what} failed: {err}", flush=True)
            return
        self.samples.versions[peer] = result["versions"]
        self.samples.add(scenario.key, peer, {**result["figures"], "calibration_ms": result["calibration_ms"]})

    def _calm(self, scenario: Scenario, peer: str) -> dict[str, Any]:
        """The calmest of a few tries; a first one that was calm, or took long, is enough."""
        tries: list[dict[str, Any]] = []
        while len(tries) < self.tries:
            began = time.monotonic()
            tries.append(self._result(scenario, peer))
            took_s = time.monotonic() - began
            self._retaking_s += took_s if len(tries) > 1 else 0.0
            calibration_ms = tries[-1]["calibration_ms"]
            self._calmest_ms = min(self._calmest_ms, calibration_ms)
            is_calm = calibration_ms <= self._calmest_ms * DISTURBED
            if is_calm or took_s > LONG_S or self._retaking_s > RETAKING_S:
                break
        self.samples.retaken += len(tries) - 1
        return min(tries, key=lambda one: float(one["calibration_ms"]))

    def _result(self, scenario: Scenario, peer: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=self.folder) as fresh:
            needs_database = scenario.is_durable or PEERS[peer].is_stored
            database = Path(fresh) / "bench.db" if needs_database else None
            if scenario.key != "start":
                return self._worker(peer, scenario.key, database)
            first = self._worker(peer, "start-1", database)
            second = self._worker(peer, "start-2", database)
            calibration_ms = max(first["calibration_ms"], second["calibration_ms"])
            return {**second, "calibration_ms": calibration_ms}

    def _worker(self, peer: str, scenario: str, database: Path | None) -> dict[str, Any]:
        command = [str(self.pythons[peer]), "-m", "benchmarks.worker", "--peer", peer, "--scenario", scenario]
        command += ["--url", self.url, *_core_option(self.core)]
        command += ["--database", str(database)] if database else []
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, cwd=ROOT, env=_environment(), timeout=TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as err:
            raise Failed(f"not done within {TIMEOUT_S:g} seconds") from err
        for line in done.stdout.splitlines():
            if line.startswith(MARK):
                result: dict[str, Any] = json.loads(line.removeprefix(MARK))
                return result
        raise Failed(done.stderr.strip()[-_LAST_WORDS:])


def help_wall_s() -> float:
    """How long `python -m bot --help` takes, as a person waits for it."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "bot", "--help"], cwd=ROOT, env=_environment(), capture_output=True, check=True
    )
    return time.perf_counter() - began


def _core_option(core: int | None) -> list[str]:
    return [] if core is None else ["--core", str(core)]


def _environment() -> dict[str, str]:
    """Little of this machine's, so that no setting of it reaches a peer."""
    return {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ} | _QUIET
