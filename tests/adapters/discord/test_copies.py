"""Copies of a card: in a channel of approvals, in direct messages; each follows, each can be decided from."""

from __future__ import annotations

from collections.abc import Callable

from bot.config.settings import Settings
from tests.adapters.discord.approving import ELSEWHERE, add_tool, ask, cards, decided, pinged, refusals, told
from tests.adapters.discord.kit import Team, running_nod, settings_of
from tests.adapters.discord.wire import Message
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]


def links(message: Message) -> list[str]:
    return [str(one["url"]) for one in message.buttons if "url" in one]


async def at(team: Team, channel_id: int, label: str = "Approve", timeout_s: float = 10.0) -> Message:
    """The newest card in a place."""
    await team.server.until(lambda: any(label in one.labels for one in team.said(channel_id)), timeout_s)
    return [one for one in team.said(channel_id) if label in one.labels][-1]


async def test_every_copy_follows_and_can_be_decided_from(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """The channel of approvals and the approvers' direct messages: votes and decisions are seen on all of them."""
    server = team.server
    desk = server.create_channel(team.guild, "approvals")
    people = f"{team.scope}/{team.ben.id},{team.scope}/{team.admin.id}"
    add_tool(settings, "ship", f"2 of {people}")
    both = settings_of(team, settings, approvals_channels=(f"{team.scope}/{desk.id}",), approvals_dm=True)
    endpoint.script = [calls(("ship", {"text": "1"})), says("Out."), calls(("wipe", {})), says("No.")]
    async with running_nod(team, both, endpoint) as nod:
        question = ask(team)
        all_four = await cards(team, 4)
        origin, channel = await at(team, question.id), await at(team, desk.id)
        to_ben, to_admin = await at(team, server.dm(team.ben).id), await at(team, server.dm(team.admin).id)
        await nod.idle()
        pings = [pinged(team, one) for one in (origin, channel, to_ben, to_admin)]
        voted = await told(team, server.press(team.ben, to_ben, "Approve"))
        await server.until(lambda: all("**Approved so far:** ben" in one.text for one in all_four))
        stranger = await told(team, server.press(team.anna, channel, "Approve"))
        server.press(team.admin, channel, "Approve")
        await team.answer("Out.")
        texts = [await decided(team, one) for one in all_four if one.labels != ["Go to where it was asked"]]
        await nod.idle()

        ask(team)
        await cards(team, 3)
        wiping = await at(team, server.dm(team.admin).id)
        opened = server.press(team.admin, wiping, "Deny with reason")
        await opened.answered()
        server.submit(team.admin, opened, {"Reason": "not today"})
        await team.answer("No.")
        await nod.idle()
        refused = await refusals(nod)

    home = f"https://discord.com/channels/{team.guild.id}/{question.id}"
    assert [links(one) for one in (origin, channel, to_ben, to_admin)] == [[], [home], [home], [home]]
    named = sorted([team.ben.id, team.admin.id])
    assert pings == [named, named, named, named]
    assert voted.startswith("You approved this; still needed: 1 more")
    assert "can decide this." in stranger
    assert len(refused) == 1
    assert [one.labels for one in all_four] == [[], *[["Go to where it was asked"]] * 3]
    assert all("**Approved** by **ben, root**" in one.text for one in all_four)
    assert len(texts) == 1
    last = [one for one in team.said() if "not today" in one.text and one.text.startswith("### Denied")]
    assert len(last) == 3
    assert ledger() == ["1"]


async def test_an_approver_who_takes_no_messages_holds_up_nobody(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Row 48: blocked direct messages, a channel of approvals the bot may not write in."""
    server = team.server
    shut = server.create_channel(team.guild, "shut")
    server.set_permissions(shut, server.bot, deny=["send_messages", "view_channel"])
    team.admin.accepts_dms = False
    both = settings_of(team, settings, approvals_channels=(f"{team.scope}/{shut.id}",), approvals_dm=True)
    endpoint.script = [calls(("wipe", {})), says("Wiped."), says("Talk.")]
    async with running_nod(team, both, endpoint) as nod:
        question = ask(team)
        card = await at(team, question.id)
        server.press(team.admin, card, "Approve")
        await team.answer("Wiped.")
        ask(team, "talk")
        await team.answer("Talk.")
        await nod.idle()
        parked = await nod.app.outbox.parked()

    assert ledger() == ["wiped"]
    assert parked == 2


async def test_a_direct_message_is_decided_with_the_rights_of_the_server_it_is_for(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """P7: somebody of two servers; an admin of one is nobody in the other, and who has left decides nothing."""
    server = team.server
    younger = server.create_guild("younger", members=[team.anna, team.ben, team.admin])
    room = server.create_channel(younger, "general")
    add_tool(settings, "ship", f"discord:{younger.id}/{team.ben.id}")
    two = settings_of(team, settings, approvals_dm=True)
    endpoint.script = [calls(("ship", {"text": "1"})), says("Out."), calls(("ship", {"text": "2"}))]
    async with running_nod(team, two, endpoint) as nod:
        ask(team, at=room)
        card = await at(team, server.dm(team.ben).id)
        not_theirs = await told(
            team, server.press(team.admin, card, "Approve", channel=server.dm(team.admin), forged=True)
        )
        server.press(team.ben, card, "Approve")
        await team.answer("Out.")

        ask(team, at=room)
        card = await at(team, server.dm(team.ben).id)
        server.leave_guild(younger, team.ben)
        left = await told(team, server.press(team.ben, card, "Approve"))
        await nod.idle()

    assert not_theirs == ELSEWHERE
    assert left == "We share no server, so I do not know what you may do. Join one that I am in, then write again."
    assert ledger() == ["1"]


async def test_a_deleted_card_is_posted_anew_while_it_waits(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F28: a moderator deletes a card; what is decided is left alone."""
    server = team.server
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint) as nod:
        question = ask(team)
        old = await at(team, question.id)
        await nod.idle()
        server.delete(old)
        new = await at(team, question.id)
        await nod.idle()
        server.press(team.anna, new, "Approve")
        await team.answer("Out.")
        await decided(team, new)
        await nod.idle()
        server.delete(new)
        await nod.app.service.sweep()
        await nod.idle()

    assert new.id != old.id
    assert [one.text for one in team.said(question.id) if one.text.startswith("###")] == []
    assert ledger() == ["1"]


async def test_a_thread_can_be_the_place_of_all_cards(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """A thread has an id like a channel: cards put there can be decided there."""
    server = team.server
    desk = server.create_thread(team.admin, team.room, "approvals")
    with_desk = settings_of(team, settings, approvals_channels=(f"{team.scope}/{desk.id}",))
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with running_nod(team, with_desk, endpoint):
        ask(team)
        copy = await at(team, desk.id)
        server.press(team.anna, copy, "Approve")
        await team.answer("Out.")

    assert ledger() == ["1"]


async def test_where_the_channel_is_gone_a_copy_still_decides(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F28, row 48: the place of the question is deleted while it waits; who asked reads the end directly."""
    server = team.server
    with_direct = settings_of(team, settings, approvals_dm=True)
    endpoint.script = [calls(("wipe", {})), says("Wiped.")]
    async with running_nod(team, with_direct, endpoint) as nod:
        question = ask(team)
        copy = await at(team, server.dm(team.admin).id)
        await at(team, question.id)
        await nod.idle()
        server.delete_channel(team.room)
        server.press(team.admin, copy, "Approve")
        direct = server.dm(team.anna).id
        await server.until(lambda: any("Wiped." in one.text for one in team.said(direct)))
        text = await server.until(lambda: copy.text if "**Approved**" in copy.text else "")

    assert "**Approved** by **root**" in text
    assert ledger() == ["wiped"]


async def test_private_arguments_are_not_for_everybody_in_the_channel_of_approvals(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """A private call's copy: hidden in a channel, open in the direct message of who may decide it."""
    server = team.server
    desk = server.create_channel(team.guild, "approvals")
    add_tool(settings, "hush", f"{team.scope}/{team.ben.id}", marks=("private",))
    both = settings_of(team, settings, approvals_channels=(f"{team.scope}/{desk.id}",), approvals_dm=True)
    endpoint.script = [calls(("hush", {"text": "7731"})), says("Out.")]
    async with running_nod(team, both, endpoint) as nod:
        server.say(team.anna, server.dm(team.anna), "hush")
        direct = await at(team, server.dm(team.ben).id)
        channel = await at(team, desk.id, "Look")
        home = await at(team, server.dm(team.anna).id, "Look")
        looked = await server.press(team.ben, channel, "Look").said()
        server.press(team.ben, looked, "Approve")
        await team.answer("Out.")
        await nod.idle()

    assert "7731" in direct.text
    assert "7731" not in str(channel.versions) + channel.text
    assert "7731" not in str(home.versions) + home.text
    assert "7731" in looked.text
    assert ledger() == ["7731"]
