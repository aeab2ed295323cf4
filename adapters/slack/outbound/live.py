"""What passes on Slack: that the bot works, a task for each tool call, the text that is being written.

One message for each stretch of a run (`streams`, or `edited` where Slack has none for the bot). It may be lost, all of
it; what must arrive is sent elsewhere (`sending`), and the message becomes the answer there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from adapters.recent import Latest
from adapters.slack.api.rooms import Room, Rooms
from adapters.slack.api.web import GONE, Json, SlackRefused
from adapters.slack.outbound.canvas import Canvas, Ended
from adapters.slack.outbound.edited import Edited
from adapters.slack.outbound.leftovers import clear
from adapters.slack.outbound.progress import Progress, lines_block
from adapters.slack.outbound.sending import Post
from adapters.slack.outbound.sessions import AGAIN_AFTER_S, Sessions, Status
from adapters.slack.outbound.streams import STREAM_S, Reader, Stream
from bot.chat import Event, Place, TextSoFar, ToolLine, Working
from bot.errors import PlaceGone, SendError

log = structlog.get_logger()

FIRST_S, EVERY_S = 0.9, 1.0
"""How long a message waits for something to show, and how far apart its changes are."""
FEW_CHARS, FEW_S = 400, 1.5
"""So few new words may wait this much longer: all streams of a workspace share 100 appends a minute."""
AGAIN, SETTLE_TRIES = 2, 3
"""How much longer is waited after a call that failed, and how often the end of a run is tried."""
MAX_KNOWN = 10_000
QUEUED = "Queued: earlier messages come first."
OF_THE_READER = frozenset(
    {"channel_type_not_supported", "user_disabled", "user_not_found", "user_not_in_channel", "user_not_visible"}
)
OF_THIS_PLACE = (GONE - OF_THE_READER) | {"message_not_found", "invalid_thread_ts"}
NO_STREAMS = frozenset(
    {
        "feature_disabled",
        "method_deprecated",
        "missing_scope",
        "not_agent_app",
        "not_allowed_token_type",
        "unknown_method",
    }
)
"""There are no streams for the bot in all of this workspace."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked, their own workspace, and in a few words what."""

    user: str
    team: str
    title: str = ""


@dataclass(slots=True)
class _Run:
    """A run as it is shown. `is_visible`: it has lasted long enough for a message. `is_hushed`: nothing more is drawn.
    `became` is its message once that is the answer, and `ends_as` is set when this stretch of it is over."""

    id: str
    place: Place
    status: str
    progress: Progress = field(default_factory=Progress)
    canvas: Canvas | None = None
    became: str = ""
    is_visible: bool = False
    is_hushed: bool = False
    ends_as: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    task: asyncio.Task[None] | None = None
    drawn_s: float = 0.0
    drawn_chars: int = 0
    drawn_lines: tuple[ToolLine, ...] = ()

    @property
    def has_little_new(self) -> bool:
        """Are there only a few words more than what is drawn?"""
        is_begun = self.canvas is not None and bool(self.canvas.ts)
        few = len(self.progress.text) - self.drawn_chars < FEW_CHARS
        return is_begun and few and self.progress.lines == self.drawn_lines


