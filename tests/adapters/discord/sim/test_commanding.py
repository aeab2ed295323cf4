"""The commands on simcord's Discord: `/nod` for everybody, `/nod-admin` for admins, what is offered and to whom."""

from __future__ import annotations

import pytest
from simcord import SetupError

from bot.config.settings import Settings
from tests.adapters.discord.sim.kit import World, running_nod, told
from tests.models.endpoint import ScriptedEndpoint, calls, says


async def test_nod_help_show_and_approvals_are_answered_privately(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"}))]
    async with running_nod(world, settings, endpoint):
        await world.ask(world.anna, "deploy 7")
        helped = told(await world.anna.slash(world.room, "nod help"))
        shown = told(await world.anna.slash(world.room, "nod show"))
        waiting = told(await world.anna.slash(world.room, "nod approvals"))
        nothing = told(await world.ben.slash(world.room, "nod approvals"))

    assert "`/nod approvals`" in helped
    assert "deploy" in shown
    assert "**deploy**" in waiting
    assert nothing == "Nothing waits for you."


async def test_commands_work_in_direct_messages(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with running_nod(world, settings, endpoint):
        used = await world.anna.user.slash("nod approvals")
        offered = world.anna.user.available_commands()

    assert told(used) == "Nothing waits for you."
    assert "ask" in offered
    assert not [one for one in offered if one.startswith("nod-admin")]


async def test_nod_admin_is_seen_by_those_who_manage_the_server(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with running_nod(world, settings, endpoint):
        seen_by_anna = world.anna.available_commands(world.room)
        seen_by_root = world.root.available_commands(world.room)
        with pytest.raises(SetupError, match="not visible to this user"):
            await world.anna.slash(world.room, "nod-admin help")

    assert "nod show" in seen_by_anna
    assert not [one for one in seen_by_anna if one.startswith("nod-admin")]
    assert {"nod-admin deny", "nod-admin policy export", "nod-admin data erase"} <= {*seen_by_root}


async def test_who_sees_nod_admin_and_is_no_admin_of_the_bot_is_refused(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    boss = world.guild.roles["boss"]
    carol = world.guild.add_member(world.env.create_user("carol"), roles=[boss])
    async with running_nod(world, settings, endpoint):
        refused = told(await carol.slash(world.room, "nod-admin deny", tool="deploy", who=world.ben))
        shown = told(await world.root.slash(world.room, "nod-admin show", who=world.ben))

    assert refused == "Only admins can do this."
    assert "deploy" in shown
    assert "deny deploy" not in shown


@pytest.mark.parametrize("whom", ["a person", "a role", "a channel"])
async def test_a_deny_of_a_person_a_role_or_a_channel_holds(
    world: World, settings: Settings, endpoint: ScriptedEndpoint, whom: str
) -> None:
    staff = world.guild.create_role("staff")
    carol = world.guild.add_member(world.env.create_user("carol"), roles=[staff])
    given = {"a person": {"who": carol}, "a role": {"who": staff}, "a channel": {"channel": world.room}}[whom]
    endpoint.script = [calls(("deploy", {"version": "7"})), says("I may not.")]
    async with running_nod(world, settings, endpoint):
        changed = told(await world.root.slash(world.room, "nod-admin deny", tool="deploy", **given))
        thread = await world.ask(carol, "deploy 7")

    assert changed.endswith(" cannot run deploy.")
    assert world.texts(thread)[-1] == "I may not."
    assert [one for one in world.said(thread) if one.flags.components_v2] == []


async def test_tools_are_offered_while_they_are_typed(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with running_nod(world, settings, endpoint):
        explained = await world.anna.autocomplete(world.room, "nod explain", "tool", "dep")
        denied = await world.root.autocomplete(world.room, "nod-admin deny", "tool", "wi")
        lasting = await world.root.autocomplete(world.room, "nod-admin deny", "for", "7")
        models = await world.anna.autocomplete(world.room, "nod model", "label", "")

    assert [one["value"] for one in explained] == ["deploy"]
    assert [one["value"] for one in denied] == ["wipe"]
    assert [one["value"] for one in lasting] == ["7d"]
    assert "m" in [one["value"] for one in models]


async def test_the_ids_of_what_waits_are_offered_and_approve_by_command(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"})), says("It is out.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "deploy 7")
        (offered,) = await world.anna.autocomplete(world.room, "nod approve", "id", "")
        await world.anna.slash(world.room, "nod approve", id=offered["value"])

    assert world.texts(thread)[-1] == "It is out."
    assert world.labels(world.card(thread)) == []


async def test_the_policy_goes_out_and_in_as_a_file(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with running_nod(world, settings, endpoint):
        await world.root.slash(world.room, "nod-admin deny", tool="deploy", who=world.ben)
        exported = await world.root.slash(world.room, "nod-admin policy export")
        assert exported.response is not None
        (file,) = exported.response.attachments
        changed = world.file(file).replace('tool = "deploy"', 'tool = "pay"').encode()
        given = ("policy.toml", changed)
        compared = told(await world.root.slash(world.room, "nod-admin policy diff", file=given))
        await world.root.slash(world.room, "nod-admin policy import", file=given)
        shown = told(await world.root.slash(world.room, "nod-admin show", who=world.ben))

    assert exported.ephemeral
    assert f"- deny discord:{world.guild.id}/{world.ben.id} deploy\n" in compared
    assert f"+ deny discord:{world.guild.id}/{world.ben.id} pay\n" in compared
    assert "not at all: pay" in shown


async def test_the_audit_trail_is_a_file_for_admins(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"}))]
    async with running_nod(world, settings, endpoint):
        await world.ask(world.anna, "deploy 7")
        exported = await world.root.slash(world.room, "nod-admin audit", tool="deploy", export=True)
        assert exported.response is not None
        (file,) = exported.response.attachments

    assert exported.ephemeral
    head, row = world.file(file).splitlines()
    assert "requester" in head
    assert "call.waiting" in row
    assert f"discord:{world.guild.id}/{world.anna.id}" in row


async def test_commands_are_told_to_discord_once(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with running_nod(world, settings, endpoint):
        pass
    async with running_nod(world, settings, endpoint):
        told_of = world.anna.available_commands(world.room)

    assert world.count("PUT", "/applications/*/commands") == 1
    assert "nod help" in told_of


async def test_a_new_server_is_greeted_once(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with running_nod(world, settings, endpoint):
        pass
    async with running_nod(world, settings, endpoint):
        pass

    (greeting,) = world.texts(world.room)
    assert greeting.startswith("Hello, I am Nod.")
