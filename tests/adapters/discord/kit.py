"""Nod on the stand-in Discord, in this process: the real service, database, model client and discord.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from adapters.discord import DiscordAdapter, Options
from bot.app import App
from bot.config.settings import Settings
from bot.errors import ConfigError
from tests.adapters.discord.wire import Channel, DiscordServer, Guild, Interaction, Message, User
from tests.adapters.opening import at_work, opened, rested
from tests.models.endpoint import ScriptedEndpoint

NEW_MESSAGE = 4


@dataclass
class Team:
    """One server with a channel, and the people in it; `admin` administers the bot there."""

    server: DiscordServer
    guild: Guild
    room: Channel
    anna: User
    ben: User
    admin: User

    @property
    def scope(self) -> str:
        return f"discord:{self.guild.id}"

    def said(self, channel_id: int | None = None) -> list[Message]:
        return [one for one in self.server.said(channel_id) if not one.is_deleted]

    def texts(self, channel_id: int | None = None) -> list[str]:
        """What the bot wrote and that is still there."""
        return [one.text for one in self.said(channel_id)]

    async def answer(self, text: str, timeout_s: float = 10.0) -> Message:
        """Wait for a message of the bot that says exactly this."""
        await self.server.until(lambda: text in self.texts(), timeout_s)
        return next(one for one in self.said() if one.text == text)

    async def card(self, label: str = "Approve", timeout_s: float = 10.0) -> Message:
        """Wait for a card with such a button, the newest."""
        await self.server.until(lambda: any(label in one.labels for one in self.said()), timeout_s)
        return [one for one in self.said() if label in one.labels][-1]


@dataclass
class Nod:
    """One running bot."""

    app: App
    adapter: DiscordAdapter
    failures: list[ConfigError] = field(default_factory=list)

    async def idle(self) -> None:
        """Wait until every run rests and everything that is to be shown has been taken."""
        await rested(self.app)


def team_of(server: DiscordServer) -> Team:
    people = [server.create_user(name) for name in ("anna", "ben", "root")]
    guild = server.create_guild("team", members=people)
    return Team(server, guild, server.create_channel(guild, "general"), *people)


def settings_of(team: Team, settings: Settings, **more: object) -> Settings:
    """These settings for this team: its admin, and Discord as the platform."""
    given = {"adapters": ("discord",), "admins": (f"{team.scope}/{team.admin.id}",), **more}
    return settings.model_copy(update=given)


def options_of(team: Team, settings: Settings, **more: object) -> Options:
    given: dict[str, object] = {
        "token": team.server.token,
        "data_dir": settings.data_dir,
        "api_url": team.server.api_url,
        "gateway_url": team.server.gateway_url,
        "servers_s": 0.05,
        **more,
    }
    return Options(**given)  # type: ignore[arg-type]


@asynccontextmanager
async def running_nod(
    team: Team,
    settings: Settings,
    endpoint: ScriptedEndpoint,
    *,
    change: Callable[[App], None] | None = None,
    vision: bool = False,
    **options: object,
) -> AsyncIterator[Nod]:
    """Nod, connected; opening it again over the same settings is a restart in good order."""
    failures: list[ConfigError] = []
    adapter = DiscordAdapter(options_of(team, settings, **options), failed=failures.append)
    ready = lambda: team.server.until(lambda: adapter.state() == "ok" or failures)  # noqa: E731
    async with opened(settings, endpoint, vision=vision) as app:
        if change is not None:
            change(app)
        async with at_work(app, adapter, connected=ready):
            yield Nod(app, adapter, failures)


def answered(click: Interaction) -> str:
    """What a person was told privately."""
    first = click.answer.message if click.answer and click.answer.kind == NEW_MESSAGE else None
    told = [one for one in (first, *click.followups) if one is not None]
    return "\n".join(one.text for one in told if one.is_ephemeral)


def button_id(message: Message, label: str) -> str:
    """The custom_id of a button."""
    return next(str(one["custom_id"]) for one in message.buttons if one.get("label") == label)
