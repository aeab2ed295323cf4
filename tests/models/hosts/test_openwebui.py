"""Open WebUI: a plain proxy below /api."""

import pytest

from bot.errors import ConversationTooLong, ModelRejected, ModelUnavailable
from tests.models.endpoint import Status, calls, says
from tests.models.hosts.kit import asked_and_answered, stream


async def test_openwebui_is_asked_below_api_with_a_bearer_key(talk_to):
    talk = talk_to("openwebui", says("hi"))

    await talk.ask()

    assert talk.path == "/api/chat/completions"
    assert talk.endpoint.requests[0].headers["Authorization"] == "Bearer sk-secret-key"


async def test_openwebui_may_send_no_usage(talk_to):
    talk = talk_to("openwebui", stream('{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}'))

    reply = await talk.ask()

    assert (reply.text, reply.usage.prompt_tokens, reply.usage.model_calls) == ("hi", 0, 1)


async def test_openwebui_events_of_its_own_are_left_alone(talk_to):
    talk = talk_to(
        "openwebui",
        stream(
            '{"selected_model_id":"qwen3"}',
            '{"sources":[{"source":{"name":"a.pdf"},"document":["x"]}]}',
            '{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}',
        ),
    )

    assert (await talk.ask()).text == "hi"


async def test_openwebui_tools_are_ours_alone(talk_to):
    talk = talk_to("openwebui", calls(("look", {})), says("done"))

    await talk.ask()
    await talk.ask()

    assert talk.endpoint.requests[0].body.keys().isdisjoint({"tool_ids", "features", "params"})
    assert asked_and_answered(talk.sent) == (["call_0"], ["call_0"])


@pytest.mark.parametrize(
    ("status", "detail", "said"),
    [
        (401, "Not authenticated", "refused our key"),
        (403, "Use of API key is not enabled in the environment.", "refused our key"),
        (404, "Model not found", "was not found"),
        (400, "Something odd", "refused the request: Something odd"),
    ],
)
async def test_openwebui_says_detail_where_others_say_error(talk_to, status, detail, said):
    talk = talk_to("openwebui", Status(status, {"detail": detail}))

    assert said in await talk.fails(ModelRejected)


async def test_openwebui_hands_an_overflow_through_as_detail(talk_to):
    talk = talk_to("openwebui", Status(400, {"detail": "exceeds the available context size (4096 tokens)"}))

    await talk.fails(ConversationTooLong)


@pytest.mark.parametrize("payload", ['{"detail": "400: bad thing"}', '{"error": {"detail": "400: bad thing"}}'])
async def test_openwebui_may_say_detail_inside_a_stream(talk_to, payload):
    talk = talk_to("openwebui", *[stream(payload)] * 3)

    assert "400: bad thing" in await talk.fails(ModelUnavailable)
