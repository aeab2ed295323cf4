"""The chat platforms of a bot that serves: opened, started and closed together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog
from aiohttp import web

from bot import chat
from bot.app import App, secret_key
from bot.config.settings import Settings
from bot.errors import ConfigError

if TYPE_CHECKING:
    from adapters.discord import Options
    from adapters.slack.options import Options as SlackOptions

log = structlog.get_logger()


class Platform(chat.ChatAdapter, Protocol):
    """A chat adapter with a life of its own."""

    def attach(self, service: chat.ChatService) -> None: ...

    async def start(self) -> None:
        """Log in. Raises `ConfigError`."""

    def stop_taking(self) -> None: ...

    async def close(self) -> None: ...

    def state(self) -> str:
        """ "ok", or what is not ready."""


class Platforms:
    """What `ADAPTERS` names beside the page. `told` is set when one of them will never let the bot in again."""

    def __init__(self, settings: Settings, told: asyncio.Event) -> None:
        self._told = told
        self._failure: ConfigError | None = None
        self._all: list[Platform] = []
        self._routes: list[web.RouteDef] = []
        if "discord" in settings.adapters:
            from adapters.discord import DiscordAdapter  # half a second, for those who use it

            self._all.append(DiscordAdapter(discord_options(settings), failed=self._failed))
        if "slack" in settings.adapters:
            from adapters.slack import SlackAdapter

            slack = SlackAdapter(slack_options(settings), failed=self._failed)
            self._all.append(slack)
            self._routes += slack.routes()

    def attach(self, app: App, http: web.Application) -> None:
        """Let the service show through them, and them hand in what comes, some of it by way of this server."""
        http.add_routes(self._routes)
        for one in self._all:
            one.attach(app.service)
            app.add_adapter(one)

    async def start(self) -> None:
        """Log in everywhere. Raises `ConfigError`."""
        for one in self._all:
            await one.start()

    def stop_taking(self) -> None:
        """Take nothing new; what is being worked on can still be shown."""
        for one in self._all:
            one.stop_taking()

    async def close(self) -> None:
        for one in self._all:
            await one.close()

    def states(self) -> dict[str, str]:
        """By platform, "ok" or what is not ready."""
        return {one.platform: one.state() for one in self._all}

    def check(self) -> None:
        """Raise `ConfigError` where a platform refused the bot for good."""
        if self._failure is not None:
            raise self._failure

    def _failed(self, why: ConfigError) -> None:
        log.error("platform.refused", key=why.key, why=why.user_message)
        self._failure = why
        self._told.set()


def discord_options(settings: Settings) -> Options:
    """What the operator chose for Discord."""
    from adapters.discord import Options

    return Options(
        token=settings.discord_token.get_secret_value(),
        data_dir=settings.data_dir,
        api_url=settings.discord_api_url,
        gateway_url=settings.discord_gateway_url,
        answers=settings.discord_answers,
        reads_along=settings.discord_message_content,
        bots=frozenset(map(int, settings.discord_bots)),
        shards=settings.discord_shards,
    )


def slack_options(settings: Settings) -> SlackOptions:
    """What the operator chose for Slack. Raises `ConfigError` where the key of the data folder is damaged."""
    from adapters.slack.options import API_URL, Options

    return Options(
        data_dir=settings.data_dir,
        bot_token=settings.slack_bot_token.get_secret_value(),
        app_token=settings.slack_app_token.get_secret_value(),
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        api_url=f"{settings.slack_api_url.rstrip('/')}/" if settings.slack_api_url else API_URL,
        mode=settings.slack_mode,
        answers=settings.slack_answers,
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret.get_secret_value(),
        public_url=settings.slack_public_url,
        secret_key=secret_key(settings) if settings.slack_client_id else b"",
    )
