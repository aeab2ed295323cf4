"""Calls whose arguments are for those alone who may decide, and answers that only one person reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from bot.config.settings import Settings
from tests.adapters.discord.approving import add_tool, ask, decided, refusals, told
from tests.adapters.discord.kit import Team, button_id, running_nod
from tests.adapters.discord.wire import Message
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]
SECRET = "the-code-is-7731"


def everything(message: Message) -> str:
    """All that a message has ever held: text, components, files."""
    files = b"".join(one.content for one in message.attachments).decode()
    return json.dumps([message.content, message.components, message.versions, files])


async def test_private_arguments_are_seen_by_those_alone_who_may_decide(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """T2: not in the channel, not in progress or notices, not on the decided card; Look shows them to one person."""
    server = team.server
    endpoint.script = [calls(("tell", {"secret": SECRET}), text=f"I tell {SECRET}"), says("Told.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "tell it")
        card = await team.card("Look")
        approve = button_id(card, "Look").replace("look", "approve")
        wrong = await told(team, server.press(team.ben, card, "Look"))
        looked = await server.press(team.anna, card, "Look").said()
        forged = await told(team, server.press(team.ben, card, approve, forged=True))
        opened = server.press(team.anna, looked, "Deny with reason")
        modal = await opened.answered()
        done = await told(team, server.press(team.anna, looked, "Approve"))
        await team.answer("Told.")
        text = await decided(team, card)
        late = await told(team, server.press(team.anna, looked, "Approve"))
        too_late = await told(team, server.press(team.anna, card, approve.replace("approve", "look"), forged=True))
        await nod.idle()
        refused = await refusals(nod)

    assert card.labels == []
    assert looked.is_ephemeral
    assert looked.for_user_id == team.anna.id
    assert looked.labels == ["Approve", "Deny", "Deny with reason", "Edit", "Always…"]
    assert SECRET in looked.text
    assert modal.kind == 9
    assert wrong == forged == "Only anna or an admin can decide this."
    assert done == "Approved."
    assert late == too_late == "This was already approved by anna; it has run."
    assert "**Approved** by **anna**" in text
    assert len(refused) == 2
    assert [one.text for one in team.said() if SECRET in everything(one)] == []
    assert ledger() == [SECRET]


async def test_private_arguments_that_are_long_are_a_file_for_one_person(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Look with a file, approving more from there, and an edit that nobody else reads."""
    server = team.server
    long = SECRET * 500
    endpoint.script = [
        *(calls(("tell", {"secret": long})), says("One.")),
        *(calls(("tell", {"secret": SECRET})), says("Two.")),
    ]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "tell it")
        card = await team.card("Look")
        looked = await server.press(team.admin, card, "Look").said()
        menu = await server.press(team.admin, looked, "Always…").said()
        option = menu.menus[0]["options"][-1]["value"]
        chosen = await told(team, server.choose(team.admin, menu, "Approve for…", [option]))
        await team.answer("One.")
        ask(team, "tell it")
        second = await team.card("Look")
        again = await server.press(team.anna, second, "Look").said()
        opened = server.press(team.anna, again, "Edit")
        await opened.answered()
        edited = await told(team, server.submit(team.anna, opened, {"arguments": '{"secret": "else-9921"}'}))
        await team.answer("Two.")
        await decided(team, second)
        await nod.idle()

    assert [one.filename for one in looked.attachments] == ["arguments.json"]
    assert json.loads(looked.attachments[0].content) == {"secret": long}
    assert looked.attachments[0].is_ephemeral
    assert chosen == "Approved."
    assert edited == "Edited and approved."
    held = [everything(one) for one in team.said()]
    assert [one for one in held if SECRET in one or "else-9921" in one] == []
    assert ledger() == [long, "else-9921"]


async def test_several_private_calls_are_not_shown_by_the_card_that_decides_them_all(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """A private and an open call of one reply: the last card's Approve all does not open the private one."""
    add_tool(settings, "hush", "requester", marks=("private",))
    endpoint.script = [calls(("hush", {"text": SECRET}), ("deploy", {"version": "1"})), says("Both.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        last = await team.card("Approve all 2")
        answer = await told(team, team.server.press(team.anna, last, "Approve all 2"))
        await team.answer("Both.")
        await nod.idle()

    assert answer == "2 calls: Approved."
    assert [one.text for one in team.said() if SECRET in everything(one)] == []
    assert ledger() == [SECRET, "1"]


async def test_no_sentence_about_a_private_call_says_its_arguments(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """The question is not left to the model, and the report on an unknown outcome says where to look instead."""
    stuck = Path(settings.tools_dir) / "stuck.py"
    stuck.write_text(_STUCK)
    by_model = settings.model_copy(update={"confirm_text": "model"})
    endpoint.script = [calls(("stuck", {"secret": SECRET})), says("Nobody knows.")]
    async with running_nod(team, by_model, endpoint) as nod:
        ask(team, "do it")
        card = await team.card("Look")
        looked = await team.server.press(team.anna, card, "Look").said()
        team.server.press(team.anna, looked, "Approve")
        await team.answer("Nobody knows.")
        await nod.idle()

    reports = [one for one in team.texts() if "it is not known whether stuck took effect" in one]
    assert len(reports) == 1
    assert "Its arguments are private" in reports[0]
    assert len(endpoint.requests) == 2
    assert [one.text for one in team.said() if SECRET in everything(one)] == []


_STUCK = """
import asyncio
import bot

@bot.tool(confirm=True, effect="once", marks=("private",), timeout_s=0.2)
async def stuck(secret: str) -> str:
    '''Never end.'''
    await asyncio.sleep(60)
"""
