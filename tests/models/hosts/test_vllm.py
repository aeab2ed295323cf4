"""vLLM: templates that insist, and finish reasons that do not tell."""

import pytest

from bot.engine.types import message
from bot.errors import ConversationTooLong, ModelRejected, ModelUnavailable
from tests.models.endpoint import Status, calls, says
from tests.models.hosts.kit import asked_and_answered, named, stream


@pytest.mark.parametrize("finish", ['"stop"', "null", '"tool_calls"'])
async def test_vllm_calls_count_whatever_the_finish_reason(talk_to, finish):
    talk = talk_to(
        "vllm",
        stream(
            '{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}',
            '{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"chatcmpl-tool-1f","type":"function","index":0,'
            '"function":{"name":"look"}}]},"finish_reason":null}]}',
            '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\"at\\": 1}"}}]}}]}',
            '{"choices":[{"index":0,"delta":{"content":""},"finish_reason":' + finish + ',"stop_reason":null}]}',
        ),
    )

    reply = await talk.ask()

    assert named(reply) == [("look", {"at": 1})]
    assert not reply.is_cut


async def test_vllm_says_tool_calls_where_there_are_none(talk_to):
    body = says("hi")
    body["choices"][0]["finish_reason"] = "tool_calls"
    body["choices"][0]["message"]["tool_calls"] = []
    talk = talk_to("vllm", body, says("again"))

    reply = await talk.ask(stream=False)
    await talk.ask(stream=False)

    assert (reply.text, reply.calls) == ("hi", ())
    assert "tool_calls" not in talk.sent[2]


async def test_vllm_is_sent_no_tool_choice_without_tools(talk_to):
    talk = talk_to("vllm", says("hi"), says("hi"))

    await talk.ask(tools=b"")
    await talk.ask(tools=b"[]", tool_choice="none")

    assert all(request.body.keys().isdisjoint({"tools", "tool_choice"}) for request in talk.endpoint.requests)


async def test_vllm_gets_roles_that_alternate(talk_to):
    talk = talk_to("vllm", says("hi"))
    talk.messages = (
        message("system", "Be brief."),
        message("assistant", "Good morning."),
        message("user", "One."),
        message("user", "Two."),
        message("assistant", "Yes."),
        message("assistant", "waiting for approval: look"),
        message("user", "Three."),
    )

    await talk.ask()

    assert [(one["role"], one["content"]) for one in talk.sent] == [
        ("system", "Be brief."),
        ("user", "(The beginning of this conversation is left out.)"),
        ("assistant", "Good morning."),
        ("user", "One.\n\nTwo."),
        ("assistant", "Yes.\n\nwaiting for approval: look"),
        ("user", "Three."),
    ]


async def test_vllm_gets_one_system_message_and_that_first(talk_to):
    talk = talk_to("vllm", says("hi"))
    talk.messages = (
        message("system", "One."),
        message("system", "Two."),
        message("user", "Hello"),
        message("system", "Late."),
    )

    await talk.ask()

    assert talk.sent == [
        {"role": "system", "content": "One.\n\nTwo."},
        {"role": "user", "content": "Hello\n\nLate."},
    ]


async def test_vllm_never_gets_the_developer_role(talk_to):
    talk = talk_to("vllm", calls(("look", {})), says("done"))

    await talk.ask()
    await talk.ask()

    assert [one["role"] for one in talk.sent] == ["system", "user", "assistant", "tool"]


async def test_vllm_gets_ids_as_mistrals_tokenizer_wants_them(talk_to):
    talk = talk_to("vllm", calls(("look", {}), ("look", {}), ids=["chatcmpl-tool-1", "Ab3dEf9hI"]), says("done"))

    await talk.ask()
    await talk.ask()

    asked, answered = asked_and_answered(talk.sent)
    assert asked == answered
    assert asked[1] == "Ab3dEf9hI"
    assert len(asked[0]) == 9
    assert asked[0].isalnum()


async def test_vllm_ids_are_the_same_in_every_round(talk_to):
    talk = talk_to("vllm", calls(("look", {}), ids=["chatcmpl-tool-1"]), says("a"), says("b"))

    for _ in range(3):
        await talk.ask()

    one, two = (request.raw for request in talk.endpoint.requests[1:])
    assert two.startswith(one[: one.rindex(b"]")])


async def test_vllm_keeps_kimis_ids_which_hold_the_name(talk_to):
    talk = talk_to("vllm", calls(("look", {}), ids=["functions.look:0"]), says("done"))

    await talk.ask()
    await talk.ask()

    assert asked_and_answered(talk.sent)[0] == ["functions.look:0"]


@pytest.mark.parametrize(
    "body",
    [
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 4130 tokens.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        {
            "error": {
                "message": "You passed 4097 input tokens and requested 0 output tokens. However, the model's context "
                "length is only 4096 tokens",
                "type": "BadRequestError",
                "param": "input_tokens",
                "code": 400,
            }
        },
    ],
)
async def test_vllm_overflow_is_text(talk_to, body):
    talk = talk_to("vllm", Status(400, body))

    await talk.fails(ConversationTooLong)


async def test_vllm_error_inside_a_stream_may_lie_open(talk_to):
    error = '{"object":"error","message":"maximum context length","type":"BadRequestError","param":null,"code":400}'
    talk = talk_to("vllm", stream(error))

    await talk.fails(ConversationTooLong)


async def test_vllm_started_without_a_tool_parser_is_told(talk_to):
    message = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    body = {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
    talk = talk_to("vllm", Status(400, body))

    said = await talk.fails(ModelRejected)

    assert "does not support tools" in said
    assert "--enable-auto-tool-choice" in said


async def test_vllm_template_that_refuses_is_quoted(talk_to):
    body = {
        "object": "error",
        "message": "After the optional system message, conversation roles must alternate user/assistant/...",
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    }
    talk = talk_to("vllm", Status(400, body))

    assert "a template that refused the request" in await talk.fails(ModelRejected)


async def test_vllm_dead_engine_is_a_problem_on_its_side(talk_to):
    body = {"error": {"message": "EngineCore encountered an issue.", "type": "InternalServerError", "code": 500}}
    talk = talk_to("vllm", *[Status(500, body)] * 3)

    assert "EngineCore" in await talk.fails(ModelUnavailable)


async def test_vllm_always_gets_the_content_key(talk_to):
    body = calls(("look", {}))
    del body["choices"][0]["message"]["content"]
    talk = talk_to("vllm", body, says("done"))

    await talk.ask(stream=False)
    await talk.ask(stream=False)

    assert [one["content"] for one in talk.sent] == ["Be brief.", "Hello", "", "result 0"]
