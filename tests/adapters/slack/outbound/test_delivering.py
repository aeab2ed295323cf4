"""What has to be there, where it belongs; and who is called by it."""

from __future__ import annotations

import pytest

from adapters.slack.places import place_in
from bot.chat import Answered, Delivery, Notice
from bot.config.settings import Settings
from bot.errors import PlaceGone
from tests.adapters.slack.kit import Team, running_nod
from tests.models.endpoint import ScriptedEndpoint


async def test_a_notice_calls_those_it_is_for_and_nobody_else(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    place = place_in(team.server.team.id, team.room.id)
    words = f"<@{team.ben.id}> @channel: *look*"
    notice = Notice("", words, 1, addressed=(team.key(team.anna), "discord:1/2", "slack:T0OTHER/U1"))

    async with running_nod(team, settings, endpoint) as nod:
        receipt = await nod.adapter.send(Delivery("notice:1", place, notice))
        (said,) = [one for one in team.server.said(team.room) if one.ts == receipt]

    assert team.server.pings(said) == {team.anna.id}
    assert "look" in said.shown


@pytest.mark.parametrize("is_member", [True, False])
async def test_who_asked_in_a_place_that_is_gone_is_told_directly(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, *, is_member: bool
) -> None:
    team.server.archive(team.room)
    place = place_in(team.server.team.id, team.room.id, "1700000000.000100")
    asker = team.key(team.anna) if is_member else "discord:1/2"
    delivery = Delivery("answer:1", place, Answered("r1", "It is *done*.", 1), asked_by=asker)

    async with running_nod(team, settings, endpoint) as nod:
        if not is_member:
            with pytest.raises(PlaceGone):
                await nod.adapter.send(delivery)
            return
        first = await nod.adapter.send(delivery)
        again = await nod.adapter.send(delivery)
        talk = team.server.talk_of(team.anna)
        said = [one.shown for one in team.server.said(talk)]

    assert first == again
    assert len(said) == 2
    assert "I cannot write this in" in said[0]
    assert "It is *done*." in said[1]
