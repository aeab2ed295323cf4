"""A run shown in a message that is edited, where Slack has no streams for the bot: with a button to stop it."""

from __future__ import annotations

import time

from adapters.ids import custom_id
from adapters.slack.api.rooms import Room
from adapters.slack.api.web import Json, SlackRefused, Unsure
from adapters.slack.outbound.canvas import Ended, kept_as, kept_post, remove, turn_into
from adapters.slack.outbound.marks import DRAFT, arrived, mark
from adapters.slack.outbound.progress import Progress, lines_block, tail_of
from adapters.slack.outbound.sending import LOOK_BACK_S, NOT_THERE, Post, show
from adapters.slack.outbound.sessions import Status

WORKING = "Working…"


class Edited:
    """One message of a run."""

    def __init__(self, room: Room, run_id: str) -> None:
        self.ts = ""
        self.is_unsure = False
        self._room = room
        self._run_id = run_id
        self._shown: tuple[Json, ...] = ()

    async def draw(self, progress: Progress) -> None:
        blocks = self._blocks(progress)
        if blocks == self._shown or not progress.parts:
            return
        if not self.ts:
            self.ts = await self._post(Post(WORKING, blocks))
        else:
            try:
                await show(self._room, Post(WORKING, blocks), "chat.update", ts=self.ts, patience_s=0)
            except SlackRefused as err:
                if err.code in NOT_THERE:
                    raise Ended from err
                raise
        self._shown = blocks

    async def leave(self, progress: Progress, status: Status) -> None:
        await turn_into(self._room, self.ts, kept_post(progress) or Post("…"), kept_as(self._run_id, self.ts))

    async def drop(self, progress: Progress, status: Status) -> None:
        kept = kept_post(progress, has_words=False)
        if kept is None or not await turn_into(self._room, self.ts, kept, kept_as(self._run_id, self.ts)):
            await remove(self._room, self.ts)

    async def become(self, progress: Progress, post: Post, metadata: Json, status: Status) -> str | None:
        if await turn_into(self._room, self.ts, post, metadata):
            return self.ts
        await remove(self._room, self.ts)
        return None

    async def _post(self, post: Post) -> str:
        key = f"live:{self._run_id}"
        if self.is_unsure and (ts := await self._found(key)):
            return ts
        self.is_unsure = False
        thread = self._room.thread or None
        how = {"thread_ts": thread, "unfurl_links": False, "unfurl_media": False, "metadata": mark(key, DRAFT)}
        try:
            answer = await show(self._room, post, "chat.postMessage", patience_s=0, **how)
        except Unsure:
            self.is_unsure = True
            if ts := await self._found(key):
                return ts
            raise
        return str(answer["ts"])

    async def _found(self, key: str) -> str:
        there = await arrived(self._room, since_s=time.time() - LOOK_BACK_S)
        if ts := there.ts_of(key):
            self.is_unsure = False
        return ts

    def _blocks(self, progress: Progress) -> tuple[Json, ...]:
        calls, words = lines_block(progress.lines), tail_of(progress.text)
        stop = {
            "type": "button",
            "text": {"type": "plain_text", "text": "Stop"},
            "action_id": custom_id("stop", self._run_id),
        }
        doing: Json = {"type": "context", "elements": [{"type": "mrkdwn", "text": WORKING}]}
        shown = [calls, {"type": "markdown", "text": words} if words else None, doing]
        return (*(one for one in shown if one is not None), {"type": "actions", "elements": [stop]})
