"""pydantic-ai: Agent over OpenAIChatModel; `requires_approval` and deferred tool results for the gate."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, RunContext, Tool
from pydantic_ai.messages import ModelMessagesTypeAdapter, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits

from benchmarks.peers.blobs import blobs_at
from benchmarks.peers.ports import Setup
from benchmarks.work import GATED, SYSTEM, TOOLS

VERSIONS_OF = ("pydantic-ai-slim", "openai", "httpx2", "pydantic", "aiosqlite")


class PydanticAi:
    def __init__(self, setup: Setup) -> None:
        self._blobs = blobs_at(setup.database)
        self._agent: Agent[None, Any] = Agent(
            OpenAIChatModel("bench-model", provider=OpenAIProvider(base_url=setup.url, api_key="x")),
            instructions=SYSTEM,
            tools=[Tool(tool, takes_ctx=False, requires_approval=name == GATED) for name, tool in TOOLS.items()],
            output_type=[str, DeferredToolRequests],
        )
        self._limits = UsageLimits(request_limit=None)

    async def open(self) -> None:
        if self._blobs:
            await self._blobs.open()

    async def close(self) -> None:
        if self._blobs:
            await self._blobs.close()

    async def run(self, task: str) -> str:
        return str((await self._agent.run(task, usage_limits=self._limits)).output)

    async def stream(self, task: str) -> str:
        pieces: list[str] = []

        async def take(_: RunContext[None], events: AsyncIterable[Any]) -> None:
            async for event in events:
                if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    pieces.append(event.part.content)
                elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    pieces.append(event.delta.content_delta)

        result = await self._agent.run(task, usage_limits=self._limits, event_stream_handler=take)
        assert "".join(pieces) == result.output
        return str(result.output)

    async def pause(self, run_id: str, task: str) -> None:
        assert self._blobs
        result = await self._agent.run(task, usage_limits=self._limits)
        assert isinstance(result.output, DeferredToolRequests)
        await self._blobs.put(run_id, result.all_messages_json())

    async def unpaused(self, task: str) -> None:
        await self.run(task)

    async def resume(self, run_id: str) -> str:
        assert self._blobs
        messages = ModelMessagesTypeAdapter.validate_json(await self._blobs.get(run_id))
        approved = DeferredToolResults()
        for part in messages[-1].parts:
            if part.part_kind == "tool-call":
                approved.approvals[part.tool_call_id] = True
        result = await self._agent.run(
            message_history=messages, deferred_tool_results=approved, usage_limits=self._limits
        )
        await self._blobs.put(run_id, result.all_messages_json())
        return str(result.output)


def make(setup: Setup) -> PydanticAi:
    return PydanticAi(setup)
