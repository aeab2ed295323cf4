"""One process: one scenario for one peer, in that peer's interpreter. Prints one line with what it found."""

from __future__ import annotations

import argparse
import asyncio
import json
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from benchmarks import scenarios
from benchmarks.measure import calibration_ms, pin
from benchmarks.peers.ports import Setup
from benchmarks.plan import PEERS

MARK = "RESULT "


async def figures_of(make: Any, setup: Setup, scenario: str) -> scenarios.Figures:
    """Open the peer, take it through the scenario, close it."""
    peer = make(setup)
    await peer.open()
    try:
        return await _scenario(peer, make, setup, scenario)
    finally:
        await peer.close()


async def _scenario(peer: Any, make: Any, setup: Setup, scenario: str) -> scenarios.Figures:
    match scenario:
        case "loop":
            return await scenarios.loop(peer)
        case "growth":
            return await scenarios.growth(peer)
        case "stream":
            return await scenarios.stream(peer)
        case "pause":
            return await scenarios.pause(peer, lambda: make(setup))
        case "bytes":
            assert setup.database is not None
            return await scenarios.bytes_of(peer, setup.database)
        case "concurrent":
            return await scenarios.concurrent(peer, setup.url)
        case "start-1":
            return await scenarios.paused_by_one_process(peer)
        case "start-2":
            return await scenarios.resumed_by_another(peer)
        case _:
            raise ValueError(f"there is no scenario {scenario!r}")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--peer", required=True)
    options.add_argument("--scenario", required=True)
    options.add_argument("--url", required=True)
    options.add_argument("--database", type=Path, default=None)
    options.add_argument("--core", type=int, default=None)
    given = options.parse_args()
    pin(given.core)
    spec = PEERS[given.peer]
    module = import_module(f"benchmarks.peers.{spec.module}")
    setup = Setup(given.url, given.database, spec.is_budgeted)
    figures = asyncio.run(figures_of(module.make, setup, given.scenario))
    versions = {name: metadata.version(name) for name in module.VERSIONS_OF}
    print(MARK + json.dumps({"figures": figures, "versions": versions, "calibration_ms": calibration_ms()}))


if __name__ == "__main__":
    main()
