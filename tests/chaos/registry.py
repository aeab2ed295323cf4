"""The experiments, in the order they are run. Another one is a file of its own and a line here."""

from __future__ import annotations

from tests.chaos import clickers, events, inject, kills, points, real, recovery, sigterm, waiting, wal
from tests.chaos.chunks import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (
    kills.EXPERIMENT,
    real.EXPERIMENT,
    clickers.EXPERIMENT,
    events.EXPERIMENT,
    sigterm.EXPERIMENT,
    waiting.EXPERIMENT,
    wal.EXPERIMENT,
    points.EXPERIMENT,
    recovery.EXPERIMENT,
    inject.EXPERIMENT,
)
