"""llama.cpp's server: arguments as tables, empty ids, and a template behind everything."""

import pytest

from bot.engine.types import message
from bot.errors import ConversationTooLong, ModelRejected, ModelUnavailable
from bot.models.hosts import find_host
from tests.models.endpoint import Status, calls, says
from tests.models.hosts.kit import asked_and_answered, named, stream


async def test_llamacpp_gives_arguments_as_a_table_and_gets_them_as_text(talk_to):
    body = calls(("look", {}), ids=["Ab3dEf9hI"])
    body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = {"at": [1, "ä"]}
    talk = talk_to("llamacpp", body, says("done"))

    reply = await talk.ask(stream=False)
    await talk.ask(stream=False)

    assert reply.calls[0].arguments == '{"at":[1,"ä"]}'
    assert talk.sent[2]["tool_calls"][0]["function"]["arguments"] == '{"at":[1,"ä"]}'


async def test_llamacpp_may_stream_arguments_as_a_table(talk_to):
    talk = talk_to(
        "llamacpp",
        stream(
            '{"choices":[{"finish_reason":null,"index":0,"delta":{"tool_calls":[{"index":0,"id":"x","type":"function",'
            '"function":{"name":"look","arguments":{"at":1}}}]}}]}',
            '{"choices":[{"finish_reason":"tool_calls","index":0,"delta":{}}],"timings":{"prompt_n":1}}',
        ),
    )

    assert named(await talk.ask()) == [("look", {"at": 1})]


async def test_llamacpp_empty_ids_are_filled(talk_to):
    talk = talk_to(
        "llamacpp", calls(("look", {}), ("look", {}), ids=["", ""]), calls(("look", {}), ids=[""]), says("x")
    )

    for _ in range(3):
        await talk.ask()

    asked, answered = asked_and_answered(talk.sent)
    assert asked == answered
    assert all(len(one) == 9 and one.isalnum() for one in asked)


async def test_llamacpp_gets_other_ids_than_it_gave_where_its_template_wants_nine_letters(talk_to):
    talk = talk_to("llamacpp", calls(("look", {}), ids=["1697377797897"]), says("done"))

    reply = await talk.ask()
    await talk.ask()

    asked, answered = asked_and_answered(talk.sent)
    assert reply.calls[0].provider_id == "1697377797897"
    assert asked == answered
    assert len(asked[0]) == 9


@pytest.mark.parametrize("status", [400, 500])
async def test_llamacpp_overflow_has_a_type_and_may_be_a_500(talk_to, status):
    body = {
        "error": {
            "code": status,
            "message": "the request exceeds the available context size. try increasing the context size",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 14429,
            "n_ctx": 8192,
        }
    }
    talk = talk_to("llamacpp", Status(status, body), says("never"))

    await talk.fails(ConversationTooLong)
    assert len(talk.endpoint.requests) == 1


async def test_llamacpp_overflow_may_come_with_200(talk_to):
    talk = talk_to("llamacpp", b'{"error":{"code":400,"message":"x","type":"exceed_context_size_error","n_ctx":8192}}')

    await talk.fails(ConversationTooLong)


async def test_llamacpp_that_drops_the_tools_just_answers(talk_to):
    talk = talk_to("llamacpp", says("I would look, if I could."))

    reply = await talk.ask()

    assert (reply.text, reply.calls) == ("I would look, if I could.", ())
    assert "--jinja" in find_host("llamacpp").advice


async def test_llamacpp_without_jinja_is_told_and_not_asked_again(talk_to):
    body = {"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}
    talk = talk_to("llamacpp", Status(500, body))

    assert "tools param requires --jinja flag" in await talk.fails(ModelRejected)


async def test_llamacpp_template_error_is_a_500_that_will_not_pass(talk_to):
    text = "Conversation roles must alternate user/assistant at row 12, column 5:\n {{- raise_exception('...') }}"
    talk = talk_to("llamacpp", Status(500, {"error": {"code": 500, "message": text, "type": "server_error"}}))

    assert "a template that refused the request" in await talk.fails(ModelRejected)
    assert len(talk.endpoint.requests) == 1


async def test_llamacpp_gets_roles_that_alternate(talk_to):
    talk = talk_to("llamacpp", says("hi"))
    talk.messages = (*talk.messages, message("user", "And?"))

    await talk.ask()

    assert [one["role"] for one in talk.sent] == ["system", "user"]


async def test_llamacpp_that_is_loading_is_asked_again(talk_to):
    body = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    talk = talk_to("llamacpp", Status(503, body), says("hi"))

    assert (await talk.ask()).text == "hi"


async def test_llamacpp_reasoning_is_not_shown_and_goes_back(talk_to):
    talk = talk_to("llamacpp", says("Hi", reasoning_content="hm"), says("again"))

    reply = await talk.ask()
    await talk.ask()

    assert reply.text == "Hi"
    assert talk.sent[2]["reasoning_content"] == "hm"


async def test_llamacpp_that_fails_is_a_problem_on_its_side(talk_to):
    body = {"error": {"code": 500, "message": "Failed to parse input", "type": "server_error"}}
    talk = talk_to("llamacpp", *[Status(500, body)] * 3)

    assert "Failed to parse input" in await talk.fails(ModelUnavailable)
