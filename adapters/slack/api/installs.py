"""The workspaces that have installed the bot, in a database of their own beside the bot's.

Kept by the SDK's stores, sealed. Everything is in memory too: one process owns the data folder, and each event asks.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy
import structlog
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.sqlalchemy import AsyncSQLAlchemyOAuthStateStore
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.slack.api.sealed import Seal, SealedInstallationStore, Unsealed
from adapters.slack.handlers import Body
from adapters.slack.options import Options
from bot.errors import ConfigError, StoreBusy

log = structlog.get_logger()

FILE = "slack.db"
_STATE = re.compile(r"[0-9a-f-]{36}", re.ASCII)
STATE_S = 600
"""Seconds somebody has for saying yes at Slack."""
MAX_STATES = 1_000
"""Installations begun within that time. Anybody can begin one."""


@dataclass(frozen=True, slots=True)
class Installed:
    """One workspace's installation. `at_s` is when, in seconds since 1970."""

    team: str
    name: str
    bot_user: str
    bot_id: str
    app_id: str
    token: str = field(repr=False)
    scopes: frozenset[str]
    at_s: float


class Installs:
    """All of them. Methods that write raise `StoreBusy`."""

    def __init__(self, options: Options, engine: AsyncEngine, *, state_s: int, max_states: int) -> None:
        self._engine = engine
        self._max_states = max_states
        self._tables = AsyncSQLAlchemyInstallationStore(options.client_id, engine)
        self._store = SealedInstallationStore(self._tables, Seal(options.secret_key))
        self._states = AsyncSQLAlchemyOAuthStateStore(state_s, engine)
        self._known: dict[str, Installed] = {}
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Make the tables where there are none, and read all. Raises `ConfigError`."""
        try:
            for metadata in (self._tables.metadata, self._states.metadata):
                async with self._engine.begin() as connection:
                    await connection.run_sync(metadata.create_all)
            async with self._engine.connect() as connection:
                teams = (await connection.execute(sqlalchemy.select(self._tables.bots.c.team_id).distinct())).scalars()
            for team in teams.all():
                await self._read(team)
        except Unsealed:
            why = f"tokens in {FILE} were kept with another one: put it back, or remove that file and install again"
            raise ConfigError("SECRET_KEY", why) from None
        except SQLAlchemyError as err:
            raise ConfigError("DATA_DIR", f"{FILE} in it cannot be used ({_kind(err)})") from err

    async def _read(self, team: str) -> None:
        bot = await self._store.async_find_bot(enterprise_id=None, team_id=team)
        if bot is None:
            return
        self._known[team] = Installed(
            team=team,
            name=bot.team_name or team,
            bot_user=bot.bot_user_id or "",
            bot_id=bot.bot_id or "",
            app_id=bot.app_id or "",
            token=bot.bot_token or "",
            scopes=frozenset(bot.bot_scopes or ()),
            at_s=bot.installed_at,
        )

    # --- installations ---

    async def token_of(self, team: str) -> Installed | None:
        """The installation of a workspace, None where there is none (any more)."""
        return self._known.get(team)

    async def is_installed(self, team: str) -> bool:
        return team in self._known

    async def all(self) -> list[Installed]:
        return sorted(self._known.values(), key=lambda one: (one.at_s, one.team))

    async def keep(self, installation: Installation) -> Installed:
        """Keep a new one, in place of what its workspace had."""
        assert installation.team_id, "an installation of one workspace"
        installation.enterprise_id = None  # the SDK would look only there; a workspace's id says it all
        async with self._writing():
            await self._store.async_save(installation)
            await self._forget_older(installation.team_id)
            await self._read(installation.team_id)
        log.info("slack.installed", team=installation.team_id)
        return self._known[installation.team_id]

    async def forget(self, team: str, *, at_s: float | None = None) -> None:
        """The workspace took it away, `at_s` in Slack's words (`event_time`): what was installed after that stays."""
        known = self._known.get(team)
        if known is not None and at_s is not None and known.at_s > at_s + 1:
            return
        async with self._writing():
            await self._store.async_delete_all(enterprise_id=None, team_id=team)
            self._known.pop(team, None)
        log.info("slack.uninstalled", team=team)

    async def _forget_older(self, team: str) -> None:
        """Tokens that nobody needs are not kept."""
        async with self._engine.begin() as connection:
            for table in (self._tables.bots, self._tables.installations):
                newest = sqlalchemy.select(sqlalchemy.func.max(table.c.id)).where(table.c.team_id == team)
                older = sqlalchemy.and_(table.c.team_id == team, table.c.id < newest.scalar_subquery())
                await connection.execute(table.delete().where(older))

    # --- what proves that somebody began it here ---

    async def new_state(self) -> str | None:
        """A word to send along, good for one return within `state_s`; None while too many wait."""
        states = self._states.oauth_states
        async with self._writing():
            async with self._engine.begin() as connection:
                now = datetime.now(UTC).replace(tzinfo=None)
                await connection.execute(states.delete().where(states.c.expire_at <= now))
                waiting = (await connection.execute(sqlalchemy.select(sqlalchemy.func.count(states.c.id)))).scalar_one()
            return None if waiting >= self._max_states else str(await self._states.async_issue())

    async def use_state(self, state: str) -> bool:
        """Whether it was given out here, lately, and is used for the first time."""
        if not _STATE.fullmatch(state):
            return False  # the SDK would write it into the log as it came
        async with self._writing():  # the SDK looks first and deletes then: two at once would both be the first
            return bool(await self._states.async_consume(state))

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        async with self._lock:
            try:
                yield
            except SQLAlchemyError as err:
                raise StoreBusy(f"The database of installations refused ({_kind(err)}).") from err


@asynccontextmanager
async def open_installs(
    options: Options, *, state_s: int = STATE_S, max_states: int = MAX_STATES
) -> AsyncIterator[Installs]:
    """Those of this data folder. Raises `ConfigError`."""
    path = options.data_dir / FILE
    await asyncio.to_thread(_touch, path)
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"timeout": 5.0}, hide_parameters=True)
    try:
        installs = Installs(options, engine, state_s=state_s, max_states=max_states)
        await installs.load()
        yield installs
    finally:
        await engine.dispose()


def is_end_of(body: Body) -> bool:
    """Whether this event says that the bot is not installed any more: revoked tokens of people are none of ours."""
    event = body.get("event")
    if not isinstance(event, dict):
        return False
    if event.get("type") == "app_uninstalled":
        return True
    tokens = event.get("tokens")
    return event.get("type") == "tokens_revoked" and isinstance(tokens, dict) and bool(tokens.get("bot"))


def _touch(path: Path) -> None:
    """The file, for its owner alone. Raises `ConfigError`."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as err:
        raise ConfigError("DATA_DIR", f"{FILE} in it cannot be used ({type(err).__name__})") from err


def _kind(err: SQLAlchemyError) -> str:
    return type(err.__cause__ or err).__name__
