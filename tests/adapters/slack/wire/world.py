"""What there is on the stand-in Slack, as plain data. No rules and no I/O: those live beside it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]

Kind = Literal["channel", "private", "im", "mpim"]
StreamState = Literal["streaming", "stopped", "expired", "stopped_by_user"]

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
    "group_left",
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


@dataclass(slots=True)
class Team:
    """`has_user_groups` is False on a plan without them."""

    id: str
    name: str
    domain: str
    has_user_groups: bool = True


@dataclass(slots=True)
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
    email: str = ""
    tz: str = "Europe/Amsterdam"
    accepts_dms: bool = True

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(slots=True)
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


@dataclass(slots=True)
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


@dataclass(slots=True)
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


@dataclass(slots=True)
class File:
    """`answers` is what its address says to who has the token: 200 gives the bytes, 302 sends to `redirect_to`, another
    status gives none. Who has no token is sent to a page in HTML to sign in, as Slack does."""

    id: str
    team: str
    user: str
    name: str
    content: bytes
    mimetype: str
    title: str = ""
    url: str = ""
    channels: list[str] = field(default_factory=list)
    is_deleted: bool = False
    is_complete: bool = True
    answers: int = 200
    redirect_to: str = ""
    mode: str = "hosted"
    access: str = ""
    """`check_file_info` for files of Slack Connect, whose details have to be asked for."""


@dataclass(slots=True)
class Stream:
    """A message that is being streamed. `parts` holds what came, in its order, `tasks` each task as last told."""

    task_display_mode: str = "timeline"
    state: StreamState = "streaming"
    recipient_user: str = ""
    recipient_team: str = ""
    parts: list[Json] = field(default_factory=list)
    tasks: dict[str, Json] = field(default_factory=dict)
    plan: str = ""
    started_at: float = field(default_factory=time.monotonic)
    touched_at: float = field(default_factory=time.monotonic)
    appends: int = 0

    @property
    def is_open(self) -> bool:
        return self.state == "streaming"

    @property
    def text(self) -> str:
        """All the Markdown that was streamed."""
        return "".join(part["text"] for part in self.parts if part["type"] == "markdown_text")

    @property
    def blocks(self) -> list[Json]:
        """What it is shown as: text, tasks and blocks where they first came."""
        shown: list[Json] = []
        seen: set[str] = set()
        for part in self.parts:
            match part["type"]:
                case "markdown_text" if shown and shown[-1]["type"] == "markdown":
                    shown[-1] = {"type": "markdown", "text": shown[-1]["text"] + part["text"]}
                case "markdown_text":
                    shown.append({"type": "markdown", "text": part["text"]})
                case "blocks":
                    shown += part["blocks"]
                case "task_update" if part["id"] not in seen:
                    seen.add(part["id"])
                    task = self.tasks[part["id"]]
                    shown.append({"type": "task_card", "task_id": task["id"], **_without(task, "id", "type")})
        return shown


@dataclass(slots=True)
class Message:
    """`versions` holds what the message said before each edit, oldest first: text and blocks. `options` are the other
    arguments it was posted with (`unfurl_links`, `parse`, `username`, ...)."""

    ts: str
    channel: str
    user: str
    team: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str = ""
    subtype: str = ""
    bot_id: str = ""
    app_id: str = ""
    files: list[File] = field(default_factory=list)
    client_msg_id: str = ""
    edited_by: str = ""
    edited_ts: str = ""
    is_deleted: bool = False
    is_tombstone: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    versions: list[tuple[str, list[Json]]] = field(default_factory=list)
    options: Json = field(default_factory=dict)
    stream: Stream | None = None
    ephemeral_to: str = ""

    @property
    def thread(self) -> str:
        """The `ts` of the first message of its thread, its own if it is in none."""
        return self.thread_ts or self.ts

    @property
    def is_reply(self) -> bool:
        return bool(self.thread_ts) and self.thread_ts != self.ts

    @property
    def shown(self) -> str:
        """What a person reads: the words of its blocks and attachments, each on its own lines, or its text if it has
        no blocks."""
        return "\n".join(words(self.blocks) or ([self.text] if self.text else []))

    @property
    def buttons(self) -> list[Json]:
        return [part for part in walk(self.blocks) if part.get("type") in PRESSED]

    @property
    def labels(self) -> list[str]:
        """The words on its buttons."""
        return [part["text"]["text"] for part in self.buttons if "text" in part]

    @property
    def menus(self) -> list[Json]:
        return [part for part in walk(self.blocks) if str(part.get("type")).endswith("select") or _is_pick(part)]


@dataclass(slots=True)
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


@dataclass(slots=True)
class View:
    """A modal, or the Home tab of a person. `versions` holds what it was before each update, `body` what was sent."""

    id: str
    kind: Literal["modal", "home"]
    user: str
    team: str
    body: Json
    hash: str
    external_id: str = ""
    root: str = ""
    previous: str = ""
    is_open: bool = True
    versions: list[Json] = field(default_factory=list)
    response_urls: list[str] = field(default_factory=list)

    @property
    def blocks(self) -> list[Json]:
        return list(self.body["blocks"])

    @property
    def title(self) -> str:
        return str(self.body.get("title", {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        return str(self.body.get("callback_id", ""))

    @property
    def shown(self) -> str:
        """What a person reads in it."""
        return "\n".join(words(self.blocks))

    @property
    def buttons(self) -> list[Json]:
        return [part for part in walk(self.blocks) if part.get("type") in PRESSED]

    @property
    def labels(self) -> list[str]:
        return [part["text"]["text"] for part in self.buttons if "text" in part]

    @property
    def inputs(self) -> list[Json]:
        """Its input blocks."""
        return [block for block in self.blocks if block["type"] == "input"]


@dataclass(slots=True)
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


@dataclass(slots=True)
class Rules:
    """Numbers of Slack a test may change. `retry_delays_s` are short here: Slack waits 0, 60 and 300 s."""

    ack_within_s: float = 3.0
    retry_delays_s: tuple[float, ...] = (0.0, 0.3, 1.0)
    trigger_lives_s: float = 3.0
    response_url_lives_s: float = 1800.0
    response_url_uses: int = 5
    stream_idle_s: float = 300.0
    stream_total_s: float = 600.0
    stale_after_s: float = 300.0
    page_size: int = 1000
    closes_after_s: float = 0.2
    """How long a socket stays after it was asked to refresh."""
    max_sockets: int = 10


@dataclass(slots=True)
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
    emit: Callable[..., None] = lambda *_args, **_options: None
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


PRESSED = ("button", "workflow_button", "feedback_buttons", "icon_button", "overflow")


def walk(blocks: list[Json]) -> Iterator[Json]:
    """Every block and element, those inside others too, in the order they are shown."""
    for part in blocks:
        yield part
        for name in ("elements", "accessory", "element", "fields", "actions", "child_blocks", "tasks"):
            inner = part.get(name)
            if isinstance(inner, dict):
                yield from walk([inner])
            elif isinstance(inner, list):
                yield from walk([one for one in inner if isinstance(one, dict)])


def words(blocks: list[Json]) -> list[str]:
    """The words of blocks, in the order they are shown."""
    found: list[str] = []
    for part in blocks:
        for name in ("title", "text", "label", "subtitle", "body", "details", "output", "hint", "alt_text"):
            value = part.get(name)
            if isinstance(value, str):
                found.append(value)
            elif isinstance(value, dict):
                found += [value["text"]] if isinstance(value.get("text"), str) else words([value])
        for name in ("fields", "elements", "accessory", "element", "actions", "child_blocks", "tasks"):
            inner = part.get(name)
            if isinstance(inner, dict):
                found += words([inner])
            elif isinstance(inner, list):
                found += words([one for one in inner if isinstance(one, dict)])
    return found


async def until(claim: Callable[[], object], timeout_s: float, complaint: str) -> None:
    """Wait until something is so. Raises TimeoutError with the complaint."""
    end = time.monotonic() + timeout_s
    while not claim():
        if time.monotonic() > end:
            raise TimeoutError(complaint)
        await asyncio.sleep(0.005)


def _stamp(ts: str) -> tuple[int, int]:
    seconds, _, part = ts.partition(".")
    return int(seconds), int(part or 0)


def _is_pick(part: Json) -> bool:
    return part.get("type") in ("datepicker", "timepicker", "checkboxes", "radio_buttons")


def _without(body: Json, *names: str) -> Json:
    return {name: value for name, value in body.items() if name not in names}
