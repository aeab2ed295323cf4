"""The loops that are compared: each answers one question with as many rounds as it says."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import aiohttp
import openai

import bot
from bot.engine.loop import Crew, NoStore, drive
from bot.engine.ports import RunStore
from bot.engine.types import Actor, Place, Rights, Run
from bot.models.client import ModelClients
from bot.models.config import from_mapping
from bot.opening import opening
from bot.policy.judge import permit_for
from bot.storage.database import Database, open_database
from bot.storage.runs import RunRows
from bot.tools.registry import spec_of
from bot.tools.toolbox import Toolbox

SYSTEM = "You are a careful assistant in a team's chat. " * 25
RESULT = "x" * 1000


@bot.tool(effect="read")
async def look(n: int) -> str:
    """Look at entry number n.

    Args:
        n: Which one.
    """
    return f"{n} {RESULT}"


SCHEMAS = json.loads(b"[" + spec_of(look).schema_json + b"]")


class Raw:
    """aiohttp and json, nothing else: the floor."""

    name = "raw aiohttp"

    async def open(self, url: str, folder: Path) -> None:
        self._url = f"{url}/chat/completions"
        self._http = aiohttp.ClientSession()

    async def close(self) -> None:
        await self._http.close()

    async def answer(self, question: str) -> str:
        messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
        while True:
            body = json.dumps({"model": "m", "messages": messages, "tools": SCHEMAS}).encode()
            async with self._http.post(self._url, data=body, headers={"Content-Type": "application/json"}) as response:
                said = json.loads(await response.read())["choices"][0]["message"]
            messages.append(said)
            if not said.get("tool_calls"):
                return str(said["content"])
            for call in said["tool_calls"]:
                result = await look(**json.loads(call["function"]["arguments"]))
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


class Sdk:
    """What everybody writes with the openai package."""

    name = "bare SDK loop"

    async def open(self, url: str, folder: Path) -> None:
        self._client = openai.AsyncOpenAI(base_url=url, api_key="x")

    async def close(self) -> None:
        await self._client.close()

    async def answer(self, question: str) -> str:
        messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
        while True:
            reply = await self._client.chat.completions.create(model="m", messages=messages, tools=SCHEMAS)
            said = reply.choices[0].message
            messages.append(said.model_dump(exclude_none=True))
            if not said.tool_calls:
                return said.content or ""
            for call in said.tool_calls:
                assert call.type == "function"
                result = await look(**json.loads(call.function.arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


class Nod:
    """The engine without a store."""

    name = "Nod, no store"

    async def open(self, url: str, folder: Path) -> None:
        self._model = from_mapping({"label": "m", "api_url": url, "model_name": "m", "host_type": "generic"})
        self._clients = ModelClients()

    async def close(self) -> None:
        await self._clients.aclose()

    async def answer(self, question: str) -> str:
        return await self._drive(question, NoStore())

    async def _drive(self, question: str, store: RunStore) -> str:
        run = await self._begin(question)
        toolbox = Toolbox([spec_of(look)], permit=permit_for(Rights()), actor=run.requester, place=run.place)
        run = await drive(run, Crew(self._clients.for_config(self._model), toolbox, store))
        return run.answer or ""

    async def _begin(self, question: str) -> Run:
        return Run(
            id=secrets.token_hex(16),
            task=question,
            messages=opening(question, system_prompt=SYSTEM, has_tools=True),
            model="m",
            requester=Actor("web", "", "alice"),
            place=Place("web", "", "general", "t"),
            max_rounds=1000,
        )


class NodStored(Nod):
    """The engine with every fact durable: SQLite, WAL, synchronous FULL."""

    name = "Nod, SQLite FULL"

    async def open(self, url: str, folder: Path) -> None:
        await super().open(url, folder)
        self._database: Database = await open_database(f"sqlite+aiosqlite:///{folder / 'bench.db'}")
        self._rows = RunRows(self._database)

    async def close(self) -> None:
        await super().close()
        await self._database.aclose()

    async def answer(self, question: str) -> str:
        return await self._drive(question, self._rows)

    async def _begin(self, question: str) -> Run:
        run = await super()._begin(question)
        await self._rows.enqueue(run, event_id=run.id, at_ms=1)
        await self._rows.start(run)
        return run


PEERS = (Raw, Sdk, Nod, NodStored)
