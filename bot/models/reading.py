"""Read a reply from chunks of bytes as they come, in one piece or streamed. Knows no HTTP library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace

from bot.engine.ports import TextListener
from bot.models.completion import Completion, NotACompletion, TooMuchText, parse_body
from bot.models.config import DEFAULT_SILENCE_S
from bot.models.deltas import ReplyFragments
from bot.models.sse import MAX_TOTAL, Event, Splitter
from bot.models.wire import shown_so_far

TEXT_EVERY_S = 0.05
DRAIN_S = 0.2
_EVENT_FIELDS = (b":", b"data", b"event", b"id", b"retry")
_ENOUGH = max(map(len, _EVENT_FIELDS))


class BrokenOff(Exception):
    """The reply ended before anything of it had come."""


class FellSilent(Exception):
    """A streamed reply brings no more of itself without ending, or does not begin."""


class Scrambled(Exception):
    """A streamed reply that had been fine went on with something unreadable."""


class Watcher:
    """Whoever reads along: told the whole text so far, at most every `TEXT_EVERY_S` seconds and at the end.

    `half` is the longest reply that did not come whole, None while there is none.
    """

    def __init__(self, on_text: TextListener | None, redact: Callable[[str], str]) -> None:
        self._on_text = on_text
        self._redact = redact
        self._told = ""
        self._next_s = 0.0
        self.has_begun = False
        self.half: Completion | None = None

    async def see(self, fragments: ReplyFragments) -> None:
        """Take note of a reply that has grown."""
        self.has_begun = self.has_begun or fragments.has_begun
        if self._on_text is not None and asyncio.get_running_loop().time() >= self._next_s:
            text = shown_so_far(fragments.content)
            if len(text) >= len(self._told):  # a second try begins anew: what is there stays until it has caught up
                await self.tell(text)

    def keep(self, fragments: ReplyFragments, why: str | None) -> None:
        """Keep what has come of a reply that will not go on; `why` takes the place of its finish reason."""
        if not fragments.has_begun or fragments.is_finished:
            return
        half = replace(fragments.completion(), finish=why, is_cut=True)
        if self.half is None or len(str(half.message["content"])) >= len(str(self.half.message["content"])):
            self.half = half

    async def tell(self, text: str) -> None:
        text = self._redact(text)
        if self._on_text is not None and text and text != self._told:
            self._told = text
            await self._on_text(text)
            self._next_s = asyncio.get_running_loop().time() + TEXT_EVERY_S


async def read_completion(
    chunks: AsyncIterator[bytes], watcher: Watcher, *, silence_s: float = DEFAULT_SILENCE_S
) -> Completion:
    """Read the reply to its end, as what it is: some endpoints stream unasked, others never do.

    `chunks` raises `BrokenOff` when the connection fails. Raises `NotACompletion`, `ErrorInReply`, `BrokenOff` when
    nothing had come, `FellSilent`, `Scrambled`. A stream that broke off later gives a completion that says so.
    """
    head = await _first_line(chunks)
    if not head:
        raise BrokenOff
    if head.startswith((b"{", b"[")):
        return parse_body(await _whole(head, chunks))
    if head.startswith(_EVENT_FIELDS):
        return await _read_events(head, chunks, watcher, silence_s)
    raise NotACompletion("a web page" if head.startswith(b"<") else "neither JSON nor a stream")


async def _first_line(chunks: AsyncIterator[bytes]) -> bytes:
    """Read until it shows what this is: what came so far without the blanks before it, b"" when nothing else came."""
    head, total = b"", 0
    async for chunk in chunks:
        total += len(chunk)
        if total > MAX_TOTAL:
            raise TooMuchText("too much text")
        head = (head + chunk).lstrip()
        if len(head) >= _ENOUGH:
            break
    return head


async def _whole(head: bytes, chunks: AsyncIterator[bytes]) -> bytes:
    body = bytearray(head)
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_TOTAL:
            raise TooMuchText("too much text")
    return bytes(body)


async def _read_events(head: bytes, chunks: AsyncIterator[bytes], watcher: Watcher, silence_s: float) -> Completion:
    fragments = ReplyFragments()
    try:
        async with asyncio.timeout(silence_s) as silence:
            await _take_events(head, chunks, fragments, watcher, silence, silence_s)
    except TimeoutError as err:
        if silence.expired():
            watcher.keep(fragments, "silence")
            raise FellSilent from err
        raise
    except asyncio.CancelledError:
        watcher.keep(fragments, "timeout")
        raise
    except Scrambled:
        watcher.keep(fragments, None)
        raise
    except BrokenOff:
        if not fragments.has_begun:
            raise
    if not (fragments.has_begun or fragments.is_finished):
        raise BrokenOff
    watcher.keep(fragments, None)
    return fragments.completion()


async def _take_events(
    head: bytes,
    chunks: AsyncIterator[bytes],
    fragments: ReplyFragments,
    watcher: Watcher,
    silence: asyncio.Timeout,
    silence_s: float,
) -> None:
    splitter, loop = Splitter(), asyncio.get_running_loop()
    chunk: bytes | None = head
    while chunk is not None and not fragments.is_done:
        before = fragments.progress
        for event in splitter.feed(chunk):
            _take(event, fragments)
        if fragments.progress != before:
            await watcher.see(fragments)
            silence.reschedule(loop.time() + silence_s)
        chunk = await anext(chunks, None) if not fragments.is_done else None
    for event in splitter.close():
        _take(event, fragments)
    await _drain(chunks)


def _take(event: Event, fragments: ReplyFragments) -> None:
    try:
        fragments.feed(event)
    except NotACompletion as err:
        if not fragments.progress or isinstance(err, TooMuchText):
            raise
        raise Scrambled from err


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read what little may follow the end, so that the connection can be used again."""
    with suppress(TimeoutError, BrokenOff):
        async with asyncio.timeout(DRAIN_S):
            async for _ in chunks:
                pass
