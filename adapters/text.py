"""Cut Markdown into messages of a platform's length, and sentences to one of a card. Pure; knows no platform."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unicodedata import combining

MIN_LIMIT = 32
MAX_INFO_CHARS = 20
MAX_CLUSTER_CHARS = 16

_FENCE = re.compile(r"[ \t]*(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)")
_JOINS = frozenset("\u200d\ufe0e\ufe0f")


def size(text: str) -> int:
    """The length of a text as a platform may count it: some say characters and count UTF-16 units in places
    (discord-api-docs #1315). That is never less."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def short(text: str, max_chars: int, draw: Callable[[str], str]) -> str:
    """A text as `draw` shows it, cut where that is longer, with how much there is."""
    return "".join(cut(text, max_chars, draw))


def cut(text: str, max_chars: int, draw: Callable[[str], str]) -> tuple[str, str]:
    """`short`, with the note on how much there is apart: "" where nothing is cut."""
    if len(text) <= max_chars and size(shown := draw(text)) <= max_chars:
        return shown, ""
    note = f" … ({len(text):,} characters in all)"
    kept = max_chars
    while size(shown := draw(text[:kept])) > max_chars - len(note) and kept:
        kept -= 1 + kept // 16
    return shown, note


def split_markdown(text: str, limit: int) -> list[str]:
    """Give `text` as parts of at most `limit` characters each, every one with balanced code fences.

    Cuts after a paragraph, else a line, else a word, else anywhere; a fenced block stays whole where it fits into one
    part, and is closed and opened again where it does not. Apart from the added fence lines, the parts joined are the
    text, character for character. A fence whose marks would fill a quarter of a part is treated as text. Raises
    ValueError for a limit under 32.
    """
    if limit < MIN_LIMIT:
        raise ValueError(f"limit is {limit!r}, must be at least {MIN_LIMIT}")
    return [piece.shown for piece in pieces(text, limit)]


@dataclass(frozen=True, slots=True)
class Fence:
    """An open code fence: its marks, and the language that is named when it is opened again."""

    mark: str
    info: str

    @property
    def head(self) -> str:
        return f"{self.mark}{self.info}\n"

    def tail_after(self, body: str) -> str:
        return self.mark if body.endswith("\n") else f"\n{self.mark}"


@dataclass(frozen=True, slots=True)
class Piece:
    """One part: `body` is the text's own, `head` and `tail` are added fence lines. All bodies joined are the text."""

    head: str
    body: str
    tail: str

    @property
    def shown(self) -> str:
        return self.head + self.body + self.tail


def pieces(text: str, limit: int) -> Iterator[Piece]:
    """The parts, with what was added kept apart. A fence that the text leaves open is closed at its end."""
    at, fence = 0, None
    while at < len(text):
        head = fence.head if fence else ""
        window = _Window(text, at, limit, limit - len(head), fence)
        end, fence = window.cut()
        body = text[at:end]
        yield Piece(head, body, fence.tail_after(body) if fence else "")
        at = end


def fence_after(line: str, fence: Fence | None, limit: int) -> Fence | None:
    """The fence that is open after a line (CommonMark 0.31, "Fenced code blocks"; here indented by any amount)."""
    found = _FENCE.match(line)
    if found is None:
        return fence
    mark, info = found["mark"], found["info"].strip()
    if fence is not None:
        is_end = mark[0] == fence.mark[0] and len(mark) >= len(fence.mark) and not info
        return None if is_end else fence
    if mark[0] == "`" and "`" in info:
        return None
    opened = Fence(mark, info if len(info) <= MAX_INFO_CHARS else "")
    is_cheap = len(opened.head) + len(mark) + 1 <= limit // 4
    return opened if is_cheap else None


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place at the start of a line. `is_paragraph`: a blank line or a fenced block ends, or a fenced block starts."""

    at: int
    fence: Fence | None
    is_paragraph: bool


class _Window:
    """What could become one part: `room` characters from `start`, where `fence` is open."""

    def __init__(self, text: str, start: int, limit: int, room: int, fence: Fence | None) -> None:
        self._text = text
        self._start = start
        self._limit = limit
        self._room = room
        self._fence = fence
        self._half = start + room // 2

    def cut(self) -> tuple[int, Fence | None]:
        """Where this part ends, and which fence is open there."""
        if len(self._text) - self._start <= self._room:
            end = len(self._text), self._fence_at(len(self._text))
            if self._fits(*end):
                return end
        cuts = [cut for cut in self._line_cuts() if self._fits(cut.at, cut.fence)]
        return self._at_line(cuts) or self._in_line()

    def _at_line(self, cuts: list[_Cut]) -> tuple[int, Fence | None] | None:
        free = [cut for cut in cuts if cut.fence is None]
        late = [cut for cut in free if cut.at >= self._half]
        best = next((cut for cut in reversed(late) if cut.is_paragraph), late[-1] if late else None)
        if best is None and free and self._is_whole_fence(free[-1]):
            best = free[-1]
        if best is None and cuts and cuts[-1].at >= self._half:
            best = cuts[-1]
        return (best.at, best.fence) if best else None

    def _is_whole_fence(self, cut: _Cut) -> bool:
        """Does a fenced block start here that fits into a part of its own?"""
        end, fence = cut.at, None
        while end < len(self._text):
            line = self._line(end)
            fence = fence_after(line, fence, self._limit)
            end += len(line) + 1
            if fence is None or end - cut.at > self._limit:
                break
        return fence is None and end - 1 - cut.at <= self._limit and self._opens(cut.at)

    def _opens(self, at: int) -> bool:
        return fence_after(self._line(at), None, self._limit) is not None

    def _line_cuts(self) -> Iterator[_Cut]:
        """Every start of a line in this window, in order."""
        at, fence = self._start, self._fence
        while True:
            line = self._line(at)
            before, fence = fence, fence_after(line, fence, self._limit)
            at += len(line) + 1
            if at > self._start + self._room or at >= len(self._text):
                return
            is_end = not line.strip() or before is not None
            yield _Cut(at, fence, fence is None and (is_end or self._opens(at)))

    def _in_line(self) -> tuple[int, Fence | None]:
        """Cut after a word, else anywhere but inside a character made of several."""
        last = self._start + self._room
        for end in range(min(last, len(self._text)), self._half, -1):
            if self._text[end - 1] in " \t\n" and not _FENCE.match(self._text, end):
                fence = self._fence_at(end)
                if self._fits(end, fence):
                    return end, fence
        end = min(last, len(self._text))
        while not self._fits(end, self._fence_at(end)):
            end -= 1
        end = self._before_cluster(end)
        return end, self._fence_at(end)

    def _before_cluster(self, end: int) -> int:
        """Step back while the character at `end` belongs to the one before it."""
        for back in range(end, max(end - MAX_CLUSTER_CHARS, self._half), -1):
            joined = self._text[back - 1 : back + 1]
            if not (_JOINS & set(joined)) and not any(combining(char) for char in joined[1:]):
                return back if self._fits(back, self._fence_at(back)) else end
        return end

    def _fence_at(self, end: int) -> Fence | None:
        """The fence a reader of this part alone sees open at `end`."""
        fence = self._fence
        for line in self._text[self._start : end].split("\n"):
            fence = fence_after(line, fence, self._limit)
        return fence

    def _fits(self, end: int, fence: Fence | None) -> bool:
        body = self._text[self._start : end]
        tail = fence.tail_after(body) if fence else ""
        return len(body) + len(tail) <= self._room

    def _line(self, at: int) -> str:
        end = self._text.find("\n", at)
        return self._text[at:] if end < 0 else self._text[at:end]
