"""OpenRouter: many providers behind one address, whose reasoning and whose errors it hands through."""

import pytest

from bot.errors import ConversationTooLong, ModelRejected, ModelUnavailable
from tests.models.endpoint import Status, Stream, calls, event, says
from tests.models.hosts.kit import asked_and_answered, stream

THOUGHT = stream(
    '{"id":"gen-1","provider":"Anthropic","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":'
    '"I sho","reasoning_details":[{"type":"reasoning.text","text":"I sho","signature":null,"format":'
    '"anthropic-claude-v1","index":0}]},"finish_reason":null}]}',
    '{"choices":[{"index":0,"delta":{"content":"","reasoning":"uld look","reasoning_details":[{"type":'
    '"reasoning.text","text":"uld look","signature":null,"format":"anthropic-claude-v1","index":0}]}}]}',
    '{"choices":[{"index":0,"delta":{"content":"","reasoning_details":[{"type":"reasoning.text","signature":'
    '"EqQBCgIYAhIM","format":"anthropic-claude-v1","index":0}]}}]}',
    '{"choices":[{"index":0,"delta":{"content":null,"tool_calls":[{"index":0,"id":"toolu_01A","type":"function",'
    '"function":{"name":"look","arguments":"{}"}}]}}]}',
    '{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"tool_calls","native_finish_reason":"tool_use"}]}',
)


async def test_openrouter_reasoning_details_go_back_unmodified(talk_to):
    talk = talk_to("openrouter", THOUGHT, says("done"))

    reply = await talk.ask()
    await talk.ask()

    assert reply.text == ""
    assert talk.sent[2]["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "text": "I should look",
            "signature": "EqQBCgIYAhIM",
            "format": "anthropic-claude-v1",
            "index": 0,
        }
    ]
    assert asked_and_answered(talk.sent) == (["toolu_01A"], ["toolu_01A"])


async def test_openrouter_encrypted_reasoning_of_two_calls_stays_two(talk_to):
    talk = talk_to(
        "openrouter",
        stream(
            '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"tool_a","type":"function","function":'
            '{"name":"look","arguments":"{}"}}],"reasoning_details":[{"type":"reasoning.encrypted","data":"AAAA",'
            '"id":"tool_a","format":"google-gemini-v1","index":0}]}}]}',
            '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"tool_b","type":"function","function":'
            '{"name":"look","arguments":"{}"}}],"reasoning_details":[{"type":"reasoning.encrypted","data":"BBBB",'
            '"id":"tool_b","format":"google-gemini-v1","index":0}]},"finish_reason":"tool_calls"}]}',
        ),
        says("done"),
    )

    await talk.ask()
    await talk.ask()

    assert [one["data"] for one in talk.sent[2]["reasoning_details"]] == ["AAAA", "BBBB"]


