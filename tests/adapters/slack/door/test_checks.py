"""What the doctor says of Slack: tokens, scopes, groups, how Slack reaches the bot; and what to click."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.oauth.installation_store import Installation

from adapters.slack.api.installs import open_installs
from adapters.slack.api.scopes import SCOPES
from adapters.slack.door.app import SlackApp
from adapters.slack.door.checks import Check, Named, examine
from adapters.slack.door.http import HttpDoor
from adapters.slack.door.signatures import Signatures
from adapters.slack.options import Options
from bot.config.settings import Settings, load
from bot.doctor import examine as examine_all
from tests.adapters.slack.doors import Noting, options_of, serving
from tests.adapters.slack.wire import SlackServer

KEY = b"0123456789abcdef0123456789abcdef"


async def looked(options: Options) -> list[Check]:
    return [check async for check in examine(options)]


async def found(slack: SlackServer, tmp_path: Path, **others: Any) -> dict[str, Check]:
    """What is said, by what was looked at."""
    return {check.name: check for check in await looked(options_of(slack, tmp_path, **others))}


async def named(slack: SlackServer, tmp_path: Path, **names: Any) -> list[tuple[bool, str]]:
    """What is said of whom and what the settings name."""
    checks = [check async for check in examine(options_of(slack, tmp_path), Named(**names))]
    return [(check.is_ok, check.text) for check in checks if check.name in ("admins", "approvals")]


@pytest.fixture(autouse=True)
def exact_scopes(slack: SlackServer) -> None:
    slack.bot.scopes = list(SCOPES)


async def test_all_is_well_where_the_app_was_made_from_the_manifest(slack: SlackServer, tmp_path: Path) -> None:
    checks = await found(slack, tmp_path)

    assert [(check.name, check.is_ok, check.is_note) for check in checks.values()] == [
        ("token", True, False),
        ("scopes", True, False),
        ("groups", True, False),
        ("connection", True, False),
    ]
    assert checks["token"].text == f"taken; the bot is nod in team ({slack.bot.team})"
    assert slack.socket.every == []


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "account_inactive"])
async def test_a_refused_token_says_where_to_copy_it(code: str, slack: SlackServer, tmp_path: Path) -> None:
    slack.bot.refusal = code

    checks = await found(slack, tmp_path)

    assert list(checks) == ["token", "connection"]
    assert not checks["token"].is_ok
    assert checks["token"].text == (
        f"SLACK_BOT_TOKEN is refused ({code}): copy it anew from OAuth & Permissions, api.slack.com/apps"
    )
    assert slack.bot_token not in checks["token"].text


async def test_tokens_in_each_other_s_place_are_told_apart(slack: SlackServer, tmp_path: Path) -> None:
    checks = await found(slack, tmp_path, bot_token=slack.app_token, app_token=slack.bot_token)

    assert "SLACK_BOT_TOKEN holds an app-level token" in checks["token"].text
    assert checks["connection"].text.startswith("SLACK_APP_TOKEN: it is another kind of token")


async def test_a_person_s_token_is_told_apart(slack: SlackServer, tmp_path: Path) -> None:
    slack.bot.bot_id = ""

    check = (await found(slack, tmp_path))["token"]

    assert not check.is_ok
    assert "copy the Bot User OAuth Token (xoxb-)" in check.text


async def test_missing_scopes_are_named_with_where_to_click(slack: SlackServer, tmp_path: Path) -> None:
    slack.bot.scopes = [scope for scope in SCOPES if scope not in ("files:read", "users:read")]

    check = (await found(slack, tmp_path))["scopes"]

    assert not check.is_ok
    assert check.text == (
        "add files:read, users:read under OAuth & Permissions, api.slack.com/apps, then Reinstall to Workspace"
    )


async def test_scopes_that_are_not_needed_are_a_note(slack: SlackServer, tmp_path: Path) -> None:
    slack.bot.scopes = [*SCOPES, "channels:manage"]

    check = (await found(slack, tmp_path))["scopes"]

    assert (check.is_ok, check.is_note) == (True, True)
    assert check.text.startswith("it does not need channels:manage")


async def test_admins_of_another_workspace_alone_are_a_note(slack: SlackServer, tmp_path: Path) -> None:
    own = f"slack:{slack.bot.team}/U1"

    assert await named(slack, tmp_path, admins=("web:root", "slack:T9/U1")) == [
        (True, f"ADMINS names nobody of this workspace: write slack:{slack.bot.team}/<member id>")
    ]
    assert await named(slack, tmp_path, admins=("web:root", own)) == []


async def test_a_channel_for_approvals_that_the_bot_is_not_in_is_named(slack: SlackServer, tmp_path: Path) -> None:
    team = slack.bot.team
    there, elsewhere = slack.create_channel("there"), slack.create_channel("elsewhere", has_bot=False)
    gone = slack.create_channel("gone", is_archived=True)
    written = [f"slack:{team}/{one.id}" for one in (there, elsewhere, gone)]

    said = await named(slack, tmp_path, channels=(*written, f"discord:1>slack:{team}/C0NOWHERE", "discord:1/2"))

    assert said == [
        (True, f"cards are shown in #there ({there.id}) as well"),
        (
            False,
            f"APPROVALS_CHANNELS: #elsewhere ({elsewhere.id}) does not have the bot in it: write /invite @Nod there",
        ),
        (False, f"APPROVALS_CHANNELS: #gone ({gone.id}) is archived"),
        (
            False,
            "APPROVALS_CHANNELS: C0NOWHERE is not known (channel_not_found): copy its id anew, "
            "and /invite the bot there",
        ),
    ]


async def test_a_plan_without_user_groups_is_a_note(slack: SlackServer, tmp_path: Path) -> None:
    slack.world.teams[slack.bot.team].has_user_groups = False

    check = (await found(slack, tmp_path))["groups"]

    assert (check.is_ok, check.is_note) == (True, True)
    assert check.text == "this plan has no user groups: give roles to people by name"


async def test_user_groups_that_cannot_be_read_are_said(slack: SlackServer, tmp_path: Path) -> None:
    slack.bot.scopes = [scope for scope in SCOPES if scope != "usergroups:read"]

    check = (await found(slack, tmp_path))["groups"]

    assert not check.is_ok
    assert "(missing_scope)" in check.text


async def test_socket_mode_that_is_switched_off_says_where_to_switch_it_on(slack: SlackServer, tmp_path: Path) -> None:
    slack.app.has_socket_mode = False

    check = (await found(slack, tmp_path))["connection"]

    assert not check.is_ok
    assert check.text.endswith("switch on Socket Mode under Socket Mode, api.slack.com/apps")


async def test_tokens_of_two_apps_are_told_apart(slack: SlackServer, tmp_path: Path) -> None:
    other = "xapp-1-A0OTHER-1-secret"
    slack.app.app_tokens.append(other)

    check = (await found(slack, tmp_path, app_token=other))["connection"]

    assert not check.is_ok
    assert check.text == (
        f"SLACK_APP_TOKEN is of another app (A0OTHER) than SLACK_BOT_TOKEN ({slack.app.id}): "
        "copy both from one, api.slack.com/apps"
    )


@pytest.mark.parametrize("trouble", ["cut", "page", "text"])
async def test_slack_out_of_reach_is_said_as_that(trouble: str, slack: SlackServer, tmp_path: Path) -> None:
    async def page(_request: web.Request) -> web.Response:
        kind = "text/html" if trouble == "page" else "text/plain"
        return web.Response(text="<html>proxy</html>", content_type=kind)

    async with serving([web.post("/api/{method}", page)]) as elsewhere:
        slack.faults.cut("*", times=9)
        api_url = slack.api_url if trouble == "cut" else f"{elsewhere}/api/"
        checks = await found(slack, tmp_path, api_url=api_url)

    assert [(check.is_ok, check.text.partition(" (")[0]) for check in checks.values()] == [
        (False, "Slack cannot be asked"),
        (False, "Slack cannot be asked"),
    ]


# --- HTTP ---


async def test_over_http_the_public_address_is_tried(slack: SlackServer, tmp_path: Path) -> None:
    door = HttpDoor(SlackApp(Noting()), Signatures(slack.signing_secret))
    async with serving(door.routes()) as base:
        checks = await found(slack, tmp_path, mode="http", public_url=base, app_token="")

    assert (checks["connection"].is_ok, checks["connection"].is_note) == (True, False)
    assert checks["connection"].text == f"the bot answers at {base}/slack/events"
    assert slack.calls("apps.connections.open") == []


async def test_over_http_somebody_else_at_the_address_is_said(slack: SlackServer, tmp_path: Path) -> None:
    async with serving([]) as base:
        check = (await found(slack, tmp_path, mode="http", public_url=base))["connection"]

    assert not check.is_ok
    assert check.text == f"{base}/slack/events answers 404, as the bot would not: lead it to the bot"


async def test_over_http_nobody_at_the_address_is_a_note(slack: SlackServer, tmp_path: Path) -> None:
    check = (await found(slack, tmp_path, mode="http", public_url="http://127.0.0.1:1"))["connection"]

    assert (check.is_ok, check.is_note) == (True, True)
    assert "does not answer from here" in check.text


async def test_over_http_without_an_address_it_says_what_slack_has_to_reach(slack: SlackServer, tmp_path: Path) -> None:
    checks = await found(slack, tmp_path, mode="http")

    assert "Slack has to reach POST /slack/events" in checks["connection"].text
    assert checks["mode"].text == "SLACK_APP_TOKEN is not used: SLACK_MODE is http"


# --- several workspaces ---


def of_many(slack: SlackServer, data_dir: Path, **others: Any) -> Options:
    more = {"client_id": "1.2", "client_secret": "secret", "public_url": "http://127.0.0.1:1", "secret_key": KEY}
    return options_of(slack, data_dir, **{"bot_token": "", "app_token": "", "mode": "http", **more, **others})


def installation(slack: SlackServer) -> Installation:
    return Installation(
        app_id=slack.app.id,
        team_id=slack.bot.team,
        team_name="team",
        bot_token=slack.bot_token,
        bot_id=slack.bot.bot_id,
        bot_user_id=slack.bot.user,
        user_id="U9",
        installed_at=time.time(),
    )


async def test_before_anybody_installed_it_it_says_where_to(slack: SlackServer, tmp_path: Path) -> None:
    before = await looked(of_many(slack, tmp_path))
    async with open_installs(of_many(slack, tmp_path)):
        pass
    after = await looked(of_many(slack, tmp_path))

    assert before[0] == after[0]
    assert before[0].text == "no workspace has installed it: open http://127.0.0.1:1/slack/install"


async def test_each_installation_is_looked_at(slack: SlackServer, tmp_path: Path) -> None:
    async with open_installs(of_many(slack, tmp_path)) as installs:
        await installs.keep(installation(slack))

    assert [check.name for check in await looked(of_many(slack, tmp_path))] == [
        "token",
        "scopes",
        "groups",
        "connection",
    ]
    slack.bot.refusal = "token_revoked"
    check = (await looked(of_many(slack, tmp_path)))[0]
    assert check.text == (
        f"team ({slack.bot.team}) took the bot's token away (token_revoked): it has to install it again"
    )


async def test_installations_under_another_key_are_said(slack: SlackServer, tmp_path: Path) -> None:
    async with open_installs(of_many(slack, tmp_path)) as installs:
        await installs.keep(installation(slack))

    check = (await looked(of_many(slack, tmp_path, secret_key=KEY[::-1])))[0]

    assert not check.is_ok
    assert check.text.startswith("SECRET_KEY: ")


# --- as the doctor says it ---


async def test_the_doctor_asks_slack_only_where_it_is_used(slack: SlackServer, tmp_path: Path) -> None:
    environment = {
        "ADAPTERS": "slack",
        "DATA_DIR": str(tmp_path / "data"),
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url.rstrip("/"),
    }
    used = load(environment, None)[0]

    async def said(settings: Settings, *, is_offline: bool) -> list[tuple[str, str]]:
        findings = [finding async for finding in examine_all(settings, is_offline=is_offline)]
        return [(one.check or one.part, one.text) for one in findings if one.part == "slack"]

    assert [check for check, _text in await said(used, is_offline=False)] == ["token", "scopes", "groups", "connection"]
    assert await said(used, is_offline=True) == [("slack", "not asked (--offline)")]
    assert await said(used.model_copy(update={"adapters": ("web",)}), is_offline=True) == []
