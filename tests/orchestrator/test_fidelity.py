"""What a provider said goes back to it unchanged."""

from __future__ import annotations

import json

import bot
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.orchestrator.kit import TOOLS, model


async def test_the_assistant_message_goes_back_with_every_field_it_had(endpoint: ScriptedEndpoint) -> None:
    extra = {
        "reasoning_details": [{"type": "x", "data": "opaque"}],
        "reasoning_content": "hm",
        "mystery": {"a": [1, 2]},
    }
    reply = calls(("delete", {"name": "x"}))
    reply["choices"][0]["message"].update(extra)
    reply["choices"][0]["message"]["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": "sig"}}
    endpoint.script = [reply, says("ok")]

    paused = await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)
    await bot.resume(json.loads(json.dumps(paused.checkpoint)), True, tools=TOOLS)

    assert endpoint.requests[1].body["messages"][2] == reply["choices"][0]["message"]


async def test_repeated_provider_ids_are_mended_on_the_wire(endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [
        calls(("look", {"what": "a"}), ("look", {"what": "b"}), ids=["same", "same"]),
        calls(("look", {"what": "c"}), ids=["same"]),
        says("ok"),
    ]

    await bot.run("Hi", model_cfg=model(endpoint), tools=TOOLS)

    said = endpoint.requests[2].body["messages"]
    asked = [call["id"] for one in said if one["role"] == "assistant" for call in one["tool_calls"]]
    answered = [one["tool_call_id"] for one in said if one["role"] == "tool"]
    assert asked == answered
    assert len(set(asked)) == 3