async def test_openrouter_reasoning_of_another_model_is_never_sent(talk_to):
    talk = talk_to("openrouter", says("done"))
    talk.take_foreign(
        content="",
        reasoning="secret",
        reasoning_details=[{"type": "reasoning.text", "text": "secret", "signature": "s"}],
        tool_calls=[{"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}, "extra": 1}],
    )

    await talk.ask()

    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    assert talk.sent[2] == {"role": "assistant", "content": None, "tool_calls": [call]}


async def test_openrouter_gets_null_beside_calls_for_bedrock(talk_to):
    talk = talk_to("openrouter", calls(("look", {})), says("done"), says("done"))

    await talk.ask(stream=False)
    await talk.ask(stream=False)
    await talk.ask(stream=False)

    assert [one["content"] for one in talk.sent if one["role"] == "assistant"] == [None, "done"]


async def test_openrouter_comments_are_no_events(talk_to):
    talk = talk_to(
        "openrouter",
        Stream([b": OPENROUTER PROCESSING\n\n" * 3, event({"choices": [{"delta": {"content": "hi"}}]})]),
    )

    assert (await talk.ask()).text == "hi"


async def test_openrouter_error_in_a_200_is_asked_again_while_nothing_was_shown(talk_to):
    error = '{"id":"gen-1","error":{"code":502,"message":"Upstream error"},"choices":[{"index":0,"delta":{}}]}'
    talk = talk_to("openrouter", stream(error), says("hi"))

    assert (await talk.ask()).text == "hi"


async def test_openrouter_error_in_the_middle_of_a_stream_is_not_asked_again(talk_to):
    begun = {"choices": [{"index": 0, "delta": {"content": "Hel"}}]}
    broken = {
        "id": "gen-1",
        "error": {"code": "server_error", "message": "Provider disconnected unexpectedly"},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    }
    talk = talk_to("openrouter", Stream([begun, 0.05, broken]), says("never"))

    assert "Provider disconnected unexpectedly" in await talk.fails(ModelUnavailable)
    assert len(talk.endpoint.requests) == 1


async def test_openrouter_error_inside_the_choice_is_an_error(talk_to):
    body = (
        b'{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"error",'
        b'"error":{"code":400,"message":"bad"}}]}'
    )
    talk = talk_to("openrouter", body)

    assert "refused the request: bad" in await talk.fails(ModelRejected, stream=False)


async def test_openrouter_tells_what_the_provider_behind_it_said(talk_to):
    raw = '{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum","type":"invalid_request_error"}}'
    body = {
        "error": {
            "message": "Provider returned error",
            "code": 400,
            "metadata": {"raw": raw, "provider_name": "Anthropic"},
        }
    }
    talk = talk_to("openrouter", Status(400, body))

    await talk.fails(ConversationTooLong)


async def test_openrouter_names_the_provider_that_failed(talk_to):
    body = {
        "error": {
            "message": "Provider returned error",
            "code": 502,
            "metadata": {"raw": "upstream connect error", "provider_name": "DeepInfra"},
        }
    }
    talk = talk_to("openrouter", *[Status(502, body)] * 3)

    assert "Provider returned error: DeepInfra: upstream connect error" in await talk.fails(ModelUnavailable)


async def test_openrouter_rate_limit_of_a_provider_says_how_long(talk_to, client_for):
    raw = "google/gemma-3-27b-it:free is temporarily rate-limited upstream. Please retry after 12 seconds."
    body = {
        "error": {
            "message": "Provider returned error",
            "code": 429,
            "metadata": {"raw": raw, "provider_name": "Google"},
        }
    }
    talk = talk_to("openrouter", Status(429, body), says("hi"), timeout_s=30)

    assert (await talk.ask()).text == "hi"
    (pause,) = client_for.pauses
    assert 12 <= pause <= 12 * 1.1


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (
            403,
            {
                "code": 403,
                "message": 'openai/gpt-4o requires moderation on OpenAI. Your input was flagged for "violence".',
                "metadata": {"reasons": ["violence"], "flagged_input": "...", "provider_name": "OpenAI"},
            },
            "content filter objected",
        ),
        (402, {"code": 402, "message": "Insufficient credits. Add more using https://openrouter.ai"}, "no quota left"),
        (403, {"code": 403, "message": "Key limit exceeded (total limit)."}, "no quota left"),
        (404, {"code": 404, "message": "No endpoints found that support tool use."}, "does not support tools"),
        (404, {"code": 404, "message": "No endpoints found for no/such-model."}, "was not found"),
    ],
)
async def test_openrouter_refusals_are_told_apart(talk_to, status, error, said):
    talk = talk_to("openrouter", Status(status, {"error": error}))

    assert said in await talk.fails(ModelRejected)


async def test_openrouter_model_names_are_paths(talk_to):
    talk = talk_to("openrouter", says("hi"), model_name="anthropic/claude-sonnet-4.5:nitro")

    await talk.ask()

    assert talk.path == "/api/v1/chat/completions"
    assert talk.endpoint.requests[0].body["model"] == "anthropic/claude-sonnet-4.5:nitro"
