"""Gemini's OpenAI-compatible API: signatures that must come back, errors in a list, calls without an index."""

import json

from bot.errors import ConversationTooLong, ModelRejected, ModelUnavailable
from tests.models.endpoint import Status, says
from tests.models.hosts.kit import asked_and_answered, named, stream

SIGNED = stream(
    '{"choices":[{"delta":{"role":"assistant","tool_calls":[{"extra_content":{"google":{"thought_signature":'
    '"EjQKMgEMOdbHJChLX75Q"}},"function":{"arguments":"{\\"at\\":1}","name":"look"},"id":"jm4owj31","type":"function"}'
    ']},"index":0}],"created":1,"id":"g1","model":"gemini-3.1-pro","object":"chat.completion.chunk"}',
    '{"choices":[{"delta":{"role":"assistant","tool_calls":[{"function":{"arguments":"{\\"at\\":2}","name":"look"},'
    '"id":"p0sk22aa","type":"function"}]},"finish_reason":"stop","index":0}],"object":"chat.completion.chunk",'
    '"usage":{"completion_tokens":18,"prompt_tokens":60,"total_tokens":78}}',
)


async def test_gemini_numbers_no_call_and_says_stop(talk_to):
    talk = talk_to("gemini", SIGNED)

    reply = await talk.ask()

    assert named(reply) == [("look", {"at": 1}), ("look", {"at": 2})]
    assert reply.finish == "stop"
    assert talk.path == "/v1beta/openai/chat/completions"


async def test_gemini_may_number_every_call_zero(talk_to):
    talk = talk_to(
        "gemini",
        stream(
            '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a1","type":"function","function":{"name":"look",'
            '"arguments":"{}"}},{"index":0,"id":"b2","type":"function","function":{"name":"look","arguments":"{}"}}]},'
            '"finish_reason":"tool_calls","index":0}]}',
        ),
    )

    assert [call.provider_id for call in (await talk.ask()).calls] == ["a1", "b2"]


async def test_gemini_signature_goes_back_with_the_first_call_of_the_set(talk_to):
    talk = talk_to("gemini", SIGNED, says("done"))

    await talk.ask()
    await talk.ask()

    first, second = talk.sent[2]["tool_calls"]
    assert first["extra_content"] == {"google": {"thought_signature": "EjQKMgEMOdbHJChLX75Q"}}
    assert "extra_content" not in second


async def test_gemini_gets_all_results_of_a_set_in_order_before_anything_else(talk_to):
    talk = talk_to("gemini", SIGNED, says("done"))

    await talk.ask()
    await talk.ask()

    assert asked_and_answered(talk.sent) == (["jm4owj31", "p0sk22aa"], ["jm4owj31", "p0sk22aa"])
    assert [one["role"] for one in talk.sent] == ["system", "user", "assistant", "tool", "tool"]


async def test_gemini_signature_may_come_in_a_fragment_of_its_own(talk_to):
    talk = talk_to(
        "gemini",
        stream(
            '{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"f1","type":"function","function":{"name":"look",'
            '"arguments":"{\\"at\\":"},"extra_content":{"google":{"thought":true}}}]}}]}',
            '{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"arguments":"1}"}}]}}]}',
            '{"choices":[{"index":0,"delta":{"tool_calls":[{"extra_content":{"google":{"thought_signature":"Ej"}}}]},'
            '"finish_reason":"stop"}]}',
        ),
        says("done"),
    )

    reply = await talk.ask()
    await talk.ask()

    assert named(reply) == [("look", {"at": 1})]
    extra = {"google": {"thought": True, "thought_signature": "Ej"}}
    assert talk.sent[2]["tool_calls"][0]["extra_content"] == extra


async def test_gemini_call_of_another_model_carries_the_documented_signature(talk_to):
    talk = talk_to("gemini", says("done"))
    call = {"type": "function", "function": {"name": "look", "arguments": "{}"}}
    talk.take_foreign(content=None, reasoning_content="hm", tool_calls=[{"id": "a", **call}, {"id": "b", **call}])

    await talk.ask()

    signature = {"google": {"thought_signature": "skip_thought_signature_validator"}}
    assert talk.sent[2] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "a", **call, "extra_content": signature}, {"id": "b", **call}],
    }


async def test_gemini_is_sent_no_field_of_another_model(talk_to):
    talk = talk_to("gemini", says("done"))
    talk.take_foreign(content="<think>hm</think>Hi", refusal=None, annotations=[], provider_specific_fields={"a": 1})

    await talk.ask()

    assert talk.sent[2] == {"role": "assistant", "content": "Hi"}


async def test_gemini_signature_is_never_sent_to_another_model(talk_to):
    talk = talk_to("openai", says("done"))
    extra = {"google": {"thought_signature": "EjQ"}}
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}, "extra_content": extra}
    talk.take_foreign(by="gemini", content="", extra_content=extra, tool_calls=[call])

    await talk.ask()

    assert "thought_signature" not in json.dumps(talk.sent)


def quota(metric, delay):
    return [
        {
            "error": {
                "code": 429,
                "message": "You exceeded your current quota, please check your plan and billing details. "
                f"* Quota exceeded for metric: {metric}, limit: 15\nPlease retry in 34.074824224s.",
                "status": "RESOURCE_EXHAUSTED",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                        "violations": [{"quotaMetric": "generate_content_free_tier_requests", "quotaId": metric}],
                    },
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
                ],
            }
        }
    ]


async def test_gemini_says_in_a_detail_how_long_to_wait(talk_to, client_for):
    body = quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "34s")
    talk = talk_to("gemini", Status(429, body), says("hi"), timeout_s=60)

    assert (await talk.ask()).text == "hi"
    (pause,) = client_for.pauses
    assert 34 <= pause <= 34 * 1.1


async def test_gemini_quota_of_a_day_is_not_waited_for(talk_to):
    talk = talk_to("gemini", Status(429, quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "34s")))

    assert "no quota left" in await talk.fails(ModelRejected)


async def test_gemini_exhausted_without_a_word_of_waiting_is_asked_again(talk_to):
    error = {"code": 429, "message": "Resource has been exhausted (e.g. check quota).", "status": "RESOURCE_EXHAUSTED"}
    talk = talk_to("gemini", *[Status(429, [{"error": error}])] * 3)

    assert "too many requests" in await talk.fails(ModelUnavailable)
    assert len(talk.endpoint.requests) == 3


async def test_gemini_overflow_comes_in_a_list(talk_to):
    error = {
        "code": 400,
        "message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "status": "INVALID_ARGUMENT",
    }
    talk = talk_to("gemini", Status(400, [{"error": error}]))

    await talk.fails(ConversationTooLong)


async def test_gemini_refusal_of_a_field_is_quoted(talk_to):
    message = 'Invalid JSON payload received. Unknown name "top_k": Cannot find field.'
    talk = talk_to("gemini", Status(400, [{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}]))

    assert 'Unknown name "top_k": Cannot find field' in await talk.fails(ModelRejected)


async def test_gemini_is_never_sent_parallel_tool_calls(talk_to):
    talk = talk_to("gemini", says("hi"))

    await talk.ask()

    assert "parallel_tool_calls" not in talk.endpoint.requests[0].body
