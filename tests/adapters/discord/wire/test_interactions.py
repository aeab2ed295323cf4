"""Interactions on the stand-in: buttons, menus, modals, answers of every kind, tokens that end."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import discord
import pytest

from tests.adapters.discord.wire import Message, Upload
from tests.adapters.discord.wire.client import Listener, logged_in
from tests.adapters.discord.wire.conftest import Team
from tests.adapters.discord.wire.faults import EDIT_ANSWER
from tests.adapters.discord.wire.test_server import text_channel

Click = discord.Interaction[Any]


class Yes(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"yes:(?P<id>[0-9]+)"):
    """A button known by its custom_id alone."""

    def __init__(self, key: str) -> None:
        super().__init__(discord.ui.Button(label="Yes", custom_id=f"yes:{key}"))
        self.key = key

    @classmethod
    async def from_custom_id(cls, interaction: Click, item: Any, match: Any) -> Yes:
        return cls(match["id"])

    async def callback(self, interaction: Click) -> None:
        await interaction.response.edit_message(content=f"pressed {self.key}", view=None)


class Card(discord.ui.LayoutView):
    """A V2 card: words, a file, a button and a menu."""

    def __init__(self, words: str, *, file: bool = True, button: bool = True) -> None:
        super().__init__(timeout=None)
        parts: list[Any] = [discord.ui.TextDisplay(words)]
        if file:
            parts.append(discord.ui.File("attachment://arguments.json"))
        if button:
            parts.append(discord.ui.ActionRow(discord.ui.Button(label="Approve", custom_id="yes:1")))
        self.add_item(discord.ui.Container(*parts, accent_colour=0x00AA00))


class Reason(discord.ui.Modal, title="Why not?"):
    reason: Any = discord.ui.Label(
        text="Reason", component=discord.ui.TextInput(style=discord.TextStyle.paragraph, max_length=200)
    )
    how: Any = discord.ui.Label(
        text="How",
        component=discord.ui.Select(options=[discord.SelectOption(label="Soft"), discord.SelectOption(label="Hard")]),
    )
    proof: Any = discord.ui.Label(text="Proof", component=discord.ui.FileUpload(required=False))

    async def on_submit(self, interaction: Click) -> None:
        proof = [await one.read() for one in self.proof.component.values]
        words = f"{self.reason.component.value} {self.how.component.values} {proof}"
        await interaction.response.send_message(words, ephemeral=True)


async def posted(team: Team, client: Listener, view: Any) -> Message:
    sent = await text_channel(client, team.room).send("sure?", view=view)
    return team.room.messages[sent.id]


def buttons() -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Plain", custom_id="plain"))
    view.add_item(discord.ui.Button(label="Grey", custom_id="grey", disabled=True))
    return view


async def pressed(team: Team, client: Listener) -> tuple[Any, Click]:
    """A click as both sides have it."""
    card = await posted(team, client, buttons())
    made = team.server.press(team.anna, card, "Plain")
    await team.server.until(lambda: client.clicks)
    return made, client.clicks[-1]


async def test_button_of_an_earlier_client_is_answered_by_the_next(team: Team) -> None:
    view = discord.ui.View(timeout=None)
    view.add_item(Yes("7"))
    first, second = Listener(), Listener()
    second.add_dynamic_items(Yes)
    async with logged_in(first, team.server):
        card = await posted(team, first, view)

    async with logged_in(second, team.server):
        answer = await team.server.press(team.anna, card, "Yes").answered()

    assert answer.kind == 7
    assert answer.after_s < 3
    assert card.text == "pressed 7"
    assert card.buttons == []
    assert team.server.errors == []


async def test_click_says_who_where_and_what_they_may(team: Team) -> None:
    client = Listener()
    team.server.give_role(team.anna, team.server.create_role(team.guild, "ops", may=["manage_guild"]))

    async with logged_in(client, team.server):
        _, click = await pressed(team, client)

    assert isinstance(click.user, discord.Member)
    assert [one.name for one in click.user.roles] == ["@everyone", "ops"]
    assert click.permissions.manage_guild
    assert click.app_permissions.send_messages
    assert not click.app_permissions.manage_guild
    assert click.channel_id == team.room.id
    assert click.message is not None


async def test_only_what_is_there_can_be_pressed_unless_forged(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        card = await posted(team, client, buttons())
        with pytest.raises(LookupError):
            team.server.press(team.anna, card, "Grey")
        with pytest.raises(LookupError):
            team.server.press(team.anna, card, "elsewhere")
        other = team.server.create_channel(team.guild, "other")
        team.server.press(team.anna, card, "not:there", channel=other, forged=True)
        await team.server.until(lambda: client.clicks)

    assert client.clicks[0].data is not None
    assert client.clicks[0].data["custom_id"] == "not:there"  # type: ignore[typeddict-item]
    assert client.clicks[0].channel_id == other.id


async def test_deferred_answer_is_followed_by_the_words(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        made, click = await pressed(team, client)
        await click.response.defer(thinking=True, ephemeral=True)
        was_loading = made.original.is_loading
        await click.edit_original_response(content="done")
        extra = await click.followup.send("more", ephemeral=True, wait=True)
        await extra.edit(content="more, mended")
        await click.delete_original_response()

    assert was_loading
    assert (made.answer.kind, made.answer.is_ephemeral) == (5, True)
    assert made.original.text == "done"
    assert made.original.is_deleted
    assert [one.text for one in made.followups] == ["more, mended"]
    assert [one.text for one in team.server.said(team.room.id)] == ["sure?"]


async def test_second_answer_is_refused(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        made, click = await pressed(team, client)
        response = await click.response.send_message("first")
        click.response._response_type = None
        with pytest.raises(discord.HTTPException) as second:
            await click.response.send_message("second")

    assert response.message_id == made.original.id
    assert (second.value.status, second.value.code) == (400, 40060)
    assert made.refused == [40060]


async def test_late_first_answer_finds_no_interaction(team: Team) -> None:
    client = Listener()
    team.server.world.rules.answer_within_s = 0.05

    async with logged_in(client, team.server):
        made, click = await pressed(team, client)
        await asyncio.sleep(0.1)
        with pytest.raises(discord.NotFound) as late:
            await click.response.send_message("too late")

    assert late.value.code == 10062
    assert made.answer is None
    assert made.refused == [10062]


@pytest.mark.parametrize(("code", "status"), [(50027, 401), (10015, 404)])
async def test_expired_token_is_worth_nothing(team: Team, code: int, status: int) -> None:
    client = Listener()
    team.server.world.rules.expired_token = code

    async with logged_in(client, team.server):
        made, click = await pressed(team, client)
        await click.response.defer(thinking=True)
        made.expire()
        with pytest.raises(discord.HTTPException) as expired:
            await click.followup.send("hello?")

    assert (expired.value.status, expired.value.code) == (status, code)


async def test_limited_edit_of_an_answer_goes_through_later(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        made, click = await pressed(team, client)
        await click.response.send_message("one")
        team.server.faults.limit(EDIT_ANSWER, retry_after_s=0.05)
        await click.edit_original_response(content="two")

    assert made.original.text == "two"
    assert [one.status for one in team.server.asked(EDIT_ANSWER)] == [429, 200]


async def test_card_with_a_file_is_sent_pressed_and_edited(team: Team) -> None:
    client = Listener()
    client.add_dynamic_items(Yes)

    async with logged_in(client, team.server):
        arguments = discord.File(io.BytesIO(b"{}"), filename="arguments.json")
        sent = await text_channel(client, team.room).send(view=Card("Delete all?"), file=arguments)
        card = team.room.messages[sent.id]
        made = team.server.press(team.anna, card, "Approve")
        await team.server.until(lambda: client.clicks)
        was = (card.text, card.labels)
        await sent.edit(view=Card("Approved by anna", button=False))
        fetched = await text_channel(client, team.room).fetch_message(sent.id)

    file = next(part for part in card.components[0]["components"] if part["type"] == 13)
    assert was == ("Delete all?", ["Approve"])
    assert made.message is card
    assert (card.text, card.labels) == ("Approved by anna", [])
    assert (file["name"], file["size"], file["file"]["url"]) == ("arguments.json", 2, card.attachments[0].url)
    assert fetched.flags.components_v2


async def test_card_breaks_no_rule_of_components_v2(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        channel = text_channel(client, team.room)
        with pytest.raises(discord.HTTPException) as mixed:
            await channel.send("words", view=Card("card", file=False))  # type: ignore[call-overload]  # the point
        with pytest.raises(discord.HTTPException) as long:
            await channel.send(view=Card("x" * 4001, file=False))
        with pytest.raises(discord.HTTPException) as missing:
            await channel.send(view=Card("no such file"))
        twice = discord.ui.View()
        for _ in range(2):
            twice.add_item(discord.ui.Button(label="a", custom_id="same"))
        with pytest.raises(discord.HTTPException) as same:
            await channel.send("x", view=twice)
        wide = discord.ui.View()
        wide.add_item(discord.ui.Button(label="a", custom_id="x" * 101))
        with pytest.raises(discord.HTTPException) as wide_id:
            await channel.send("x", view=wide)

    assert [one.value.code for one in (mixed, long, missing, same, wide_id)] == [50035] * 5
    assert "cannot be used when using MessageFlags.IS_COMPONENTS_V2" in str(mixed.value)
    assert "maximum is 4000" in str(long.value)
    assert "attachment was not found" in str(missing.value)
    assert "cannot be duplicated" in str(same.value)
    assert team.room.history == []


async def test_menu_gives_what_was_chosen(team: Team) -> None:
    client = Listener()
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Select(custom_id="how", options=[discord.SelectOption(label="Once", value="1")]))
    view.add_item(discord.ui.UserSelect(custom_id="who"))

    async with logged_in(client, team.server):
        card = await posted(team, client, view)
        team.server.choose(team.anna, card, "how", ["Once"])
        team.server.choose(team.anna, card, "who", [team.ben])
        await team.server.until(lambda: len(client.clicks) == 2)
        with pytest.raises(LookupError):
            team.server.choose(team.anna, card, "how", ["Never"])

    first, second = (click.data for click in client.clicks)
    assert first["values"] == ["1"]  # type: ignore[index, typeddict-item]
    assert second["resolved"]["users"][str(team.ben.id)]["username"] == "ben"  # type: ignore[index, typeddict-item]


async def test_modal_is_opened_filled_in_and_answered(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        opened, click = await pressed(team, client)
        await click.response.send_modal(Reason())
        with pytest.raises(ValueError):
            team.server.submit(team.anna, opened, {"Reason": "x" * 201, "How": ["Soft"]})
        with pytest.raises(LookupError):
            team.server.submit(team.anna, opened, {"Whatever": "x"})
        values = {"Reason": "too risky", "How": ["Soft"], "Proof": [Upload("a.txt", b"look")]}
        said = await team.server.submit(team.anna, opened, values).said()

    assert opened.answer.kind == 9
    assert said.text == "too risky ['Soft'] [b'look']"
    assert said.is_ephemeral


async def test_private_answer_is_pressed_by_its_reader_only(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        made, click = await pressed(team, client)
        await click.response.send_message("just for you", view=buttons(), ephemeral=True)
        with pytest.raises(LookupError):
            team.server.press(team.ben, made.original, "Plain")
        team.server.press(team.anna, made.original, "Plain")
        await team.server.until(lambda: len(client.clicks) == 2)
        await client.clicks[1].response.edit_message(content="pressed", view=None)
        with pytest.raises(discord.NotFound):
            await text_channel(client, team.room).fetch_message(made.original.id)

    assert client.clicks[1].message is not None
    assert client.clicks[1].message.flags.ephemeral
    assert made.original.text == "pressed"


async def test_unanswered_click_fails(team: Team) -> None:
    client = Listener()

    async with logged_in(client, team.server):
        made, _ = await pressed(team, client)
        with pytest.raises(TimeoutError):
            await made.answered(timeout_s=0.05)
