"""`bot.run` and `bot.resume` as a script uses them, over real HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import bot
from bot.engine.types import Decision
from bot.errors import CheckpointError, ModelConfigError
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.orchestrator.kit import KEY, TOOLS, model, ran


async def test_a_question_is_answered_without_platform_or_database(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("Hello Alice")]

    result = await bot.run("Hi", model_cfg=model(endpoint), tools=[])

    assert (result.response, result.tool_calls, result.backend, result.checkpoint) == ("Hello Alice", [], "test", None)
    assert result.usage == {"prompt_tokens": 10, "completion_tokens": 5, "model_calls": 1}
    assert result.summary == result.gemini_summary == ""


async def test_a_tool_runs_and_the_same_model_writes_the_answer(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("look", {"what": "sky"})), says("It is blue")]

    result = await bot.run("Look up", model_cfg=model(endpoint), tools=TOOLS)

    assert result.response == "It is blue"
    assert result.tool_calls == [{"tool": "look", "args": {"what": "sky"}, "result": "saw sky"}]
    assert result.summary == "**look**: saw sky"
    assert [request.body["model"] for request in endpoint.requests] == ["scripted-1", "scripted-1"]
    assert endpoint.requests[1].body["messages"][-1] == {
        "role": "tool",
        "content": "saw sky",
        "tool_call_id": "call_0",
    }


async def test_a_gated_call_pauses_as_plain_json_and_resumes(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"})), says("Gone")]

    paused = await bot.run("Delete x", model_cfg=model(endpoint), tools=TOOLS)
    stored = json.dumps(paused.checkpoint)
    assert ran == []
    assert paused.tool_calls == [{"tool": "delete", "args": {"name": "x"}, "result": "[awaiting confirmation]"}]
    assert KEY not in stored
    assert endpoint.url not in stored

    result = await bot.resume(json.loads(stored), True, tools=TOOLS)

    assert ran == ["delete x"]
    assert (result.response, result.checkpoint) == ("Gone", None)
    assert result.tool_calls == [{"tool": "delete", "args": {"name": "x"}, "result": "deleted x"}]


async def test_resume_goes_on_from_the_assistant_message_that_held_the_calls(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"})), says("Gone")]
    paused = await bot.run("Delete x", model_cfg=model(endpoint), tools=TOOLS)
    await bot.resume(paused.checkpoint or {}, True, tools=TOOLS)

    roles = [one["role"] for one in endpoint.requests[1].body["messages"]]
    assert roles == ["system", "user", "assistant", "tool"]
    assert "awaiting confirmation" not in endpoint.requests[1].raw.decode()


async def test_a_call_missing_in_the_mapping_stays_waiting(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"}), ("delete", {"name": "y"})), says("Both decided")]
    paused = await bot.run("Delete both", model_cfg=model(endpoint), tools=TOOLS)
    first, second = (one["id"] for one in paused.waiting)

    half = await bot.resume(paused.checkpoint or {}, {second: True}, tools=TOOLS)
    assert ran == ["delete y"]
    assert [one["id"] for one in half.waiting] == [first]
    assert len(endpoint.requests) == 1

    result = await bot.resume(half.checkpoint or {}, {first: False}, tools=TOOLS)
    assert ran == ["delete y"]
    assert [one["result"] for one in result.tool_calls] == ["Action denied by user.", "deleted y"]
    assert [one["content"] for one in endpoint.requests[1].body["messages"][-2:]] == [
        "Action denied by user.",
        "deleted y",
    ]


async def test_the_question_is_about_what_still_waits(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"}), ("delete", {"name": "y"}))]
    paused = await bot.run("Delete both", model_cfg=model(endpoint), tools=TOOLS)

    half = await bot.resume(paused.checkpoint or {}, {paused.waiting[0]["id"]: True}, tools=TOOLS)

    assert paused.response.startswith("These 2 actions need")
    assert half.response == 'This action needs confirmation before anything happens:\n- **delete** `{"name": "y"}`'


async def test_a_call_denied_by_nobody_in_particular_is_not_asked_again(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"})), calls(("delete", {"name": "x"})), says("Fine")]
    paused = await bot.run("Delete x", model_cfg=model(endpoint), tools=TOOLS)

    result = await bot.resume(paused.checkpoint or {}, False, tools=TOOLS)

    again = "Action denied by user. The same call was already denied; do not ask for it again."
    assert [one["result"] for one in result.tool_calls] == ["Action denied by user.", again]


async def test_an_edited_call_runs_what_was_edited_and_says_so(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "all"})), says("ok")]
    paused = await bot.run("Delete all", model_cfg=model(endpoint), tools=TOOLS)
    edit = Decision("edit", by="root", arguments='{"name": "one"}')

    await bot.resume(paused.checkpoint or {}, {paused.waiting[0]["id"]: edit}, tools=TOOLS)

    assert ran == ["delete one"]
    said = endpoint.requests[1].body["messages"]
    assert said[-2]["tool_calls"][0]["function"]["arguments"] == '{"name": "all"}'
    assert said[-1]["content"] == ('The arguments were edited by root; really run: {"name": "one"}\ndeleted one')


async def test_resume_finds_the_model_by_label_or_is_given_it(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"})), says("Gone")]
    paused = await bot.run("Delete x", model_cfg=model(endpoint, label="only here"), tools=TOOLS)
    checkpoint = paused.checkpoint or {}
    checkpoint["run"]["model"] = "elsewhere"

    with pytest.raises(ModelConfigError, match="'elsewhere'"):
        await bot.resume(checkpoint, True, tools=TOOLS)
    result = await bot.resume(checkpoint, True, tools=TOOLS, model_cfg=model(endpoint))

    assert result.response == "Gone"


async def test_resume_finds_the_model_among_the_configured_ones(
    endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "models.toml").write_text(
        f'[models.kept]\napi_url = "{endpoint.url}"\nmodel_name = "m"\nhost_type = "generic"\n'
    )
    monkeypatch.setenv("MODELS_FILE", str(tmp_path / "models.toml"))
    endpoint.script = [calls(("delete", {"name": "x"}))]
    paused = await bot.run("Delete x", model_cfg=model(endpoint), tools=TOOLS)
    checkpoint = paused.checkpoint or {}
    checkpoint["run"]["model"] = "kept"  # as another process would have written it
    endpoint.script.append(says("Gone"))

    result = await bot.resume(checkpoint, True, tools=TOOLS)

    assert (result.backend, result.response) == ("kept", "Gone")


async def test_an_edit_without_arguments_is_refused(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"}))]
    paused = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)

    with pytest.raises(CheckpointError, match="An edit needs the arguments"):
        await bot.resume(paused.checkpoint or {}, {paused.waiting[0]["id"]: Decision("edit")}, tools=TOOLS)
    assert ran == []


@pytest.mark.parametrize(
    "damage",
    [
        {},
        {"version": 1},
        {"version": True, "run": {}},
        {"version": 99, "run": {}},
        {"version": 1, "run": {"id": "x", "messages": "no"}},
        [],
    ],
)
async def test_a_damaged_or_newer_checkpoint_is_refused_in_a_sentence(damage: Any) -> None:
    with pytest.raises(CheckpointError) as refused:
        await bot.resume(damage, True)

    assert "checkpoint" in refused.value.user_message


async def test_a_finished_run_cannot_be_resumed(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("delete", {"name": "x"})), says("Gone")]
    paused = await bot.run("Delete x", model_cfg=model(endpoint), tools=TOOLS)
    checkpoint = dict(paused.checkpoint or {})
    checkpoint["run"] = {**checkpoint["run"], "status": "done", "answer": "over"}

    with pytest.raises(CheckpointError, match="already over"):
        await bot.resume(checkpoint, True, tools=TOOLS)
    assert ran == []
