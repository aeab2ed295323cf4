"""LangGraph through langchain's `create_agent`; with a database its AsyncSqliteSaver and human in the loop."""

from __future__ import annotations

import secrets
from typing import Any

import aiosqlite
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from benchmarks.peers.ports import Setup
from benchmarks.work import GATED, SYSTEM, TOOLS

VERSIONS_OF = (
    "langgraph",
    "langchain",
    "langchain-core",
    "langchain-openai",
    "langgraph-checkpoint-sqlite",
    "openai",
)


class LangGraph:
    def __init__(self, setup: Setup) -> None:
        self._url = setup.url
        self._path = setup.database
        self._tools = [tool(one) for one in TOOLS.values()]
        self._connection: aiosqlite.Connection | None = None

    async def open(self) -> None:
        self._saver = None
        if self._path is not None:
            self._connection = await aiosqlite.connect(self._path)
            self._saver = AsyncSqliteSaver(self._connection)
            await self._saver.setup()
            await self._connection.execute("PRAGMA synchronous=FULL")
        self._agent = self._agent_on(streaming=False)
        self._streaming: Any = None

    def _agent_on(self, *, streaming: bool) -> Any:
        model = ChatOpenAI(
            model="bench-model", base_url=self._url, api_key="x", max_retries=0, streaming=streaming, stream_usage=False
        )
        gate = HumanInTheLoopMiddleware(interrupt_on={GATED: {"allowed_decisions": ["approve", "reject"]}})
        middleware = [gate] if self._saver else []
        return create_agent(model, self._tools, system_prompt=SYSTEM, middleware=middleware, checkpointer=self._saver)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def run(self, task: str) -> str:
        result = await self._agent.ainvoke(_opening(task), self._config())
        return str(result["messages"][-1].content)

    async def stream(self, task: str) -> str:
        self._streaming = self._streaming or self._agent_on(streaming=True)
        text = ""
        async for message, _ in self._streaming.astream(_opening(task), self._config(), stream_mode="messages"):
            text += message.content
        return text

    async def pause(self, run_id: str, task: str) -> None:
        result = await self._agent.ainvoke(_opening(task), self._config(run_id))
        assert result["__interrupt__"]

    async def unpaused(self, task: str) -> None:
        await self.run(task)

    async def resume(self, run_id: str) -> str:
        approved = Command(resume={"decisions": [{"type": "approve"}]})
        result = await self._agent.ainvoke(approved, self._config(run_id))
        return str(result["messages"][-1].content)

    def _config(self, run_id: str = "") -> dict[str, Any]:
        thread = {"thread_id": run_id or secrets.token_hex(16)} if self._saver else {}
        return {"recursion_limit": 100_000, "configurable": thread}


def _opening(task: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": task}]}


def make(setup: Setup) -> LangGraph:
    return LangGraph(setup)
