"""The experiments, in the order they are run. Another one is a file of its own and a line here."""

from __future__ import annotations

from tests.chaos import kills
from tests.chaos.chunks import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (kills.EXPERIMENT,)
