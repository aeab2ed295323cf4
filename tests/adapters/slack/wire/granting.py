"""Installing by OAuth: somebody says yes, the app changes the code for a token (docs, "Installing with OAuth")."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.adapters.slack.wire.faults import Call
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.world import Install, Json, Team, User, World

Installing = Callable[..., Install]


@dataclass(slots=True)
class Grant:
    """A yes of somebody in a workspace. `redirect_uri` is where they were sent back to."""

    team: Team
    by: User
    redirect_uri: str
    scopes: list[str]
    is_enterprise_install: bool = False
    is_used: bool = False


class Grants:
    """The codes that were given out."""

    def __init__(self, install: Installing) -> None:
        self._install = install
        self._given: dict[str, Grant] = {}

    def say_yes(
        self, by: User, team: Team, redirect_uri: str, scopes: Iterable[str], *, is_enterprise_install: bool = False
    ) -> str:
        """The code somebody is sent back with."""
        code = f"{secrets.randbelow(10**10)}.{secrets.randbelow(10**10)}.{secrets.token_hex(32)}"
        self._given[code] = Grant(team, by, redirect_uri, list(scopes), is_enterprise_install)
        return code

    def exchange(self, world: World, call: Call, _request: Any) -> Json:
        """`oauth.v2.access`. Raises Refused."""
        asked, app = call.args, world.app
        if asked.get("client_id") != app.client_id:
            raise Refused("invalid_client_id")
        if asked.get("client_secret") != app.client_secret:
            raise Refused("bad_client_secret")
        grant = self._given.get(str(asked.get("code")))
        if grant is None:
            raise Refused("invalid_code")
        if grant.is_used:
            raise Refused("code_already_used")
        if asked.get("redirect_uri") != grant.redirect_uri:
            raise Refused("bad_redirect_uri")
        grant.is_used = True
        made = self._install(grant.team, scopes=grant.scopes)
        return {
            "app_id": app.id,
            "authed_user": {"id": grant.by.id},
            "scope": ",".join(made.scopes),
            "token_type": "bot",
            "access_token": made.token,
            "bot_user_id": made.user,
            "team": None if grant.is_enterprise_install else {"id": grant.team.id, "name": grant.team.name},
            "enterprise": {"id": "E0STANDIN", "name": "corp"} if grant.is_enterprise_install else None,
            "is_enterprise_install": grant.is_enterprise_install,
        }
