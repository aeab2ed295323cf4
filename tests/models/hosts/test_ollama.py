"""Ollama: numbers, nulls, and a prompt that is cut without a word."""

import json

import pytest
import structlog

from bot.engine.types import message
from bot.errors import ConversationTooLong, ModelRejected, ModelUnavailable
from bot.models.hosts import find_host
from tests.models.endpoint import Status, calls, says
from tests.models.hosts.kit import Seen, asked_and_answered, named, stream

ALL_ZERO = stream(
    '{"id":"chatcmpl-704","object":"chat.completion.chunk","created":1,"model":"qwen3:8b","system_fingerprint":'
    '"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_o1","index":'
    '0,"type":"function","function":{"name":"look","arguments":"{\\"at\\":1}"}}]},"finish_reason":null}]}',
    '{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":['
    '{"id":"call_o2","index":0,"type":"function","function":{"name":"look","arguments":"{\\"at\\":2}"}}]},'
    '"finish_reason":null}]}',
    '{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},'
    '"finish_reason":"tool_calls"}]}',
    '{"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":4096,"completion_tokens":9}}',
)


async def test_ollama_numbers_every_call_zero(talk_to):
    talk = talk_to("ollama", ALL_ZERO, says("done"))

    reply = await talk.ask()
    await talk.ask()

    assert named(reply) == [("look", {"at": 1}), ("look", {"at": 2})]
    assert asked_and_answered(talk.sent) == (["call_o1", "call_o2"], ["call_o1", "call_o2"])


async def test_ollama_before_0_4_7_numbers_no_call(talk_to):
    talk = talk_to(
        "ollama",
        stream(
            '{"choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_o1","type":'
            '"function","function":{"name":"look","arguments":"{\\"at\\":1}"}},{"id":"call_o2","type":"function",'
            '"function":{"name":"look","arguments":"{\\"at\\":2}"}}]},"finish_reason":"stop"}]}',
        ),
    )

    assert named(await talk.ask()) == [("look", {"at": 1}), ("look", {"at": 2})]


async def test_ollama_never_gets_null_content(talk_to):
    body = calls(("look", {}))
    body["choices"][0]["message"]["content"] = None
    talk = talk_to("ollama", body, says("done"))

    await talk.ask(stream=False)
    await talk.ask(stream=False)

    assert [one["content"] for one in talk.sent] == ["Be brief.", "Hello", "", "result 0"]


async def test_ollama_ignores_tool_choice_so_that_tools_are_left_out(talk_to):
    talk = talk_to("ollama", calls(("look", {})), says("Shall I look?"))

    await talk.ask()
    await talk.ask(tool_choice="none")

    assert talk.endpoint.requests[0].body["tool_choice"] == "auto"
    assert talk.endpoint.requests[1].body.keys().isdisjoint({"tools", "tool_choice"})
    assert asked_and_answered(talk.sent) == (["call_0"], ["call_0"])


async def test_ollama_model_without_tools_is_told(talk_to):
    body = {
        "error": {
            "message": "registry.ollama.ai/library/gemma:2b does not support tools",
            "type": "api_error",
            "param": None,
            "code": None,
        }
    }
    talk = talk_to("ollama", Status(400, body))

    assert "set tools = false" in await talk.fails(ModelRejected)


@pytest.mark.parametrize(
    ("status", "error", "kind", "said"),
    [
        (404, 'model "qwen9" not found, try pulling it first', ModelRejected, "was not found"),
        (400, "invalid message content type: <nil>", ModelRejected, "invalid message content type: <nil>"),
        (500, "llama runner process has terminated", ModelUnavailable, "llama runner process has terminated"),
        (400, "the input length exceeds the context length", ConversationTooLong, "too long"),
        (503, "server busy, please try again. maximum pending requests exceeded", ModelUnavailable, "server busy"),
    ],
)
async def test_ollama_errors_may_be_plain_text(talk_to, status, error, kind, said):
    talk = talk_to("ollama", *[Status(status, {"error": error})] * 3)

    assert said in await talk.fails(kind)


async def test_ollama_cuts_the_prompt_without_a_word_and_the_usage_shows_it(talk_to):
    host = find_host("ollama")
    talk = talk_to("ollama", ALL_ZERO)

    reply = await talk.ask()

    assert reply.usage.prompt_tokens == 4096
    assert host.cuts_silently
    assert "OLLAMA_CONTEXT_LENGTH" in host.advice


@pytest.mark.parametrize(("letters", "is_told"), [(60_000, True), (10_000, False)])
async def test_ollama_that_counts_far_less_than_it_was_sent_is_told_to_the_operator(talk_to, letters, is_told):
    talk = talk_to("ollama", ALL_ZERO)
    talk.messages = [*talk.messages, message("user", "word " * (letters // 5))]

    with structlog.testing.capture_logs() as logged:
        await talk.ask()

    told = [entry for entry in logged if entry["event"] == "model.prompt_cut"]
    assert bool(told) is is_told
    assert all("OLLAMA_CONTEXT_LENGTH" in entry["advice"] for entry in told)


async def test_ollama_is_sent_no_num_ctx_which_it_would_ignore(talk_to):
    talk = talk_to("ollama", says("hi"), context_k=32)

    await talk.ask()

    assert "num_ctx" not in json.dumps(talk.endpoint.requests[0].body)


async def test_ollama_reasoning_is_not_shown_and_goes_back(talk_to):
    talk = talk_to(
        "ollama",
        stream(
            '{"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"Okay"}}]}',
            '{"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":", so"}}]}',
            '{"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}',
        ),
        says("again"),
    )
    seen = Seen()

    reply = await talk.client.reply(talk.messages, run=talk.run, tools=b"", on_text=seen)
    talk.take(reply)
    await talk.ask()

    assert (reply.text, list(seen)) == ("Hi", ["Hi"])
    assert talk.sent[2]["reasoning"] == "Okay, so"


async def test_ollama_is_asked_below_v1(talk_to):
    talk = talk_to("ollama", says("hi"))

    await talk.ask()

    assert talk.path == "/v1/chat/completions"
