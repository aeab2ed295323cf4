"""LiteLLM: a proxy that wraps errors in text, and refuses a history of tools without tools."""

import pytest

from bot.errors import ConversationTooLong, ModelRejected, ModelUnavailable
from tests.models.endpoint import Status, calls, completion, says
from tests.models.hosts.kit import asked_and_answered, named, stream


async def test_litellm_numbers_every_call_zero(talk_to):
    talk = talk_to(
        "litellm",
        stream(
            '{"choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"id":"call_a","function":{"arguments":'
            '"{\\"at\\": 1}","name":"look"},"type":"function","index":0}]}}]}',
            '{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"call_b","function":{"arguments":"{\\"at\\": 2}",'
            '"name":"look"},"type":"function","index":0}]}}]}',
            '{"choices":[{"finish_reason":"stop","index":0,"delta":{}}]}',
        ),
        says("done"),
    )

    reply = await talk.ask()
    await talk.ask()

    assert named(reply) == [("look", {"at": 1}), ("look", {"at": 2})]
    assert asked_and_answered(talk.sent)[1] == ["call_a", "call_b"]


async def test_litellm_says_stop_where_there_are_calls(talk_to):
    body = calls(("look", {}))
    body["choices"][0]["finish_reason"] = "stop"
    talk = talk_to("litellm", body)

    reply = await talk.ask()

    assert (reply.finish, len(reply.calls)) == ("stop", 1)


async def test_litellm_without_tools_is_told_earlier_calls_in_words(talk_to):
    talk = talk_to("litellm", calls(("look", {"at": 1}), ("look", {"at": 2}), text="Let me see."), says("done"))

    await talk.ask()
    await talk.ask(tools=b"")

    assert talk.endpoint.requests[1].body.keys().isdisjoint({"tools", "tool_choice"})
    assert talk.sent[2:] == [
        {
            "role": "assistant",
            "content": 'Let me see.\n(I called look with {"at": 1})\n(I called look with {"at": 2})',
        },
        {"role": "user", "content": "Result of look:\nresult 0\n\nResult of look:\nresult 1"},
    ]


async def test_litellm_with_tools_gets_calls_and_results_as_they_are(talk_to):
    talk = talk_to("litellm", calls(("look", {})), says("done"))

    await talk.ask()
    await talk.ask()

    assert [one["role"] for one in talk.sent] == ["system", "user", "assistant", "tool"]
    assert asked_and_answered(talk.sent) == (["call_0"], ["call_0"])


async def test_litellm_gets_null_beside_calls_for_bedrock(talk_to):
    talk = talk_to("litellm", calls(("look", {})), says("done"))

    await talk.ask()
    await talk.ask()

    assert talk.sent[2]["content"] is None


async def test_litellm_thinking_blocks_and_signatures_go_back(talk_to):
    extra = {
        "reasoning_content": "hm",
        "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "EqQB"}],
        "provider_specific_fields": {"thought_signatures": ["CiQB"]},
    }
    talk = talk_to("litellm", calls(("look", {}), **extra), says("done"))

    await talk.ask(stream=False)
    await talk.ask(stream=False)

    assert {key: talk.sent[2][key] for key in extra} == extra


WRAPPED = (
    "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - "
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.\n"
    "model=gpt-4o. context_window_fallbacks=None. fallbacks=None.\nSet 'context_window_fallback'"
)


async def test_litellm_wraps_an_overflow_in_text(talk_to):
    body = {"error": {"message": WRAPPED, "type": None, "param": None, "code": "400"}}
    talk = talk_to("litellm", Status(400, body))

    await talk.fails(ConversationTooLong)


async def test_litellm_reports_an_overflow_inside_a_stream_with_200(talk_to):
    error = '{"error": {"message": "litellm.ContextWindowExceededError: prompt is too long", "code": "400"}}'
    talk = talk_to("litellm", stream(error))

    await talk.fails(ConversationTooLong)


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (
            400,
            "litellm.BadRequestError: litellm.ContentPolicyViolationError: AzureException - The response was filtered "
            "due to the prompt triggering Azure OpenAI's content management policy.",
            "content filter objected",
        ),
        (400, "Budget has been exceeded! Current cost: 0.02, Max budget: 0.01", "no quota left"),
        (
            429,
            "litellm.RateLimitError: RateLimitError: OpenAIException - You exceeded your current quota, please check "
            "your plan and billing details.",
            "no quota left",
        ),
        (401, "Authentication Error, Invalid proxy server token passed", "refused our key"),
        (400, "litellm.BadRequestError: You passed in model=x. There is no healthy deployment", "refused the request"),
    ],
)
async def test_litellm_wrapped_refusals_are_told_apart(talk_to, status, message, said):
    body = {"error": {"message": message, "type": "None", "param": "None", "code": str(status)}}
    talk = talk_to("litellm", Status(status, body))

    assert said in await talk.fails(ModelRejected)


async def test_litellm_cooldown_says_how_long(talk_to, client_for):
    message = "No deployments available for selected model, Try again in 5 seconds. Passed model=x."
    body = {"error": {"message": message, "type": "None", "param": "None", "code": "429"}}
    talk = talk_to("litellm", Status(429, body), says("hi"))

    assert (await talk.ask()).text == "hi"
    (pause,) = client_for.pauses
    assert 5 <= pause <= 5 * 1.1


async def test_litellm_traceback_is_never_shown(talk_to):
    message = 'litellm.APIConnectionError: boom\nTraceback (most recent call last):\n  File "/app/x.py"'
    talk = talk_to("litellm", *[Status(500, {"error": {"message": message, "code": "500"}})] * 3)

    assert "has a problem on its side. Please" in await talk.fails(ModelUnavailable)


async def test_litellm_null_content_without_calls_is_text(talk_to):
    talk = talk_to("litellm", completion({"role": "assistant", "content": None}), says("hi"))

    await talk.ask(stream=False)
    await talk.ask(stream=False)

    assert talk.sent[2]["content"] == ""
