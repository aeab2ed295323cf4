"""What passes: typing, a line for each tool call, and the text that is being written, in one message for each run.

One editor for each channel, at most one change in a while: Discord takes about five in five seconds there, and what
people wait for comes first. All of it may be lost; what must arrive is sent elsewhere (`sending`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord
import structlog

from adapters.discord.pace import Pace
from adapters.discord.progress import Progress
from adapters.discord.rooms import Rooms
from adapters.discord.sending import nonce_of
from adapters.ids import custom_id
from bot.chat import Event, Place, TextSoFar, ToolLine, Working
from bot.errors import BotError

log = structlog.get_logger()

FIRST_S, EVERY_S, TYPING_S = 0.9, 1.3, 8.0
"""How long a message waits for something to show, how far apart its changes are, how often typing is said again."""
ANY_S = 0.05
"""How far apart all of it is, over all channels: Discord takes fifty requests a second from a bot, and what must arrive
needs room (docs, "Rate Limits")."""
_LOST = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError, BotError)


@dataclass(slots=True)
class _Run:
    """A run as it is shown. `is_hushed`: nothing more is written, because its answer is on its way, or because Discord
    does not want it: whoever asks on is locked out (docs, "Invalid Request Limit")."""

    id: str
    place: Place
    progress: Progress = field(default_factory=Progress)
    message: discord.Message | None = None
    shown: str = ""
    is_dirty: bool = False
    is_hushed: bool = False
    is_closing: bool = False


class Live:
    """Shows what runs are doing. `sleep` is asyncio's."""

    def __init__(self, rooms: Rooms, *, sleep: Callable[[float], Any] = asyncio.sleep) -> None:
        self._rooms = rooms
        self._sleep = sleep
        self._pace = Pace(ANY_S)
        self._runs: dict[str, _Run] = {}
        self._editors: dict[Place, asyncio.Task[None]] = {}
        self._typing: dict[str, asyncio.Task[None]] = {}

    def is_live(self, run_id: str) -> bool:
        """Whether this run is being shown."""
        return run_id in self._runs

    def show(self, place: Place, event: Event) -> None:
        """Take note of something passing; it is drawn soon."""
        match event:
            case Working(run_id, "running" | "queued" as status):
                self._change(place, run_id, status=status)
                if status == "running":
                    self._type(place, run_id)
            case Working(run_id, status):
                self._close(run_id, status)
            case TextSoFar(run_id, text) if run_id in self._runs:
                self._change(place, run_id, text=text)
            case ToolLine(run_id):
                self._change(place, run_id, line=event)
            case _:
                pass

    async def hush(self, run_id: str) -> None:
        """The answer of this run is about to be sent: write nothing more of it, but which tools ran stands above it."""
        self._stop_typing(run_id)
        if (run := self._runs.get(run_id)) is None:
            return
        run.is_hushed = True
        if run.message is None and run.progress.is_worth_keeping:
            try:
                run.shown = run.progress.settled()
                run.message = await self._post(run, run.shown, None)
            except _LOST as err:
                log.info("live.not_shown", run=run.id, kind=type(err).__name__)

    async def aclose(self) -> None:
        """Leave everything as it is; what stands there is cleared by the next process."""
        tasks = [*self._editors.values(), *self._typing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- what is known ---

    def _change(
        self, place: Place, run_id: str, *, status: str = "", text: str | None = None, line: ToolLine | None = None
    ) -> None:
        run = self._runs.setdefault(run_id, _Run(run_id, place))
        run.is_closing = False
        if status:
            run.progress = run.progress.with_status(status)
        if text is not None:
            run.progress = run.progress.with_text(text)
        if line is not None:
            run.progress = run.progress.with_line(line)
        self._touch(run)

    def _close(self, run_id: str, status: str) -> None:
        """A run that waits is closed as well: waiting takes no memory, and what comes after it is shown below."""
        self._stop_typing(run_id)
        if (run := self._runs.get(run_id)) is not None:
            run.progress = run.progress.with_status(status)
            run.is_closing = True
            self._touch(run)

    def _touch(self, run: _Run) -> None:
        run.is_dirty = True
        if run.place not in self._editors:
            self._editors[run.place] = asyncio.create_task(self._edit(run.place))

    # --- what is drawn ---

    async def _edit(self, place: Place) -> None:
        """Draw what has changed in a place, until nothing has."""
        try:
            await self._sleep(FIRST_S)
            while changed := [run for run in self._runs.values() if run.place == place and run.is_dirty]:
                for run in changed:
                    run.is_dirty = False
                    await self._guarded(run)
                    await self._sleep(EVERY_S)
        finally:
            self._editors.pop(place, None)

    async def _guarded(self, run: _Run) -> None:
        try:
            await (self._settle(run) if run.is_closing else self._draw(run))
        except _LOST as err:
            log.info("live.not_shown", run=run.id, kind=type(err).__name__, why=str(err)[:100])
            run.is_hushed |= isinstance(err, discord.HTTPException) and 400 <= err.status < 429
        except Exception:  # the rim of a worker's loop
            log.exception("live.failed", run=run.id)

    async def _draw(self, run: _Run) -> None:
        content = run.progress.content()
        if run.is_hushed or content == run.shown or run.progress.is_empty:
            return
        await self._pace.turn()
        if run.is_hushed:
            return
        if run.message is None:
            run.message = await self._post(run, content, _stop_button(run.id))
            self._stop_typing(run.id)
        else:
            run.message = await run.message.edit(content=content)
        run.shown = content

    async def _post(self, run: _Run, content: str, view: discord.ui.View | None) -> discord.Message:
        """The one message of a run: its nonce makes that it is one, also when two come to it at once."""
        channel = await self._rooms.open(run.place)
        how: dict[str, Any] = {"nonce": nonce_of(f"live:{run.id}"), "suppress_embeds": True, "silent": True}
        return await (channel.send(content, **how) if view is None else channel.send(content, view=view, **how))

    async def _settle(self, run: _Run) -> None:
        """Leave the tool lines, or nothing."""
        self._runs.pop(run.id, None)
        if run.message is None or run.shown == run.progress.settled():
            return
        if run.progress.is_worth_keeping:
            await run.message.edit(content=run.progress.settled(), view=None)
        else:
            await run.message.delete()

    # --- typing ---

    def _type(self, place: Place, run_id: str) -> None:
        if run_id not in self._typing:
            self._typing[run_id] = asyncio.create_task(self._keep_typing(place))

    def _stop_typing(self, run_id: str) -> None:
        if (task := self._typing.pop(run_id, None)) is not None:
            task.cancel()

    async def _keep_typing(self, place: Place) -> None:
        try:
            channel = await self._rooms.open(place)
            while True:
                await self._pace.turn()
                await channel.typing()
                await self._sleep(TYPING_S)
        except _LOST as err:
            log.info("typing.not_shown", kind=type(err).__name__)


def _stop_button(run_id: str) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    view.add_item(
        discord.ui.Button(label="Stop", style=discord.ButtonStyle.secondary, custom_id=custom_id("stop", run_id))
    )
    view.stop()  # nothing is kept of it: its button is known by its id
    return view
