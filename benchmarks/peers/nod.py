"""Nod's engine, with its toolbox, policy and model client; with a database also its rows."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

import bot
from benchmarks.peers.ports import Setup
from benchmarks.work import GATED, SYSTEM, TOOLS
from bot.collector import settle
from bot.engine.loop import Crew, NoListener, NoStore, drive
from bot.engine.machine import Limits, apply
from bot.engine.ports import Listener, RunStore, TextListener
from bot.engine.steps import Answered, Decided, Fact
from bot.engine.types import Actor, Decision, Place, Run
from bot.models.clients import ModelClients
from bot.models.config import from_mapping
from bot.opening import opening
from bot.policy.judge import permit_for
from bot.policy.types import Policy
from bot.storage.database import Database, open_database
from bot.storage.runs import RunRows
from bot.tools.registry import spec_of
from bot.tools.toolbox import Toolbox

VERSIONS_OF = ("openai", "httpx2", "aiohttp", "aiosqlite", "sqlalchemy", "pydantic", "orjson")

_DECORATED = [
    bot.tool(confirm=name == GATED, effect="once" if name == GATED else "read")(TOOLS[name]) for name in TOOLS
]
_SPECS = [spec_of(tool) for tool in _DECORATED]
_ANN = Actor("web", "", "ann")


ROOMY, BUDGETED = 10**9, 64_000
"""Windows in tokens: one that is never full, and one that 200 rounds of 4 kB fill several times over."""


def limits(*, is_budgeted: bool) -> Limits:
    """The caps of a run, wide enough never to bite but, when `is_budgeted`, that of the model's window."""
    return Limits(max_identical=10**6, max_seconds=1e6, window_tokens=BUDGETED if is_budgeted else ROOMY)


class Nod:
    """Nod as a library: without a database nothing is stored, with one every round is."""

    def __init__(self, setup: Setup) -> None:
        model = {"label": "bench", "api_url": setup.url, "model_name": "bench-model", "host_type": "generic"}
        self._model = from_mapping(model)
        self._path = setup.database
        self._limits = limits(is_budgeted=setup.is_budgeted)
        self._database: Database | None = None
        self._clients: ModelClients

    async def open(self) -> None:
        self._clients = ModelClients()
        if self._path is not None:
            self._database = await open_database(f"sqlite+aiosqlite:///{self._path}")
        self._clients.for_config(self._model)
        settle()  # as the bot does at its start

    async def close(self) -> None:
        await self._clients.aclose()
        if self._database is not None:
            await self._database.aclose()

    @property
    def _rows(self) -> RunRows:
        assert self._database is not None, "this peer was opened without a database"
        return RunRows(self._database)

    async def run(self, task: str) -> str:
        run = _run_of(task)
        return _answer_of(await self._drive(await self._begun(run), self._rows if self._database else NoStore()))

    async def stream(self, task: str) -> str:
        taker = TakesText()
        run = await self._drive(_run_of(task), NoStore(), taker)
        assert taker.text == run.answer
        return _answer_of(run)

    async def pause(self, run_id: str, task: str) -> None:
        run = await self._drive(await self._begun(_run_of(task, run_id)), self._rows)
        assert run.waiting

    async def unpaused(self, task: str) -> None:
        await self._drive(await self._begun(_run_of(task)), AllButTheEnd(self._rows))

    async def resume(self, run_id: str) -> str:
        rows = self._rows
        stored = (await rows.load(run_id)).run
        approved = [Decided(call.id, Decision("approve", "Ann", _ANN.key)) for call in stored.waiting]
        for fact in approved:
            after = apply(stored, fact)
            await rows.commit(stored, [fact], after)
            stored = after
        return _answer_of(await self._drive(stored, rows))

    async def _begun(self, run: Run) -> Run:
        """Stored as the chat service does: the message is taken in, then work on it begins."""
        if self._database is not None:
            rows = self._rows
            await rows.enqueue(run, event_id=run.id, at_ms=1)
            await rows.start(run)
        return run

    async def _drive(self, run: Run, store: RunStore, listener: Listener | None = None) -> Run:
        toolbox = Toolbox(_SPECS, permit=permit_for(Policy()), actor=run.requester, place=run.place)
        model = self._clients.for_config(self._model)
        return await drive(run, Crew(model, toolbox, store, listener or NoListener(), self._limits))


def _run_of(task: str, run_id: str = "") -> Run:
    """A new run in a conversation of its own."""
    run_id = run_id or secrets.token_hex(16)
    run = Run(run_id, task, (), model="bench", requester=_ANN, place=Place("web", "", "general", run_id))
    return replace(run, messages=opening(task, system_prompt=SYSTEM, has_tools=True), max_rounds=10**6)


def _answer_of(run: Run) -> str:
    assert run.status == "done", run.answer
    return run.answer or ""


@dataclass(slots=True)
class TakesText(NoListener):
    """Takes the text as it comes."""

    text: str = ""

    def text_listener(self, run: Run) -> TextListener | None:
        return self._take

    async def _take(self, text: str) -> None:
        self.text = text


class AllButTheEnd:
    """Stores every round, but not the run's end."""

    def __init__(self, rows: RunRows) -> None:
        self._rows = rows

    async def commit(self, before: Run, facts: Sequence[Fact], after: Run) -> None:
        if not any(isinstance(fact, Answered) for fact in facts):
            await self._rows.commit(before, facts, after)


def make(setup: Setup) -> Nod:
    return Nod(setup)
