"""Carry fragments to the open pages: one bounded queue per page, one pace per thread for text that is being written.

Knows threads and bytes; knows neither people nor HTML.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from adapters.web.guard import Rejected
from adapters.web.render import Fragment

QUEUE_EVENTS = 256
MAX_SUBSCRIBERS = 500
MAX_PER_PERSON = 40
DRAFT_S = 0.08
CLOSE_S = 2.0


def sse(event: str, fields: Mapping[str, object]) -> bytes:
    """One Server-Sent Event. JSON holds no raw line end, so one `data:` line is enough."""
    return f"event: {event}\ndata: {json.dumps(fields, ensure_ascii=True, separators=(',', ':'))}\n\n".encode()


RELOAD = sse("reload", {})
BYE = sse("bye", {})


class Subscriber:
    """One open page. `abort` cuts its connection when it does not take what it is sent."""

    def __init__(self, thread: str, person: str) -> None:
        self.thread = thread
        self.person = person
        self.is_over = False
        self.abort: Callable[[], None] = lambda: None
        self.gone = asyncio.Event()
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_EVENTS)

    def offer(self, event: bytes) -> None:
        """Queue one event. A page that has fallen too far behind is told to load everything again, and let go."""
        if self.is_over:
            return
        if self._queue.full():
            self.end(RELOAD)
        else:
            self._queue.put_nowait(event)

    def end(self, last: bytes) -> None:
        """Drop what is queued; `last` is the last thing this page is told."""
        if self.is_over:
            return
        self.is_over = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(last)

    async def next(self) -> bytes:
        """Wait for something to send; everything that is queued by now comes as one piece."""
        events = [await self._queue.get()]
        while not self._queue.empty():
            events.append(self._queue.get_nowait())
        return b"".join(events)

    @property
    def is_drained(self) -> bool:
        return self.is_over and self._queue.empty()


class Feed:
    """Everybody who looks, by thread."""

    def __init__(self) -> None:
        self._by_thread: dict[str, set[Subscriber]] = {}
        self._people: Counter[str] = Counter()
        self._is_closed = False

    def subscribe(self, thread: str, person: str) -> Subscriber:
        """Take one more page of this person. Raises Rejected when there are too many, or the end has come."""
        if self._is_closed:
            raise Rejected(503, "Nod is shutting down; this page comes back by itself.")
        if self._people[person] >= MAX_PER_PERSON:
            raise Rejected(429, "You have too many pages open. Close some, then load this one again.")
        if self._people.total() >= MAX_SUBSCRIBERS:
            raise Rejected(503, "Too many pages are open at the moment. Please try again later.")
        subscriber = Subscriber(thread, person)
        self._by_thread.setdefault(thread, set()).add(subscriber)
        self._people[person] += 1
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        subscriber.is_over = True
        subscriber.gone.set()
        watching = self._by_thread.get(subscriber.thread, set())
        if subscriber in watching:
            watching.remove(subscriber)
            self._people[subscriber.person] -= 1
        if not watching:
            self._by_thread.pop(subscriber.thread, None)

    def is_watched(self, thread: str) -> bool:
        return any(not subscriber.is_over for subscriber in self._by_thread.get(thread, ()))

    def publish(self, thread: str, fragment: Fragment) -> None:
        event = sse("fragment", fragment.as_json())
        for subscriber in tuple(self._by_thread.get(thread, ())):
            subscriber.offer(event)

    def publish_change(self, thread: str) -> None:
        """Tell every page that the list of threads, or what waits, is no longer what it shows."""
        event = sse("changed", {"thread": thread})
        for subscribers in tuple(self._by_thread.values()):
            for subscriber in tuple(subscribers):
                subscriber.offer(event)

    async def close(self) -> None:
        """End every stream; cut those that do not end by themselves."""
        self._is_closed = True
        open_now = [subscriber for watching in self._by_thread.values() for subscriber in watching]
        for subscriber in open_now:
            subscriber.end(BYE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                for subscriber in open_now:
                    await subscriber.gone.wait()
        for subscriber in open_now:
            if not subscriber.gone.is_set():
                subscriber.abort()


class Drafts:
    """Text that is being written: per thread at most one drawing every 80 ms, and none after the answer.

    `draw` draws the latest text of a run. When drawing itself takes long, the pauses grow with it, so that a long
    answer never keeps the event loop busy.
    """

    def __init__(self, draw: Callable[[str, str, str], None]) -> None:
        self._draw = draw
        self._texts: dict[str, dict[str, str]] = defaultdict(dict)
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def put(self, thread: str, run: str, text: str) -> None:
        """Remember the text so far; it is drawn now, or with the next drawing of this thread."""
        self._texts[thread][run] = text
        if thread not in self._timers:
            self._flush(thread)

    def drop(self, thread: str, run: str) -> None:
        """Forget what has not been drawn of this run."""
        self._texts.get(thread, {}).pop(run, None)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._texts.clear()

    def _flush(self, thread: str) -> None:
        texts = self._texts.pop(thread, {})
        self._timers.pop(thread, None)
        if not texts:
            return
        started = time.perf_counter()
        for run, text in texts.items():
            self._draw(thread, run, text)
        pause_s = max(DRAFT_S, 5 * (time.perf_counter() - started))
        self._timers[thread] = asyncio.get_running_loop().call_later(pause_s, self._flush, thread)
