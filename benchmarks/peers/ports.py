"""What the scenarios ask of a peer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Setup:
    """Where a peer works. `database` None = nothing is stored; `is_budgeted` = its context budget is on."""

    url: str
    database: Path | None = None
    is_budgeted: bool = False


class Peer(Protocol):
    """A tool loop. Made without I/O; opened once, closed at the end."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def run(self, task: str) -> str:
        """Answer one conversation, from the system prompt to the final text."""


class StreamingPeer(Peer, Protocol):
    async def stream(self, task: str) -> str:
        """Answer as `run` does, with a listener that takes the text as it comes."""


class DurablePeer(Peer, Protocol):
    """A loop that stops at the gate and goes on later, maybe in another process."""

    async def pause(self, run_id: str, task: str) -> None:
        """Run to the gate; what is needed to go on is durable then."""

    async def unpaused(self, task: str) -> None:
        """The same loop without the gate and without storing its end: what a pause costs is the difference."""

    async def resume(self, run_id: str) -> str:
        """Load, approve, run what was approved, go on to the end, store it; give the answer."""
