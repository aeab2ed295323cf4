"""`nod doctor`: every part in a line, what to change, and nothing that should not be shown."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.cli.kit import KEY, Nod, free_port
from tests.models.endpoint import Recorded, ScriptedEndpoint, Status
from tests.models.pretend import PretendHost

TOLD = {"/v1/models": {"data": [{"id": "scripted", "max_model_len": 8192}]}}

MODELS = """
[roles]
orchestrator = "kitchen"
fallback = ["cloud", "small"]
summary = "small"

[models.kitchen]
api_url = "{url}"
model_name = "scripted"
host_type = "generic"
context_k = 32

[models.cloud]
api_url = "{url}"
model_name = "scripted"
host_type = "generic"
api_key_env = "CLOUD_KEY"
context_k = 8
for_roles = ["admin"]

[models.small]
api_url = "{nowhere}"
model_name = "scripted"
host_type = "generic"
tools = ["current_time"]
"""
NOWHERE = "http://localhost:1/v1"
OF_SETTINGS = dict.fromkeys(("MODEL_API_URL", "MODEL_NAME", "MODEL_API_KEY"), "")


@pytest.fixture
def fit(endpoint: ScriptedEndpoint) -> ScriptedEndpoint:
    endpoint.script = [PretendHost(TOLD, pause_s=0.15)] * 100
    return endpoint


async def test_the_doctor_finds_everything_well(nod: Nod, fit: ScriptedEndpoint) -> None:
    ran = await nod("doctor", "--json", MODEL_CONTEXT_K="8")

    assert (ran.code, ran.err) == (0, "")
    assert [(one["part"], one["check"], one["is_ok"]) for one in ran.data] == [
        *((part, part, True) for part in ("settings", "admins", "page", "database", "tools", "roles")),
        *(
            ("model default", check, True)
            for check in (
                *("reachable", "answers", "streams", "tool_call", "tool_result", "tool_choice", "window", "silent_cut"),
            )
        ),
    ]
    measured = {key: value for one in ran.data for key, value in one.items() if isinstance(value, int)}
    assert measured["window_tokens"] == 8192
    assert 0 < measured["first_token_ms"] <= measured["total_ms"]
    assert measured["prompt_tokens"] == pytest.approx(measured["expected_tokens"], rel=0.03)
    assert fit.unexpected == 0


async def test_the_doctor_says_what_to_change(nod: Nod) -> None:
    ran = await nod("doctor", MODEL_API_URL="", MODEL_NAME="", HTTP_HOST="0.0.0.0")

    assert ran.code == 1
    assert "NOT  page" in ran.out
    assert "set MODEL_API_URL and MODEL_NAME" in ran.out


async def test_a_page_that_is_not_served_needs_no_tokens(nod: Nod) -> None:
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1-2-3", "SLACK_APP_TOKEN": "xapp-1-2-3"}
    ran = await nod("doctor", "--offline", ADAPTERS="slack", HTTP_HOST="0.0.0.0", **tokens)

    assert "ok   page           not served: ADAPTERS does not name web" in ran.out


async def test_each_model_of_the_file_has_its_lines(nod: Nod, fit: ScriptedEndpoint, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    file = tmp_path / "models.toml"
    file.write_text(MODELS.format(url=fit.url, nowhere=nowhere))

    ran = await nod("doctor", MODELS_FILE=str(file), CLOUD_KEY="sk-cloud-0123456789", **OF_SETTINGS)

    assert (ran.code, ran.err) == (1, "")
    lines = [line for line in ran.out.splitlines() if line.split()[1] in ("roles", "model")]
    assert [line for line in lines if " answers: " not in line and "whole" not in line] == [
        "ok   roles          orchestrator kitchen; fallback cloud (for admin), small; summary small",
        "NOT  roles          small never takes over from kitchen, as it may not have all of its tools: give it the "
        "same tools, or take it out of fallback",
        "ok   model kitchen  reachable, without a key",
        "ok   model kitchen  streams",
        "ok   model kitchen  calls a tool",
        "ok   model kitchen  answers the result of its call",
        "ok   model kitchen  calls nothing where tools are forbidden (tool_choice none)",
        "NOT  model kitchen  has a window of 8,192 tokens, less than context_k = 32: write context_k = 8.",
        "ok   model cloud    reachable, key accepted",
        "ok   model cloud    streams",
        "ok   model cloud    calls a tool",
        "ok   model cloud    answers the result of its call",
        "ok   model cloud    calls nothing where tools are forbidden (tool_choice none)",
        "ok   model cloud    has a window of 8,192 tokens; context_k = 8",
        "NOT  model small    The model 'small' refused the connection. An operator has to check that it runs and that "
        "its api_url is right. Nothing else was tried.",
    ]


async def test_the_settings_model_is_spoken_of_in_the_settings_words(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [PretendHost(TOLD, calls_tools="never")] * 100

    ran = await nod("doctor", MODEL_CONTEXT_K="32")

    assert ran.code == 1
    assert "less than MODEL_CONTEXT_K = 32: write MODEL_CONTEXT_K = 8." in ran.out
    assert "Or write tools = false (in a MODELS_FILE)." in ran.out


async def test_a_wrong_key_is_one_line_without_the_key(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [Status(401, {"error": {"message": f"Incorrect API key: {KEY}"}})]

    ran = await nod("doctor", "--json")

    assert ran.code == 1
    assert ran.data[-1] == {
        "part": "model default",
        "check": "reachable",
        "is_ok": False,
        "is_note": False,
        "text": "The model 'default' refused our key. An operator has to check its MODEL_API_KEY. "
        "Nothing else was tried.",
    }
    assert len(endpoint.requests) == 1


async def test_the_key_is_masked_wherever_the_model_says_it(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    def tells(request: Recorded) -> Status:
        return Status(400, {"error": {"message": f"you sent {dict(request.headers)}"}})

    endpoint.script = [PretendHost(), *[tells] * 10]

    ran = await nod("doctor")

    assert "[secret]" in ran.out or "***" in ran.out
    assert KEY not in ran.out + ran.err


async def test_offline_no_model_is_asked(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    ran = await nod("doctor", "--offline")

    assert ran.code == 0
    assert "note models         not asked (--offline): default\n" in ran.out
    assert endpoint.requests == []


async def test_several_models_and_no_orchestrator_is_said(nod: Nod, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    rows = MODELS.partition("[models.kitchen]")
    file.write_text("".join(rows[1:]).format(url=NOWHERE, nowhere=NOWHERE))

    ran = await nod("doctor", "--offline", MODELS_FILE=str(file), CLOUD_KEY="sk-cloud-0123456789", **OF_SETTINGS)

    assert ran.code == 1
    assert "NOT  models         models.toml: [roles] orchestrator: name which model answers: kitchen" in ran.out


async def test_a_role_of_an_unknown_model_is_said(nod: Nod, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(MODELS.replace('["cloud", "small"]', '["clod"]').format(url=NOWHERE, nowhere=NOWHERE))

    ran = await nod("doctor", MODELS_FILE=str(file), CLOUD_KEY="sk-cloud-0123456789", **OF_SETTINGS)

    assert ran.code == 1
    assert (
        "NOT  models         models.toml: [roles] fallback: 'clod' is not one of the models: kitchen, cloud, small"
        in ran.out
    )


@pytest.mark.parametrize("words", [("doctor",), ("doctor", "--json")])
async def test_ctrl_c_ends_it_cleanly_with_what_was_found(
    nod: Nod, endpoint: ScriptedEndpoint, words: tuple[str, ...]
) -> None:
    async def never(_request: Recorded) -> Status:
        await asyncio.sleep(60)
        return Status()

    endpoint.script = [never]
    process = await nod.start(*words)
    while not endpoint.requests:
        await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 130
    assert err == b""
    assert ("ok   database" in out.decode()) is (words == ("doctor",))


async def test_what_a_model_says_does_not_steer_the_terminal(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    red = {"choices": [{"message": {"tool_calls": [{"function": {"name": "\x1b[31mred", "arguments": "{}"}}]}}]}
    endpoint.script = [PretendHost(), json.dumps(red).encode(), *[PretendHost()] * 20]

    ran = await nod("doctor")

    assert "\x1b" not in ran.out
    assert "red', which it was not offered" in ran.out
