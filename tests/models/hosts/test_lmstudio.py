"""LM Studio: overflow in many words, or in none."""

import pytest

from bot.engine.types import message
from bot.errors import ConversationTooLong, ModelRejected
from bot.models.hosts import find_host
from tests.models.endpoint import Status, Stream, calls, says
from tests.models.hosts.kit import asked_and_answered, stream


async def test_lmstudio_never_gets_null_content(talk_to):
    body = calls(("look", {}))
    body["choices"][0]["message"]["content"] = None
    talk = talk_to("lmstudio", body, says("done"))

    await talk.ask(stream=False)
    await talk.ask(stream=False)

    assert talk.sent[2]["content"] == ""


async def test_lmstudio_is_asked_below_v1(talk_to):
    talk = talk_to("lmstudio", says("hi"))

    await talk.ask()

    assert talk.path == "/v1/chat/completions"


async def test_lmstudio_says_with_200_that_there_is_no_such_path(talk_to):
    talk = talk_to("lmstudio", b'{"error":"Unexpected endpoint or method. (POST /chat/completions)"}')

    assert "was not found" in await talk.fails(ModelRejected)
    assert len(talk.endpoint.requests) == 1


OVERFLOWS = (
    "The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model "
    "with a larger context length, or provide a shorter input",
    "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with context "
    "length of only 4096 tokens, which is not enough.",
    "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)",
    "Context size has been exceeded.",
)


@pytest.mark.parametrize("text", OVERFLOWS)
async def test_lmstudio_overflow_is_text(talk_to, text):
    talk = talk_to("lmstudio", Status(400, {"error": text}))

    await talk.fails(ConversationTooLong)


@pytest.mark.parametrize("text", OVERFLOWS)
async def test_lmstudio_overflow_inside_a_stream_is_an_event_of_its_own(talk_to, text):
    event = b'event: error\ndata: {"error":{"message":"' + text.encode() + b'"},"message":"' + text.encode() + b'"}\n\n'
    talk = talk_to("lmstudio", Stream([event], is_open=True))

    await talk.fails(ConversationTooLong)


async def test_lmstudio_may_answer_a_prompt_that_is_too_long_with_nothing(talk_to):
    talk = talk_to(
        "lmstudio",
        stream(
            '{"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}',
            '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
            '{"choices":[],"usage":{"prompt_tokens":36000,"completion_tokens":0}}',
        ),
    )

    reply = await talk.ask()

    assert (reply.text, reply.calls, reply.usage.prompt_tokens) == ("", (), 36000)
    assert "empty answer" in find_host("lmstudio").advice


async def test_lmstudio_gets_roles_that_alternate_and_short_ids(talk_to):
    talk = talk_to("lmstudio", calls(("look", {}), ids=["365174485"]), calls(("look", {}), ids=["call_1"]), says("x"))
    talk.messages = (*talk.messages, message("user", "And?"))

    for _ in range(3):
        await talk.ask()

    asked, _ = asked_and_answered(talk.sent)
    assert [one["role"] for one in talk.sent] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert asked[0] == "365174485"
    assert len(asked[1]) == 9


async def test_lmstudio_model_without_tools_writes_calls_as_text(talk_to):
    talk = talk_to("lmstudio", says('[TOOL_REQUEST]{"name":"look"}[END_TOOL_REQUEST]'))

    assert (await talk.ask()).calls == ()
