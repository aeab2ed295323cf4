"""What there is on the stand-in Discord, as plain data. No rules and no I/O: those live beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

TEXT, DM, VOICE, CATEGORY, PUBLIC_THREAD, PRIVATE_THREAD, FORUM = 0, 1, 2, 4, 11, 12, 15
EPHEMERAL, HAS_THREAD, LOADING, COMPONENTS_V2 = 1 << 6, 1 << 5, 1 << 7, 1 << 15
EPOCH_MS = 1_420_070_400_000


@dataclass(slots=True)
class User:
    id: int
    name: str
    bot: bool = False
    global_name: str | None = None
    accepts_dms: bool = True

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(slots=True)
class Role:
    id: int
    guild_id: int
    name: str
    permissions: int = 0
    position: int = 1
    managed_by: int | None = None
    mentionable: bool = False

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"


@dataclass(slots=True)
class Overwrite:
    id: int
    is_role: bool
    allow: int = 0
    deny: int = 0


@dataclass(slots=True)
class Member:
    user_id: int
    role_ids: list[int] = field(default_factory=list)
    nick: str | None = None
    pending: bool = False
    flags: int = 0
    joined_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(slots=True)
class Guild:
    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    unavailable: bool = False


@dataclass(slots=True)
class Attachment:
    """`answers` is what the file's address says: 200 gives the bytes, 404 or another status none, 302 sends to
    `redirect_to`."""

    id: int
    filename: str
    content: bytes
    content_type: str
    url: str
    description: str | None = None
    is_ephemeral: bool = False
    answers: int = 200
    redirect_to: str = ""


@dataclass(slots=True)
class Message:
    """`versions` holds what the message said before each edit, oldest first: content and components."""

    id: int
    channel_id: int
    author_id: int
    content: str = ""
    kind: int = 0
    flags: int = 0
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    mention_ids: list[int] = field(default_factory=list)
    mention_role_ids: list[int] = field(default_factory=list)
    mentions_everyone: bool = False
    reply_to_id: int | None = None
    nonce: str | None = None
    webhook_name: str | None = None
    webhook_id: int | None = None
    interaction: Interaction | None = None
    for_user_id: int | None = None
    edited_at: datetime | None = None
    thread_id: int | None = None
    is_deleted: bool = False
    reactions: dict[str, list[int]] = field(default_factory=dict)
    versions: list[tuple[str, list[Json]]] = field(default_factory=list)

    @property
    def created_at(self) -> datetime:
        return datetime.fromtimestamp(((self.id >> 22) + EPOCH_MS) / 1000, UTC)

    @property
    def is_ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def is_loading(self) -> bool:
        return bool(self.flags & LOADING)

    @property
    def text(self) -> str:
        """All that is written on it: the content, then every text display, each on its own lines."""
        displays = [part["content"] for part in walk(self.components) if part["type"] == 10]
        return "\n".join([self.content, *displays]).strip()

    @property
    def buttons(self) -> list[Json]:
        return [part for part in walk(self.components) if part["type"] == 2]

    @property
    def labels(self) -> list[str]:
        """The words on its buttons, those that can be pressed only."""
        return [part.get("label", "") for part in self.buttons if not part.get("disabled")]

    @property
    def menus(self) -> list[Json]:
        return [part for part in walk(self.components) if part["type"] in (3, 5, 6, 7, 8)]


@dataclass(slots=True)
class Channel:
    """A channel, a thread (`owner_id` and on) or a direct talk (`recipients`)."""

    id: int
    kind: int
    name: str
    guild_id: int | None = None
    parent_id: int | None = None
    topic: str | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    recipients: tuple[int, ...] = ()
    owner_id: int | None = None
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 1440
    archived_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    member_ids: list[int] = field(default_factory=list)

    @property
    def is_thread(self) -> bool:
        return self.kind in (10, PUBLIC_THREAD, PRIVATE_THREAD)

    @property
    def is_private(self) -> bool:
        return self.kind == PRIVATE_THREAD

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def history(self) -> list[Message]:
        """Its messages, oldest first."""
        return [self.messages[key] for key in sorted(self.messages)]


@dataclass(slots=True)
class Answer:
    """The first answer to an interaction: callback type, data as sent, seconds after it was made."""

    kind: int
    data: Json
    after_s: float
    message: Message | None = None

    @property
    def choices(self) -> list[Json]:
        return list(self.data.get("choices", []))

    @property
    def is_ephemeral(self) -> bool:
        return self.message is not None and self.message.is_ephemeral


@dataclass(slots=True)
class Interaction:
    """Something a person did with the bot: 2 a command, 3 a component, 4 an autocomplete, 5 a modal.

    `original` is what `@original` means; `followups` the messages after it; `refused` the error codes of answers that
    were not taken. `message` is the one it was made on.
    """

    id: int
    kind: int
    token: str
    user_id: int
    channel_id: int
    guild_id: int | None
    data: Json
    message: Message | None = None
    made_at: float = field(default_factory=time.monotonic)
    answer: Answer | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    is_expired: bool = False

    async def answered(self, timeout_s: float = 5.0) -> Answer:
        """Wait for the first answer. Raises TimeoutError: that is "This interaction failed" to the person."""
        await until(lambda: self.answer is not None, timeout_s, f"no answer to interaction {self.data}")
        assert self.answer is not None
        return self.answer

    async def said(self, timeout_s: float = 5.0) -> Message:
        """Wait for the message it ends in: the first answer's own, or what a deferred answer became."""
        await until(lambda: self.original is not None and not self.original.is_loading, timeout_s, "nothing was said")
        assert self.original is not None
        return self.original

    async def followed_up(self, count: int = 1, timeout_s: float = 5.0) -> Message:
        """Wait for the `count`th message after the first answer."""
        await until(lambda: len(self.followups) >= count, timeout_s, f"{len(self.followups)} of {count} followups")
        return self.followups[count - 1]

    def expire(self) -> None:
        """Let its token be worth nothing any more, as after 15 minutes."""
        self.is_expired = True


