"""`python -m bot run` as a process on the stand-in Slack: killed, started again, told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adapters.processes import bot_process, environment_of, killed
from tests.adapters.slack.kit import Team
from tests.adapters.slack.wire import Interaction
from tests.models.endpoint import ScriptedEndpoint, calls, says


@pytest.fixture
def environment(team: Team, endpoint: ScriptedEndpoint, tmp_path: Path) -> dict[str, str]:
    return environment_of(
        endpoint,
        tmp_path,
        ADAPTERS="slack",
        ADMINS=team.key(team.admin),
        SLACK_BOT_TOKEN=team.server.bot_token,
        SLACK_APP_TOKEN=team.server.app_token,
        SLACK_API_URL=team.server.api_url,
    )


def over_http(environment: dict[str, str], team: Team) -> dict[str, str]:
    """The same, with Slack calling."""
    more = {"SLACK_MODE": "http", "SLACK_SIGNING_SECRET": team.server.signing_secret, "SLACK_APP_TOKEN": ""}
    team.server.deliver_to(f"http://127.0.0.1:{environment['HTTP_PORT']}/slack/events")
    return environment | more


async def listening(team: Team, count: int) -> None:
    """Wait until so many sockets were opened, and one is there: so many processes have come up."""
    await team.server.until(lambda: team.server.socket.opened >= count and team.server.socket.connected, 30)


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


@pytest.mark.parametrize("crash_at", ["event.after", "taken.before", "send.inside"])
async def test_what_was_acknowledged_is_answered_once_however_it_died(
    team: Team, environment: dict[str, str], endpoint: ScriptedEndpoint, tmp_path: Path, crash_at: str
) -> None:
    endpoint.script = [says("one")] * 3
    async with bot_process({**environment, "CRASH_AT": crash_at}, tmp_path) as first:
        await listening(team, 1)
        team.ask("first")
        assert await asyncio.wait_for(first.wait(), 30) == -signal.SIGKILL

    async with bot_process(environment, tmp_path) as second:
        await listening(team, 2)
        await team.answer("one", 20)
        second.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(second.wait(), 15) == 0

    assert team.answers() == ["one"]
    assert [one.shown for one in team.server.said() if one.stream and one.stream.state != "stopped"] == []


async def test_what_was_missed_is_answered_once_after_a_restart(
    team: Team, environment: dict[str, str], endpoint: ScriptedEndpoint, tmp_path: Path
) -> None:
    endpoint.script = [says("one"), says("two")]
    async with bot_process(environment, tmp_path) as first:
        await listening(team, 1)
        team.ask("first")
        await team.answer("one", 20)
        await killed(first)

    team.server.delivery.hold()
    team.ask("second", by=team.ben)
    team.server.delivery.release(lambda _held: ())
    async with bot_process(environment, tmp_path):
        await team.answer("two", 20)
    async with bot_process(environment, tmp_path) as third:
        await listening(team, 3)
        third.send_signal(signal.SIGTERM)
        await asyncio.wait_for(third.wait(), 15)

    assert team.answers() == ["one", "two"]
    assert len(endpoint.requests) == 2


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


@pytest.mark.parametrize(
    ("name", "value"),
    [("SLACK_BOT_TOKEN", "xoxb-1-2-revoked"), ("SLACK_APP_TOKEN", "xapp-1-A0STANDIN-1-wrong")],
)
async def test_a_token_that_is_refused_ends_the_process_with_a_line(
    team: Team, environment: dict[str, str], tmp_path: Path, name: str, value: str
) -> None:
    async with bot_process({**environment, name: value}, tmp_path) as process:
        out, _ = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 2
    assert f"{name}: Slack refuses it" in out.decode()
    assert value not in out.decode()
