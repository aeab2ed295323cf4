"""`python -m bot run` as a process on the stand-in Discord: killed, started again, told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adapters.discord.kit import Team, answered, button_id
from tests.adapters.processes import bot_process, environment_of, killed
from tests.models.endpoint import Recorded, ScriptedEndpoint, calls, says


@pytest.fixture
def environment(team: Team, endpoint: ScriptedEndpoint, tmp_path: Path) -> dict[str, str]:
    return environment_of(
        endpoint,
        tmp_path,
        ADAPTERS="discord",
        ADMINS=f"{team.scope}/{team.admin.id}",
        DISCORD_TOKEN=team.server.token,
        DISCORD_API_URL=team.server.api_url,
        DISCORD_GATEWAY_URL=team.server.gateway_url,
    )


async def test_a_card_is_decided_in_another_process_once(
    team: Team,
    environment: dict[str, str],
    endpoint: ScriptedEndpoint,
    ledger: Callable[[], list[str]],
    tmp_path: Path,
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"})), says("It is out.")]
    async with bot_process(environment, tmp_path) as first:
        await team.server.connected()
        team.server.say(team.anna, team.room, f"{team.server.bot.mention} deploy 7")
        card = await team.card()
        approve = button_id(card, "Approve")
        await killed(first)
    assert ledger() == []

    async with bot_process(environment, tmp_path):
        await team.server.until(lambda: len(team.server.gateway.identifies) == 2)
        await team.server.connected()
        click = team.server.press(team.anna, card, "Approve")
        await click.answered()
        await team.answer("It is out.", 20)
        again = team.server.press(team.anna, card, approve, forged=True)
        await team.server.until(lambda: answered(again))

    assert ledger() == ["7"]
    assert team.texts().count("It is out.") == 1
    assert "already approved by anna" in answered(again)
    assert [one for one in team.said() if "Approve" in one.labels] == []


async def test_what_was_missed_is_answered_once_after_a_restart(
    team: Team, environment: dict[str, str], endpoint: ScriptedEndpoint, tmp_path: Path
) -> None:
    endpoint.script = [says("one"), says("two")]
    mention = team.server.bot.mention
    async with bot_process(environment, tmp_path) as first:
        await team.server.connected()
        team.server.say(team.anna, team.room, f"{mention} first")
        await team.answer("one", 20)
        await killed(first)

    team.server.say(team.ben, team.room, f"{mention} second", unseen=True)
    async with bot_process(environment, tmp_path) as second:
        await team.answer("two", 20)
        second.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(second.wait(), 15) == 0
    async with bot_process(environment, tmp_path):
        await team.server.until(lambda: len(team.server.gateway.identifies) == 3)
        await team.server.connected()
        await asyncio.sleep(2)

    assert [text for text in team.texts() if text in ("one", "two")] == ["one", "two"]
    assert len(endpoint.requests) == 2


async def test_a_token_that_is_refused_ends_the_process_with_a_line(
    team: Team, environment: dict[str, str], tmp_path: Path
) -> None:
    environment["DISCORD_TOKEN"] = "not.the.token-of-this-bot"

    async with bot_process(environment, tmp_path) as process:
        out, _ = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 2
    assert "DISCORD_TOKEN: Discord refuses it" in out.decode()
    assert "not.the.token" not in out.decode()


async def test_a_token_that_is_revoked_later_ends_the_process_with_a_line(
    team: Team, environment: dict[str, str], tmp_path: Path
) -> None:
    async with bot_process(environment, tmp_path) as process:
        await team.server.connected()
        team.server.gateway.close(4004)
        out, _ = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 2
    assert "DISCORD_TOKEN: Discord refuses it" in out.decode()


async def test_the_stop_button_works_in_a_process_that_never_drew_it(
    team: Team, environment: dict[str, str], endpoint: ScriptedEndpoint, tmp_path: Path
) -> None:
    """Stop: not for others; for who asked, after the process that showed it was killed."""

    async def hang(_: Recorded) -> dict[str, object]:
        await asyncio.sleep(60)
        return says("never")

    server = team.server
    endpoint.script = [calls(("look", {})), hang, hang]
    async with bot_process(environment, tmp_path) as first:
        await server.until(team.texts)  # it has said hello
        team.server.say(team.anna, team.room, f"{server.bot.mention} look")
        progress = await team.card("Stop")
        stranger = server.press(team.ben, progress, "Stop")
        wrong = await server.until(lambda: answered(stranger))
        await killed(first)
    async with bot_process(environment, tmp_path):
        await server.until(lambda: len(endpoint.requests) == 3)
        owner = server.press(team.anna, progress, "Stop")
        right = await server.until(lambda: answered(owner))

    assert wrong == "Only who asked for this, or an admin, can stop it."
    assert right == "Stopped."
