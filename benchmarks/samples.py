"""The figures of one run, by scenario and peer, and their medians. Ratios are only ever made within one run."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Samples:
    """What one run found. `left_out` says what is missing, and why."""

    repeats: int
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    python: str = field(default_factory=platform.python_version)
    system: str = field(default_factory=lambda: f"{platform.system()} {platform.machine()}")
    minutes: float = 0.0
    retaken: int = 0
    taken: dict[str, dict[str, list[dict[str, float]]]] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, scenario: str, peer: str, figures: dict[str, float]) -> None:
        self.taken.setdefault(scenario, {}).setdefault(peer, []).append(figures)

    def values(self, scenario: str, peer: str, figure: str) -> list[float]:
        taken = self.taken.get(scenario, {}).get(peer, [])
        return [figures[figure] for figures in taken if figure in figures]

    def median(self, scenario: str, peer: str, figure: str) -> float | None:
        """The median of a figure over the repeats, None where it was not taken."""
        values = self.values(scenario, peer, figure)
        return statistics.median(values) if values else None

    def spread(self) -> float | None:
        """How far repeats of a figure lie apart: the largest over the smallest, median over all CPU figures."""
        apart = list(self._apart())
        return statistics.median(apart) if apart else None

    def _apart(self) -> Iterator[float]:
        for scenario, peers in self.taken.items():
            for peer, taken in peers.items():
                for figure in taken[0]:
                    values = self.values(scenario, peer, figure)
                    if "cpu" in figure and figure != "pause_cpu_us" and len(values) > 1 and min(values) > 0:
                        yield max(values) / min(values)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def read_samples(path: Path) -> Samples:
    """Read back what `write` wrote."""
    return Samples(**json.loads(path.read_text()))
