"""A run shown as one of Slack's own streams: words as they are written, a task for each call.

Slack says of a stream only its `ts`, refuses `chat.update` while it lasts, and closes it by itself after some minutes.
What was appended stays. So where a stream cannot go on as it is, because it grows old, its words were taken back or an
answer was lost, a new one begins with everything, and the old one goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from adapters.slack.api.rooms import Room
from adapters.slack.api.web import GONE, Json, SlackRefused, Unsure
from adapters.slack.outbound.canvas import GONE_AWAY, Ended, kept_as, kept_post, remove, turn_into
from adapters.slack.outbound.marks import arrived, found_in, is_unfinished, look_at
from adapters.slack.outbound.progress import News, Progress, Told, closing, last_words, news
from adapters.slack.outbound.sending import LOOK_BACK_S, Post
from adapters.slack.outbound.sessions import Sessions, Status
from bot.errors import SendError

log = structlog.get_logger()

STREAM_S = 240.0
"""How old a stream may grow. Slack closes it after about five minutes (slack_sdk#1859)."""
STOPPED_BY_USER = "stopped_by_user"


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom it is streamed: who asked, and their own workspace."""

    user: str
    team: str


class Stream:
    """`held` are the messages somebody draws in that room; `clock` gives seconds that only grow."""

    def __init__(
        self,
        room: Room,
        run_id: str,
        reader: Reader,
        sessions: Sessions,
        *,
        held: Callable[[], set[str]],
        stream_s: float = STREAM_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ts = ""
        self._room = room
        self._run_id = run_id
        self._reader = reader
        self._sessions = sessions
        self._held = held
        self._stream_s = stream_s
        self._clock = clock
        self._told = Told()
        self._since_s = 0.0
        self._is_open = False
        self._old: list[str] = []
        self._is_lost = False

    @property
    def is_unsure(self) -> bool:
        return self._is_lost or bool(self._old)

    @property
    def renew_in_s(self) -> float:
        """When it is too old to go on."""
        return max(0.0, self._since_s + self._stream_s - self._clock()) if self._is_open else self._stream_s

    async def draw(self, progress: Progress) -> None:
        step = news(progress, self._told)
        if not self.ts:
            await self._begin(step)
        elif step is None or not self._is_open or self.renew_in_s <= 0:
            await self._renew(progress)
        elif step.chunks:
            await self._append(step)
        await self._sweep()

    async def leave(self, progress: Progress, status: Status) -> None:
        step = closing(progress, self._told, last_words(progress))
        metadata = kept_as(self._run_id, self.ts)
        if step is None or not await self._stop(status, step.chunks, metadata=metadata):
            await self._stop(status)
            await turn_into(self._room, self.ts, kept_post(progress) or Post("…"), metadata)
        await self._sweep()

    async def drop(self, progress: Progress, status: Status) -> None:
        await self._stop(status)
        kept = kept_post(progress, has_words=False)
        if kept is None or not await turn_into(self._room, self.ts, kept, kept_as(self._run_id, self.ts)):
            await remove(self._room, self.ts)
        await self._sweep()

    async def become(self, progress: Progress, post: Post, metadata: Json, status: Status) -> str | None:
        try:
            is_it = await self._turn_into(progress, post, metadata, status)
        except Unsure:
            if not (is_it := await self._is_now(metadata)):
                raise
            self._note_stopped(status)
        if not is_it:
            await remove(self._room, self.ts)
        await self._sweep()
        return self.ts if is_it else None

    async def _turn_into(self, progress: Progress, post: Post, metadata: Json, status: Status) -> bool:
        markdown, below = _words_of(post)
        step = closing(progress, self._told, markdown)
        if step is not None and await self._stop(status, step.chunks, blocks=below, metadata=metadata):
            return True
        await self._stop(status)
        return await turn_into(self._room, self.ts, post, metadata)

    # --- begin and go on ---

    async def _begin(self, step: News | None) -> bool:
        """Begin with this, where there is anything to say; whether a new stream is there now."""
        if step is None or not step.chunks:
            return False
        try:
            answer = await self._room.client.call(
                "chat.startStream",
                patience_s=0,
                channel=self._room.channel,
                thread_ts=self._room.thread,
                recipient_user_id=self._reader.user or None,
                recipient_team_id=self._reader.team or None,
                task_display_mode="timeline",
                chunks=list(step.chunks),
            )
        except Unsure:
            self._old += await self._lost()
            raise
        self.ts, self._told = str(answer["ts"]), step.told
        self._since_s, self._is_open = self._clock(), True
        return True

    async def _append(self, step: News) -> None:
        chunks = list(step.chunks)
        try:
            await self._room.client.call(
                "chat.appendStream", patience_s=0, channel=self._room.channel, ts=self.ts, chunks=chunks
            )
        except Unsure:
            self._is_open = False  # what it shows is not known: it is replaced
            raise
        except SlackRefused as err:
            self._is_open = False
            if err.code == STOPPED_BY_USER or err.code in GONE or err.code in GONE_AWAY:
                raise Ended from err
            log.info("stream.closed", channel=self._room.channel, code=err.code)
            return  # by Slack: the next one begins with the next look, unless somebody has stopped the run by then
        self._told = step.told

    async def _renew(self, progress: Progress) -> None:
        old = self.ts
        if await self._begin(news(progress, Told())):
            self._old.append(old)

    async def _lost(self) -> list[str]:
        """The streams of ours in this room that nobody holds: one of them began in a call whose answer was lost."""
        there = await arrived(self._room, since_s=time.time() - LOOK_BACK_S)
        held = self._held()
        found = [str(one["ts"]) for one in there.messages if is_unfinished(one) and one["ts"] not in held]
        self._is_lost = not found
        return found

    # --- end ---

    async def _stop(
        self, status: Status, chunks: Sequence[Json] = (), *, blocks: Sequence[Json] = (), metadata: Json | None = None
    ) -> bool:
        """Stop it with these last things; False where Slack does not take them, or it has stopped before."""
        how = {"session_status": status} if self._sessions.has(self._room.team) else {}
        if not self._is_open and metadata is not None:
            return False
        try:
            await self._room.client.call(
                "chat.stopStream",
                channel=self._room.channel,
                ts=self.ts,
                chunks=list(chunks) or None,
                blocks=list(blocks) or None,
                metadata=metadata,
                **how,  # type: ignore[arg-type]  # a word of Slack's
            )
        except SlackRefused as err:
            log.info("stream.not_stopped", channel=self._room.channel, code=err.code)
            return False
        self._note_stopped(status)
        return True

    def _note_stopped(self, status: Status) -> None:
        self._is_open = False
        if self._sessions.has(self._room.team):
            self._sessions.note(self._room, status)

    async def _is_now(self, metadata: Json) -> bool:
        """Whether its message carries this mark. Raises `SendError`."""
        try:
            found = await look_at(self._room, self.ts)
        except SlackRefused as err:
            raise SendError(err.user_message) from err
        return found is not None and found_in(found)[0] == metadata["event_payload"]["key"]

    async def _sweep(self) -> None:
        """Let the streams go that this one has taken the place of."""
        for ts in self._old:
            await end(self._room, ts)
        self._old.clear()


async def end(room: Room, ts: str) -> None:
    """Stop a stream that nobody needs, and delete it. Raises nothing."""
    try:
        await room.client.call("chat.stopStream", channel=room.channel, ts=ts)
    except (SlackRefused, SendError) as err:
        log.info("stream.not_stopped", channel=room.channel, why=err.user_message)
    await remove(room, ts)


def _words_of(post: Post) -> tuple[str, tuple[Json, ...]]:
    """The Markdown of a post, and the blocks below it. What stands above it are the calls, which a stream shows as its
    tasks."""
    at = next((at for at, one in enumerate(post.blocks) if one.get("type") == "markdown"), None)
    return ("", post.blocks) if at is None else (str(post.blocks[at]["text"]), post.blocks[at + 1 :])
