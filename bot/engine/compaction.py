"""Fit what the model is sent into its window: what has to be shortened, and how far. Pure.

Over three quarters of the window everything is shortened down to half of that at once, never one message more each
round: the request's beginning stays the same for many rounds, and providers cache it. In this order, each step only
while it is needed:

1. the results of old calls, to head and tail
2. the largest of the recent ones
3. the oldest turns of the history, left out; what stands before them and is not answered (notes of older talk) last

The system message, the task, what was said to it later, and every call with its result stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.engine.types import Message, message

BUDGET_SHARE = 0.75
DOWN_TO_SHARE = 0.5
UNKNOWN_WINDOW_TOKENS = 32_000

TOKENS_PER_BYTE = 1 / 3
"""What a byte of UTF-8 is in tokens before a model has told; measured: English 0.21, JSON 0.45, code 0.42."""
LEAST, MOST = 0.6 * TOKENS_PER_BYTE, 1.8 * TOKENS_PER_BYTE
IMPLAUSIBLE = 0.5 * TOKENS_PER_BYTE
"""Fewer tokens than this and the host has counted, or read, only a part of what it was sent."""

RECENT_REPLIES = 3
OLD_LEVELS = (400, 150, 60)
RECENT_LEVELS = (4000, 1500, 400)
"""How many characters are kept of a result, tried in this order."""
AROUND = 150
"""About what stands around them: the note that something is left out, the id, the quotes."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The message at this position is sent as these bytes from now on; b"" = no more."""

    position: int
    sent: bytes


def budget_tokens(window_tokens: int | None) -> int:
    """How many tokens a request may take. A window nobody knows is taken for 32,000."""
    return int((UNKNOWN_WINDOW_TOKENS if window_tokens is None else window_tokens) * BUDGET_SHARE)


def learned(tokens_per_weight: float, *, prompt_tokens: int, weight: int) -> float:
    """What a byte is in tokens, given one more count of the model's own; half of it from what was known before."""
    if prompt_tokens <= 0 or weight <= 0 or prompt_tokens / weight < IMPLAUSIBLE:
        return tokens_per_weight
    seen = min(max(prompt_tokens / weight, LEAST), MOST)
    return (tokens_per_weight + seen) / 2


def shorten(messages: Sequence[Message], *, to_weight: int) -> tuple[Cut, ...]:
    """What to cut so that the messages weigh at most `to_weight`, or as near to it as the rules allow."""
    work = _Shortening(messages, to_weight)
    recent = _start_of_recent(messages)
    results = [at for at, one in enumerate(messages) if one.role == "tool"]
    work.cut_all([at for at in results if at < recent])
    work.cut_largest([at for at in results if at >= recent])
    work.leave_out(_history(messages))
    return work.cuts()


class _Shortening:
    """The messages as they will be sent, and what they weigh, while they are being cut."""

    def __init__(self, messages: Sequence[Message], to_weight: int) -> None:
        self._messages = messages
        self._to = to_weight
        self._sent: dict[int, bytes] = {}
        self._weight = sum(one.weight for one in messages)

    @property
    def _fits(self) -> bool:
        return self._weight <= self._to

    def cut_all(self, positions: Sequence[int]) -> None:
        """All of them at once, as far as it takes: those that stay whole now would be next."""
        if self._fits:
            return
        level = next((one for one in OLD_LEVELS if self._would_fit(positions, one)), OLD_LEVELS[-1])
        for at in positions:
            self._cut(at, level)

    def _would_fit(self, positions: Sequence[int], level: int) -> bool:
        """Whether cutting all of these to this level is about enough."""
        saved = 0
        for at in positions:
            sent = self._messages[at].sent
            bytes_per_letter = len(sent) / max(1, len(sent.decode("utf-8", "replace")))
            saved += max(0, len(sent) - int(level * bytes_per_letter) - AROUND)
        return self._weight - saved <= self._to

    def cut_largest(self, positions: Iterable[int]) -> None:
        by_size = sorted(positions, key=lambda at: -len(self._messages[at].sent))
        for level in RECENT_LEVELS:
            for at in by_size:
                if self._fits:
                    return
                self._cut(at, level)

    def leave_out(self, positions: Sequence[int]) -> None:
        """In this order; what is left of the turns begins with a person's words."""
        if self._fits:
            return
        for at in positions:
            if self._fits and self._messages[at].role == "user":
                return
            self._replace(at, b"")

    def _cut(self, at: int, level: int) -> None:
        if len(self._sent.get(at, self._messages[at].sent)) <= level + AROUND:
            return  # it is as short already: most are, after the first time
        shortened = _result_cut(self._messages[at], level)
        if shortened is not None and len(shortened) < len(self._sent.get(at, self._messages[at].sent)):
            self._replace(at, shortened)

    def _replace(self, at: int, sent: bytes) -> None:
        before = len(self._sent[at]) if at in self._sent else self._messages[at].weight
        self._weight += len(sent) - before
        self._sent[at] = sent

    def cuts(self) -> tuple[Cut, ...]:
        changed = ((at, sent) for at, sent in sorted(self._sent.items()) if sent != self._messages[at].sent)
        return tuple(Cut(at, sent) for at, sent in changed)


def _result_cut(result: Message, level: int) -> bytes | None:
    """A result with so many characters of it kept; None when it is no longer than that."""
    said = json.loads(result.body)
    text = str(said["content"])
    short = head_and_tail(text, level)
    return None if short == text else message("tool", short, tool_call_id=str(said["tool_call_id"])).sent


def head_and_tail(text: str, level: int) -> str:
    """The text with so many of its characters kept, and how many are left out; the text itself when it is no longer."""
    left_out = len(text) - level
    note = f"\n[... {left_out:,} characters left out here ...]\n"
    if left_out <= len(note):
        return text
    head, tail = level * 2 // 3, level // 3
    return text[:head] + note + text[len(text) - tail :]


def _start_of_recent(messages: Sequence[Message]) -> int:
    """Where the last replies with their results begin."""
    replies = [at for at, one in enumerate(messages) if one.role == "assistant"]
    return replies[-RECENT_REPLIES] if len(replies) > RECENT_REPLIES else 0


def _history(messages: Sequence[Message]) -> list[int]:
    """What was said before the task, in the order it is left out: between the system message and the last words of a
    person before any result; what stands after a result was said to the run itself. The first of it comes last where it
    is nobody's question: words of a person's role that nothing answers."""
    first_result = next((at for at, one in enumerate(messages) if one.role == "tool"), len(messages))
    task = max((at for at in range(first_result) if messages[at].role == "user"), default=0)
    before = [at for at in range(task) if messages[at].role != "system" and messages[at].sent]
    roles = [messages[at].role for at in (*before, task)][:2]
    return [*before[1:], before[0]] if before and roles == ["user", "user"] else before
