"""What there is on the stand-in Slack, as plain data. No rules and no I/O: those live beside it."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.adapters.slack.wire.messages import File, Json, Message, View

Kind = Literal["channel", "private", "im", "mpim"]

SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users:read",
)
EVENTS = (
    "agent_session_stopped",
    "app_context_changed",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "channel_archive",
    "channel_deleted",
    "channel_left",
    "channel_rename",
    "channel_unarchive",
    "group_archive",
    "group_deleted",
    "group_left",
    "group_rename",
    "group_unarchive",
    "member_joined_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "subteam_created",
    "subteam_members_changed",
    "subteam_updated",
    "team_join",
    "tokens_revoked",
    "user_change",
)


@dataclass(slots=True, eq=False)
class Team:
    """`has_user_groups` is False on a plan without them."""

    id: str
    name: str
    domain: str
    has_user_groups: bool = True


@dataclass(slots=True, eq=False)
class User:
    """`is_restricted` is a guest of several channels, `is_ultra_restricted` one of a single channel."""

    id: str
    team: str
    name: str
    real_name: str = ""
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    deleted: bool = False
    bot_id: str = ""
    tz: str = "Europe/Amsterdam"
    accepts_dms: bool = True

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(slots=True, eq=False)
class UserGroup:
    id: str
    team: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)
    is_enabled: bool = True

    @property
    def mention(self) -> str:
        return f"<!subteam^{self.id}>"


@dataclass(slots=True, eq=False)
class App:
    """`events` are what it is subscribed to; `is_agent` and `has_socket_mode` are its settings."""

    id: str
    name: str
    client_id: str
    client_secret: str
    signing_secret: str
    app_tokens: list[str]
    events: set[str] = field(default_factory=lambda: set(EVENTS))
    is_agent: bool = True
    has_socket_mode: bool = True


@dataclass(slots=True, eq=False)
class Install:
    """The app in one workspace. `refusal` is what every call with its token is refused with, once it is set."""

    team: str
    token: str
    user: str
    bot_id: str
    app_id: str
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))
    refusal: str = ""

    @property
    def mention(self) -> str:
        return f"<@{self.user}>"


@dataclass(slots=True, eq=False)
class Channel:
    """`team` is the workspace it belongs to, `shared_with` the other ones (Slack Connect)."""

    id: str
    kind: Kind
    name: str
    team: str
    members: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    shared_with: list[str] = field(default_factory=list)
    creator: str = ""
    topic: str = ""
    purpose: str = ""
    is_archived: bool = False

    @property
    def mention(self) -> str:
        return f"<#{self.id}|{self.name}>"

    @property
    def is_shared(self) -> bool:
        return bool(self.shared_with)

    @property
    def history(self) -> list[Message]:
        """Its messages, oldest first, those in threads too."""
        return [self.messages[ts] for ts in sorted(self.messages, key=_stamp)]

    def replies(self, thread: str) -> list[Message]:
        """A thread with its first message, oldest first."""
        return [one for one in self.history if one.thread == thread]


@dataclass(slots=True, eq=False)
class Session:
    """An agent session of a thread. `history` are its statuses in their order; `note` is what `assistant.threads.
    setStatus` shows under the thread, `prompts` what it suggests."""

    channel: str
    thread: str
    status: str = ""
    title: str = ""
    history: list[str] = field(default_factory=list)
    note: str = ""
    notes: list[str] = field(default_factory=list)
    loading_messages: list[str] = field(default_factory=list)
    prompts: list[Json] = field(default_factory=list)
    prompts_title: str = ""


@dataclass(slots=True, eq=False)
class Rules:
    """Numbers of Slack a test may change. `retry_delays_s` are short here: Slack waits 0, 60 and 300 s."""

    ack_within_s: float = 3.0
    retry_delays_s: tuple[float, ...] = (0.05, 0.5, 3.0)
    trigger_lives_s: float = 3.0
    response_url_lives_s: float = 1800.0
    response_url_uses: int = 5
    stream_idle_s: float = 300.0
    stream_total_s: float = 600.0
    page_size: int = 1000
    closes_after_s: float = 0.2
    """How long a socket stays after it was asked to refresh."""
    max_sockets: int = 10
    max_file_bytes: int = 1_000_000_000


@dataclass(slots=True, eq=False)
class World:
    """`emit(event, channel, teams)` hands an event to who delivers it."""

    app: App
    rules: Rules = field(default_factory=Rules)
    base_url: str = ""
    teams: dict[str, Team] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, UserGroup] = field(default_factory=dict)
    installs: dict[str, Install] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)
    ephemerals: list[Message] = field(default_factory=list)
    triggers: dict[str, Any] = field(default_factory=dict)
    interactions: list[Any] = field(default_factory=list)
    codes: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, File] = field(default_factory=dict)
    emit: Callable[..., object] = lambda *_args, **_options: None
    last_ts: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_ts(self, ago_s: float = 0.0) -> str:
        """A `ts` of now, or of some time ago; never the same twice, and rising for those of now."""
        stamp = int((time.time() - ago_s) * 1_000_000)
        if not ago_s:
            stamp = self.last_ts = max(self.last_ts + 1, stamp)
        return f"{stamp // 1_000_000}.{stamp % 1_000_000:06d}"

    def new_id(self, prefix: str) -> str:
        """An id as Slack makes them: a letter for the kind, and ten more."""
        return f"{prefix}0{next(self.numbers):09X}"

    def install(self, team: Team, scopes: Iterable[str] | None = None) -> Install:
        """Let the app be in a workspace. Where it was already, it keeps its bot; a token that was taken away is
        replaced."""
        made = self.installs.get(team.id) or self._installed(team)
        made.scopes = list(scopes) if scopes is not None else made.scopes
        if made.refusal:
            made.token, made.refusal = _new_token(), ""
        return made

    def _installed(self, team: Team) -> Install:
        name = self.app.name
        bot = User(self.new_id("U"), team.id, name, name, is_bot=True, bot_id=self.new_id("B"))
        self.users[bot.id] = bot
        made = self.installs[team.id] = Install(team.id, _new_token(), bot.id, bot.bot_id, self.app.id)
        return made

    def by_token(self, token: str) -> Install | None:
        return next((one for one in self.installs.values() if one.token == token), None)

    def message(self, channel: str, ts: str) -> Message | None:
        """A message that is there and was not deleted."""
        room = self.channels.get(channel)
        found = room.messages.get(ts) if room else None
        return found if found and not found.is_deleted else None

    def open_views(self, user: str) -> list[View]:
        """The modals a person sees, the topmost last."""
        return [one for one in self.views.values() if one.user == user and one.kind == "modal" and one.is_open]


async def until(claim: Callable[[], object], timeout_s: float, complaint: str) -> None:
    """Wait until something is so. Raises TimeoutError with the complaint."""
    end = time.monotonic() + timeout_s
    while not claim():
        if time.monotonic() > end:
            raise TimeoutError(complaint)
        await asyncio.sleep(0.005)


def _new_token() -> str:
    return f"xoxb-{secrets.randbelow(10**12)}-{secrets.token_hex(12)}"


def _stamp(ts: str) -> tuple[int, int]:
    seconds, _, part = ts.partition(".")
    return int(seconds), int(part or 0)
