"""What people do with cards, in the words of the tests of approvals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bot.config.settings import Settings
from tests.adapters.discord.kit import Nod, Team, answered
from tests.adapters.discord.wire import Channel, Interaction, Message, User
from tests.adapters.discord.wire.faults import SEND

NOT_VALID = "This button is not valid any more; nothing was decided by it."
ELSEWHERE = "This button does not belong here; nothing was decided by it."

_TOOL = """
import bot

@bot.tool(confirm=True, effect="once", approver={approver!r}, marks={marks!r})
def {name}(text: str) -> str:
    '''Do {name}.'''
    with open({ledger!r}, "a") as file:
        file.write(text + "\\n")
    return "done: " + text
"""


def add_tool(settings: Settings, name: str, approver: str, *, marks: tuple[str, ...] = ()) -> None:
    """A tool of the operator's with one argument `text`, which it writes into the ledger."""
    ledger = str(Path(settings.tools_dir).parent / "ledger")
    source = _TOOL.format(name=name, approver=approver, marks=marks, ledger=ledger)
    (Path(settings.tools_dir) / f"{name}.py").write_text(source)


def ask(team: Team, text: str = "deploy", *, by: User | None = None, at: Channel | None = None) -> Message:
    """Mention the bot, in the room unless it is said where."""
    return team.server.say(by or team.anna, at or team.room, f"{team.server.bot.mention} {text}")


async def told(team: Team, click: Interaction, timeout_s: float = 10.0) -> str:
    """What a person reads privately, as soon as they are told: an escaped mark is that mark."""
    text = await team.server.until(lambda: answered(click), timeout_s)
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


async def decided(team: Team, card: Message, timeout_s: float = 10.0) -> str:
    """What a card says as soon as nobody can press it any more."""
    await team.server.until(lambda: not card.labels, timeout_s)
    return card.text


async def cards(team: Team, count: int, *, label: str = "Approve", timeout_s: float = 10.0) -> list[Message]:
    """So many cards with such a button, oldest first."""
    found = await team.server.until(
        lambda: len(shown := [one for one in team.said() if label in one.labels]) >= count and shown, timeout_s
    )
    assert isinstance(found, list)
    return found


async def refusals(nod: Nod) -> list[tuple[str, str]]:
    """Who pressed what they may not, and why it was refused, oldest first, as the audit has it."""
    rows = await nod.app.audit.read()
    return [(row["approver"], row["reason"]) for row in rows if row["event"] == "click.refused"]


def pinged(team: Team, message: Message) -> list[int]:
    """Whom the bot asked Discord to ping with a message, which it sent once."""
    asked = [one for one in team.server.asked(SEND) if one.status == 200 and str(message.channel_id) in one.path]
    of_cards = [one.json for one in asked if isinstance(one.json, dict) and _holds(one.json, message)]
    (only,) = of_cards
    allowed = only["allowed_mentions"]
    assert allowed["parse"] == []
    assert "roles" not in allowed
    return sorted(int(one) for one in allowed.get("users", []))


def _holds(body: dict[str, object], message: Message) -> bool:
    return bool(message.nonce) and str(body.get("nonce")) == message.nonce


def ids_of(people: Iterable[User]) -> list[int]:
    return sorted(one.id for one in people)
