"""`python -m bot run` as a process on the stand-in Slack: a card of one is decided in the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.adapters.processes import bot_process, killed
from tests.adapters.slack.kit import Team, listening
from tests.adapters.slack.wire import Interaction
from tests.models.endpoint import ScriptedEndpoint, calls, says


def over_http(environment: dict[str, str], team: Team) -> dict[str, str]:
    """The same, with Slack calling."""
    more = {"SLACK_MODE": "http", "SLACK_SIGNING_SECRET": team.server.signing_secret, "SLACK_APP_TOKEN": ""}
    team.server.deliver_to(f"http://127.0.0.1:{environment['HTTP_PORT']}/slack/events")
    return environment | more


async def told(team: Team, press: Interaction) -> str:
    """What whoever pressed reads alone."""
    await press.acked()
    found = await team.server.until(lambda: team.server.ephemerals(team.anna))
    return found[-1].shown


async def test_a_card_is_decided_in_another_process_once(
    team: Team,
    environment: dict[str, str],
    endpoint: ScriptedEndpoint,
    ledger: Callable[[], list[str]],
    tmp_path: Path,
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"})), says("It is out.")]
    async with bot_process(environment, tmp_path) as first:
        await listening(team, 1)
        team.ask("deploy 7")
        card = await team.card()
        action = next(str(one["action_id"]) for one in card.buttons if one["text"]["text"] == "Approve")
        await killed(first)
    assert ledger() == []

    async with bot_process(environment, tmp_path):
        await listening(team, 2)
        await team.server.press(team.anna, card, "Approve").acked()
        await team.answer("It is out.", 20)
        again = await told(team, team.server.press(team.anna, card, action, forged=True))

    assert ledger() == ["7"]
    assert team.answers() == ["It is out."]
    assert "already approved by anna" in again
    assert [one for one in team.server.said() if "Approve" in one.labels] == []


async def test_over_http_a_click_decides_in_another_process(
    team: Team,
    environment: dict[str, str],
    endpoint: ScriptedEndpoint,
    ledger: Callable[[], list[str]],
    tmp_path: Path,
) -> None:
    environment = over_http(environment, team)
    endpoint.script = [calls(("deploy", {"version": "7"})), says("It is out.")]
    async with bot_process(environment, tmp_path) as first:
        await team.server.until(lambda: team.server.calls("auth.test"), 30)
        team.ask("deploy 7")
        card = await team.card(timeout_s=30)
        await killed(first)

    async with bot_process(environment, tmp_path):
        await team.server.until(lambda: team.server.calls("auth.test")[1:], 30)
        await team.server.press(team.anna, card, "Approve").acked()
        await team.answer("It is out.", 20)

    assert ledger() == ["7"]
    assert team.answers() == ["It is out."]
