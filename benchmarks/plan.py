"""Who is compared in what, and how often. Only the standard library: every interpreter reads it."""

from __future__ import annotations

from dataclasses import dataclass

FULL_REPEATS = 5
QUICK_REPEATS = 2


@dataclass(frozen=True, slots=True)
class PeerSpec:
    """One row of every table. `environment` names its interpreter, `module` its code in `benchmarks.peers`."""

    key: str
    label: str
    module: str
    environment: str
    is_stored: bool = False
    is_budgeted: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """`peers` in the order of the tables; `is_durable`: they get a database.

    `few` says of the peers that take long how often they are repeated where the others are five times.
    """

    key: str
    peers: tuple[str, ...]
    is_durable: bool = False
    few: tuple[tuple[str, int], ...] = ()

    def repeats_of(self, peer: str, repeats: int) -> int:
        share = dict(self.few).get(peer, FULL_REPEATS) / FULL_REPEATS
        return max(1, round(repeats * share))


PEERS = {
    one.key: one
    for one in (
        PeerSpec("raw", "raw aiohttp", "raw", "nod"),
        PeerSpec("sdk", "bare SDK loop", "sdk", "nod"),
        PeerSpec("nod", "Nod, no store", "nod", "nod"),
        PeerSpec("nod-budget", "Nod, context budget", "nod", "nod", is_budgeted=True),
        PeerSpec("nod-sqlite", "Nod, SQLite FULL", "nod", "nod", is_stored=True),
        PeerSpec("agents", "openai-agents", "agents", "agents"),
        PeerSpec("pydantic-ai", "pydantic-ai", "pydantic_ai", "pydantic-ai"),
        PeerSpec("langgraph", "LangGraph", "langgraph", "langgraph"),
        PeerSpec("langgraph-sqlite", "LangGraph, AsyncSqliteSaver", "langgraph", "langgraph", is_stored=True),
    )
}
QUICK_PEERS = ("raw", "sdk", "nod", "nod-budget", "nod-sqlite", "langgraph-sqlite")

_STORELESS = ("raw", "sdk", "nod", "agents", "pydantic-ai", "langgraph")
_PAUSING = ("raw", "sdk", "nod-sqlite", "agents", "pydantic-ai", "langgraph-sqlite")
_FRAMEWORKS = ("agents", "pydantic-ai", "langgraph", "langgraph-sqlite")
_EVERYBODY = tuple(key for key in PEERS if key != "nod-budget")

SCENARIOS = {
    one.key: one
    for one in (
        Scenario("loop", _EVERYBODY),
        Scenario(
            "growth",
            ("raw", "sdk", "nod", "nod-budget", "nod-sqlite", "agents", "pydantic-ai", "langgraph"),
            few=(("sdk", 3), *((key, 2) for key in _FRAMEWORKS)),
        ),
        Scenario("stream", _STORELESS),
        Scenario("pause", _PAUSING, is_durable=True, few=tuple((key, 3) for key in _FRAMEWORKS)),
        Scenario("bytes", _PAUSING, is_durable=True, few=tuple((key, 1) for key in _PAUSING)),
        Scenario("concurrent", _STORELESS, few=(("sdk", 3), *((key, 2) for key in _FRAMEWORKS))),
        Scenario("start", _PAUSING, is_durable=True),
        Scenario("help", ("nod",)),
    )
}
