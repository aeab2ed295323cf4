"""A scripted stand-in for a model: `python -m bot.demo.scripted --port N --parent-pid P`.

For machines without the real one. A real HTTP endpoint on loopback that streams and calls tools by keyword. Every
answer says that it is no model.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from bot.demo.child import announce, arguments, end_with_parent

MODEL_NAME = "scripted-stand-in"
NOTICE = "(I am a scripted stand-in, not a model.)"
HELP = "I can tell the time, add a note, search the notes and clear them."
_TIME = re.compile(r"\b(time|clock|uhr|spät)\b", re.IGNORECASE)
_CLEAR = re.compile(r"\b(clear|delete|erase|wipe|remove)\b", re.IGNORECASE)
_ADD = re.compile(
    r"(?:\bnote\s*:|\badd a note\b(?:\s+(?:that|to|about))?|\bremember\b(?:\s+that)?)\s*:?\s*(?P<text>.+)",
    re.IGNORECASE | re.DOTALL,
)
_SEARCH = re.compile(
    r"\b(?:search|find|look up|look for)\b(?:\s+(?:in|through)?\s*(?:the|my|all)?\s*notes?)?"
    r"(?:\s+(?:for|about))?\s*(?P<query>.*)",
    re.IGNORECASE,
)

Json = dict[str, Any]


def answer(request: Json) -> Json:
    """Give the assistant message for a request body. Pure."""
    messages = [message for message in request.get("messages") or () if isinstance(message, dict)]
    last = messages[-1] if messages else {}
    if last.get("role") == "tool":
        return _said(f"This came back: {_text(last.get('content'))}")
    offered = {tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in request.get("tools") or ()}
    wanted = None if request.get("tool_choice") == "none" else _wanted(_text(last.get("content")), offered)
    if wanted is None:
        return _said(HELP)
    name, args = wanted
    count = sum(1 for message in messages for _ in message.get("tool_calls") or ())
    function = {"name": name, "arguments": json.dumps(args, ensure_ascii=False)}
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": f"scripted_{count + 1}", "type": "function", "function": function}],
    }


def _said(text: str) -> Json:
    return {"role": "assistant", "content": f"{text} {NOTICE}"}


def _wanted(text: str, offered: Mapping[str, Json]) -> tuple[str, Json] | None:
    """Give the tool and arguments a text asks for, None when it asks for none that is offered."""
    for name, args in _rules(text, offered):
        if name in offered:
            return name, args
    return None


def _rules(text: str, offered: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    if found := _ADD.search(text):
        yield "notes_add", {"text": found["text"].strip()}
    if _CLEAR.search(text) and "note" in text.lower():
        yield "notes_clear", {}
    if _TIME.search(text):
        yield "current_time", _time_arguments(text, offered.get("current_time", {}))
    if found := _SEARCH.search(text):
        yield "notes_search", {"query": found["query"].strip(" ?.!") or text}


def _time_arguments(text: str, schema: Json) -> Json:
    """Fill the first parameter with the choice the text names; one that must be filled gets the first choice."""
    for name, parameter in schema.get("properties", {}).items():
        choices = _choices(parameter)
        named = [choice for choice in choices if _city(choice) in text.lower()]
        if named or name in schema.get("required", ()):
            return {name: [*named, *choices, "UTC"][0]}
    return {}


def _choices(parameter: Json) -> list[object]:
    """Give what a parameter may be: its own enum, or that of one of its alternatives."""
    return [choice for one in (parameter, *parameter.get("anyOf", ())) for choice in one.get("enum", ())]


def _city(zone: object) -> str:
    return str(zone).rpartition("/")[2].replace("_", " ").lower()


def _text(content: object) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


# --- HTTP --------------------------------------------------------------------------------------------------------


async def _complete(request: web.Request) -> web.StreamResponse:
    try:
        body = await request.json()
        message = answer(body)
    except (ValueError, KeyError, TypeError, AttributeError):
        return web.json_response({"error": {"message": "not a chat completion request", "code": 400}}, status=400)
    finish = "tool_calls" if "tool_calls" in message else "stop"
    usage = {"prompt_tokens": len(json.dumps(body)) // 4, "completion_tokens": len(json.dumps(message)) // 4}
    if body.get("stream"):
        return await _stream(request, message, finish, usage)
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return web.json_response({"object": "chat.completion", "model": MODEL_NAME, "choices": [choice], "usage": usage})


async def _stream(request: web.Request, message: Json, finish: str, usage: Json) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for delta in _deltas(message):
        await response.write(_event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
        await asyncio.sleep(0.02)
    await response.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}))
    await response.write(_event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n")
    await response.write_eof()
    return response


def _deltas(message: Json) -> Iterator[Json]:
    yield {"role": "assistant", "content": ""}
    for word in re.findall(r"\S+\s*", message["content"]):
        yield {"content": word}
    for index, call in enumerate(message.get("tool_calls", ())):
        yield {"tool_calls": [{**call, "index": index}]}


def _event(payload: Json) -> bytes:
    return (
        b"data: " + json.dumps({"object": "chat.completion.chunk", "model": MODEL_NAME, **payload}).encode() + b"\n\n"
    )


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": MODEL_NAME, "object": "model"}]})


def app() -> web.Application:
    application = web.Application(client_max_size=32 << 20)
    application.router.add_post("/v1/chat/completions", _complete)
    application.router.add_get("/v1/models", _models)
    return application


async def _serve(port: int) -> None:
    runner = web.AppRunner(app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    announce(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
    await asyncio.Event().wait()


def main() -> None:
    args = arguments()
    end_with_parent(args.parent_pid)
    asyncio.run(_serve(args.port))


if __name__ == "__main__":
    main()
