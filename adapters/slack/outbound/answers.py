"""Answers on Slack: the message in which a run was shown becomes the answer; where there is none, it is sent.

So it stands there once. Its mark comes with the same call that makes it the answer; after a crash the mark is found, or
else the answer is sent and what was half finished goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.slack.api.rooms import Rooms
from adapters.slack.api.web import Json
from adapters.slack.drawing.markup import answer_of, mrkdwn
from adapters.slack.outbound.live import Live
from adapters.slack.outbound.sending import File, Post, Sender
from bot.chat import Delivery, Working
from bot.errors import PlaceGone


class Answers:
    """`below` makes the block that stands below the answer of a run, by the run's id."""

    def __init__(self, rooms: Rooms, sender: Sender, live: Live, *, below: Callable[[str], Json]) -> None:
        self._rooms = rooms
        self._sender = sender
        self._live = live
        self._below = below

    async def send(self, delivery: Delivery, run_id: str, text: str) -> str:
        """Let a run's answer be there, and give its receipt. Raises `SendError` and `PlaceGone`."""
        await self._live.hush(run_id)
        has_leftovers = bool(run_id) and self._live.may_have_leftovers(run_id)
        try:
            sent = await self._sender.post(
                delivery.place,
                self._posts(run_id, text),
                key=delivery.key,
                since_ms=delivery.since_ms,
                attempts=delivery.attempts,
                draft=_OfRun(self._live, run_id),
            )
        except PlaceGone:
            self._live.show(delivery.place, Working(run_id, "failed"))
            raise
        if has_leftovers:
            await self._live.clear(await self._rooms.open(delivery.place))
        return sent[0]

    def _posts(self, run_id: str, text: str) -> list[Post]:
        parts, file = answer_of(text)
        calls = self._live.calls_of(run_id)
        above = [calls] if calls else []
        below = [self._below(run_id)] if run_id else []
        last = len(parts) - 1
        return [
            _post(part, above if at == 0 else [], below if at == last else [], (file,) if file and at == last else ())
            for at, part in enumerate(parts)
        ]


def _post(markdown: str, above: Sequence[Json], below: Sequence[Json], files: tuple[File, ...]) -> Post:
    return Post(mrkdwn(markdown), (*above, {"type": "markdown", "text": markdown}, *below), files)


class _OfRun:
    """The message of a run, as a draft of its answer."""

    def __init__(self, live: Live, run_id: str) -> None:
        self._live = live
        self._run_id = run_id

    async def become(self, post: Post, metadata: Json) -> str | None:
        return await self._live.become(self._run_id, post, metadata)
