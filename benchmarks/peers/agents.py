"""openai-agents: Agent and Runner over chat completions; `needs_approval` and RunState for the gate."""

from __future__ import annotations

from agents import Agent, OpenAIChatCompletionsModel, RunConfig, Runner, RunState, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from openai.types.responses import ResponseTextDeltaEvent

from benchmarks.peers.blobs import blobs_at
from benchmarks.peers.ports import Setup
from benchmarks.work import GATED, SYSTEM, TOOLS

VERSIONS_OF = ("openai-agents", "openai", "httpx2", "pydantic", "aiosqlite")
_TURNS = 10_000
set_tracing_disabled(True)


class Agents:
    def __init__(self, setup: Setup) -> None:
        self._client = AsyncOpenAI(base_url=setup.url, api_key="x")
        self._blobs = blobs_at(setup.database)
        self._agent = Agent(
            name="bench",
            instructions=SYSTEM,
            tools=[function_tool(tool, needs_approval=name == GATED) for name, tool in TOOLS.items()],
            model=OpenAIChatCompletionsModel(model="bench-model", openai_client=self._client),
        )
        self._config = RunConfig(tracing_disabled=True)

    async def open(self) -> None:
        if self._blobs:
            await self._blobs.open()

    async def close(self) -> None:
        await self._client.close()
        if self._blobs:
            await self._blobs.close()

    async def run(self, task: str) -> str:
        result = await Runner.run(self._agent, task, max_turns=_TURNS, run_config=self._config)
        return str(result.final_output)

    async def stream(self, task: str) -> str:
        text = ""
        result = Runner.run_streamed(self._agent, task, max_turns=_TURNS, run_config=self._config)
        async for event in result.stream_events():
            if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
                text += event.data.delta
        assert text == result.final_output
        return text

    async def pause(self, run_id: str, task: str) -> None:
        assert self._blobs
        result = await Runner.run(self._agent, task, max_turns=_TURNS, run_config=self._config)
        assert result.interruptions
        await self._blobs.put(run_id, result.to_state().to_string().encode())

    async def unpaused(self, task: str) -> None:
        await self.run(task)

    async def resume(self, run_id: str) -> str:
        assert self._blobs
        state = await RunState.from_string(self._agent, (await self._blobs.get(run_id)).decode())
        for interruption in state.get_interruptions():
            state.approve(interruption)
        result = await Runner.run(self._agent, state, max_turns=_TURNS, run_config=self._config)
        await self._blobs.put(run_id, result.to_state().to_string().encode())
        return str(result.final_output)


def make(setup: Setup) -> Agents:
    return Agents(setup)
