"""The model of one turn: the first of its chain that works, with one retry budget for all of it."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bot.engine.compaction import budget_tokens
from bot.engine.ports import TextListener
from bot.engine.types import Message, Reply, Run
from bot.errors import ConversationTooLong, ModelError, ModelFiltered
from bot.models.client import ModelClient
from bot.models.patience import RetryBudget
from bot.models.sending import without_images

log = structlog.get_logger()


class TurnModel:
    """Implements `ChatModel` for one drive.

    When a model fails before anything of its reply was shown, the next of the chain is asked, and stays for the rest
    of the turn: what one model has begun, another does not continue twice.
    """

    def __init__(self, chain: Sequence[ModelClient]) -> None:
        self._chain = list(chain)
        self._budget = RetryBudget()
        self._has_failed = False

    @property
    def label(self) -> str:
        return self._chain[0].label

    async def reply(
        self,
        messages: tuple[Message, ...],
        *,
        run: Run,
        tools: bytes,
        tool_choice: str = "auto",
        on_text: TextListener | None = None,
    ) -> Reply:
        """Give the next message of the first model that can. Raises the last one's `ModelError`."""
        while True:
            shown = _Shown(on_text)
            self._check_length(messages, run, tools)
            try:
                return await self._chain[0].reply(
                    self._seen(messages),
                    run=run,
                    tools=tools,
                    tool_choice=tool_choice,
                    on_text=shown if on_text is not None else None,
                    budget=self._budget,
                    is_last=len(self._chain) == 1,
                )
            except (ConversationTooLong, ModelFiltered):
                raise  # shortening it comes first; what one provider objects to is not taken to the next
            except ModelError as err:
                if shown.anything or len(self._chain) == 1:
                    raise
                failed, self._has_failed = self._chain.pop(0), True
                log.warning("model.fallback", model=failed.label, next=self.label, why=err.user_message)

    def _check_length(self, messages: tuple[Message, ...], run: Run, tools: bytes) -> None:
        """What was made to fit the first model may be too long for the one that took over. Raises
        `ConversationTooLong`."""
        config = self._chain[0].config
        if not self._has_failed or config.window_tokens is None:
            return
        tokens = (sum(one.weight for one in messages) + len(tools)) * run.tokens_per_weight
        if tokens > budget_tokens(config.window_tokens):
            text = f"The conversation is too long for the model {config.label!r}. Start a new thread and ask again."
            raise ConversationTooLong(config.label, text, window_tokens=config.window_tokens)

    def _seen(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The first model was given what it can see; one that takes over may be blind."""
        if not self._has_failed or self._chain[0].config.vision:
            return messages
        return tuple(map(without_images, messages))


class _Shown:
    """Passes the text on, and remembers that there was some."""

    def __init__(self, on_text: TextListener | None) -> None:
        self._on_text = on_text
        self.anything = False

    async def __call__(self, text: str) -> None:
        self.anything = True
        assert self._on_text is not None, "text is only told to somebody"
        await self._on_text(text)
