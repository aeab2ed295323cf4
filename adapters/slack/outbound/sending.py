"""What must arrive on Slack: marked with a key that is the same at every attempt, and looked for before it is repeated.

Slack has nothing that keeps a message from being sent twice. So whatever may have been sent before, by a process that
is gone or in a call whose answer was lost, is looked for first: the mark is in the message (`marks`). The receipt of a
message is its `ts`: its place says in which channel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from adapters.recent import Latest
from adapters.slack.api.rooms import Room, Rooms
from adapters.slack.api.web import Json, SlackRefused, Unsure
from adapters.slack.outbound.filing import share
from adapters.slack.outbound.marks import Arrived, arrived, mark
from bot.chat import Place
from bot.errors import PlaceGone, SendError

log = structlog.get_logger()

LOOK_BACK_S, CLOCKS_DIFFER_S = 60.0, 5.0
"""How much earlier is looked, and how new in the life of this process a thing may be and yet have been sent by one that
is gone."""
FILE_ATTEMPTS = 5
MAX_KNOWN = 10_000
TEXT_CHARS = 3_800
"""Of the text beside blocks; `chat.update` takes 4,000 (docs, "chat.update")."""
WHOLE_TEXT_CHARS = 39_000
"""Of a text without blocks; Slack cuts at 40,000 (docs, "chat.postMessage")."""
NOT_THERE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
UNSHOWABLE = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "blocks_too_long", "invalid_metadata_format"}
)
"""It is the blocks that Slack does not take: the text alone may still do."""
File = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Post:
    """One message to send. `text` is mrkdwn, what notifications and screen readers say where there are `blocks`, and
    what is shown should Slack not take those. `files` (name, content) follow it, each in a message of its own."""

    text: str
    blocks: tuple[Json, ...] = ()
    files: tuple[File, ...] = ()


class Draft(Protocol):
    """A message that shows what passes, and can become the first one that is sent."""

    async def become(self, post: Post, metadata: Json) -> str | None:
        """Show this from now on, once; gives its `ts`, None where it cannot. Raises `SendError`: then nobody knows, or
        not yet, and it is asked again."""


class Sender:
    """Sends into places. Raises `SendError` and `PlaceGone`, like the adapter it works for. `clock` is time's."""

    def __init__(self, rooms: Rooms, *, clock: Callable[[], float] = time.time) -> None:
        self._rooms = rooms
        self._clock = clock
        self._since_s = clock()
        self._sent: Latest[str, str] = Latest(MAX_KNOWN)
        """What was sent in this process: by its key, the `ts` of a message or the id of a file."""

    def may_have_been_sent(self, since_ms: int, attempts: int) -> bool:
        """Whether something of this age may be there although nobody noted it."""
        return attempts > 0 or since_ms / 1000 < self._since_s + CLOCKS_DIFFER_S

    async def post(
        self,
        place: Place,
        posts: Sequence[Post],
        *,
        key: str,
        since_ms: int = 0,
        attempts: int = 0,
        draft: Draft | None = None,
    ) -> list[str]:
        """Send these messages in order, each once, and give their `ts`. A `draft` becomes the first of them."""
        room = await self._rooms.open(place)
        with translated():
            there = Arrived()
            if self.may_have_been_sent(since_ms, attempts):
                there = await arrived(room, since_s=self._from(since_ms))
            sent = []
            for at, one in enumerate(posts):
                ts = await self._once(room, one, f"{key}:{at}", there, draft if at == 0 else None)
                await self._attach(room, one.files, f"{key}:{at}", there, attempts)
                sent.append(ts)
            return sent

    async def edit(self, place: Place, ts: str, post: Post) -> bool:
        """Let a message show something else; False where it is not there any more, or too old to be changed."""
        room = await self._rooms.open(place)
        with translated():
            try:
                await show(room, post, "chat.update", ts=ts)
            except SlackRefused as err:
                if err.code in NOT_THERE:
                    return False
                raise
        return True

    async def _once(self, room: Room, post: Post, key: str, there: Arrived, draft: Draft | None) -> str:
        ts = self._sent.get(key) or there.ts_of(key)
        if not ts and draft is not None:
            ts = await draft.become(post, mark(key)) or ""
        ts = ts or await self._send(room, post, key)
        self._note(key, ts)
        return ts

    async def _send(self, room: Room, post: Post, key: str) -> str:
        how = {"thread_ts": room.thread or None, "unfurl_links": False, "unfurl_media": False, "metadata": mark(key)}
        try:
            answer = await show(room, post, "chat.postMessage", **how)
        except Unsure:
            there = await arrived(room, since_s=self._clock() - LOOK_BACK_S)
            if ts := there.ts_of(key):
                return ts
            raise
        return str(answer.get("ts", ""))

    async def _attach(self, room: Room, files: Sequence[File], key: str, there: Arrived, attempts: int) -> None:
        """Share files, each once. What may have been shared by a process that is gone is known by name and size."""
        for at, (name, content) in enumerate(files):
            mine = f"{key}:file:{at}"
            if mine in self._sent:
                continue
            taken = set(self._sent.values())
            same = (one for one, called, size in there.files() if (called, size) == (name, len(content)))
            found = next((one for one in same if one not in taken), "")
            if not found:
                found = there.ts_of(mine) or await self._share(room, name, content, mine, attempts)
            self._note(mine, found)

    async def _share(self, room: Room, name: str, content: bytes, key: str, attempts: int) -> str:
        """Share a file; where that cannot be, say so, as nothing else comes there before it is over."""
        try:
            return await share(room, name, content, since_s=self._clock() - LOOK_BACK_S)
        except PlaceGone:
            raise
        except SlackRefused as err:
            why = err.user_message
        except SendError as err:
            if attempts < FILE_ATTEMPTS:
                raise
            why = err.user_message
        log.warning("slack.file_not_shared", channel=room.channel, why=why)
        return await self._send(room, Post(f"I could not attach a file here: {why}"), key)

    def _note(self, key: str, what: str) -> None:
        self._sent[key] = what

    def _from(self, since_ms: int) -> float:
        return (since_ms / 1000 if since_ms else self._clock()) - LOOK_BACK_S


async def show(room: Room, post: Post, method: str, **how: Any) -> Json:
    """Send or change a message; without its blocks where Slack does not take them."""
    how = {"channel": room.channel, "parse": "none", "link_names": False, **how}
    if not post.blocks:
        blocks: list[Json] | None = [] if method == "chat.update" else None
        return await room.client.call(method, text=_cut(post.text, _room_of(method)), blocks=blocks, **how)
    try:
        return await room.client.call(method, text=_cut(post.text, TEXT_CHARS), blocks=list(post.blocks), **how)
    except SlackRefused as err:
        if err.code not in UNSHOWABLE:
            raise
        log.warning("slack.blocks_refused", channel=room.channel, code=err.code, messages=err.messages)
        return await show(room, Post(post.text), method, **how)


def _room_of(method: str) -> int:
    return TEXT_CHARS if method == "chat.update" else WHOLE_TEXT_CHARS


def _cut(text: str, chars: int) -> str:
    """The beginning of a text that fits, with no entity and no mention torn apart."""
    if len(text) <= chars:
        return text
    kept = text[: chars - 1]
    torn = max(kept.rfind("<"), kept.rfind("&"))
    if torn > max(kept.rfind(">"), kept.rfind(";")):
        kept = kept[:torn]
    return f"{kept}…"


@contextmanager
def translated() -> Iterator[None]:
    """Say what Slack refused in the words of deliveries: it may be taken later."""
    try:
        yield
    except SlackRefused as err:
        raise SendError(err.user_message) from err
