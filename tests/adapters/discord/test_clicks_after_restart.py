"""What was opened before a restart works after it: buttons, menus, modals, the Stop button."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.config.settings import Settings
from tests.adapters.discord.approving import add_tool, ask, cards, decided, told
from tests.adapters.discord.kit import Team, button_id, running_nod
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]


async def test_everything_that_was_open_before_a_restart_works_after_it(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F5: Approve, a menu, both modals, a private look and what is decided together; then all of it is over."""
    server = team.server
    add_tool(settings, "ship", "2 of requester,admin")
    two = [("deploy", {"version": "5"}), ("deploy", {"version": "6"})]
    endpoint.script = [
        calls(("deploy", {"version": "1"})),
        calls(("deploy", {"version": "2"})),
        calls(("deploy", {"version": "3"})),
        calls(("deploy", {"version": "4"})),
        calls(("tell", {"secret": "7731"})),
        calls(*two),
        calls(("ship", {"text": "8"})),
    ]
    async with running_nod(team, settings, endpoint) as nod:
        shown = []
        for count in range(1, 5):
            ask(team)
            shown.append((await cards(team, count))[-1])
        ask(team)
        private = await team.card("Look")
        ask(team)
        together = await team.card("Approve all 2")
        ask(team)
        voting = (await cards(team, 7))[-1]
        plain, menu_card, denying, editing = shown
        menu = await server.press(team.anna, menu_card, "Always…").said()
        reason = server.press(team.anna, denying, "Deny with reason")
        edit = server.press(team.anna, editing, "Edit")
        looked = await server.press(team.anna, private, "Look").said()
        await reason.answered()
        await edit.answered()
        await told(team, server.press(team.anna, voting, "Approve"))
        await nod.idle()
    approve = button_id(plain, "Approve")

    endpoint.script += [says(f"Done {number}.") for number in range(7)]
    async with running_nod(team, settings, endpoint) as nod:
        option = menu.menus[0]["options"][0]["value"]
        answers = [
            await told(team, server.choose(team.anna, menu, "Approve for…", [option])),
            await told(team, server.submit(team.anna, reason, {"Reason": "no"})),
            await told(team, server.submit(team.anna, edit, {"arguments": '{"version": "44"}'})),
            await told(team, server.press(team.anna, looked, "Approve")),
            await told(team, server.press(team.anna, together, "Approve all 2")),
        ]
        server.press(team.anna, plain, "Approve")
        server.press(team.admin, voting, "Approve")
        for number in range(7):
            await team.answer(f"Done {number}.")
        texts = [await decided(team, one) for one in (*shown, private, voting)]
        await nod.idle()
    async with running_nod(team, settings, endpoint):
        late = await told(team, server.press(team.ben, plain, approve, forged=True))
        late_too = await told(team, server.press(team.anna, plain, approve, forged=True))

    assert answers == ["Approved.", "Denied.", "Edited and approved.", "Approved.", "2 calls: Approved."]
    assert [one.partition(":")[0] for one in texts] == [
        "### Approved",
        "### Approved",
        "### Denied",
        "### Approved",
        "### Approved",
        "### Approved",
    ]
    assert late == "Only anna or an admin can decide this."
    assert late_too == "This was already approved by anna; it has run."
    assert sorted(ledger()) == ["1", "2", "44", "5", "6", "7731", "8"]


async def test_a_click_before_the_bot_is_ready_is_decided(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F5: pressed while nobody is connected it fails visibly; pressed as soon as somebody is, it counts."""
    server = team.server
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint):
        ask(team)
        card = await team.card()
    lost = server.press(team.anna, card, "Approve")

    async def press_early() -> None:
        await server.until(lambda: len(server.gateway.identifies) == 2 and server.gateway.connected)
        server.press(team.anna, card, "Approve")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(press_early())
        async with running_nod(team, settings, endpoint):
            await team.answer("Out.")

    assert lost.answer is None
    assert ledger() == ["1"]
