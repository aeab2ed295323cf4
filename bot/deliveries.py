"""Deliveries: what the outbox holds, sent at least once, in order per place.

One worker per place, so two replies never race in one thread. Whatever fails is tried again with growing pauses, under
the same key, so that the adapter can suppress the copy of something that had arrived after all. Where a place is gone,
it is parked, and sent should anybody write from there again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

import structlog

from bot import chat, crash, present
from bot.engine.types import Place
from bot.errors import PlaceGone, SendError
from bot.runner.inprocess import Runner
from bot.storage.asked import ApprovalReader, StoredApproval
from bot.storage.outbox import Item, OutboxRows, approval_of

log = structlog.get_logger()

SEND_S, SHOW_S = 60.0, 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 300.0
GIVE_UP_AFTER, GIVE_UP_ON_FAULTS_AFTER = 300, 12
"""Attempts: about a day of refusals; less than an hour of what no platform should raise."""


async def show_passing(adapter: chat.ChatAdapter | None, place: Place, event: chat.Event) -> None:
    """Show something passing. Whatever the adapter does, work goes on: what must arrive is a delivery."""
    if adapter is None:
        return
    try:
        async with asyncio.timeout(SHOW_S):
            await adapter.show(place, event)
    except Exception:  # the rim of a platform
        log.exception("show.failed", place=str(place), kind=type(event).__name__)


class Deliveries:
    """Sends through `adapters`, by platform. `draw` makes the card of an approval."""

    def __init__(
        self,
        outbox: OutboxRows,
        approvals: ApprovalReader,
        adapters: Mapping[str, chat.ChatAdapter],
        draw: Callable[[StoredApproval], chat.Card],
    ) -> None:
        self._outbox = outbox
        self._approvals = approvals
        self._adapters = adapters
        self._draw = draw
        self._runner: Runner[Place] = Runner(self._work)
        self._timers: dict[Place, asyncio.TimerHandle] = {}

    def kick(self, place: Place) -> None:
        """Something is to be shown there: send it soon."""
        if place.platform in self._adapters:
            self._runner.kick(place)

    async def kick_cards(self, call_id: str) -> None:
        """The cards of a call have changed: send all of them soon, wherever they are."""
        for place in await self._outbox.places_of(call_id):
            self.kick(place)

    async def show_anew(self, place: Place, receipt: str) -> None:
        """The message of this place that the platform called so is gone: send the card that it was, while it waits."""
        for approval_id in await self._outbox.cards_shown_as(receipt, place):
            approval = await self._approvals.approval(approval_id)
            if approval is not None and approval.state == "pending" and not approval.is_late:
                await self._outbox.show_again(approval.call_id)
                await self.kick_cards(approval.call_id)

    async def sweep(self) -> None:
        """Send what is due anywhere: what a crash left, and what waited for its next attempt."""
        for place in await self._outbox.places():
            self.kick(place)

    @property
    def is_busy(self) -> bool:
        return self._runner.is_busy

    async def idle(self) -> None:
        """Wait until everything that is due is sent."""
        await self._runner.idle()

    async def aclose(self, *, within_s: float) -> None:
        """Send what is being sent; what is left is sent after the next start."""
        for timer in self._timers.values():
            timer.cancel()
        await self._runner.aclose(within_s=within_s)

    async def _work(self, place: Place, _changed: asyncio.Event) -> None:
        adapter = self._adapters[place.platform]
        item = await self._outbox.next_in(place)
        while item is not None:
            if item.due_in_ms > 0:
                self._kick_later(place, item.due_in_ms / 1000)
                return
            item = await self._send(adapter, item)

    def _kick_later(self, place: Place, in_s: float) -> None:
        if timer := self._timers.pop(place, None):
            timer.cancel()

        def kick() -> None:
            self._timers.pop(place, None)
            self.kick(place)

        self._timers[place] = asyncio.get_running_loop().call_later(in_s, kick)

    async def _send(self, adapter: chat.ChatAdapter, item: Item) -> Item | None:
        """Send one thing, and give what comes next in its place."""
        event = await self._event(item)
        if event is None:
            return await self._outbox.park(item, "what it was to show is gone")
        crash.at("send.before")
        try:
            async with asyncio.timeout(SEND_S):
                receipt = await adapter.send(_delivery(item, event))
        except PlaceGone as err:
            log.warning("delivery.parked", key=item.key, place=str(item.place), why=err.user_message)
            return await self._outbox.park(item, err.user_message)
        except SendError as err:
            return await self._later(item, err.user_message, err.retry_after_s)
        except TimeoutError:
            return await self._later(item, "it took too long", None)
        except Exception as err:  # the rim of a platform: whatever it raises, what it did not take is kept
            log.exception("delivery.failed", key=item.key, place=str(item.place))
            return await self._later(item, type(err).__name__, None, attempts=GIVE_UP_ON_FAULTS_AFTER)
        crash.at("send.inside")
        following = await self._outbox.note_sent(item, receipt or item.receipt)
        crash.at("send.after")
        if isinstance(event, chat.Answered) and item.kind == "answer":
            await show_passing(adapter, item.place, chat.Working(item.run_id, present.over(item.status)))
        return following

    async def _later(
        self, item: Item, why: str, retry_after_s: float | None, *, attempts: int = GIVE_UP_AFTER
    ) -> Item | None:
        if item.attempts + 1 >= attempts:
            log.warning("delivery.given_up", key=item.key, place=str(item.place), why=why)
            return await self._outbox.park(item, why)
        pause_s = min(FIRST_PAUSE_S * 2 ** min(item.attempts, 20), LONGEST_PAUSE_S)
        jitter = 0.75 + random.random() / 2
        wait_s = pause_s * jitter if retry_after_s is None else max(0.0, min(retry_after_s, 3600))
        log.info("delivery.later", key=item.key, place=str(item.place), why=why, attempts=item.attempts + 1)
        return await self._outbox.note_failed(item, why, again_in_ms=round(wait_s * 1000) + 1)

    async def _event(self, item: Item) -> chat.Answered | chat.CardShown | chat.Notice | None:
        match item.kind:
            case "answer":
                return chat.Answered(item.run_id, item.answer, item.settled_ms)
            case "post":
                return chat.Answered("", item.text, item.created_ms)
            case "notice":
                return chat.Notice(item.run_id, item.text, item.created_ms, item.addressed)
            case _:
                approval = await self._approvals.approval(approval_of(item.key))
                return None if approval is None else chat.CardShown(self._draw(approval))


def _delivery(item: Item, event: chat.Answered | chat.CardShown | chat.Notice) -> chat.Delivery:
    return chat.Delivery(
        item.key,
        item.place,
        event,
        item.receipt,
        since_ms=item.created_ms,
        attempts=item.attempts,
        asked_by=item.requester,
        in_reply_to=item.event_id,
    )
