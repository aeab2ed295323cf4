"""The mock model endpoint: it speaks the protocol, and holds peers to the work."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from benchmarks.replies import said, transcript
from benchmarks.task import Task, read_task
from benchmarks.work import ANSWER, SYSTEM, schemas


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def request_for(task: Task, *later: dict[str, Any]) -> dict[str, Any]:
    opening = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": task.text}]
    return {"model": "m", "messages": [*opening, *later], "tools": schemas()}


async def ask(http: aiohttp.ClientSession, url: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with http.post(f"{url}/chat/completions", json=request) as response:
        return response.status, await response.json()


def test_a_task_is_read_back_from_its_text() -> None:
    task = Task(rounds=7, size=4096, gate=1, chunks=64, latency_ms=20)

    assert read_task(f"Somebody wrote: {task.text}") == task
    assert read_task("nothing of it") is None


async def test_it_calls_a_tool_in_every_round(http: aiohttp.ClientSession, url: str) -> None:
    status, reply = await ask(http, url, request_for(Task(rounds=2, size=10)))

    choice = reply["choices"][0]
    assert (status, choice["finish_reason"], reply["usage"]["completion_tokens"]) == (200, "tool_calls", 20)
    (call,) = choice["message"]["tool_calls"]
    assert (call["id"], call["function"]["name"]) == ("call_0", "lookup")
    assert json.loads(call["function"]["arguments"]) == {"q": "item 0", "n": 0, "size": 10}


async def test_it_goes_on_where_the_newest_result_is_although_older_ones_were_cut(
    http: aiohttp.ClientSession, url: str
) -> None:
    task = Task(rounds=9, size=10)
    eighth = transcript(task)[-5:-3]

    _, reply = await ask(http, url, request_for(task, *eighth))

    assert eighth[1]["tool_call_id"] == "call_7"
    assert reply["choices"][0]["message"]["tool_calls"][0]["id"] == "call_8"


async def test_it_answers_after_the_gate(http: aiohttp.ClientSession, url: str) -> None:
    messages = transcript(Task(rounds=1, size=10, gate=1))

    _, gated = await ask(http, url, {"model": "m", "messages": messages[:4], "tools": schemas()})
    _, last = await ask(http, url, {"model": "m", "messages": messages[:6], "tools": schemas()})

    assert gated["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "send_email"
    assert last["choices"][0]["message"]["content"] == ANSWER
    assert last["choices"][0]["finish_reason"] == "stop"


async def test_it_streams_an_answer_in_chunks(http: aiohttp.ClientSession, url: str) -> None:
    async with http.post(f"{url}/chat/completions", json=request_for(Task(chunks=64)) | {"stream": True}) as response:
        lines = [line async for line in response.content if line.strip()]

    deltas = [json.loads(line[6:])["choices"][0]["delta"] for line in lines[:-1]]
    pieces = [delta["content"] for delta in deltas if delta.get("content")]
    assert (len(pieces), "".join(pieces), lines[-1]) == (64, ANSWER, b"data: [DONE]\n")


async def test_it_streams_a_call_in_pieces(http: aiohttp.ClientSession, url: str) -> None:
    request = request_for(Task(rounds=1)) | {"stream": True, "stream_options": {"include_usage": True}}
    async with http.post(f"{url}/chat/completions", json=request) as response:
        lines = [line async for line in response.content if line.strip()]

    events = [json.loads(line[6:]) for line in lines[:-1]]
    calls = [event["choices"][0]["delta"].get("tool_calls") for event in events[:-1]]
    arguments = "".join(call[0]["function"]["arguments"] for call in calls if call)
    assert json.loads(arguments) == {"q": "item 0", "n": 0, "size": 64}
    assert events[-1]["usage"]["completion_tokens"] == 20


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tools": schemas()[:9]}, "the ten tools are not offered"),
        ({"messages": [{"role": "user", "content": Task().text}]}, "the system prompt is not the first message"),
        ({"messages": [{"role": "system", "content": SYSTEM}]}, "no message says what is asked for"),
    ],
)
async def test_it_refuses_what_is_not_the_work(
    http: aiohttp.ClientSession, url: str, change: dict[str, Any], why: str
) -> None:
    status, reply = await ask(http, url, request_for(Task()) | change)

    assert (status, reply["error"]["message"]) == (400, why)


async def test_it_refuses_a_result_that_the_tool_did_not_give(http: aiohttp.ClientSession, url: str) -> None:
    task = Task(rounds=2, size=10)
    call = said({"id": "call_0", "type": "function", "function": {"name": "lookup", "arguments": "{}"}})
    result = {"role": "tool", "tool_call_id": "call_0", "content": "short"}

    status, reply = await ask(http, url, request_for(task, call, result))

    assert (status, reply["error"]["message"]) == (400, "the newest result is not what its tool gave")


async def test_it_counts_and_forgets(http: aiohttp.ClientSession, url: str) -> None:
    stats = url.removesuffix("/v1") + "/stats"
    await ask(http, url, request_for(Task()))

    async with aiohttp.ClientSession() as other, other.get(stats) as first, other.get(stats) as again:
        counted, forgotten = await first.json(), await again.json()

    assert counted == {"requests": 1, "connections": 1}
    assert forgotten["requests"] == 0
