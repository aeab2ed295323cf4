"""The clients of all models, over one pool of connections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.models.client import ModelClient, Redact, identity
from bot.models.config import ModelConfig
from bot.models.pool import open_http
from bot.models.prepared import prepare
from bot.models.turn import TurnModel


class ModelClients:
    """The clients of all models over one HTTP pool. Open it once, close it at the end."""

    def __init__(self, *, redact: Redact = identity) -> None:
        self._http = open_http()
        self._redact = redact
        self._clients: dict[ModelConfig, ModelClient] = {}

    def for_config(self, config: ModelConfig) -> ModelClient:
        """Give the client of this model: the same one for an equal configuration."""
        if config not in self._clients:
            self._clients[config] = ModelClient(config, self._http, self._redact)
        return self._clients[config]

    def for_turn(self, chain: Sequence[ModelConfig]) -> TurnModel:
        """Give the model of one turn: the first of these that works."""
        return TurnModel([self.for_config(config) for config in chain])

    @staticmethod
    async def warm() -> None:
        """Import the SDK beside the event loop, and let it find out where it runs: half a second, once for a process,
        that the first message need not wait for."""
        await asyncio.to_thread(prepare, ModelConfig("warm", "http://127.0.0.1", "warm"))

    async def aclose(self) -> None:
        await self._http.close()

    async def __aenter__(self) -> ModelClients:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
