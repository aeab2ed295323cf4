"""The same promises on the real thing: SQLite file, HTTP model, operator's tools, cancelled at random moments."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from bot import chat
from bot.app import App, open_app
from bot.chat import Actor, Click, Inbound, Place
from bot.config.settings import Settings, load
from bot.models.config import from_mapping
from bot.models.registry import Registry
from tests.fakes import RecordingAdapter
from tests.models.endpoint import Recorded, ScriptedEndpoint, calls, says

ALICE = Actor("web", "", "alice", "alice")
PLACE = Place("web", "", "general", "t")
KINDS = ("free", "gated", "gated", "forbidden")

TOOL = """
import bot

def note(key):
    with open({ledger!r}, "a") as file:
        file.write(key + "\\n")

@bot.tool(effect="read")
async def free(n: int) -> str:
    '''Read.'''
    return "free"

@bot.tool(confirm=True, effect="once")
def gated(context: bot.ToolContext, n: int) -> str:
    '''Change.'''
    note(context.key)
    return "changed"

@bot.tool(effect="once", roles=("admin",))
def forbidden(context: bot.ToolContext, n: int) -> str:
    '''Never for a user.'''
    note("forbidden " + context.key)
    return "no"
"""


def make_settings(tmp_path: Path) -> Settings:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "mine.py").write_text(TOOL.format(ledger=str(tmp_path / "ledger")))
    environ = {"DATA_DIR": str(tmp_path / "data"), "TOOLS_DIR": str(tools), "LOG_LEVEL": "error"}
    return load(environ, None)[0]


def plays(script: list[list[str]]):
    """A model without memory: what it says follows from how many replies with calls it is sent."""

    def answer(request: Recorded) -> dict[str, object]:
        said = [one for one in request.body["messages"] if one.get("tool_calls")]
        if len(said) >= len(script):
            return says("the end")
        wanted = [(name, {"n": 100 * len(said) + at}) for at, name in enumerate(script[len(said)])]
        return calls(*wanted, ids=[f"{len(said)}-{at}" for at in range(len(wanted))])

    return answer


async def one_life(app: App, dice: random.Random, *, is_last: bool) -> None:
    """Click around for a moment, then die at any await; the last life is allowed to finish."""
    for _ in range(40 if is_last else dice.randrange(4)):
        if is_last:
            await app.service.idle()
        for card in await app.service.pending(ALICE):
            verb = dice.choice(["approve", "approve", "deny"])
            outcomes = [await app.service.decide(Click(card.approval_id, v, ALICE)) for v in (verb, "approve", "deny")]
            assert sum(one.is_accepted for one in outcomes) == 1
        await asyncio.sleep(0 if is_last else dice.random() * 0.02)
    if not is_last:
        await app.service.aclose(within_s=0)


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_is_cut_off_nothing_is_lost_and_nothing_happens_twice(
    seed: int, tmp_path: Path, endpoint: ScriptedEndpoint
) -> None:
    dice = random.Random(seed)
    settings = make_settings(tmp_path)
    script = [[dice.choice(KINDS) for _ in range(dice.randrange(1, 5))] for _ in range(dice.randrange(1, 3))]
    endpoint.script = [plays(script)] * 500
    row = from_mapping({"label": "m", "api_url": endpoint.url, "model_name": "m", "host_type": "generic"})
    lives = dice.randrange(1, 6)
    for life in range(lives):
        async with open_app(settings, models=Registry([row], default="m")) as app:
            adapter = RecordingAdapter()
            app.add_adapter(adapter)
            await app.service.recover()
            await app.service.receive(Inbound("only one", PLACE, ALICE, "go", 1))
            await one_life(app, dice, is_last=life == lives - 1)

    check(tmp_path)
    answered = [event for event in await transcript(settings, row) if isinstance(event, chat.Answered)]
    assert [event.text for event in answered] == ["the end"]


async def transcript(settings: Settings, row: object) -> list[chat.Event]:
    async with open_app(settings, models=Registry([row], default="m")) as app:  # type: ignore[list-item]
        return await app.service.transcript(PLACE)


def check(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "data" / "nod.db")
    rows = database.execute("SELECT run_id || ':' || id, name, state, decided_by, result FROM calls").fetchall()
    approvals = database.execute("SELECT call_id, state FROM approvals").fetchall()
    messages = database.execute("SELECT role, body FROM run_messages ORDER BY seq").fetchall()
    answered = [wire_id for (wire_id,) in database.execute("SELECT wire_id FROM calls ORDER BY position")]
    database.close()
    ledger_path = tmp_path / "ledger"
    ledger = Counter(ledger_path.read_text().splitlines() if ledger_path.exists() else [])

    assert all(times == 1 for times in ledger.values()), "an effect starts at most once"
    assert not any(key.startswith("forbidden") for key in ledger)
    for key, name, state, _decided_by, result in rows:
        assert state in ("done", "failed", "denied", "unknown")
        assert result is not None
        if name == "gated":
            assert (ledger[key] == 1) if state == "done" else True
            assert (ledger[key] == 0) if state == "denied" else True
    assert all(state in ("approved", "denied") for _, state in approvals)
    said = [json.loads(body) for role, body in messages if role == "assistant"]
    asked = [call["id"] for one in said for call in one.get("tool_calls", ())]
    assert [role for role, _ in messages].count("tool") == len(asked), "each call has its result among the messages"
    assert answered == asked
