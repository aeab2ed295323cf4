"""Does it really call a tool, take the result, and leave it when it is told to?"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson

from bot.engine.types import Message, Reply, message
from bot.errors import ModelError
from bot.models.faults import excerpt
from bot.models.hosts import Host
from bot.models.probe.checks import Check, Subject, sentences

TOOL = "report_ready"
OFFERED = orjson.dumps(
    [
        {
            "type": "function",
            "function": {
                "name": TOOL,
                "description": "Report that you are ready.",
                "parameters": {
                    "type": "object",
                    "properties": {"word": {"type": "string", "description": "The word to report."}},
                    "required": ["word"],
                    "additionalProperties": False,
                },
            },
        }
    ]
)
TASK = f"Call the tool {TOOL} with the word kiwi."
RESULT = "Reported: kiwi."

_CALL_IN_WORDS = re.compile(
    r"<\|?/?tool[_▁]calls?|<｜tool|<\|tool_calls_section|<\|python_tag\|>|<function=|\[TOOL_CALLS\]|functools\["
    rf"|\"name\"\s*:\s*\"{TOOL}\"|\"{TOOL}\"\s*:|<{TOOL}\b|\b{TOOL}\s*\(",
    re.IGNORECASE,
)
"""Qwen and Hermes, DeepSeek, Kimi, Llama, Mistral, Phi; and JSON or code with the tool's name."""


async def tool_checks(subject: Subject) -> AsyncIterator[Check]:
    """Offer one tool: call, result, and the same task with calls forbidden."""
    if subject.config.tools is False:
        yield Check("tool_call", "ok", "is offered no tools (tools = false), so none was tried")
        return
    asked = (message("user", TASK),)
    try:
        reply = await subject.ask(asked, tools=OFFERED)
    except ModelError as err:
        advice = subject.config.host.advice_on("tools")
        yield Check("tool_call", "wrong", sentences("takes no tools:", err.user_message, advice))
        return
    called = _called(reply, subject.config.host)
    yield called
    if called.mark == "ok":
        yield await _took_result(subject, asked, reply)
        yield await _left_it(subject, asked)


def _called(reply: Reply, host: Host) -> Check:
    if problem := _problem(reply):
        advice = host.advice_on("tools") or "Use a model, and a chat template at its host, that know tools."
        return Check("tool_call", "wrong", sentences(f"{problem}.", advice, "Or write tools = false."))
    return Check("tool_call", "ok", "calls a tool")


def _problem(reply: Reply) -> str:
    """Say what is wrong with a reply that should hold a call; "" when nothing is."""
    if not reply.calls and _CALL_IN_WORDS.search(reply.text):
        return "writes its calls as text, which runs nothing: its host lacks a tool parser or the right chat template"
    if not reply.calls:
        return "calls no tool when told to"
    call = next((one for one in reply.calls if one.name == TOOL), None)
    if call is None:
        return f"calls {excerpt(reply.calls[0].name)!r}, which it was not offered"
    return "" if _is_object(call.arguments) else "calls a tool with arguments that are no JSON object"


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(orjson.loads(arguments), dict)
    except orjson.JSONDecodeError:
        return False


async def _took_result(subject: Subject, asked: tuple[Message, ...], reply: Reply) -> Check:
    results = [message("tool", RESULT, tool_call_id=call.wire_id) for call in reply.calls]
    run = replace(subject.run, calls=reply.calls, replies=1)
    try:
        told = await subject.ask((*asked, reply.message, *results), run=run, tools=OFFERED)
    except ModelError as err:
        return Check("tool_result", "wrong", f"refuses the result of its call: check host_type. {err.user_message}")
    if told.calls:
        again = "takes the result of its call, but calls again instead of answering: MAX_ROUNDS will end that"
        return Check("tool_result", "note", again)
    if not told.text.strip():
        return Check("tool_result", "wrong", "answers the result of its call with nothing: check host_type")
    return Check("tool_result", "ok", "answers the result of its call")


async def _left_it(subject: Subject, asked: tuple[Message, ...]) -> Check:
    """Nod forbids calls in the last round, and where the model only words a question."""
    is_omitted = subject.config.host.omits_tools_to_forbid
    try:
        reply = await subject.ask(asked, tools=OFFERED, tool_choice="none")
    except ModelError as err:
        return Check("tool_choice", "wrong", f"refuses tool_choice none: check host_type. {err.user_message}")
    if reply.calls:
        return Check("tool_choice", "note", "calls tools where they are forbidden: Nod drops such calls")
    how = "tools are left out of the request" if is_omitted else "tool_choice none"
    return Check("tool_choice", "ok", f"calls nothing where tools are forbidden ({how})")
