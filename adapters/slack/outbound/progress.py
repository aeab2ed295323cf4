"""What one run shows while it works, and what of it a stream has yet to be told. Pure.

A stream only grows: words are appended, a task's state is replaced by its id, its details are added to those it has
(seen by running; docs, "Streaming messages"). So words are told as far as they stay as they are, and details once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.slack.api.web import Json
from adapters.slack.drawing.markup import MAX_CHARS, inert, mrkdwn, parts_of, steady
from adapters.visible import prose
from adapters.wording import CALL_MARKS, call_facts, call_state
from bot.chat import ToolLine

STREAM_CHARS = 10_000
"""Of words while they are being written; the rest of a longer answer comes with its end."""
TAIL_CHARS = 3_000
MAX_NAME_CHARS, MAX_FIELD_CHARS = 60, 250
"""Slack: 256 characters for the title and the details of a task (docs, "chat.appendStream")."""
MAX_LINES_CHARS = 2_000
BY_ITSELF = frozenset({"proposed", "waiting"})
"""States without a line here: what waits has a card of its own, and every approval is a message."""
TASKS = {"approved": "in_progress", "started": "in_progress", "done": "complete"}
"""The states of a call as Slack's of a task; all others are `error`."""
BREAK = "\n\n"


@dataclass(frozen=True, slots=True)
class Words:
    """What the model wrote in one reply, so far."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A run as it is seen now: the words of its replies and the latest state of its calls, in the order they came."""

    parts: tuple[Words | ToolLine, ...] = ()

    def with_line(self, line: ToolLine) -> Progress:
        """The next state, after a call has moved."""
        if line.state in BY_ITSELF:
            return self
        if all(known.call_id != line.call_id for known in self.lines):
            return Progress((*self.parts, line))
        return Progress(tuple(line if _is_same(one, line) else one for one in self.parts))

    def with_text(self, text: str) -> Progress:
        """The next state: the whole text of the reply that is being written."""
        begun = bool(self.parts) and isinstance(self.parts[-1], Words)
        words = Words(text.lstrip("\n"))
        if not begun and not words.text.strip():
            return self
        return Progress((*(self.parts[:-1] if begun else self.parts), words))

    @property
    def lines(self) -> tuple[ToolLine, ...]:
        return tuple(one for one in self.parts if isinstance(one, ToolLine))

    @property
    def text(self) -> str:
        """What the model is writing now, or wrote last; "" where a call came after it."""
        last = self.parts[-1] if self.parts else None
        return last.text if isinstance(last, Words) else ""


def _is_same(one: Words | ToolLine, line: ToolLine) -> bool:
    return isinstance(one, ToolLine) and one.call_id == line.call_id


# --- a stream -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What a stream was told: the Markdown of each reply, and each call's state as a task's."""

    words: tuple[str, ...] = ()
    tasks: tuple[tuple[str, str], ...] = ()

    @property
    def chars(self) -> int:
        return len(BREAK.join(self.words))


@dataclass(frozen=True, slots=True)
class News:
    """What is to be appended, and what the stream knows then."""

    chunks: tuple[Json, ...]
    told: Told


def news(progress: Progress, told: Told) -> News | None:
    """What a stream has yet to be told; None where what it was told is not so any more."""
    return _news([_drawn(one, is_last=one is progress.parts[-1]) for one in progress.parts], told, STREAM_CHARS)


def closing(progress: Progress, told: Told, markdown: str) -> News | None:
    """What ends a stream so that this Markdown are its last words, None where that cannot be: it was told other words,
    or it would be too long."""
    items = [_drawn(one, is_last=False) for one in progress.parts]
    if items and isinstance(items[-1], str):
        items[-1] = markdown
    else:
        items.append(markdown)
    found = _news(items, told, MAX_CHARS)
    return found if found is not None and _is_whole(found.told, items) else None


def last_words(progress: Progress) -> str:
    """The Markdown of what the model wrote last, as much as fits into a message."""
    return "".join(parts_of(progress.text)[:1])


def _drawn(part: Words | ToolLine, *, is_last: bool) -> str | ToolLine:
    if isinstance(part, ToolLine):
        return part
    return steady(part.text) if is_last else inert(part.text).strip("\n")


def _is_whole(told: Told, items: list[str | ToolLine]) -> bool:
    words = [one for one in items if isinstance(one, str) and one]
    return [one.rstrip("\n") for one in told.words] == words


def _news(items: list[str | ToolLine], told: Told, max_chars: int) -> News | None:
    chunks: list[Json] = []
    at = 0
    for one in items:
        if isinstance(one, ToolLine):
            chunk, told = _task(one, told)
            chunks += [chunk] if chunk else []
        elif one:
            known = told.words[at] if at < len(told.words) else ""
            if not is_begun_by(one, known):
                return None
            begun = BREAK if at and not known else ""
            more = one[len(known) :][: max(0, max_chars - told.chars - len(begun))]
            if more:
                chunks.append({"type": "markdown_text", "text": begun + more})
                told = replace(told, words=(*told.words[:at], known + more, *told.words[at + 1 :]))
            at += 1
    return News(tuple(chunks), told)


def is_begun_by(text: str, known: str) -> bool:
    """Whether a text goes on from what is known of it; the lines may have ended without more to come."""
    return text.startswith(known) or known.rstrip("\n") == text


def _task(line: ToolLine, told: Told) -> tuple[Json | None, Told]:
    """The chunk for a call that has moved, and what is known then."""
    tasks = dict(told.tasks)
    state, was = TASKS.get(line.state, "error"), tasks.get(line.call_id)
    if state == was or was in ("complete", "error"):
        return None, told
    tasks[line.call_id] = state
    chunk = {"type": "task_update", "id": line.call_id, "title": _bare(line.tool, MAX_NAME_CHARS), "status": state}
    if state != "in_progress":
        chunk["details"] = _bare(facts_of(line), MAX_FIELD_CHARS)
    return chunk, replace(told, tasks=tuple(tasks.items()))


def _bare(text: str, max_chars: int) -> str:
    """Text for the fields of a task, which Slack reads for pings and knows no escapes in."""
    shown = " ".join(prose(text).split()).replace("<", "‹").replace(">", "›")
    return shown if len(shown) <= max_chars else f"{shown[: max_chars - 1]}…"


# --- a message ----------------------------------------------------------------------------------------------------


def facts_of(line: ToolLine) -> str:
    """What there is to say of a call beside its name: how it ended, how long it took, who approved it."""
    return call_facts(line.state, line.by, line.duration_ms)


def lines_block(lines: tuple[ToolLine, ...]) -> Json | None:
    """The calls, one below the other, the earliest counted where they are many; None without any."""
    drawn = [f"{CALL_MARKS[call_state(one.state)]} {_line(one)}" for one in lines]
    first = 0
    while sum(map(len, drawn[first:])) > MAX_LINES_CHARS:
        first += 1
    earlier = [f"… {first} earlier call{'s' if first > 1 else ''}"] if first else []
    shown = "\n".join([*earlier, *drawn[first:]])
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": shown}]} if shown else None


def _line(line: ToolLine) -> str:
    name, facts = f"`{mrkdwn(_bare(line.tool, MAX_NAME_CHARS))}`", mrkdwn(_bare(facts_of(line), MAX_FIELD_CHARS))
    return f"{name} {facts}".rstrip()


def tail_of(text: str) -> str:
    """The end of the model's text as Markdown, with its blocks of code closed; "" for none."""
    parts = parts_of(text, TAIL_CHARS) if text.strip() else []
    return f"…\n\n{parts[-1]}" if len(parts) > 1 else "".join(parts)
