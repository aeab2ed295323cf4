"""The message in which a stretch of a run is shown: while it lasts, and what becomes of it.

Before a wait it is left as it is, at the end it becomes the answer, and where there is none only the tools stay.
"""

from __future__ import annotations

from typing import Protocol

import structlog

from adapters.slack.api.rooms import Room
from adapters.slack.api.web import Json, SlackRefused
from adapters.slack.drawing.markup import mrkdwn
from adapters.slack.outbound.marks import KEPT, mark
from adapters.slack.outbound.progress import Progress, last_words, lines_block
from adapters.slack.outbound.sending import NOT_THERE, Post, show
from adapters.slack.outbound.sessions import Status
from bot.errors import PlaceGone, SendError

log = structlog.get_logger()

STILL_STREAMS = "streaming_state_conflict"
GONE_AWAY = NOT_THERE | {"message_not_owned_by_app"}


class Ended(Exception):
    """Nothing more is shown in this message: it is gone, or somebody pressed Slack's stop button."""


class Canvas(Protocol):
    """`ts` is its message, "" before there is one. `is_unsure`: there may be another, whose `ts` was lost."""

    @property
    def ts(self) -> str: ...

    @property
    def is_unsure(self) -> bool: ...

    async def draw(self, progress: Progress) -> None:
        """Show this. Raises `Ended`, and as `call` does."""

    async def leave(self, progress: Progress, status: Status) -> None:
        """Show this and be left as it is. Raises as `call` does."""

    async def drop(self, progress: Progress, status: Status) -> None:
        """Show which tools ran, or nothing. Raises as `call` does."""

    async def become(self, progress: Progress, post: Post, metadata: Json, status: Status) -> str | None:
        """Show this post from now on; gives its `ts`, None where that cannot be. Raises `SendError`: it is asked
        again."""


def kept_as(run_id: str, ts: str) -> Json:
    """The mark of a message that was left as it is."""
    return mark(f"live:{run_id}:{ts}", KEPT)


def kept_post(progress: Progress, *, has_words: bool = True) -> Post | None:
    """What stays of a stretch of a run; None where that is nothing."""
    calls, words = lines_block(progress.lines), last_words(progress) if has_words else ""
    blocks = [*([calls] if calls else []), *([{"type": "markdown", "text": words}] if words else [])]
    return Post(mrkdwn(words) or "Used tools", tuple(blocks)) if blocks else None


async def turn_into(room: Room, ts: str, post: Post, metadata: Json) -> bool:
    """Let a message be this one; False where it cannot be changed. Raises `SendError` and `PlaceGone`."""
    try:
        await show(room, post, "chat.update", ts=ts, metadata=metadata)
    except SlackRefused as err:
        if err.code == STILL_STREAMS:
            raise SendError("Slack has not ended the stream yet.") from err
        log.info("live.not_changed", channel=room.channel, code=err.code)
        return False
    return True


async def remove(room: Room, ts: str) -> bool:
    """Delete one of our messages; whether it is gone. Raises nothing."""
    try:
        await room.client.call("chat.delete", channel=room.channel, ts=ts)
    except SlackRefused as err:
        log.info("live.not_removed", channel=room.channel, code=err.code)
        return err.code == "message_not_found"
    except PlaceGone:
        return True
    except SendError as err:
        log.info("live.not_removed", channel=room.channel, why=err.user_message)
        return False
    return True
