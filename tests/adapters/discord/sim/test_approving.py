"""Approving on simcord's Discord: cards, their buttons, menus and modals, and the Stop button."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from simcord import SetupError

from bot.config.settings import Settings
from tests.adapters.discord.sim.kit import World, running_nod, settings_of, told
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]
DEPLOY = ("deploy", {"version": "7"})


async def test_a_card_shows_the_call_and_approve_runs_it_once(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(DEPLOY), says("It is out.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "deploy 7")
        card = world.card(thread)
        assert world.labels(card) == ["Approve", "Deny", "Deny with reason", "Edit", "Always…"]
        assert '"version": "7"' in world.written(card)
        assert world.pings(card) == [world.anna.id]
        assert ledger() == []
        click = await world.anna.click(card, label="Approve")

    assert click.acknowledged
    assert ledger() == ["7"]
    assert world.labels(card) == []
    assert "**Approved** by **anna**" in world.written(card)
    assert world.texts(thread)[-1] == "It is out."
    assert [text.partition(" · ")[0] for text in world.texts(thread) if "`deploy`" in text] == ["✅ `deploy` done"]


async def test_deny_runs_nothing(world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger) -> None:
    endpoint.script = [calls(DEPLOY), says("Then not.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "deploy 7")
        card = world.card(thread)
        await world.anna.click(card, label="Deny")

    assert ledger() == []
    assert "**Denied** by **anna**" in world.written(card)
    assert world.texts(thread)[-1] == "Then not."


async def test_deny_with_a_reason_asks_for_it_and_the_model_is_told(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(DEPLOY), says("Then not.")]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "deploy 7"))
        form = await world.anna.click(card, label="Deny with reason")
        assert form.modal is not None
        assert form.modal["title"] == "Deny with a reason"
        await world.anna.submit_modal(form, {"reason": "it is Friday"})

    assert ledger() == []
    assert "“it is Friday”" in world.written(card)
    assert "it is Friday" in str(endpoint.requests[1].body["messages"][-1])


async def test_edit_offers_the_arguments_and_runs_what_was_sent(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(DEPLOY), says("It is out.")]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "deploy 7"))
        form = await world.anna.click(card, label="Edit")
        assert '"version": "7"' in str(form.modal)
        sent = await world.anna.submit_modal(form, {"arguments": '{"version": "8"}'})

    assert told(sent) == "Edited and approved."
    assert ledger() == ["8"]
    assert '"version": "8"' in world.written(card)
    assert "edited by **anna**" in world.written(card)


async def test_an_edit_that_is_no_call_of_the_tool_is_refused_privately(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(DEPLOY)]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "deploy 7"))
        form = await world.anna.click(card, label="Edit")
        sent = await world.anna.submit_modal(form, {"arguments": '{"colour": "red"}'})

    assert '"version" is required' in told(sent)
    assert ledger() == []
    assert "Approve" in world.labels(card)


async def test_always_offers_grants_and_the_next_call_runs_without_asking(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(DEPLOY), says("It is out."), calls(DEPLOY), says("Out again.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "deploy 7")
        offered = await world.anna.click(world.card(thread), label="Always…")
        assert offered.ephemeral
        assert offered.response is not None
        menu = offered.response
        (options,) = [one["options"] for one in world.parts(menu) if "options" in one]
        chosen = next(one["value"] for one in options if "always" in one["label"])
        await world.anna.select(menu, [chosen])
        await world.anna.send(thread, "again")

    assert ledger() == ["7", "7"]
    assert world.texts(thread)[-1] == "Out again."


async def test_approve_all_runs_every_call_of_the_reply(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(DEPLOY, ("deploy", {"version": "8"})), says("Both are out.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "deploy 7 and 8")
        await world.anna.click(world.card(thread), label="Approve all 2")

    assert ledger() == ["7", "8"]
    assert [world.labels(one) for one in world.said(thread) if one.flags.components_v2] == [[], []]


async def test_a_card_can_be_decided_after_a_restart(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(DEPLOY), says("It is out.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "deploy 7")
        card = world.card(thread)
    async with running_nod(world, settings, endpoint):
        await world.anna.click(card, label="Approve")

    assert ledger() == ["7"]
    assert world.texts(thread)[-1] == "It is out."
    assert world.labels(card) == []


async def test_a_form_that_was_open_over_a_restart_is_taken(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(DEPLOY), says("Then not.")]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "deploy 7"))
        form = await world.anna.click(card, label="Deny with reason")
    async with running_nod(world, settings, endpoint):
        await world.anna.submit_modal(form, {"reason": "not today"})

    assert "“not today”" in world.written(card)
    assert ledger() == []


async def test_somebody_who_may_not_decide_is_told_so_privately(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("pay", {"amount": 5})), says("Paid.")]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "pay 5"))
        refused = await world.anna.click(card, label="Approve")
        assert ledger() == []
        assert "Approve" in world.labels(card)
        await world.ben.click(card, label="Approve")

    assert told(refused) == "Somebody else than the person who asked for this has to decide it."
    assert ledger() == ["5"]
    assert "**Approved** by **ben**" in world.written(card)


async def test_a_decided_card_has_nothing_left_to_press(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(DEPLOY), says("Then not.")]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "deploy 7"))
        await world.anna.click(card, label="Deny")
        with pytest.raises(SetupError, match="No matching component"):
            await world.anna.click(card, label="Approve")


async def test_a_private_call_is_looked_at_by_those_who_may_decide(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("tell", {"secret": "swordfish"})), says("Told.")]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "tell it"))
        assert world.labels(card) == ["Look"]
        assert "swordfish" not in world.written(card)
        refused = await world.ben.click(card, label="Look")
        seen = await world.anna.click(card, label="Look")
        assert seen.response is not None
        assert seen.ephemeral
        assert "swordfish" in world.written(seen.response)
        await world.anna.click(seen.response, label="Approve")

    assert told(refused) == "Only anna or an admin can decide this."
    assert ledger() == ["swordfish"]
    assert world.labels(card) == []


async def test_long_arguments_are_a_file_of_the_card(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    endpoint.script = [calls(("deploy", {"version": "x" * 9_000})), says("It is out.")]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "deploy"))
        (file,) = card.attachments
        assert "x" * 9_000 in world.file(file)
        await world.anna.click(card, label="Approve")

    assert ledger() == ["x" * 9_000]


async def test_a_copy_in_the_approvals_channel_decides_and_follows(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    desk = world.guild.create_text_channel("approvals")
    settings = settings_of(world, settings, approvals_channels=(f"discord:{world.guild.id}/{desk.id}",))
    endpoint.script = [calls(("pay", {"amount": 5})), says("Paid.")]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "pay 5"))
        copy = world.card(desk)
        assert world.labels(copy)[-1] == "Go to where it was asked"
        await world.ben.click(copy, label="Approve")

    assert ledger() == ["5"]
    assert world.labels(copy) == ["Go to where it was asked"]
    assert world.labels(card) == []


async def test_an_admin_is_sent_what_admins_decide_and_decides_it_there(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    settings = settings_of(world, settings, approvals_dm=True)
    endpoint.script = [calls(("wipe", {})), says("Wiped.")]
    async with running_nod(world, settings, endpoint):
        card = world.card(await world.ask(world.anna, "wipe it"))
        copy = world.card(world.root.user.dm_channel)
        await world.root.user.click(copy, label="Approve")

    assert ledger() == ["wiped"]
    assert "**Approved** by **root**" in world.written(card)


async def test_where_the_thread_is_gone_the_answer_comes_directly(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    desk = world.guild.create_text_channel("approvals")
    settings = settings_of(world, settings, approvals_channels=(f"discord:{world.guild.id}/{desk.id}",))
    endpoint.script = [calls(("pay", {"amount": 5})), says("Paid.")]
    async with running_nod(world, settings, endpoint):
        await world.delete_channel(await world.ask(world.anna, "pay 5"))
        await world.ben.click(world.card(desk), label="Approve")

    assert ledger() == ["5"]
    assert world.texts(world.anna.user.dm_channel)[-1].endswith("so I say it here.\n\nPaid.")


async def test_the_stop_button_ends_a_run(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("slow", {}))]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "take long")
        (draft,) = world.said(thread)
        assert world.labels(draft) == ["Stop"]
        assert "⏳ `slow`" in draft.content
        stopped = await world.anna.click(draft, label="Stop")

    assert told(stopped) == "Stopped."
    assert "Stop" not in [label for one in world.said(thread) for label in world.labels(one)]


async def test_somebody_elses_run_is_not_stopped(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("slow", {}))]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "take long")
        (draft,) = world.said(thread)
        refused = await world.ben.click(draft, label="Stop")
        assert world.labels(world.said(thread)[0]) == ["Stop"]
        stopped = await world.anna.slash(thread, "nod stop")

    assert told(refused) == "Only who asked for this, or an admin, can stop it."
    assert told(stopped) == "Stopped."


async def test_a_message_that_comes_meanwhile_is_queued_and_answered_afterwards(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("slow", {})), says("Now this.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "take long")
        await world.anna.send(thread, "and this")
        assert any("Queued: earlier messages come first." in text for text in world.texts(thread))
        assert len(endpoint.requests) == 1
        await world.anna.click(world.said(thread)[0], label="Stop")

    assert world.texts(thread)[-1] == "Now this."