class Live:
    """Shows what runs are doing. `clock` gives seconds that only grow; the times are seconds."""

    def __init__(
        self,
        rooms: Rooms,
        sessions: Sessions,
        *,
        first_s: float = FIRST_S,
        every_s: float = EVERY_S,
        stream_s: float = STREAM_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rooms = rooms
        self._sessions = sessions
        self._first_s = first_s
        self._every_s = every_s
        self._stream_s = stream_s
        self._clock = clock
        self._runs: dict[str, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._since_s = time.time()
        self._asked: Latest[str, Asker] = Latest(MAX_KNOWN)
        self._no_streams: dict[str, float] = {}

    # --- what is known ---

    def asked_by(self, run_id: str, user: str, team: str, title: str = "") -> None:
        """Somebody of this workspace has just asked for this run: it is streamed for them. Of a run that nobody told of
        an earlier process may have left something."""
        self._asked[run_id] = Asker(user, team, title)

    def is_live(self, run_id: str) -> bool:
        """Whether this run is being shown."""
        return run_id in self._runs

    def may_have_leftovers(self, run_id: str) -> bool:
        """Whether an earlier process may have shown this run, and nobody has looked for what it left."""
        run = self._runs.get(run_id)
        return run_id not in self._asked and (run is None or run.canvas is None)

    async def clear(self, room: Room) -> Reader | None:
        """Take away what an earlier process left half finished there; gives who began the thread, where that can be
        seen. Raises nothing."""
        return await clear(room, self._held_in(room), before_s=self._since_s)

    def _held_in(self, room: Room) -> set[str]:
        """The messages runs are being shown in, in this workspace."""
        mine = (one.canvas for one in self._runs.values() if one.place.workspace == room.team)
        return {canvas.ts for canvas in mine if canvas is not None and canvas.ts}

    def show(self, place: Place, event: Event) -> None:
        """Take note of something passing; it is drawn soon."""
        match event:
            case Working(run_id, "running" | "queued" as status):
                self._run(place, run_id, status).status = status
            case Working(run_id, status):
                self._end(run_id, status)
            case TextSoFar(run_id, text) if run_id in self._runs:
                run = self._runs[run_id]
                run.progress = run.progress.with_text(text)
                run.news.set()
            case ToolLine(run_id):
                run = self._run(place, run_id, "running")
                run.progress = run.progress.with_line(event)
                run.news.set()
            case _:
                pass

    async def hush(self, run_id: str) -> None:
        """The answer of this run is about to be sent: draw nothing more of it."""
        if (run := self._runs.get(run_id)) is not None:
            run.is_hushed = True
            async with run.lock:  # what is being drawn is there, or is known not to be
                pass

    async def become(self, run_id: str, post: Post, metadata: Json) -> str | None:
        """Let the message of this run be the first of its answer; gives its `ts`, None where it has none that can.
        Raises `SendError` and `PlaceGone`."""
        run = self._runs.get(run_id)
        if run is None or run.canvas is None or not run.canvas.ts or run.became:
            return None
        async with run.lock:
            ts = await run.canvas.become(run.progress, post, metadata, self._status_after(run))
        run.became = ts or ""
        return ts

    def calls_of(self, run_id: str) -> Json | None:
        """The block that says which tools this run used, None for none."""
        run = self._runs.get(run_id)
        return None if run is None else lines_block(run.progress.lines)

    def is_unsure(self, run_id: str) -> bool:
        """Whether something of this run may be shown that nobody can find."""
        run = self._runs.get(run_id)
        return run is not None and run.canvas is not None and run.canvas.is_unsure

    async def aclose(self) -> None:
        """Leave everything as it is; what stands there is cleared by the next process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self, place: Place, run_id: str, status: str) -> _Run:
        run = self._runs.get(run_id)
        if run is None or run.ends_as:
            before = None if run is None else run.task
            run = self._runs[run_id] = _Run(run_id, place, status)
            run.task = asyncio.create_task(self._work(run, before))
            self._tasks.add(run.task)
            run.task.add_done_callback(self._tasks.discard)
        elif run.status != status:
            run.status = status
            run.news.set()
        return run

    def _end(self, run_id: str, status: str) -> None:
        """A run that waits ends here as well: waiting takes no memory, and what comes after it is shown below."""
        if (run := self._runs.get(run_id)) is not None and not run.ends_as:
            run.ends_as = status
            run.news.set()
            run.ending.set()

    # --- what is drawn ---

    async def _work(self, run: _Run, before: asyncio.Task[None] | None) -> None:
        """Draw what changes of a run until this stretch of it is over, then leave what is to stay."""
        try:
            if before is not None:
                await asyncio.wait([before])
            await self._guarded(run, self._draw)
            await self._pause(run, self._first_s)
            run.is_visible = True
            await self._guarded(run, self._say_queued)
            while not run.ends_as:
                if not await self._guarded(run, self._draw):
                    run.news.set()
                    await self._pause(run, AGAIN * self._every_s)
                await self._until_news(run)
            for _ in range(SETTLE_TRIES):
                if await self._guarded(run, self._settle):
                    break
                await asyncio.sleep(AGAIN * self._every_s)
        finally:
            if self._runs.get(run.id) is run:
                del self._runs[run.id]

    async def _until_news(self, run: _Run) -> None:
        """Wait until there is something to draw, and for more of it where it is only a little."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if run.is_hushed else self._renew_in_s(run)):
                await run.news.wait()
        run.news.clear()
        await self._pause(run, run.drawn_s + self._every_s - self._clock())
        if run.has_little_new:
            await self._pause(run, FEW_S * self._every_s)

    def _renew_in_s(self, run: _Run) -> float | None:
        return run.canvas.renew_in_s if isinstance(run.canvas, Stream) else None

    async def _pause(self, run: _Run, seconds: float) -> None:
        """Wait, but not longer than this stretch of the run lasts."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await run.ending.wait()

    async def _guarded(self, run: _Run, step: Callable[[_Run], Awaitable[None]]) -> bool:
        """Take one step; whether it need not be taken again."""
        try:
            async with run.lock:
                await step(run)
        except (Ended, PlaceGone, SlackRefused) as err:
            log.info("live.ended", run=run.id, kind=type(err).__name__, why=str(err)[:100])
            run.is_hushed = True
        except SendError as err:
            log.info("live.not_shown", run=run.id, why=err.user_message)
            return False
        except Exception:  # the rim of a worker's loop
            log.exception("live.failed", run=run.id)
        return True

    async def _draw(self, run: _Run) -> None:
        if run.is_hushed:
            return
        room = await self._rooms.open(run.place)
        if run.status == "running":
            await self._sessions.set(room, "processing", title=self._title(run))
        if not run.progress.parts or not run.is_visible:
            return
        run.drawn_s = self._clock()
        if run.canvas is None:
            run.canvas = await self._canvas(run, room)
        if run.is_hushed:
            return
        progress = run.progress
        try:
            await run.canvas.draw(progress)
        except SlackRefused as err:
            if not isinstance(run.canvas, Stream) or run.canvas.ts or err.code in OF_THIS_PLACE:
                raise
            self._note_no_stream(room, err)
            run.canvas = Edited(room, run.id)
            await run.canvas.draw(progress)
        run.drawn_chars, run.drawn_lines = len(progress.text), progress.lines

    async def _canvas(self, run: _Run, room: Room) -> Canvas:
        """A stream, where Slack has them. What an earlier process left of a run nobody told of goes first."""
        asker = self._asked.get(run.id)
        reader = Reader(asker.user, asker.team) if asker is not None else None
        if reader is None:
            reader = await self.clear(room)
        if room.user:
            reader = Reader(room.user, reader.team if reader is not None else room.team)
        since_s = self._no_streams.get(room.team)
        has_none = since_s is not None and self._clock() - since_s < AGAIN_AFTER_S
        if has_none or not room.thread:
            return Edited(room, run.id)
        return Stream(
            room,
            run.id,
            reader or Reader("", ""),
            self._sessions,
            held=lambda: self._held_in(room),
            stream_s=self._stream_s,
            clock=self._clock,
        )

    def _note_no_stream(self, room: Room, err: SlackRefused) -> None:
        log.info("live.no_stream", team=room.team, code=err.code, needed=err.needed)
        if err.code in NO_STREAMS:
            self._no_streams[room.team] = self._clock()

    async def _say_queued(self, run: _Run) -> None:
        """Tell who asked, and nobody else, that others come first."""
        asker = self._asked.get(run.id)
        if run.status != "queued" or run.ends_as or asker is None:
            return
        room = await self._rooms.open(run.place)
        where = {"thread_ts": room.thread} if room.thread else {}
        await room.client.call(
            "chat.postEphemeral",
            channel=room.channel,
            user=asker.user,
            text=QUEUED,
            **where,  # type: ignore[arg-type]
        )

    async def _settle(self, run: _Run) -> None:
        """Leave what is to stay, and say that nobody works here any more."""
        room, status = await self._rooms.open(run.place), self._status_after(run)
        canvas = run.canvas
        if canvas is not None and canvas.ts and not run.became:
            await (canvas.leave if run.ends_as == "waiting" else canvas.drop)(run.progress, status)
        run.canvas = None
        if canvas is not None and canvas.is_unsure:
            await clear(room, self._held_in(room))
        elif run.ends_as in ("failed", "cancelled") and self.may_have_leftovers(run.id):
            await self.clear(room)
        if not await self._sessions.set(room, status):
            raise SendError("Slack cannot be told that this is over.")

    def _status_after(self, run: _Run) -> Status:
        """What the thread's session is when this stretch of a run is over."""
        others = (one for one in self._runs.values() if one is not run and one.place == run.place)
        if any(one.status == "running" and not one.ends_as for one in others):
            return "processing"
        return "suspended" if run.ends_as == "waiting" else "active"

    def _title(self, run: _Run) -> str:
        asker = self._asked.get(run.id)
        return "" if asker is None else asker.title
