"""A real model endpoint on loopback that says what it is told to: HTTP, streams, faults.

    async with ScriptedEndpoint([says("Hello"), calls(("notes_add", {"text": "x"})), Status(429)]) as endpoint:
        config = from_mapping({"label": "test", "api_url": endpoint.url, "model_name": "m", "host_type": "generic"})
        ...
    endpoint.requests[0].body["messages"]    # the JSON of the first request
    endpoint.requests[0].headers["Authorization"]

A script is a list of replies, used one after the other. Used up, the endpoint answers 400 and `unexpected` counts;
`endpoint.script.extend([...])` adds some later. A reply is one of:

- `dict`: a completion, in one piece, or as a proper stream when the request asked for one (`says`, `calls` make them)
- `bytes`: the body of a 200 with content type application/json, whatever it holds
- `Status(...)`: any status, headers, body, content type and delay
- `Stream([...])`: server-sent events, chunk by chunk: `bytes` as they are, `dict` as one event, `float` a pause in
  seconds, `CUT` breaks the connection. Without `is_open` a `[DONE]` follows.
- a function that takes the `Recorded` request and gives one of the above (async ones too)
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

CUT = "cut"
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Recorded:
    """One request as it came over the wire."""

    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.raw)
        return parsed


@dataclass(frozen=True)
class Status:
    """An answer of any kind. `body` as a dict or list is sent as JSON. `delay_s` passes before anything is sent."""

    status: int = 200
    body: bytes | str | dict[str, Any] | list[Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay_s: float = 0.0


@dataclass(frozen=True)
class Stream:
    """A stream of events, see the module. `is_open` = no `[DONE]` at the end."""

    chunks: Sequence[bytes | dict[str, Any] | float | str]
    is_open: bool = False
    content_type: str = "text/event-stream"


Answer = dict[str, Any] | bytes | Status | Stream
Scripted = Answer | Callable[[Recorded], Answer | Awaitable[Answer]]


def says(text: str, **message: Any) -> dict[str, Any]:
    """Give a completion with a text. Further fields of the message by name."""
    return completion({"role": "assistant", "content": text, **message})


def calls(
    *wanted: tuple[str, dict[str, Any] | str], ids: Sequence[object] | None = None, text: str = "", **message: Any
) -> dict[str, Any]:
    """Give a completion that calls tools: `calls(("notes_add", {"text": "x"}))`. `ids` replaces call_0, call_1, ..."""
    tool_calls = [
        {
            "id": ids[at] if ids else f"call_{at}",
            "type": "function",
            "function": {"name": name, "arguments": args if isinstance(args, str) else json.dumps(args)},
        }
        for at, (name, args) in enumerate(wanted)
    ]
    return completion({"role": "assistant", "content": text, "tool_calls": tool_calls, **message}, finish="tool_calls")


def completion(message: dict[str, Any], *, finish: str | None = "stop", usage: Any = None) -> dict[str, Any]:
    """Give the whole body around an assistant message."""
    counted = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15} if usage is None else usage
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": counted,
    }


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """Give one chunk of a stream: `delta(content="Hel")`, `delta(finish="stop")`."""
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def event(payload: object) -> bytes:
    """Give a payload as one server-sent event."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def streamed(body: dict[str, Any]) -> Stream:
    """Give the stream that says the same as a completion, as OpenAI would cut it."""
    choice = body["choices"][0]
    message = choice["message"]
    chunks: list[bytes | dict[str, Any] | float | str] = [delta(role="assistant")]
    chunks += [delta(content=word) for word in _pieces(message.get("content"))]
    for at, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        head = {**call, "index": at, "function": {**function, "arguments": ""}}
        chunks.append(delta(tool_calls=[head]))
        if isinstance(function["arguments"], str):
            chunks += [
                delta(tool_calls=[{"index": at, "function": {"arguments": piece}}])
                for piece in _pieces(function["arguments"])
            ]
        else:
            chunks[-1] = delta(tool_calls=[{**call, "index": at}])
    known = {"role", "content", "tool_calls"}
    if extra := {key: value for key, value in message.items() if key not in known}:
        chunks.append(delta(**extra))
    chunks.append(delta(finish=choice["finish_reason"]))
    chunks.append({"choices": [], "usage": body.get("usage")})
    return Stream(chunks)


def _pieces(text: object) -> list[str]:
    return [text[at : at + 7] for at in range(0, len(text), 7)] if isinstance(text, str) else []


class ScriptedEndpoint:
    """The endpoint: open it with `async with`, point a model at `url`, read `requests` afterwards."""

    def __init__(self, script: Sequence[Scripted] = ()) -> None:
        self.script: list[Scripted] = list(script)
        self.requests: list[Recorded] = []
        self.unexpected = 0
        self.open_requests = 0
        self.url = ""
        self._used = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> ScriptedEndpoint:
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        recorded = Recorded(request.path, dict(request.headers), await request.read())
        self.requests.append(recorded)
        self.open_requests += 1
        try:
            return await self._send(request, await self._next(recorded), recorded)
        finally:
            self.open_requests -= 1

    async def _next(self, recorded: Recorded) -> Answer:
        if self._used >= len(self.script):
            self.unexpected += 1
            return Status(400, {"error": {"message": "the script is used up"}})
        scripted = self.script[self._used]
        self._used += 1
        if isinstance(scripted, (dict, bytes, Status, Stream)):
            return scripted
        answer = scripted(recorded)
        return await answer if inspect.isawaitable(answer) else answer

    async def _send(self, request: web.Request, answer: Answer, recorded: Recorded) -> web.StreamResponse:
        match answer:
            case Stream():
                return await _send_stream(request, answer)
            case Status():
                await asyncio.sleep(answer.delay_s)
                body = answer.body if isinstance(answer.body, bytes) else _bytes(answer.body)
                return web.Response(
                    status=answer.status,
                    body=body,
                    headers={"Content-Type": answer.content_type, **answer.headers},
                )
            case dict():
                if recorded.body.get("stream"):
                    return await _send_stream(request, streamed(answer))
                return web.json_response(answer)
            case bytes():
                return web.Response(body=answer, content_type="application/json")


def _bytes(body: str | dict[str, Any] | list[Any]) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


async def _send_stream(request: web.Request, stream: Stream) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": stream.content_type})
    await response.prepare(request)
    for chunk in stream.chunks:
        if isinstance(chunk, float):
            await asyncio.sleep(chunk)
        elif chunk == CUT:
            assert request.transport is not None
            request.transport.abort()
            return response
        else:
            await response.write(chunk if isinstance(chunk, bytes) else event(chunk))
    if not stream.is_open:
        await response.write(DONE)
    await response.write_eof()
    return response
