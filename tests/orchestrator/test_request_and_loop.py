"""What is sent, and when the loop ends."""

from __future__ import annotations

import asyncio

import pytest

import bot
from bot.engine.types import ImagePart, TextPart
from tests.models.endpoint import ScriptedEndpoint, Status, calls, says
from tests.orchestrator.kit import KEY, TOOLS, model, ran


async def test_the_request_prefix_is_byte_identical_from_round_to_round(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("look", {"what": "a"})), calls(("look", {"what": "b"})), says("done")]

    await bot.run("Go", "You are kind.", model_cfg=model(endpoint), tools=TOOLS)

    first, second, third = (request.raw for request in endpoint.requests)
    shared = first[: first.rindex(b'"Go"}') + 5]
    assert second.startswith(shared)
    assert third.startswith(second[: second.rindex(b"saw a") + 5])
    assert endpoint.requests[0].body["tool_choice"] == "auto"
    assert endpoint.requests[0].body["messages"][0]["content"].startswith("You are kind.\n\nYou can call tools.")


async def test_only_the_last_session_messages_are_sent_oldest_first(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("ok")]
    session = [{"role": "user" if n % 2 == 0 else "assistant", "content": f"m{n}"} for n in range(10)]

    await bot.run("now", session_messages=session, model_cfg=model(endpoint), tools=[])

    assert [one["content"] for one in endpoint.requests[0].body["messages"]] == [
        *(f"m{n}" for n in range(4, 10)),
        "now",
    ]


async def test_openwebui_is_the_default_host_and_adds_api_once(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("one"), says("two")]
    base = endpoint.url.removesuffix("/v1")
    for url in (f"{base}/", f"{base}/api"):
        await bot.run("Hi", model_cfg={"api_url": url, "model_name": "m"}, tools=[])

    assert [request.path for request in endpoint.requests] == ["/api/chat/completions"] * 2
    assert endpoint.requests[0].headers["Authorization"] == "Bearer none"


async def test_the_time_limit_is_the_setting(endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_TIMEOUT_S", "1")
    endpoint.script = [Status(200, b"{}", delay_s=30)] * 5

    result = await asyncio.wait_for(bot.run("Hi", model_cfg=model(endpoint), tools=[]), 20)

    assert result.error is not None
    assert "1 second" in result.error


async def test_the_number_of_session_messages_is_a_setting(
    endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HISTORY_MESSAGES", "1")
    endpoint.script = [says("ok")]
    session = [{"role": "user", "content": "old"}, {"role": "assistant", "content": "newer"}]

    await bot.run("now", session_messages=session, model_cfg=model(endpoint), tools=[])

    assert [one["content"] for one in endpoint.requests[0].body["messages"]] == ["newer", "now"]


async def test_an_image_is_sent_as_a_part(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("A cat")]
    task = (TextPart("What is it?"), ImagePart("data:image/png;base64,AA=="))

    await bot.run(task, model_cfg=model(endpoint), tools=[])

    assert endpoint.requests[0].body["messages"][0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]


@pytest.mark.parametrize("missing", ["api_url", "model_name"])
async def test_a_model_without_url_or_name_is_a_runtime_error_naming_the_label(missing: str) -> None:
    cfg = {"label": "kitchen", "api_url": "http://127.0.0.1:9/v1", "model_name": "m", "api_key": KEY}
    del cfg[missing]

    with pytest.raises(RuntimeError, match="kitchen") as refused:
        await bot.run("Hi", model_cfg=cfg)

    assert KEY not in str(refused.value)


async def test_tools_false_sends_no_tools_and_refuses_a_call_returned_anyway(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("look", {"what": "x"})), says("without tools then")]

    result = await bot.run("Hi", "Be kind.", model_cfg=model(endpoint, tools=False), tools=TOOLS)

    assert "tools" not in endpoint.requests[0].body
    assert endpoint.requests[0].body["messages"][0]["content"] == "Be kind."
    assert ran == []
    assert result.tool_calls[0]["result"] == "There is no tool named 'look'. No tools are available."


@pytest.mark.parametrize("finish", ["tool_calls", "stop", "function_call", None])
async def test_calls_run_by_what_they_are_not_by_the_finish_reason(
    endpoint: ScriptedEndpoint, finish: str | None
) -> None:
    reply = calls(("look", {"what": "x"}))
    reply["choices"][0]["finish_reason"] = finish
    endpoint.script = [reply, says("ok")]

    await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)

    assert ran == ["look x"]


@pytest.mark.parametrize("finish", ["length", "content_filter", "error", "mystery"])
async def test_calls_never_run_after_an_improper_end(endpoint: ScriptedEndpoint, finish: str) -> None:
    reply = calls(("send", {"text": "x"}))
    reply["choices"][0]["finish_reason"] = finish
    endpoint.script = [reply]

    result = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)

    assert ran == []
    assert "tool calls (send) were not run" in result.response
    assert result.error == result.response


async def test_rounds_end_with_what_was_gathered(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("look", {"what": str(n)})) for n in range(2)]

    result = await bot.run("Hi", model_cfg=model(endpoint, max_rounds=2), tools=TOOLS)

    expected = (
        "Reached the tool iteration limit (2 rounds). Here is what was gathered:\n**look**: saw 0\n**look**: saw 1"
    )
    assert result.response == expected
    assert len(endpoint.requests) == 2


async def test_the_settings_bound_the_models_rounds(
    endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_ROUNDS", "1")
    endpoint.script = [calls(("look", {"what": "x"}))]

    result = await bot.run("Hi", model_cfg=model(endpoint, max_rounds=50), tools=TOOLS)

    assert result.response.startswith("Reached the tool iteration limit (1 rounds).")


async def test_used_rounds_survive_a_pause_and_an_approved_call_earns_a_closing_call(
    endpoint: ScriptedEndpoint,
) -> None:
    endpoint.script = [calls(("look", {"what": "x"})), calls(("delete", {"name": "x"})), says("closing words")]
    paused = await bot.run("Hi", model_cfg=model(endpoint, max_rounds=2), tools=TOOLS)

    result = await bot.resume(paused.checkpoint or {}, True, tools=TOOLS)

    assert result.response == "closing words"
    assert "tools" not in endpoint.requests[2].body


async def test_calls_in_the_closing_reply_are_discarded(endpoint: ScriptedEndpoint) -> None:
    closing = calls(("send", {"text": "sneaky"}), text="last words")
    endpoint.script = [calls(("delete", {"name": "x"})), closing]
    paused = await bot.run("Hi", model_cfg=model(endpoint, max_rounds=1), tools=TOOLS)

    result = await bot.resume(paused.checkpoint or {}, True, tools=TOOLS)

    assert result.response == "last words"
    assert ran == ["delete x"]


async def test_without_final_there_is_no_persona_and_the_text_is_the_models_last(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("look", {"what": "x"})), says("raw text")]

    result = await bot.run("Hi", "A persona.", model_cfg=model(endpoint), tools=TOOLS, respond_with_final=False)

    assert result.response == "raw text"
    assert "A persona." not in endpoint.requests[0].raw.decode()
