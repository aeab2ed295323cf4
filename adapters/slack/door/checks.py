"""What the doctor asks Slack: are the tokens taken, may they do what the bot does, does the mode fit; what to click.

Nothing is changed, and no socket is opened.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import aiohttp

from adapters.slack.api.asking import Answer, NoAnswer, SaidNo, ask
from adapters.slack.api.installs import FILE, Installed, open_installs
from adapters.slack.api.scopes import SCOPES
from adapters.slack.door.connection import refused_for_good
from adapters.slack.door.manifest import EVENTS_PATH
from adapters.slack.door.oauth import INSTALL
from adapters.slack.options import Options
from bot.errors import ConfigError

APPS = "api.slack.com/apps"
REINSTALL = f"under OAuth & Permissions, {APPS}, then Reinstall to Workspace"
REACH_S = 10
NO_GROUPS = frozenset({"plan_upgrade_required", "paid_teams_only", "team_not_eligible"})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what is there, or what to do. A note is worth knowing, and may stay."""

    name: str
    is_ok: bool
    text: str
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """Whom and what the settings name: ADMINS and APPROVALS_CHANNELS, those of other platforms too."""

    admins: Sequence[str] = ()
    channels: Sequence[str] = ()


NOBODY = Named()


async def examine(options: Options, named: Named = NOBODY) -> AsyncGenerator[Check]:
    """Look at the tokens, their scopes, user groups, who and what is named, and at how Slack reaches the bot."""
    if options.has_many:
        async for check in _installations(options, named):
            yield check
    else:
        async for check in _workspace(options, options.bot_token, named):
            yield check
    yield await (_http(options) if options.mode == "http" else _socket(options))
    if options.mode == "http" and options.app_token:
        yield Check("mode", True, "SLACK_APP_TOKEN is not used: SLACK_MODE is http", is_note=True)


# --- workspaces -------------------------------------------------------------------------------------------------------


async def _installations(options: Options, named: Named) -> AsyncGenerator[Check]:
    address = options.public_url.rstrip("/") + INSTALL
    if not await asyncio.to_thread((options.data_dir / FILE).is_file):
        yield Check("installations", False, f"no workspace has installed it: open {address}")
        return
    try:
        async with open_installs(options) as installs:
            known = await installs.all()
    except ConfigError as err:
        yield Check("installations", False, err.user_message)
        return
    if not known:
        yield Check("installations", False, f"no workspace has installed it: open {address}")
    for one in known:
        async for check in _workspace(options, one.token, named, one):
            yield check


async def _workspace(
    options: Options, token: str, named: Named, installed: Installed | None = None
) -> AsyncGenerator[Check]:
    try:
        answer = await ask(options.api_url, "auth.test", token)
    except NoAnswer as err:
        yield Check("token", False, f"Slack cannot be asked ({err}); try again")
        return
    except SaidNo as err:
        yield Check("token", False, _refused(err.code, token, installed))
        return
    yield _token(answer)
    yield _scopes(answer)
    if not answer.data.get("bot_id"):
        return
    yield await _groups(options, token)
    team = str(answer.data.get("team_id"))
    if named.admins and not any(one.startswith(f"slack:{team}/") for one in named.admins):
        text = f"ADMINS names nobody of this workspace: write slack:{team}/<member id>"
        yield Check("admins", True, text, is_note=True)
    for channel in _channels(named, team):
        yield await _approvals(options, token, channel)


def _refused(code: str, token: str, installed: Installed | None) -> str:
    if installed is not None:
        return f"{installed.name} ({installed.team}) took the bot's token away ({code}): it has to install it again"
    if token.startswith("xapp-"):
        return "SLACK_BOT_TOKEN holds an app-level token: put it into SLACK_APP_TOKEN, and the bot token (xoxb-) here"
    return f"SLACK_BOT_TOKEN is refused ({code}): copy it anew from OAuth & Permissions, {APPS}"


def _token(answer: Answer) -> Check:
    said = answer.data
    if not said.get("bot_id"):
        text = f"SLACK_BOT_TOKEN is a person's: copy the Bot User OAuth Token (xoxb-) from OAuth & Permissions, {APPS}"
        return Check("token", False, text)
    if said.get("is_enterprise_install"):
        text = "it is installed for a whole organization, which it does not support: install it in one workspace"
        return Check("token", False, text)
    return Check("token", True, f"taken; the bot is {said.get('user')} in {said.get('team')} ({said.get('team_id')})")


