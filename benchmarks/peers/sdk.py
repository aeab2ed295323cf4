"""The loop everybody writes with the openai package: dicts in, `chat.completions.create`, json for the arguments."""

from __future__ import annotations

import json
from typing import Any

from openai import AsyncOpenAI

from benchmarks.peers.blobs import blobs_at
from benchmarks.peers.ports import Setup
from benchmarks.work import GATED, SYSTEM, TOOLS, schemas

VERSIONS_OF = ("openai", "httpx2", "pydantic", "aiosqlite")


class Sdk:
    def __init__(self, setup: Setup) -> None:
        self._client = AsyncOpenAI(base_url=setup.url, api_key="x")
        self._blobs = blobs_at(setup.database)
        self._tools: Any = schemas()

    async def open(self) -> None:
        if self._blobs:
            await self._blobs.open()

    async def close(self) -> None:
        await self._client.close()
        if self._blobs:
            await self._blobs.close()

    async def run(self, task: str) -> str:
        answer = await self._go_on(_opening(task))
        assert answer is not None
        return answer

    async def stream(self, task: str) -> str:
        """One streamed reply; this benchmark streams no calls."""
        pieces = []
        chunks = await self._client.chat.completions.create(
            model="bench-model", messages=_opening(task), tools=self._tools, stream=True
        )
        async for chunk in chunks:
            if chunk.choices:
                pieces.append(chunk.choices[0].delta.content or "")
        return "".join(pieces)

    async def pause(self, run_id: str, task: str) -> None:
        assert self._blobs
        messages = _opening(task)
        assert await self._go_on(messages) is None
        await self._blobs.put(run_id, json.dumps({"messages": messages}).encode())

    async def unpaused(self, task: str) -> None:
        await self.run(task)

    async def resume(self, run_id: str) -> str:
        assert self._blobs
        messages = json.loads(await self._blobs.get(run_id))["messages"]
        await _run_calls(messages)
        answer = await self._go_on(messages)
        assert answer is not None
        await self._blobs.put(run_id, json.dumps({"messages": messages}).encode())
        return answer

    async def _go_on(self, messages: list[Any]) -> str | None:
        """The answer, None at the gate."""
        while True:
            reply = await self._client.chat.completions.create(
                model="bench-model", messages=messages, tools=self._tools
            )
            said = reply.choices[0].message
            messages.append(_as_sent(said))
            if not said.tool_calls:
                return said.content
            if any(call["function"]["name"] == GATED for call in messages[-1]["tool_calls"]):
                return None
            await _run_calls(messages)


def _as_sent(said: Any) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.content}
    if said.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in said.tool_calls
        ]
    return message


def _opening(task: str) -> list[Any]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": task}]


async def _run_calls(messages: list[Any]) -> None:
    """Add the results of the newest message's calls."""
    for call in messages[-1]["tool_calls"]:
        function = call["function"]
        result = await TOOLS[function["name"]](**json.loads(function["arguments"]))
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


def make(setup: Setup) -> Sdk:
    return Sdk(setup)
