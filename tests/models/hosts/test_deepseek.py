"""DeepSeek: reasoning that must come back, and a line that is kept open."""

import json

import pytest

from bot.errors import ConversationTooLong, ModelRejected
from tests.models.endpoint import Status, Stream, calls, event, says
from tests.models.hosts.kit import asked_and_answered, stream

THOUGHT = stream(
    '{"id":"9c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":null,'
    '"reasoning_content":""},"logprobs":null,"finish_reason":null}]}',
    '{"choices":[{"index":0,"delta":{"content":null,"reasoning_content":"I should"},"finish_reason":null}]}',
    '{"choices":[{"index":0,"delta":{"content":null,"reasoning_content":" look."},"finish_reason":null}]}',
    '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_00_aZ","type":"function","function":{"name":'
    '"look","arguments":""}}]}}]}',
    '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}',
    '{"choices":[{"index":0,"delta":{"content":"","reasoning_content":null},"finish_reason":"tool_calls"}],'
    '"usage":{"prompt_tokens":9,"completion_tokens":4}}',
)


async def test_deepseek_reasoning_of_calls_goes_back_in_all_later_requests(talk_to):
    talk = talk_to("deepseek", THOUGHT, calls(("look", {}), reasoning_content="Again."), says("done"), says("more"))

    for _ in range(4):
        await talk.ask()

    for request in talk.endpoint.requests[2:]:
        assert [one["reasoning_content"] for one in request.body["messages"] if "tool_calls" in one] == [
            "I should look.",
            "Again.",
        ]
    assert asked_and_answered(talk.sent)[0] == ["call_00_aZ", "call_0"]


async def test_deepseek_reasoning_is_never_told(talk_to):
    talk = talk_to("deepseek", THOUGHT)

    reply = await talk.ask()

    assert reply.text == ""


async def test_deepseek_calls_of_another_model_carry_a_blank_reasoning(talk_to):
    talk = talk_to("deepseek", says("done"))
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    talk.take_foreign(content=None, reasoning_details=[{"text": "secret"}], tool_calls=[call])
    talk.take_foreign(content="So much for that.", reasoning_content="secret")

    await talk.ask()

    assert talk.sent[2] == {"role": "assistant", "content": "", "tool_calls": [call], "reasoning_content": " "}
    assert talk.sent[4] == {"role": "assistant", "content": "So much for that.", "reasoning_content": " "}
    assert "secret" not in json.dumps(talk.sent)


async def test_deepseek_calls_it_made_without_thinking_carry_a_blank_reasoning(talk_to):
    talk = talk_to("deepseek", calls(("look", {})), says("done"), says("more"))

    for _ in range(3):
        await talk.ask()

    assert [one.get("reasoning_content") for one in talk.sent if one["role"] == "assistant"] == [" ", None]


async def test_deepseek_keeps_a_stream_open_with_comments(talk_to):
    talk = talk_to("deepseek", Stream([b": keep-alive\n\n" * 5, event({"choices": [{"delta": {"content": "hi"}}]})]))

    assert (await talk.ask()).text == "hi"


async def test_deepseek_keeps_a_reply_in_one_piece_open_with_blank_lines(talk_to):
    talk = talk_to("deepseek", b"\n" * 100 + json.dumps(says("hi")).encode())

    assert (await talk.ask(stream=False)).text == "hi"


async def test_deepseek_that_runs_out_of_resources_says_so(talk_to):
    body = calls(("look", {}))
    body["choices"][0]["finish_reason"] = "insufficient_system_resource"
    talk = talk_to("deepseek", body)

    assert (await talk.ask()).finish == "insufficient_system_resource"


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (402, "Insufficient Balance", "no quota left"),
        (400, "Content Exists Risk", "content filter objected"),
        (401, "Authentication Fails (no such user)", "refused our key"),
    ],
)
async def test_deepseek_refusals_are_told_apart(talk_to, status, message, said):
    body = {"error": {"message": message, "type": "unknown_error", "param": None, "code": "invalid_request_error"}}
    talk = talk_to("deepseek", Status(status, body))

    assert said in await talk.fails(ModelRejected)


async def test_deepseek_overflow_is_text(talk_to):
    message = "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens."
    body = {"error": {"message": message, "type": "invalid_request_error", "code": "invalid_request_error"}}
    talk = talk_to("deepseek", Status(400, body))

    await talk.fails(ConversationTooLong)


async def test_deepseek_is_asked_where_it_stands(talk_to):
    talk = talk_to("deepseek", says("hi"))

    await talk.ask()

    assert talk.path == "/chat/completions"