def _scopes(answer: Answer) -> Check:
    if answer.scopes is None:
        return Check("scopes", True, "Slack did not say which the token has", is_note=True)
    missing = [scope for scope in SCOPES if scope not in answer.scopes]
    if missing:
        return Check("scopes", False, f"add {', '.join(missing)} {REINSTALL}")
    more = sorted(answer.scopes - {*SCOPES, "identify", ""})
    if more:
        return Check("scopes", True, f"it does not need {', '.join(more)}: take that away {REINSTALL}", is_note=True)
    return Check("scopes", True, "it has what it needs")


async def _groups(options: Options, token: str) -> Check:
    try:
        answer = await ask(options.api_url, "usergroups.list", token)
    except SaidNo as err:
        if err.code in NO_GROUPS:
            return Check("groups", True, "this plan has no user groups: give roles to people by name", is_note=True)
        return Check("groups", False, f"user groups cannot be read ({err.code}): give roles to people by name")
    except NoAnswer as err:
        return Check("groups", False, f"Slack cannot be asked ({err}); try again")
    return Check("groups", True, f"{len(answer.data.get('usergroups') or [])} user groups can be given roles")


def _channels(named: Named, team: str) -> list[str]:
    """The ids of this workspace's channels that cards are shown in."""
    shown = (re.fullmatch(rf"(?:.*>)?slack:{re.escape(team)}/(?P<id>\w+)", one) for one in named.channels)
    return list(dict.fromkeys(one["id"] for one in shown if one))


async def _approvals(options: Options, token: str, channel: str) -> Check:
    """Whether cards can be shown in a channel: a private one is known to its members alone."""
    try:
        answer = await ask(options.api_url, "conversations.info", token, channel=channel)
    except NoAnswer as err:
        return Check("approvals", False, f"Slack cannot be asked ({err}); try again")
    except SaidNo as err:
        text = f"APPROVALS_CHANNELS: {channel} is not known ({err.code}): copy its id anew, and /invite the bot there"
        return Check("approvals", False, text)
    room = answer.data.get("channel") or {}
    if not room.get("is_member") or room.get("is_archived"):
        what = "is archived" if room.get("is_archived") else "does not have the bot in it: write /invite @Nod there"
        return Check("approvals", False, f"APPROVALS_CHANNELS: #{room.get('name')} ({channel}) {what}")
    return Check("approvals", True, f"cards are shown in #{room.get('name')} ({channel}) as well")


# --- how Slack reaches the bot ----------------------------------------------------------------------------------------


async def _socket(options: Options) -> Check:
    try:
        await ask(options.api_url, "apps.connections.open", options.app_token)
    except NoAnswer as err:
        return Check("connection", False, f"Slack cannot be asked ({err}); try again")
    except SaidNo as err:
        if (why := refused_for_good(err.code)) is not None:
            return Check("connection", False, why.user_message)
        text = f"Slack opens no connection ({err.code}): switch on Socket Mode under Socket Mode, {APPS}"
        return Check("connection", False, text)
    return await _same_app(options)


async def _same_app(options: Options) -> Check:
    """Whether both tokens are one app's: with two, it is connected and never hears anything."""
    parts = options.app_token.split("-")
    fine = Check("connection", True, "Slack opens connections for SLACK_APP_TOKEN")
    try:
        known = await ask(options.api_url, "auth.test", options.bot_token)
        about = await ask(options.api_url, "bots.info", options.bot_token, bot=str(known.data.get("bot_id")))
    except (NoAnswer, SaidNo):
        return fine  # what is wrong with the bot token has been said
    app = (about.data.get("bot") or {}).get("app_id")
    if len(parts) < 4 or not app or parts[2] == app:
        return fine
    text = f"SLACK_APP_TOKEN is of another app ({parts[2]}) than SLACK_BOT_TOKEN ({app}): copy both from one, {APPS}"
    return Check("connection", False, text)


async def _http(options: Options) -> Check:
    """Whether the bot answers at its public address: to what is not signed it says 401, and nothing else would."""
    if not options.public_url:
        text = f"Slack has to reach POST {EVENTS_PATH} over https; set SLACK_PUBLIC_URL and it is tried from here"
        return Check("connection", True, text, is_note=True)
    address = options.public_url.rstrip("/") + EVENTS_PATH
    try:
        timeout = aiohttp.ClientTimeout(total=REACH_S)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.post(address, allow_redirects=False) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as err:
        text = f"{address} does not answer from here ({type(err).__name__}): the bot has to run, and be reached there"
        return Check("connection", True, text, is_note=True)
    if status != 401:
        return Check("connection", False, f"{address} answers {status}, as the bot would not: lead it to the bot")
    return Check("connection", True, f"the bot answers at {address}")
