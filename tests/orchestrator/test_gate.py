"""Which calls run, which ask, which are turned down."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import bot
from tests.models.endpoint import ScriptedEndpoint, Status, calls, says
from tests.orchestrator.kit import TOOLS, model, ran, send


@pytest.mark.parametrize(
    ("role", "tool_list", "shown"),
    [
        ("user", None, ["look", "send", "delete"]),
        ("admin", None, ["look", "send", "delete", "payroll"]),
        ("user", ["look"], ["look"]),
        ("user", ["payroll", "look"], ["look"]),
        ("user", [], None),
        ("guest", None, None),
        ("", None, None),
    ],
)
async def test_the_tools_are_those_of_the_role_narrowed_by_the_list(
    endpoint: ScriptedEndpoint, role: str, tool_list: list[str] | None, shown: list[str] | None
) -> None:
    endpoint.script = [says("ok")]

    await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS, user_role=role, tool_list=tool_list)

    sent = endpoint.requests[0].body.get("tools")
    assert (sent and [one["function"]["name"] for one in sent]) == shown


async def test_a_tool_outside_the_list_looks_unknown_and_does_not_run(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("payroll", {})), says("ok")]

    result = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)

    assert ran == []
    assert result.tool_calls[0]["result"] == "There is no tool named 'payroll'. Available tools: look, send, delete."


@pytest.mark.parametrize(
    ("allow", "ask", "tool", "args", "asks"),
    [
        (None, None, "delete", {"name": "x"}, True),
        (["delete"], None, "delete", {"name": "x"}, False),
        (["delete"], ["delete"], "delete", {"name": "x"}, True),
        (None, ["send"], "send", {"text": "x"}, True),
        (None, None, "send", {"text": "x"}, False),
    ],
)
async def test_the_gate(
    endpoint: ScriptedEndpoint, allow: list[str], ask: list[str], tool: str, args: dict[str, str], asks: bool
) -> None:
    endpoint.script = [calls((tool, args)), says("ok")]

    result = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS, confirm_allow=allow, confirm_deny=ask)

    assert (result.checkpoint is not None) is asks
    assert bool(ran) is not asks


async def test_nobody_is_asked_about_invalid_arguments(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"nome": "x"})), says("sorry")]

    result = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)

    assert result.checkpoint is None
    assert "Invalid arguments for delete" in result.tool_calls[0]["result"]


async def test_reads_run_side_by_side_and_effects_in_order(endpoint: ScriptedEndpoint) -> None:
    together = asyncio.Barrier(2)

    @bot.tool(effect="read", name="meet")
    async def meet(who: str) -> str:
        """Meet the other one."""
        await asyncio.wait_for(together.wait(), 5)
        ran.append("meet")
        return who

    wanted = [("send", {"text": "1"}), ("meet", {"who": "a"}), ("send", {"text": "2"}), ("meet", {"who": "b"})]
    endpoint.script = [calls(*wanted), says("ok")]

    result = await bot.run("Hi", model_cfg=model(endpoint), tools=[meet, send])

    assert ran == ["meet", "meet", "send 1", "send 2"]
    assert [one["result"] for one in result.tool_calls] == ["sent 1", "a", "sent 2", "b"]
    contents = [one["content"] for one in endpoint.requests[1].body["messages"] if one["role"] == "tool"]
    assert contents == ["sent 1", "a", "sent 2", "b"]


async def test_free_calls_of_a_mixed_reply_run_at_once_and_are_kept(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"}), ("look", {"what": "y"})), says("ok")]

    paused = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)
    assert ran == ["look y"]
    assert [one["result"] for one in paused.tool_calls] == ["[awaiting confirmation]", "saw y"]
    assert len(endpoint.requests) == 1

    await bot.resume(paused.checkpoint or {}, True, tools=TOOLS)
    assert ran == ["look y", "delete x"]


async def test_the_same_gated_call_twice_is_two_approvals(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"}), ("delete", {"name": "x"}))]

    paused = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)

    assert len({one["id"] for one in paused.waiting}) == 2


async def test_the_template_words_the_question(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"}))]

    paused = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)

    assert paused.response == 'This action needs confirmation before anything happens:\n- **delete** `{"name": "x"}`'


async def test_the_model_may_word_the_question_and_nothing_of_it_enters_the_run(
    endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIRM_TEXT", "model")
    asking = calls(("send", {"text": "sneaky"}), text="Shall I delete x?")
    endpoint.script = [calls(("delete", {"name": "x"})), asking, says("Gone")]

    paused = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)
    assert paused.response == "Shall I delete x?"
    assert endpoint.requests[1].body["tool_choice"] == "none"
    assert endpoint.requests[1].body["tools"] == endpoint.requests[0].body["tools"]

    await bot.resume(paused.checkpoint or {}, True, tools=TOOLS)
    assert ran == ["delete x"]
    assert "Shall I delete" not in endpoint.requests[2].raw.decode()


@pytest.mark.parametrize("answer", [says(""), Status(400, {"error": {"message": "tool_choice"}})])
async def test_a_question_the_model_cannot_word_falls_back(
    endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setenv("CONFIRM_TEXT", "model")
    endpoint.script = [calls(("delete", {"name": "x"})), answer]

    paused = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)

    assert paused.response == "This action requires your explicit confirmation before it can proceed."


async def test_checks_are_repeated_at_resume(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"})), says("it is gone from the list")]
    paused = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)
    checkpoint = paused.checkpoint or {}
    checkpoint["run"]["rights"]["tool_list"] = ["look"]

    result = await bot.resume(checkpoint, True, tools=TOOLS)

    assert ran == []
    assert "the policy no longer permits it" in result.tool_calls[0]["result"]


async def test_a_tool_that_raises_is_a_result_the_model_can_correct(endpoint: ScriptedEndpoint) -> None:
    @bot.tool(effect="read")
    async def breaks() -> str:
        """Break."""
        raise ValueError("the reason")

    endpoint.script = [calls(("breaks", {})), says("I am sorry")]

    result = await bot.run("Hi", model_cfg=model(endpoint), tools=[breaks])

    assert result.tool_calls[0]["result"] == "The tool failed: ValueError: the reason"
    assert result.response == "I am sorry"
