"""Who asked is looked at again when somebody approves: rights that are gone by then run nothing."""

from __future__ import annotations

from collections.abc import Callable

from bot.config.settings import Settings
from tests.adapters.discord.kit import Team, running_nod
from tests.models.endpoint import ScriptedEndpoint, calls, says


async def test_what_somebody_asked_who_has_left_since_is_not_run(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    """T5: revoked between request and click; without the members intent nobody tells the bot."""
    endpoint.script = [calls(("pay", {"amount": 5})), says("Not paid.")]
    async with running_nod(team, settings, endpoint) as nod:
        team.server.say(team.anna, team.room, f"{team.server.bot.mention} pay")
        card = await team.card()
        team.server.leave_guild(team.guild, team.anna)
        team.server.press(team.ben, card, "Approve")
        await team.answer("Not paid.")
        await nod.idle()

    assert ledger() == []
    assert "the policy stopped permitting it" in endpoint.requests[-1].body["messages"][-1]["content"]


async def test_where_discord_cannot_say_it_what_is_known_counts(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("pay", {"amount": 5})), says("Paid.")]
    async with running_nod(team, settings, endpoint) as nod:
        team.server.say(team.anna, team.room, f"{team.server.bot.mention} pay")
        card = await team.card()
        team.server.faults.fail("GET /guilds/{guild_id}/members/{user_id}", 403, times=9)
        team.server.press(team.ben, card, "Approve")
        await team.answer("Paid.")
        await nod.idle()

    assert ledger() == ["5"]
