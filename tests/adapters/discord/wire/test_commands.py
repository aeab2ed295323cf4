"""Commands on the stand-in: synced, seen, used, completed."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from discord import app_commands

from tests.adapters.discord.wire import Upload
from tests.adapters.discord.wire.client import Listener, logged_in
from tests.adapters.discord.wire.conftest import Team

Click = discord.Interaction[Any]


class Commanded(Listener):
    """Has commands: `/ask question` and `/admin allow who tool`."""

    def __init__(self) -> None:
        super().__init__()
        admin = app_commands.Group(
            name="admin",
            description="For admins",
            default_permissions=discord.Permissions(manage_guild=True),
            guild_only=True,
        )
        admin.command(name="allow", description="Let somebody use a tool")(_allow)
        admin.get_command("allow").autocomplete("tool")(_tools)  # type: ignore[union-attr]
        self.tree.add_command(admin)
        self.tree.command(name="ask", description="Ask something")(_ask)


async def _ask(interaction: Click, question: str, paper: discord.Attachment | None = None) -> None:
    await interaction.response.defer(thinking=True)
    read = await paper.read() if paper else b""
    await interaction.followup.send(f"answer to {question}{read.decode()}")
    await interaction.followup.send("and more")


async def _allow(
    interaction: Click, who: discord.Member | discord.Role, tool: str, days: app_commands.Range[int, 1, 30] = 1
) -> None:
    kind = type(who).__name__
    await interaction.response.send_message(f"{kind} {who.name} {tool} {days}", ephemeral=True)


async def _tools(interaction: Click, typed: str) -> list[app_commands.Choice[str]]:
    who = interaction.namespace["who"]
    return [app_commands.Choice(name=f"{typed}_{len(str(who)) > 0}", value=typed)]


async def test_command_is_synced_once_and_takes_options(team: Team) -> None:
    client = Commanded()
    role = team.server.create_role(team.guild, "ops", may=["manage_guild"])
    team.server.give_role(team.anna, role)

    async with logged_in(client, team.server):
        await client.tree.sync()
        person = await team.server.slash(team.anna, team.room, "admin allow", {"who": team.ben, "tool": "x"}).said()
        group = await team.server.slash(
            team.anna, team.room, "/admin allow", {"who": role, "tool": "y", "days": 30}
        ).said()

    assert (person.text, group.text) == ("Member ben x 1", "Role ops y 30")
    assert [(one["method"], one["names"]) for one in team.server.world.command_writes] == [("PUT", ["admin", "ask"])]


async def test_person_uses_only_commands_they_see_with_values_that_fit(team: Team) -> None:
    client = Commanded()
    wrong: dict[str, Any] = {"who": team.ben, "tool": "x", "days": 31}

    async with logged_in(client, team.server):
        await client.tree.sync()
        with pytest.raises(LookupError):
            team.server.slash(team.ben, team.room, "admin allow", {"who": team.ben, "tool": "x"})
        team.server.give_role(team.ben, team.server.create_role(team.guild, "ops", may=["manage_guild"]))
        with pytest.raises(LookupError):
            team.server.slash(team.ben, team.server.dm(team.ben), "admin allow", {"who": team.ben, "tool": "x"})
        with pytest.raises(ValueError):
            team.server.slash(team.ben, team.room, "admin allow", wrong)
        with pytest.raises(ValueError):
            team.server.slash(team.ben, team.room, "admin allow", {"who": team.ben})

    assert client.clicks == []


async def test_command_in_a_direct_talk_is_answered_there(team: Team) -> None:
    client = Commanded()
    paper = Upload("a.txt", b", read")

    async with logged_in(client, team.server):
        await client.tree.sync()
        made = team.server.slash(team.anna, team.server.dm(team.anna), "ask", {"question": "why", "paper": paper})
        said = await made.said()
        more = await made.followed_up()

    assert isinstance(client.clicks[0].user, discord.User)
    assert client.clicks[0].context.dm_channel
    assert (said.text, more.text) == ("answer to why, read", "and more")
    assert made.followups == [more]


async def test_option_is_completed_while_it_is_typed(team: Team) -> None:
    client = Commanded()
    team.server.give_role(team.anna, team.server.create_role(team.guild, "ops", may=["manage_guild"]))

    async with logged_in(client, team.server):
        await client.tree.sync()
        made = team.server.complete(team.anna, team.room, "admin allow", "tool", "del", who=team.ben)
        answer = await made.answered()

    assert answer.kind == 8
    assert answer.choices == [{"name": "del_True", "value": "del"}]
