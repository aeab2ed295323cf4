"""`python -m bot run` as a process on the stand-in Slack: killed, started again, told to stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.adapters.processes import bot_process, killed
from tests.adapters.slack.kit import Team, listening
from tests.models.endpoint import ScriptedEndpoint, says


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
