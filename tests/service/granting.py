"""A model that does as it is told, and what is approved of that for more than once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.chat import Actor, Click, Place
from bot.config.settings import Settings
from tests.models.endpoint import Recorded, ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, PLACE, ROOT, Bench

CAROL = Actor("web", "", "carol", "carol")
MALLORY = Actor("web", "", "mallory", "mallory")
ELSEWHERE = Place("web", "", "general", "other")
KINDS = ("run", "thread", "8h", "always")
NO_GRANT = "There is no grant of this id: write `/nod revoke ID`; `/nod grants` lists them."


def works(request: Recorded) -> dict[str, Any]:
    """A model that calls the tool it was told to, each time: `write reports/a.txt`, `deploy 1 twice`."""
    messages = request.body["messages"]
    asked = [message["content"] for message in messages if message["role"] == "user"][-1]
    results = 0
    for message in reversed(messages):
        if message["role"] == "user":
            break
        results += message["role"] == "tool"
    words = str(asked).split()
    if results >= (2 if words[-1] == "twice" else 1):
        return says("Well then.")
    if words[0] == "write":
        return calls(("write", {"path": words[1], "text": "x"}))
    return calls((words[0], {"version": words[1]}))


@pytest.fixture(autouse=True)
def willing(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [works] * 200


@pytest.fixture(autouse=True)
def write(settings: Settings, tmp_path: Path) -> None:
    """A tool with a path, for patterns."""
    assert settings.tools_dir is not None
    (settings.tools_dir / "write.py").write_text(
        "import bot\n"
        "@bot.tool(confirm=True, effect='once')\n"
        "def write(path: str, text: str) -> str:\n"
        "    '''Write a file.'''\n"
        f"    with open({str(tmp_path / 'ledger')!r}, 'a') as file:\n"
        "        file.write(path + '\\n')\n"
        "    return 'written'\n"
    )


async def approve(one: Bench, grant: str, *, pattern: str = "", actor: Actor = ALICE) -> str:
    """Approve the only card for longer; gives what is said."""
    card = await one.only_card()
    outcome = await one.service.decide(Click(card.approval_id, "approve", actor, grant=grant, pattern=pattern))
    await one.service.idle()
    return outcome.message


async def is_asked(one: Bench, text: str, *, actor: Actor = ALICE, place: Place = PLACE) -> bool:
    """Whether this is asked about; what waits is denied again."""
    await one.say(text, actor=actor, place=place)
    waiting = await one.service.pending(ROOT)
    for card in waiting:
        await one.click(card.approval_id, "deny", actor=ROOT)
    return bool(waiting)


async def grant_id(one: Bench, actor: Actor = ALICE) -> str:
    (line,) = (await one.service.command(PLACE, actor, "grants")).splitlines()
    return line.split("`")[1]
