"""What one run shows while it works: its tool calls, the model's text so far, and what it is doing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.discord.markup import MAX_CHARS, inert, short_code, shortened, size
from adapters.text import fence_after
from adapters.wording import CALL_MARKS, call_facts, call_state
from bot.chat import ToolLine

DOING = {
    "queued": "Queued: earlier messages come first.",
    "running": "Working",
    "waiting": "Waiting for approval",
    "done": "Done",
    "failed": "This did not work out.",
    "cancelled": "Stopped.",
}
MAX_LINES_CHARS = 1_000
MAX_NAME_CHARS = 60


@dataclass(frozen=True, slots=True)
class Progress:
    """A run as it is seen now: the latest state of each call in the order they were first seen, and the model's whole
    text so far. `status` as in `Working`."""

    lines: tuple[ToolLine, ...] = ()
    text: str = ""
    status: str = "running"

    def with_line(self, line: ToolLine) -> Progress:
        """The next state, after a call has moved."""
        if all(known.call_id != line.call_id for known in self.lines):
            return replace(self, lines=(*self.lines, line))
        return replace(self, lines=tuple(line if known.call_id == line.call_id else known for known in self.lines))

    def with_text(self, text: str) -> Progress:
        """The next state: the model's whole text so far."""
        return replace(self, text=text)

    def with_status(self, status: str) -> Progress:
        return replace(self, status=status)

    @property
    def is_empty(self) -> bool:
        """Is there nothing to say yet but that it works?"""
        return not self.lines and not self.text.strip() and self.status == "running"

    @property
    def is_worth_keeping(self) -> bool:
        """Does it say something that the answer does not?"""
        return bool(self.lines)

    def content(self) -> str:
        """The message that shows it, at most 2,000 characters."""
        last = f"-# {DOING.get(self.status, DOING['running'])}"
        calls = _shown(self.lines, MAX_LINES_CHARS)
        room = MAX_CHARS - size(calls) - size(last) - 2
        return "\n".join(part for part in (calls, tail_of(self.text, room), last) if part)

    def settled(self) -> str:
        """The tool calls alone, for the message that stays when the answer has come; "" without any."""
        return _shown(self.lines, MAX_CHARS)


def _shown(lines: tuple[ToolLine, ...], room: int) -> str:
    """The latest calls that fit, the earlier ones counted."""
    drawn = [line_of(line) for line in lines]
    first = 0
    while size("\n".join(drawn[first:])) > room - 30:
        first += 1
    earlier = [f"-# … {first} earlier call{'s' if first > 1 else ''}"] if first else []
    return "\n".join([*earlier, *drawn[first:]])


def line_of(line: ToolLine) -> str:
    """One call: its name, its state, who approved it, how long it took."""
    by = shortened(line.by, MAX_NAME_CHARS) if line.by else ""
    mark, name = CALL_MARKS[call_state(line.state)], short_code(line.tool, MAX_NAME_CHARS)
    return f"{mark} {name} {call_facts(line.state, by, line.duration_ms)}"


def tail_of(text: str, room: int) -> str:
    """The end of the model's text that fits, from the start of a line, inert and with its blocks of code closed."""
    kept = room
    if len(text) <= room and size(shown := inert(text)) <= room:
        return shown.strip("\n")
    while kept > 40:
        if size(shown := f"…\n{inert(_from_line(text, len(text) - kept))}".rstrip("\n")) <= room:
            return shown
        kept -= 1 + kept // 12
    return "…"


def _from_line(text: str, at: int) -> str:
    """The text from the first line after `at`, in the block of code that is open there."""
    start = text.find("\n", at - 1) + 1 if at > 0 else 0
    start = start or at
    fence = None
    for line in text[:start].split("\n"):
        fence = fence_after(line, fence, MAX_CHARS)
    return (fence.head if fence else "") + text[start:]
