"""Split a stream of server-sent events from bytes, however the network cut them. Pure.

WHATWG HTML, "Interpreting an event stream": comments start with a colon, the data lines of one event are joined by LF,
a blank line ends the event. Ours: a lone CR does not end a line, and an event the stream ends in is still given.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.models.completion import NotACompletion, TooMuchText

MAX_LINE = 8 << 20
MAX_TOTAL = 16 << 20


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its payload, and its name ("" for most)."""

    data: bytes
    name: str = ""


class Splitter:
    """Feed it chunks, get whole events. Raises `NotACompletion` over its caps, in bytes."""

    def __init__(self, *, max_line: int = MAX_LINE, max_total: int = MAX_TOTAL) -> None:
        self._rest = bytearray()
        self._scanned = 0
        self._data: list[bytes] = []
        self._name = ""
        self._total = 0
        self._max_line = max_line
        self._max_total = max_total

    def feed(self, chunk: bytes) -> list[Event]:
        """Give the events that this chunk completes."""
        self._total += len(chunk)
        if self._total > self._max_total:
            raise TooMuchText("too much text")
        self._rest += chunk
        return [event for line in self._lines() if (event := self._take(line))]

    def close(self) -> list[Event]:
        """Give what the stream ended in without its blank line."""
        last = self._take(bytes(self._rest).removesuffix(b"\r")) if self._rest else None
        self._rest.clear()
        return [event for event in (last, self._flush()) if event]

    def _lines(self) -> list[bytes]:
        """Cut whole lines off; what was already searched is not searched again."""
        end = self._rest.rfind(b"\n", self._scanned)
        self._scanned = len(self._rest)
        lines: list[bytes] = []
        if end >= 0:
            lines = bytes(self._rest[:end]).split(b"\n")
            del self._rest[: end + 1]
            self._scanned = len(self._rest)
        if max(map(len, (*lines, self._rest))) > self._max_line:
            raise NotACompletion("a line that is too long")
        return lines

    def _take(self, raw: bytes) -> Event | None:
        line = raw.removesuffix(b"\r")
        if not line:
            return self._flush()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        return None

    def _flush(self) -> Event | None:
        data, name = self._data, self._name
        self._data, self._name = [], ""
        return Event(b"\n".join(data), name) if data else None
