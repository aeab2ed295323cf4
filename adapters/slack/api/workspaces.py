"""The workspaces the bot is installed in, each with a client of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import structlog

from adapters.slack.api.asking import NoAnswer, SaidNo, ask
from adapters.slack.api.installs import Installed, Installs
from adapters.slack.api.scopes import SCOPES
from adapters.slack.api.web import NO_TOKEN, SlackClient
from adapters.slack.options import Options
from bot.errors import ConfigError, PlaceGone, SendError

log = structlog.get_logger()

NO_CONNECTION = "I am not connected to Slack."
NOT_INSTALLED = "I am not installed in that Slack workspace (any more)."
REFUSED = ConfigError(
    "SLACK_BOT_TOKEN",
    "Slack refuses it; copy the Bot User OAuth Token anew from OAuth & Permissions, api.slack.com/apps",
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """One installation: its workspace, who the bot is there, and how its Web API is called."""

    team: str
    name: str
    bot_user: str
    bot_id: str
    token: str = field(repr=False)
    client: SlackClient = field(repr=False)


class Workspaces:
    """Those of `installs`; without them the one of the bot token, which is known once it has logged in. `refused` is
    told of a workspace whose token Slack does not take any more, with its word for why."""

    def __init__(
        self,
        options: Options,
        session: aiohttp.ClientSession,
        installs: Installs | None = None,
        *,
        refused: Callable[[str, str], None] = lambda _team, _code: None,
    ) -> None:
        self._options = options
        self._session = session
        self._installs = installs
        self._refused = refused
        self._known: dict[str, Workspace] = {}
        self._logging_in = asyncio.Lock()

    async def log_in(self, *, again: bool = False) -> None:
        """Ask Slack whose the bot token is, where that is not known, or `again`. Raises `ConfigError` where Slack
        refuses it, and `SendError` where it cannot be asked."""
        if self._installs is not None:
            return
        async with self._logging_in:
            if again or not self._known:
                home = await self._asked(self._options.bot_token)
                self._known[home.team] = home

    async def get(self, team: str) -> Workspace:
        """Raises `SendError` where it cannot be reached, and `PlaceGone` where the bot is not installed (any more)."""
        if self._installs is not None:
            return self._installed(await self._installs.token_of(team), team)
        if not self._known:
            raise SendError(NO_CONNECTION)
        if team not in self._known:
            raise PlaceGone(NOT_INSTALLED)
        return self._known[team]

    async def has(self, team: str) -> bool:
        """Whether a workspace is one of ours. Raises `SendError` where that is not known yet."""
        if self._installs is not None:
            return await self._installs.is_installed(team)
        if not self._known:
            raise SendError(NO_CONNECTION)
        return team in self._known

    async def all(self) -> list[Workspace]:
        if self._installs is None:
            return list(self._known.values())
        return [self._installed(one, one.team) for one in await self._installs.all()]

    def _installed(self, one: Installed | None, team: str) -> Workspace:
        """The workspace of an installation; a new token has a new client."""
        if one is None:
            self._known.pop(team, None)
            raise PlaceGone(NOT_INSTALLED)
        home = self._known.get(team)
        if home is None or home.token != one.token:
            home = Workspace(team, one.name, one.bot_user, one.bot_id, one.token, self._client(one.token, team))
            self._known[team] = home
        return home

    async def _asked(self, token: str) -> Workspace:
        try:
            answer = await ask(self._options.api_url, "auth.test", token, session=self._session)
        except SaidNo as err:
            if err.code in NO_TOKEN:
                raise REFUSED from err
            raise SendError(f"Slack refused this ({err.code}).") from err
        except NoAnswer as err:
            raise SendError("Slack cannot be reached.") from err
        if answer.scopes is not None and (missing := [one for one in SCOPES if one not in answer.scopes]):
            log.warning("slack.scopes_missing", missing=", ".join(missing), hint="nod doctor says where to add them")
        names = ("team_id", "team", "user_id", "bot_id")
        team, name, user, bot = (str(answer.data.get(one) or "") for one in names)
        return Workspace(team, name, user, bot, token, self._client(token, team))

    def _client(self, token: str, team: str) -> SlackClient:
        return SlackClient(
            token, api_url=self._options.api_url, session=self._session, refused=lambda code: self._refused(team, code)
        )
