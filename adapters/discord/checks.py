"""What the doctor asks Discord: is the token taken, what may the bot read and do where it is; and what to click.

Nothing is changed, and there is no connection to the gateway.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord

from adapters.discord.options import Options, addressed, intents, may_read_along

NEEDED = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    read_message_history=True,
    attach_files=True,
)
"""What the bot does in a server: read where it is asked, answer there or in a thread, with files."""
SCOPES = ("bot", "applications.commands")
PORTAL = "https://discord.com/developers/applications"
MAX_SERVERS = 200
_TROUBLE = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what is there, or what to do. A note is worth knowing, and may stay."""

    name: str
    is_ok: bool
    text: str
    is_note: bool = False


def invite(application_id: int) -> str:
    """The address with which somebody who manages a server adds the bot to it."""
    return discord.utils.oauth_url(application_id, permissions=NEEDED, scopes=SCOPES)


async def examine(options: Options) -> AsyncGenerator[Check]:
    """Look at the token, the portal's switches, and each server the bot is in."""
    with addressed(options):
        async with discord.Client(intents=intents(reads_along=False)) as client:
            try:
                await client.login(options.token)
                application = await client.application_info()
                servers: list[Any] = await client.http.get_guilds(MAX_SERVERS)
            except discord.LoginFailure:
                yield Check("token", False, f"DISCORD_TOKEN is refused: copy it anew from Bot > Token, {PORTAL}")
                return
            except _TROUBLE as err:
                yield Check("token", False, f"Discord cannot be asked ({type(err).__name__}); try again")
                return
            yield Check("token", True, f"taken; the bot is {client.user}")
            for check in (*_portal(application, options), *_servers(servers, application.id)):
                yield check


def _portal(application: discord.AppInfo, options: Options) -> list[Check]:
    found = [_reading(may_read_along(application.flags), options)]
    if application.bot_require_code_grant:
        text = f"switch off Requires OAuth2 Code Grant under Bot, {PORTAL}: with it nobody can add the bot"
        found.append(Check("portal", False, text))
    return found


def _reading(is_allowed: bool, options: Options) -> Check:
    switch = f"switch on Message Content Intent under Bot, {PORTAL}"
    if is_allowed and options.reads_along != "off":
        return Check("intents", True, "it reads along: it knows what was said before it was asked, and follows threads")
    if options.reads_along == "on":
        return Check("intents", False, f"DISCORD_MESSAGE_CONTENT is on and the portal does not allow it: {switch}")
    why = "it sees mentions, replies and direct messages only"
    if options.reads_along == "off":
        return Check("intents", True, f"{why} (DISCORD_MESSAGE_CONTENT=off)", is_note=True)
    return Check(
        "intents", True, f"{why}; for what was said before, and threads without mentions, {switch}", is_note=True
    )


def _servers(servers: list[Any], application_id: int) -> list[Check]:
    if not servers:
        return [Check("servers", False, f"it is in no server yet: open {invite(application_id)}")]
    return [_server(one) for one in servers]


def _server(server: Any) -> Check:
    """What the bot lacks in a server as a whole; channels may say otherwise."""
    has = discord.Permissions(int(server["permissions"]))
    missing = [] if has.administrator else [name for name, is_needed in NEEDED if is_needed and not getattr(has, name)]
    who = f"{server['name']} ({server['id']})"
    if has.administrator:
        text = f"{who}: it is an administrator there, which it does not need: take that from its role"
        return Check("servers", True, text, is_note=True)
    if missing:
        listed = ", ".join(name.replace("_", " ").title() for name in missing)
        return Check("servers", False, f"{who}: switch on {listed} under Server Settings > Roles > its role")
    return Check("servers", True, f"{who}: it may do what it needs")