@dataclass(slots=True)
class Application:
    id: int
    name: str
    token: str
    owner_id: int
    message_content: bool = True
    members: bool = True
    presences: bool = False

    @property
    def flags(self) -> int:
        """Which privileged intents are switched on in the developer portal, as Discord tells it (limited bits)."""
        return (1 << 13) * self.presences | (1 << 15) * self.members | (1 << 19) * self.message_content


@dataclass(slots=True)
class Rules:
    """Numbers of Discord a test may change."""

    max_content: int = 2000
    max_upload_bytes: int = 10 * 1024 * 1024
    nonce_window_s: float = 180.0
    answer_within_s: float = 3.0
    token_lives_s: float = 900.0
    expired_token: int = 50027
    """The error code of an expired token: 50027 (401) or 10015 (404); both are seen."""
    commands_per_day: int = 200


@dataclass(slots=True)
class World:
    """`emit(name, payload, guild_id, channel)` hands an event to the gateway."""

    app: Application
    me: User
    rules: Rules = field(default_factory=Rules)
    base_url: str = ""
    users: dict[int, User] = field(default_factory=dict)
    guilds: dict[int, Guild] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    interactions: dict[int, Interaction] = field(default_factory=dict)
    attachments: dict[int, Attachment] = field(default_factory=dict)
    nonces: dict[tuple[int, int, str], tuple[float, Message]] = field(default_factory=dict)
    commands: dict[int | None, list[Json]] = field(default_factory=dict)
    command_writes: list[Json] = field(default_factory=list)
    ephemerals: dict[int, Message] = field(default_factory=dict)
    typing: list[int] = field(default_factory=list)
    emit: Callable[..., None] = lambda *_args, **_options: None
    last_id: int = 0

    def new_id(self, ago_s: float = 0.0) -> int:
        """A snowflake of now, or of some time ago; never the same twice, and rising for those of now."""
        stamp = int((time.time() - ago_s) * 1000) - EPOCH_MS << 22
        if ago_s:
            self.last_id += 1
            return stamp | self.last_id & 0xFFF
        self.last_id = max(self.last_id + 1, stamp)
        return self.last_id

    def by_token(self, token: str) -> Interaction | None:
        return next((found for found in self.interactions.values() if found.token == token), None)

    def guild_channels(self, guild_id: int) -> list[Channel]:
        return [channel for channel in self.channels.values() if channel.guild_id == guild_id]


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component, those inside others too, in the order they are shown."""
    for part in components:
        yield part
        yield from walk(part.get("components", []))
        yield from walk([part[name] for name in ("accessory", "component") if isinstance(part.get(name), dict)])


async def until(claim: Callable[[], object], timeout_s: float, complaint: str) -> None:
    """Wait until something is so. Raises TimeoutError with the complaint."""
    end = time.monotonic() + timeout_s
    while not claim():
        if time.monotonic() > end:
            raise TimeoutError(complaint)
        await asyncio.sleep(0.005)
