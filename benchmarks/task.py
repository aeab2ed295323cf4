"""What is asked for in a benchmark, as the user's message says it and the model endpoint reads it back."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

_SAID = re.compile(r"BENCH ((?:\w+=\d+ )+)")


@dataclass(frozen=True, slots=True)
class Task:
    """One conversation.

    `rounds` of one tool call each, with results of `size` characters; with a `gate`, one more call that needs
    approval. `chunks` is for a streamed answer; `latency_ms` is how long the model takes.
    """

    rounds: int = 0
    size: int = 64
    gate: int = 0
    chunks: int = 16
    latency_ms: int = 0

    @property
    def text(self) -> str:
        said = "".join(f"{one.name}={getattr(self, one.name)} " for one in fields(self))
        return f"BENCH {said}please go on"

    @property
    def model_calls(self) -> int:
        return self.rounds + self.gate + 1


def read_task(text: str) -> Task | None:
    """Give the task that a message's text holds, None when it holds none."""
    found = _SAID.search(text)
    if found is None:
        return None
    said = (pair.split("=", 1) for pair in found[1].split())
    return Task(**{name: int(value) for name, value in said})
