"""One thing that was tried, and whom it is tried on. Knows no settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import aiohttp

from bot.engine.ports import TextListener
from bot.engine.types import Message, Reply, Run
from bot.models.client import ModelClient, Redact
from bot.models.config import ModelConfig
from bot.models.patience import RetryBudget

Clock = Callable[[], float]
Mark = Literal["ok", "note", "wrong"]
LIMIT_S = 120.0
"""No question is given longer, whatever `timeout_s` says."""
_NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried.

    `name` is for scripts; `text` one line for people: what there is, or what to change. A note is worth knowing, and
    works. `measured` holds numbers by name and unit ("first_token_ms").
    """

    name: str
    mark: Mark
    text: str
    measured: Mapping[str, int] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that is probed. A question is put twice at most: some servers close a connection that was just used."""

    config: ModelConfig
    http: aiohttp.ClientSession
    redact: Redact
    client: ModelClient
    clock: Clock = time.monotonic

    @classmethod
    def of(
        cls, config: ModelConfig, http: aiohttp.ClientSession, redact: Redact, clock: Clock = time.monotonic
    ) -> Subject:
        """Raises `ModelConfigError`."""
        bounded = replace(config, timeout_s=min(config.timeout_s, LIMIT_S))
        return cls(config, http, redact, ModelClient(bounded, http, redact), clock)

    @property
    def limit_s(self) -> float:
        return self.client.config.timeout_s

    def saying_little(self, max_tokens: int) -> Subject:
        """Give the same model, with replies of so many tokens at most."""
        is_new_name = self.config.host_type == "openai" or "max_completion_tokens" in self.config.sampling
        key = "max_completion_tokens" if is_new_name else "max_tokens"  # OpenAI's reasoning models refuse the old one
        config = replace(self.config, sampling=MappingProxyType({**self.config.sampling, key: max_tokens}))
        return Subject.of(config, self.http, self.redact, self.clock)

    @property
    def run(self) -> Run:
        return Run(id="probe", task="", messages=(), model=self.config.label)

    async def ask(
        self,
        messages: tuple[Message, ...],
        *,
        run: Run | None = None,
        tools: bytes = b"",
        tool_choice: str = "auto",
        on_text: TextListener | None = None,
    ) -> Reply:
        """Raises `ModelError`."""
        return await self.client.reply(
            messages,
            run=run or self.run,
            tools=tools,
            tool_choice=tool_choice,
            on_text=on_text,
            budget=RetryBudget(left=1),
        )


def sentences(*parts: str) -> str:
    """Join what there is to say; empty parts are left out."""
    return " ".join(part for part in parts if part)
