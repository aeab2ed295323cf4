"""Installing by OAuth: what a person sees at Slack, the codes handed out, and `oauth.v2.access` (docs, "Installing with
OAuth"). A code is good once."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

from tests.adapters.slack.wire.faults import Call
from tests.adapters.slack.wire.messages import Json
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.world import Team, User, World


@dataclass(slots=True, eq=False)
class Grant:
    """What a code stands for."""

    team: str
    user: str
    scopes: list[str]
    redirect_uri: str
    is_enterprise: bool = False
    is_used: bool = False


class Installing:
    """Mixed into the server."""

    world: World

    def approve(self, url: str, user: User, team: Team | None = None, *, is_enterprise: bool = False) -> str:
        """Press "Allow" on the page an address leads to (`.../oauth/v2/authorize?...`), and give the address Slack then
        sends the browser to. Raises LookupError for a page on which Slack shows an error."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if asked.get("client_id") != self.world.app.client_id or not asked.get("scope"):
            raise LookupError(f"Slack shows an error for {asked}")
        code = f"{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        team_id = (team or self.world.teams[user.team]).id
        redirect = asked.get("redirect_uri", "")
        scopes = [one for one in asked["scope"].split(",") if one]
        self.world.codes[code] = Grant(team_id, user.id, scopes, redirect, is_enterprise)
        answer = {"code": code} | ({"state": asked["state"]} if "state" in asked else {})
        return f"{redirect}?{urlencode(answer)}"

    def deny(self, url: str) -> str:
        """Press "Cancel" there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        answer = {"error": "access_denied", "state": asked.get("state", "")}
        return f"{asked.get('redirect_uri', '')}?{urlencode(answer)}"


def access(world: World, call: Call, request: web.Request) -> Json:
    """oauth.v2.access: a token for a code. Raises Refused."""
    client_id, secret = _client(call, request)
    if client_id != world.app.client_id:
        raise Refused("invalid_client_id")
    if secret != world.app.client_secret:
        raise Refused("bad_client_secret")
    grant: Grant | None = world.codes.get(str(call.args.get("code")))
    if grant is None:
        raise Refused("invalid_code")
    if grant.is_used:
        raise Refused("code_already_used")
    if grant.redirect_uri != str(call.args.get("redirect_uri") or ""):
        raise Refused("bad_redirect_uri")
    grant.is_used = True
    return _answer(world, grant)


def _answer(world: World, grant: Grant) -> Json:
    team = world.teams[grant.team]
    install = world.install(team, grant.scopes)
    enterprise = {"id": "E0STANDIN", "name": "an organisation"} if grant.is_enterprise else None
    return {
        "access_token": install.token,
        "token_type": "bot",
        "scope": ",".join(install.scopes),
        "bot_user_id": install.user,
        "app_id": world.app.id,
        "team": None if grant.is_enterprise else {"id": team.id, "name": team.name},
        "enterprise": enterprise,
        "is_enterprise_install": grant.is_enterprise,
        "authed_user": {"id": grant.user},
    }


def _client(call: Call, request: web.Request) -> tuple[str, str]:
    """Who asks: by HTTP Basic, as the SDK does, or in the form."""
    header = request.headers.get("Authorization", "")
    if header.startswith("Basic "):
        name, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        return name, secret
    return str(call.args.get("client_id") or ""), str(call.args.get("client_secret") or "")
