"""aiohttp, orjson and a straight loop: the floor. No checks, no retries, no limits."""

from __future__ import annotations

from typing import Any

import aiohttp
import orjson

from benchmarks.peers.blobs import blobs_at
from benchmarks.peers.ports import Setup
from benchmarks.work import GATED, SYSTEM, TOOLS, schemas

VERSIONS_OF = ("aiohttp", "orjson", "aiosqlite")
Json = dict[str, Any]


class Raw:
    def __init__(self, setup: Setup) -> None:
        self._url = f"{setup.url}/chat/completions"
        self._blobs = blobs_at(setup.database)
        self._tools = schemas()
        self._http: aiohttp.ClientSession

    async def open(self) -> None:
        headers = {"Authorization": "Bearer x", "Content-Type": "application/json"}
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers)
        if self._blobs:
            await self._blobs.open()

    async def close(self) -> None:
        await self._http.close()
        if self._blobs:
            await self._blobs.close()

    async def run(self, task: str) -> str:
        answer = await self._go_on(_opening(task))
        assert answer is not None
        return answer

    async def stream(self, task: str) -> str:
        answer = await self._go_on(_opening(task), stream=True)
        assert answer is not None
        return answer

    async def pause(self, run_id: str, task: str) -> None:
        assert self._blobs
        messages = _opening(task)
        assert await self._go_on(messages) is None
        await self._blobs.put(run_id, orjson.dumps({"messages": messages}))

    async def unpaused(self, task: str) -> None:
        await self.run(task)

    async def resume(self, run_id: str) -> str:
        assert self._blobs
        messages = orjson.loads(await self._blobs.get(run_id))["messages"]
        await _run_calls(messages)
        answer = await self._go_on(messages)
        assert answer is not None
        await self._blobs.put(run_id, orjson.dumps({"messages": messages}))
        return answer

    async def _go_on(self, messages: list[Json], *, stream: bool = False) -> str | None:
        """The answer, None at the gate."""
        while True:
            said = await self._said(messages, stream=stream)
            calls = said.get("tool_calls")
            messages.append(
                {"role": "assistant", "content": said["content"]} | ({"tool_calls": calls} if calls else {})
            )
            if not calls:
                return str(said["content"])
            if any(call["function"]["name"] == GATED for call in calls):
                return None
            await _run_calls(messages)

    async def _said(self, messages: list[Json], *, stream: bool) -> Json:
        request: Json = {"model": "bench-model", "tools": self._tools, "messages": messages}
        if stream:
            request["stream"] = True
        async with self._http.post(self._url, data=orjson.dumps(request)) as response:
            assert response.status == 200, await response.text()
            if stream:
                return await _collected(response)
            message: Json = orjson.loads(await response.read())["choices"][0]["message"]
            return message


async def _collected(response: aiohttp.ClientResponse) -> Json:
    """A streamed answer; this benchmark streams no calls."""
    pieces = []
    async for line in response.content:
        if line.startswith(b"data: {"):
            for choice in orjson.loads(line[6:])["choices"]:
                pieces.append(choice["delta"].get("content") or "")
    return {"content": "".join(pieces)}


def _opening(task: str) -> list[Json]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": task}]


async def _run_calls(messages: list[Json]) -> None:
    """Add the results of the newest message's calls."""
    for call in messages[-1]["tool_calls"]:
        function = call["function"]
        result = await TOOLS[function["name"]](**orjson.loads(function["arguments"]))
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


def make(setup: Setup) -> Raw:
    return Raw(setup)
