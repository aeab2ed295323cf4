"""The stand-in itself, with a plain discord.py client on it."""

from __future__ import annotations

from typing import Any

import discord

from tests.adapters.discord.wire.client import Listener, logged_in
from tests.adapters.discord.wire.conftest import Team


async def test_client_logs_in_and_hears_a_mention(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        team.server.say(team.anna, team.room, f"{team.server.bot.mention} hello")
        await team.server.until(lambda: client.heard)

    heard = client.heard[0]
    assert heard.content == f"{team.server.bot.mention} hello"
    assert heard.author.name == "anna"
    assert client.user in heard.mentions
    assert heard.guild is not None
    assert heard.guild.name == "team"
    assert team.server.errors == []


async def test_what_the_bot_sends_edits_and_deletes_is_there(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        channel = client.get_channel(team.room.id)
        assert isinstance(channel, discord.TextChannel)
        sent = await channel.send("one")
        kept = team.room.messages[sent.id]
        await sent.edit(content="two")
        was = kept.text
        await sent.delete()

    assert was == "two"
    assert [content for content, _ in kept.versions] == ["one"]
    assert kept.is_deleted
    assert team.room.history == []
    assert team.server.errors == []


class Yes(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"yes:(?P<id>[0-9]+)"):
    def __init__(self, key: str) -> None:
        super().__init__(discord.ui.Button(label="Yes", custom_id=f"yes:{key}"))
        self.key = key

    @classmethod
    async def from_custom_id(cls, interaction: Any, item: Any, match: Any) -> Yes:
        return cls(match["id"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.edit_message(content=f"pressed {self.key}", view=None)


async def test_button_of_an_earlier_client_is_answered_by_the_next(team: Team) -> None:
    view = discord.ui.View(timeout=None)
    view.add_item(Yes("7"))
    first, second = Listener(), Listener()
    second.add_dynamic_items(Yes)
    async with logged_in(first, team.server):
        channel = first.get_channel(team.room.id)
        assert isinstance(channel, discord.TextChannel)
        sent = await channel.send("sure?", view=view)
    card = team.room.messages[sent.id]

    async with logged_in(second, team.server):
        answer = await team.server.press(team.anna, card, "Yes").answered()

    assert answer.kind == 7
    assert answer.after_s < 3
    assert card.text == "pressed 7"
    assert card.buttons == []
    assert team.server.errors == []
