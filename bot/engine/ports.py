"""What the loop needs from the world, as protocols with few members. Implementations live elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bot.engine.steps import Fact, Steered
from bot.engine.types import Message, Reply, Run, ToolCall, ToolResult, Verdict

TextListener = Callable[[str], Awaitable[None]]
"""Told the whole text so far, whenever more of it has come."""


class ChatModel(Protocol):
    """An endpoint that continues a list of messages."""

    @property
    def label(self) -> str: ...

    async def reply(
        self,
        messages: tuple[Message, ...],
        *,
        run: Run,
        tools: bytes,
        tool_choice: str = "auto",
        on_text: TextListener | None = None,
    ) -> Reply:
        """Give the next assistant message.

        `tools` is the JSON array of the tools' schemas, b"" for none. With `on_text` the reply is streamed. `run` tells
        which ids are taken and which reply this is. Raises `ModelError`.
        """


class ToolBox(Protocol):
    """The tools of one run: what they are, whether a call may run, and running it."""

    @property
    def schemas(self) -> bytes:
        """The permitted tools as a JSON array in a fixed order; b"" when there are none."""

    def judge(self, call: ToolCall, run: Run) -> Verdict:
        """Check one call of this run: known, permitted, arguments valid, gate. Pure; asked again at every step."""

    async def run(self, call: ToolCall, run: Run, *, key: str) -> tuple[ToolResult, bool]:
        """Run the call and give its result, and whether its outcome is known.

        Never raises but `CancelledError`. `key` is the idempotency key of the call. The outcome is not known when an
        effect that must not be repeated timed out.
        """

    async def reconcile(self, call: ToolCall, *, key: str) -> ToolResult | None:
        """Find out what became of a call that had started when the bot ended; None when nobody can tell.

        Never raises but `CancelledError`, and never runs the call.
        """


Steering = Callable[[Run], Awaitable[Steered | None]]
"""What the person who asked has said to this run since, None = nothing. Asked each time before the model is; what it
gives is stored as any fact, or not taken."""


class RunStore(Protocol):
    """Where facts become durable."""

    async def commit(self, before: Run, facts: Sequence[Fact], after: Run) -> None:
        """Store what the facts changed, in one transaction. Raises `StaleRun` when a call was moved by another."""


class Listener(Protocol):
    """Whoever watches a run: told after the fact is durable."""

    async def on_fact(self, run: Run, fact: Fact) -> None: ...

    def text_listener(self, run: Run) -> TextListener | None:
        """None when nobody watches: then nothing is streamed."""
