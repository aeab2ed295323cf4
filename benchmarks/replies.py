"""What the mock model says: a function of the request alone. Pure, no network.

It also holds every peer to the work: a request without the prompt, the tools or the newest result is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.task import Task, read_task
from benchmarks.work import ANSWER, GATED, SYSTEM, TOOLS, result_of

Json = dict[str, Any]

_GATE_CALL = {
    "id": "call_gate",
    "type": "function",
    "function": {
        "name": GATED,
        "arguments": '{"to":"ann@example.com","subject":"Q3 report","body":"Hello Ann, the numbers are attached."}',
    },
}
_COMMON = {"id": "chatcmpl-bench", "created": 1_700_000_000, "system_fingerprint": "fp_bench"}
_ARGUMENTS_STEP = 12


class NotTheWork(Exception):
    """The request is not what this benchmark is about."""


def task_of(body: Json) -> Task:
    """Read the task out of a request. Raises `NotTheWork` when prompt, tools or the newest result are missing."""
    messages = body["messages"]
    if messages[0]["role"] != "system" or SYSTEM not in _text(messages[0]):
        raise NotTheWork("the system prompt is not the first message")
    if [tool["function"]["name"] for tool in body.get("tools", ())] != list(TOOLS):
        raise NotTheWork("the ten tools are not offered")
    tasks = (read_task(_text(message)) for message in messages if message["role"] == "user")
    task = next((task for task in tasks if task is not None), None)
    if task is None:
        raise NotTheWork("no message says what is asked for")
    _check_newest_result(messages[-1], task)
    return task


def _check_newest_result(message: Json, task: Task) -> None:
    if message["role"] != "tool" or message["tool_call_id"] == "call_gate":
        return
    if _text(message) != result_of(task.size):
        raise NotTheWork("the newest result is not what its tool gave")


def next_call(task: Task, messages: Sequence[Json]) -> Json | None:
    """The call that comes next, None when the answer does. The newest result's id says how far it is, so that older
    messages may have been cut."""
    last = messages[-1]
    done = 0
    if last["role"] == "tool":
        if last["tool_call_id"] == "call_gate":
            return None
        done = int(re.sub(r"\D", "", last["tool_call_id"])) + 1
    if done < task.rounds:
        return _call(done, task.size)
    return _GATE_CALL if task.gate else None


def _call(number: int, size: int) -> Json:
    arguments = f'{{"q":"item {number}","n":{number},"size":{size}}}'
    return {"id": f"call_{number}", "type": "function", "function": {"name": "lookup", "arguments": arguments}}


def said(call: Json | None) -> Json:
    """The assistant's message: one call, or the answer."""
    if call is None:
        return {"role": "assistant", "content": ANSWER}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def transcript(task: Task) -> list[Json]:
    """The whole conversation's messages, as any peer would hold them at its end."""
    messages: list[Json] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": task.text}]
    while True:
        call = next_call(task, messages)
        messages.append(said(call))
        if call is None:
            return messages
        result = "sent to ann@example.com" if call is _GATE_CALL else result_of(task.size)
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})


def completion(call: Json | None, body: Json, *, prompt_bytes: int) -> Json:
    """A reply in one piece."""
    choice = {
        "index": 0,
        "message": {**said(call), "refusal": None, "annotations": []},
        "logprobs": None,
        "finish_reason": _finish(call),
    }
    common = {**_COMMON, "object": "chat.completion", "model": body["model"], "service_tier": "default"}
    return {**common, "choices": [choice], "usage": _usage(prompt_bytes)}


def chunks(call: Json | None, body: Json, *, count: int, prompt_bytes: int) -> Iterator[Json]:
    """A reply as the events of a stream: `count` pieces of text, or a call in pieces."""
    common = {**_COMMON, "object": "chat.completion.chunk", "model": body["model"]}
    deltas = _answer_deltas(count) if call is None else _call_deltas(call)
    for delta in ({"role": "assistant", "content": "" if call is None else None}, *deltas):
        yield {**common, "choices": [_choice(delta, None)]}
    yield {**common, "choices": [_choice({}, _finish(call))]}
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**common, "choices": [], "usage": _usage(prompt_bytes)}


def _answer_deltas(count: int) -> Iterator[Json]:
    step = max(1, len(ANSWER) // count)
    for start in range(0, len(ANSWER), step):
        yield {"content": ANSWER[start : start + step]}


def _call_deltas(call: Json) -> Iterator[Json]:
    function = call["function"]
    begin = {"index": 0, "id": call["id"], "type": "function", "function": {"name": function["name"], "arguments": ""}}
    yield {"tool_calls": [begin]}
    for start in range(0, len(function["arguments"]), _ARGUMENTS_STEP):
        piece = function["arguments"][start : start + _ARGUMENTS_STEP]
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _choice(delta: Json, finish: str | None) -> Json:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _finish(call: Json | None) -> str:
    return "stop" if call is None else "tool_calls"


def _usage(prompt_bytes: int) -> Json:
    tokens = prompt_bytes // 4
    return {"prompt_tokens": tokens, "completion_tokens": 20, "total_tokens": tokens + 20}


def _text(message: Mapping[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())
