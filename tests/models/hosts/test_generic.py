"""Whatever else speaks the API: Moonshot, Mistral, SGLang, TGI, and what they are known for."""

import json

import pytest

from bot.errors import ModelUnavailable
from tests.models.endpoint import Status, calls, delta, says
from tests.models.hosts.kit import asked_and_answered, named, stream


async def test_generic_ids_that_repeat_every_turn_are_told_apart(talk_to):
    kimi = calls(("look", {}), ("look", {}), ids=["look:0", "look:1"])
    talk = talk_to("generic", kimi, kimi, says("done"))

    for _ in range(3):
        await talk.ask()

    asked, answered = asked_and_answered(talk.sent)
    assert asked == answered
    assert asked[:2] == ["look:0", "look:1"]
    assert [call.provider_id for call in talk.run.calls] == ["look:0", "look:1", "look:0", "look:1"]


async def test_generic_ids_that_repeat_within_a_reply_are_told_apart(talk_to):
    talk = talk_to("generic", calls(("look", {}), ("look", {}), ids=["a", "a"]), says("done"))

    await talk.ask(stream=False)
    await talk.ask()

    asked, answered = asked_and_answered(talk.sent)
    assert asked == answered


async def test_generic_index_may_start_at_one_and_ids_be_repeated(talk_to):
    head = {"index": 1, "id": "a", "type": "function", "function": {"name": "look", "arguments": '{"at"'}}
    rest = {"index": 1, "id": "a", "type": "function", "function": {"name": "look", "arguments": ":1}"}}
    talk = talk_to("generic", stream(*(json.dumps(delta(tool_calls=[one])) for one in (head, rest))), says("done"))

    reply = await talk.ask()

    assert (named(reply), reply.calls[0].provider_id) == ([("look", {"at": 1})], "a")


async def test_generic_half_a_call_never_goes_back_as_it_is(talk_to):
    body = calls(("look", '{"at": 1, "te'))
    body["choices"][0]["finish_reason"] = "length"
    talk = talk_to("generic", body, says("done"))

    reply = await talk.ask()
    await talk.ask()

    assert reply.finish == "length"
    arguments = talk.sent[2]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"malformed_arguments": '{"at": 1, "te'}


async def test_generic_usage_may_come_before_the_end(talk_to):
    talk = talk_to(
        "generic",
        stream(
            '{"choices":[{"index":0,"delta":{"content":"hi"},"usage":{"prompt_tokens":7}}]}',
            '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
        ),
    )

    assert (await talk.ask()).usage.prompt_tokens == 7


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("Rate limit reached. Please try again in 850ms.", 1),
        ("Requests exceeded the limit. Please retry after 10 seconds.", 10),
        ("Please retry in 3.2s", 3.2),
    ],
)
async def test_generic_words_say_how_long_to_wait(talk_to, client_for, text, waits):
    talk = talk_to("generic", Status(429, {"error": {"message": text}}), says("hi"), timeout_s=300)

    await talk.ask()

    (pause,) = client_for.pauses
    assert waits <= pause <= waits * 1.1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Rate limit reached. Please try again in 7m12.5s.", "in 8 minutes"),
        ("Rate limit reached. Please try again in 1m2.5s.", "in 63 seconds"),
    ],
)
async def test_generic_a_longer_wait_is_told_and_not_waited(talk_to, client_for, text, told):
    talk = talk_to("generic", Status(429, {"error": {"message": text}}), timeout_s=600)

    assert told in await talk.fails(ModelUnavailable)
    assert client_for.pauses == []
