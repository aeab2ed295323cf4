"""Nod on the stand-in Slack, in this process: the real service, database, model client, Bolt and slack_sdk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.slack import SlackAdapter
from adapters.slack.places import PLATFORM
from bot.app import App
from bot.chat import Place
from bot.config.settings import Settings
from bot.errors import ConfigError
from tests.adapters.opening import at_work, opened, rested
from tests.adapters.slack.doors import options_of, serving
from tests.adapters.slack.wire import Channel, Message, SlackServer, User
from tests.models.endpoint import ScriptedEndpoint


@dataclass
class Team:
    """A workspace with a channel, and the people in it; `admin` administers the bot there."""

    server: SlackServer
    room: Channel
    anna: User
    ben: User
    admin: User

    @property
    def id(self) -> str:
        return self.server.team.id

    @property
    def scope(self) -> str:
        return f"{PLATFORM}:{self.id}"

    def key(self, user: User) -> str:
        return f"{self.scope}/{user.id}"

    def place(self, thread: Message | str = "", *, room: Channel | None = None) -> Place:
        """The channel, or a thread of it."""
        ts = thread.thread if isinstance(thread, Message) else thread
        return Place(PLATFORM, self.id, (room or self.room).id, ts)

    def ask(self, text: str, *, by: User | None = None, where: Channel | None = None, **how: Any) -> Message:
        """Mention the bot, in the channel unless it is said where."""
        return self.server.say(by or self.anna, where or self.room, f"{self.server.bot.mention} {text}", **how)

    def texts(self, channel: Channel | None = None, thread: Message | None = None) -> list[str]:
        """What the bot wrote and that is still there."""
        return [one.shown for one in self.server.said(channel, thread=thread)]

    async def answer(self, text: str, timeout_s: float = 10.0) -> Message:
        """Wait for a message of the bot in which this is the answer."""
        return await self.server.until(
            lambda: next((one for one in self.server.said() if _answers(one) == text), None), timeout_s
        )

    def answers(self) -> list[str]:
        """The answers of the bot that are there, oldest first."""
        return [text for one in self.server.said() if (text := _answers(one)) is not None]

    async def card(self, label: str = "Approve", timeout_s: float = 10.0) -> Message:
        """Wait for a card with such a button, the newest."""
        found = await self.cards(1, label=label, timeout_s=timeout_s)
        return found[-1]

    async def cards(self, count: int, *, label: str = "Approve", timeout_s: float = 10.0) -> list[Message]:
        """So many cards with such a button, oldest first."""
        return await self.server.until(
            lambda: len(shown := [one for one in self.server.said() if label in one.labels]) >= count and shown,
            timeout_s,
        )


def _answers(message: Message) -> str | None:
    """The answer a message is: the words between what was called and the feedback buttons; None for any other."""
    kinds = [one["type"] for one in message.blocks]
    if "context_actions" not in kinds:
        return None
    return "\n".join(str(one["text"]) for one in message.blocks if one["type"] == "markdown")


async def listening(team: Team, count: int) -> None:
    """Wait until so many sockets were opened, and one is there: so many processes have come up."""
    await team.server.until(lambda: team.server.socket.opened >= count and team.server.socket.connected, 30)


@dataclass
class Nod:
    """One running bot. `base` is where its server is."""

    app: App
    adapter: SlackAdapter
    failures: list[ConfigError] = field(default_factory=list)
    base: str = ""

    async def idle(self) -> None:
        """Wait until every run rests and everything that is to be shown has been taken."""
        await rested(self.app)


def team_of(server: SlackServer) -> Team:
    anna, ben = (server.create_user(name) for name in ("anna", "ben"))
    admin = server.create_user("root", is_admin=True)
    return Team(server, server.create_channel("general", members=[anna, ben, admin]), anna, ben, admin)


def settings_of(team: Team, settings: Settings, **more: object) -> Settings:
    """These settings for this team: its admin, and Slack as the platform."""
    given = {"adapters": (PLATFORM,), "admins": (team.key(team.admin),), **more}
    return settings.model_copy(update=given)


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
    adapter = SlackAdapter(options_of(team.server, settings.data_dir, **options), failed=failures.append)
    ready = lambda: team.server.until(lambda: adapter.state() == "ok" or failures)  # noqa: E731
    async with opened(settings, endpoint, vision=vision) as app, serving(adapter.routes()) as base:
        if change is not None:
            change(app)
        if adapter.routes():
            team.server.deliver_to(f"{base}/slack/events")
        async with at_work(app, adapter, connected=ready):
            yield Nod(app, adapter, failures, base)
