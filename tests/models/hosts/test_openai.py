"""OpenAI itself: the shape the others imitate."""

import json

from bot.errors import ConversationTooLong, ModelRejected, ModelUnavailable
from tests.models.endpoint import Status, says
from tests.models.hosts.kit import TOOLS, asked_and_answered, named, stream

TWO_CALLS = stream(
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant",'
    '"content":null,"tool_calls":[{"index":0,"id":"call_aaaaaaaaaaaaaaaaaaaaaaaa","type":"function","function":'
    '{"name":"look","arguments":""}}],"refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}',
    '{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":'
    '{"arguments":"{\\"at\\":"}}]},"finish_reason":null}],"usage":null}',
    '{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":'
    '{"arguments":"1}"}}]},"finish_reason":null}],"usage":null}',
    '{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_bbb",'
    '"type":"function","function":{"name":"look","arguments":"{\\"at\\":2}"}}]},"finish_reason":null}],"usage":null}',
    '{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":null}',
    '{"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":82,"completion_tokens":17,'
    '"total_tokens":99,"prompt_tokens_details":{"cached_tokens":0}}}',
)


async def test_openai_cuts_calls_into_fragments_by_index(talk_to):
    talk = talk_to("openai", TWO_CALLS, says("done"))

    reply = await talk.ask()
    await talk.ask()

    assert named(reply) == [("look", {"at": 1}), ("look", {"at": 2})]
    assert asked_and_answered(talk.sent)[0] == ["call_aaaaaaaaaaaaaaaaaaaaaaaa", "call_bbb"]
    assert [one["content"] for one in talk.sent[3:]] == ["result 0", "result 1"]


async def test_openai_reports_usage_in_a_last_chunk_without_choices(talk_to):
    talk = talk_to("openai", TWO_CALLS)

    reply = await talk.ask()

    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (82, 17)
    assert talk.endpoint.requests[0].body["stream_options"] == {"include_usage": True}


async def test_openai_gets_null_content_back_as_text(talk_to):
    talk = talk_to("openai", TWO_CALLS, says("done"))

    await talk.ask()
    await talk.ask()

    assert talk.sent[2]["content"] == ""


async def test_openai_is_never_sent_parallel_tool_calls(talk_to):
    talk = talk_to("openai", says("hi"), says("hi"))

    await talk.ask()
    await talk.ask(tools=b"")

    first, second = (set(request.body) for request in talk.endpoint.requests)
    assert first == {"model", "messages", "tools", "tool_choice", "stream", "stream_options"}
    assert second == first - {"tools", "tool_choice"}


async def test_openai_is_told_that_tools_are_forbidden(talk_to):
    talk = talk_to("openai", says("hi"))

    await talk.ask(tool_choice="none")

    assert talk.endpoint.requests[0].body["tool_choice"] == "none"
    assert talk.endpoint.requests[0].body["tools"] == json.loads(TOOLS)


async def test_openai_without_quota_is_not_asked_again(talk_to):
    body = {
        "error": {
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "type": "insufficient_quota",
            "param": None,
            "code": "insufficient_quota",
        }
    }
    talk = talk_to("openai", *[Status(429, body)] * 3)

    assert "no quota left" in await talk.fails(ModelRejected)
    assert len(talk.endpoint.requests) == 1


async def test_openai_says_in_words_how_long_to_wait(talk_to, client_for):
    message = (
        "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, "
        "Requested 1500. Please try again in 1.02s. Visit https://platform.openai.com/account/rate-limits."
    )
    body = {"error": {"message": message, "type": "tokens", "param": None, "code": "rate_limit_exceeded"}}
    talk = talk_to("openai", Status(429, body), says("hi"))

    assert (await talk.ask()).text == "hi"
    (pause,) = client_for.pauses
    assert 1.02 <= pause <= 1.02 * 1.1


async def test_openai_header_counts_more_than_its_words(talk_to, client_for):
    body = {"error": {"message": "Please try again in 20s.", "code": "rate_limit_exceeded"}}
    talk = talk_to("openai", Status(429, body, headers={"Retry-After": "2"}), says("hi"))

    await talk.ask()

    (pause,) = client_for.pauses
    assert 2 <= pause <= 2 * 1.1


async def test_openai_request_over_a_minutes_tokens_is_too_long(talk_to):
    message = (
        "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 44000. "
        "The input or output tokens must be reduced in order to run successfully."
    )
    body = {"error": {"message": message, "type": "tokens", "param": None, "code": "rate_limit_exceeded"}}
    talk = talk_to("openai", Status(429, body))

    await talk.fails(ConversationTooLong)


async def test_openai_overflow_is_recognised_by_its_code(talk_to):
    body = {
        "error": {
            "message": "This model's maximum context length is 8192 tokens.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    }
    talk = talk_to("openai", Status(400, body))

    await talk.fails(ConversationTooLong)


async def test_openai_overloaded_is_asked_again(talk_to, client_for):
    body = {"error": {"message": "The server is overloaded", "type": "server_error", "code": None}}
    talk = talk_to("openai", *[Status(503, body)] * 3)

    assert "The server is overloaded" in await talk.fails(ModelUnavailable)
    assert len(talk.endpoint.requests) == 3


async def test_openai_content_filter_has_a_sentence_of_its_own(talk_to):
    body = {
        "error": {
            "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management "
            "policy. Please modify your prompt and retry.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}},
        }
    }
    talk = talk_to("openai", Status(400, body))

    assert "content filter objected" in await talk.fails(ModelRejected)


async def test_openai_refusal_is_the_answer(talk_to):
    talk = talk_to(
        "openai",
        stream(
            '{"choices":[{"index":0,"delta":{"role":"assistant","content":null,"refusal":"I can"}}]}',
            '{"choices":[{"index":0,"delta":{"refusal":"not."},"finish_reason":"stop"}]}',
        ),
    )

    assert (await talk.ask()).text == "I cannot."
