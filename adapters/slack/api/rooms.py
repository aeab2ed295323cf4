"""Where a place is on Slack: its workspace, its channel, its thread; a direct talk is opened first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adapters.recent import Latest
from adapters.slack.api.web import Json, SlackClient, SlackRefused
from adapters.slack.places import direct_user
from bot.chat import Place
from bot.errors import SendError

MAX_KNOWN = 10_000


class Workspace(Protocol):
    """One installation of the bot, as far as it is needed here."""

    @property
    def team(self) -> str: ...

    @property
    def bot_user(self) -> str: ...

    @property
    def bot_id(self) -> str: ...

    @property
    def client(self) -> SlackClient: ...


class Workspaces(Protocol):
    async def get(self, team: str) -> Workspace:
        """Raises `SendError` where it cannot be reached and `PlaceGone` where the bot is not installed (any more)."""


@dataclass(frozen=True, slots=True)
class Room:
    """A channel, or the thread of it that begins with the message `thread`, "" for none. `user` is who a direct talk is
    with, "" for a channel."""

    team: str
    channel: str
    thread: str
    user: str
    client: SlackClient
    bot_user: str
    bot_id: str

    def is_ours(self, message: Json) -> bool:
        """Whether the bot wrote this message."""
        return message.get("user") == self.bot_user or (bool(self.bot_id) and message.get("bot_id") == self.bot_id)


class Rooms:
    """Opens places. Direct talks are remembered."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        self._direct: Latest[tuple[str, str], str] = Latest(MAX_KNOWN)

    async def open(self, place: Place) -> Room:
        """The room of a place. Raises `SendError` and `PlaceGone`."""
        home = await self._workspaces.get(place.workspace)
        user = direct_user(place)
        channel = place.channel if user is None else await self._open_direct(home, user)
        return Room(place.workspace, channel, place.thread, user or "", home.client, home.bot_user, home.bot_id)

    async def _open_direct(self, home: Workspace, user: str) -> str:
        key = (home.team, user)
        if key not in self._direct:
            try:
                opened = await home.client.call("conversations.open", users=user)
            except SlackRefused as err:
                raise SendError(err.user_message) from err
            self._direct[key] = str(opened["channel"]["id"])
        return self._direct[key]
