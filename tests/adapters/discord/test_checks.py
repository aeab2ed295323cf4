"""What the doctor says of Discord: the token, the portal's switches, each server; and what to click."""

from __future__ import annotations

from pathlib import Path

from adapters.discord.checks import Check, examine
from adapters.discord.options import Options
from bot.config.settings import Settings
from bot.doctor import examine as examine_all
from tests.adapters.discord.kit import Team, options_of


async def found(team: Team, tmp_path: Path, **more: object) -> dict[str, Check]:
    """What is said, by what was looked at; the last word on each."""
    options = Options(
        **{  # type: ignore[arg-type]
            "token": team.server.token,
            "data_dir": tmp_path,
            "api_url": team.server.api_url,
            "gateway_url": team.server.gateway_url,
            **more,
        }
    )
    return {check.name: check async for check in examine(options)}


async def test_all_is_well_where_the_bot_may_do_what_it_needs(team: Team, tmp_path: Path) -> None:
    checks = await found(team, tmp_path)

    assert [(check.name, check.is_ok, check.is_note) for check in checks.values()] == [
        ("token", True, False),
        ("intents", True, False),
        ("servers", True, False),
    ]
    assert team.server.gateway.identifies == []


async def test_a_refused_token_says_where_to_copy_it(team: Team, tmp_path: Path) -> None:
    checks = await found(team, tmp_path, token="an.other.token")

    assert list(checks) == ["token"]
    assert not checks["token"].is_ok
    assert "Bot > Token" in checks["token"].text
    assert "an.other.token" not in checks["token"].text


async def test_discord_out_of_reach_is_said_as_that(team: Team, tmp_path: Path) -> None:
    team.server.faults.cut("GET /users/@me", times=9)

    checks = await found(team, tmp_path)

    assert checks["token"].text.startswith("Discord cannot be asked")


async def test_without_the_intent_it_says_what_it_cannot_see_and_where_to_switch_it_on(
    team: Team, tmp_path: Path
) -> None:
    team.server.world.app.message_content = False

    auto = (await found(team, tmp_path))["intents"]
    on = (await found(team, tmp_path, reads_along="on"))["intents"]
    off = (await found(team, tmp_path, reads_along="off"))["intents"]

    assert (auto.is_ok, auto.is_note, on.is_ok, off.is_ok) == (True, True, False, True)
    assert "Message Content Intent under Bot" in auto.text
    assert "Message Content Intent under Bot" in on.text
    assert "DISCORD_MESSAGE_CONTENT=off" in off.text


async def test_what_is_missing_in_a_server_is_named_with_where_to_click(team: Team, tmp_path: Path) -> None:
    team.server.set_role(team.server.everyone(team.guild), may=["view_channel", "send_messages"])

    check = (await found(team, tmp_path))["servers"]

    assert not check.is_ok
    assert f"team ({team.guild.id}): switch on " in check.text
    assert "Create Public Threads" in check.text
    assert "Server Settings > Roles" in check.text


async def test_a_bot_in_no_server_is_given_the_address_that_adds_it(team: Team, tmp_path: Path) -> None:
    team.server.kick_bot(team.guild)

    check = (await found(team, tmp_path))["servers"]

    assert not check.is_ok
    assert f"client_id={team.server.world.app.id}" in check.text
    assert "scope=bot+applications.commands" in check.text
    assert "permissions=309237746688" in check.text


async def test_the_doctor_asks_discord_only_where_it_is_used(team: Team, settings: Settings) -> None:
    options = options_of(team, settings)
    given = {"discord_token": options.token, "discord_api_url": options.api_url}
    used = Settings.model_validate({**settings.model_dump(), **given, "adapters": ("discord",)})
    not_used = used.model_copy(update={"adapters": ("web",)})

    parts = [finding.part async for finding in examine_all(used, is_offline=False) if finding.part == "discord"]
    offline = [finding.text async for finding in examine_all(used, is_offline=True) if finding.part == "discord"]
    none = [finding.part async for finding in examine_all(not_used, is_offline=True)]

    assert parts == ["discord"] * 3
    assert offline == ["not asked (--offline)"]
    assert "discord" not in none
