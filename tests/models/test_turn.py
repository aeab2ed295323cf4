"""One turn over a chain of models: the next is asked when the first fails before anything was shown."""

from __future__ import annotations

import time

import pytest

from bot.engine.types import ImagePart, TextPart, message
from bot.errors import ConversationTooLong, ModelError, ModelFiltered
from bot.models.clients import ModelClients
from bot.models.config import from_mapping
from tests.models.asking import HELLO, RUN, Seen
from tests.models.endpoint import CUT, ScriptedEndpoint, Status, Stream, calls, delta, says


@pytest.fixture
async def both(endpoint):
    """The chain `first`, `second`, each with an endpoint of its own."""
    async with ScriptedEndpoint([]) as other, ModelClients() as clients:
        row = {"model_name": "m", "host_type": "generic", "timeout_s": 5}
        chain = [
            from_mapping({**row, "label": "first", "api_url": endpoint.url}),
            from_mapping({**row, "label": "second", "api_url": other.url}),
        ]
        yield clients.for_turn(chain), endpoint, other


async def ask(model, on_text=None):
    return await model.reply(HELLO, run=RUN, tools=b"", on_text=on_text)


async def test_the_first_answers_as_long_as_it_works(both):
    model, first, second = both
    first.script = [says("hi"), says("again")]

    assert (await ask(model)).text == "hi"
    assert (await ask(model)).text == "again"
    assert (model.label, second.requests) == ("first", [])


@pytest.mark.parametrize(
    "trouble",
    [Status(401), Status(404), Status(402), Status(429, headers={"Retry-After": "600"}), Status(200, "<html></html>")],
    ids=["key", "not found", "quota", "rate limit", "a web page"],
)
async def test_the_next_takes_over_and_stays_for_the_turn(both, trouble):
    model, first, second = both
    first.script = [trouble]
    second.script = [calls(("look", {})), says("done")]

    reply = await ask(model)

    assert (reply.calls[0].name, reply.message.by, model.label) == ("look", "second", "second")
    assert (await ask(model)).text == "done"
    assert len(first.requests) == 1


async def test_the_last_one_s_failure_is_what_is_said(both):
    model, first, second = both
    first.script, second.script = [Status(401)], [Status(404)]

    with pytest.raises(ModelError, match="'second' was not found"):
        await ask(model)


async def test_nothing_is_said_twice_a_model_that_had_begun_is_not_replaced(both):
    model, first, second = both
    error = {"error": {"code": 502, "message": "upstream went away"}}
    first.script = [Stream([delta(content="Hel"), 0.1, error])]
    second.script = [says("never")]
    seen = Seen()

    with pytest.raises(ModelError, match="upstream went away"):
        await ask(model, seen)

    assert (list(seen), second.requests) == (["Hel"], [])


async def test_a_stream_that_breaks_off_before_it_began_is_taken_over(both):
    model, first, second = both
    first.script = [Stream([CUT])] * 3
    second.script = [says("hi")]
    seen = Seen()

    assert (await ask(model, seen)).text == "hi"
    assert seen == ["hi"]


async def test_a_conversation_that_is_too_long_is_shortened_first(both):
    model, first, second = both
    first.script = [Status(400, {"error": {"code": "context_length_exceeded"}})]

    with pytest.raises(ConversationTooLong):
        await ask(model)

    assert second.requests == []


@pytest.mark.parametrize("sees", [True, False])
async def test_one_that_takes_over_is_sent_images_only_if_it_sees(endpoint, sees):
    picture = message("user", (TextPart("What is this?"), ImagePart("data:image/png;base64,AAAA", "cat.png")))
    async with ScriptedEndpoint([says("a cat")]) as other, ModelClients() as clients:
        row = {"model_name": "m", "host_type": "generic"}
        chain = [
            from_mapping({**row, "label": "first", "api_url": endpoint.url, "vision": True}),
            from_mapping({**row, "label": "second", "api_url": other.url, "vision": sees}),
        ]
        endpoint.script = [Status(401)]
        await clients.for_turn(chain).reply((picture,), run=RUN, tools=b"")

        assert "data:image/png" in endpoint.requests[0].raw.decode()
        sent = other.requests[0].body["messages"][0]["content"]

    assert sent[0] == {"type": "text", "text": "What is this?"}
    assert ("image_url" in sent[1]) is sees
    assert sees or sent[1] == {"type": "text", "text": "[an image, which you cannot see: say so if it matters]"}


async def test_nobody_waits_long_for_one_model_while_another_is_there(both):
    model, first, second = both
    first.script = [Status(429, headers={"Retry-After": "30"})]
    second.script = [says("hi")]

    started = time.monotonic()
    assert (await ask(model)).text == "hi"

    assert len(first.requests) == 1
    assert time.monotonic() - started < 5


async def test_what_one_provider_s_filter_objects_to_is_not_taken_to_the_next(both):
    model, first, second = both
    first.script = [Status(400, {"error": {"code": "content_filter", "message": "The response was filtered"}})]

    with pytest.raises(ModelFiltered):
        await ask(model)

    assert second.requests == []


async def test_what_is_too_long_for_the_one_that_took_over_is_not_sent_to_it(endpoint):
    long = message("user", "word " * 4000)
    async with ScriptedEndpoint([says("never")]) as other, ModelClients() as clients:
        row = {"model_name": "m", "host_type": "generic"}
        chain = [
            from_mapping({**row, "label": "first", "api_url": endpoint.url, "context_k": 128}),
            from_mapping({**row, "label": "second", "api_url": other.url, "context_k": 4}),
        ]
        endpoint.script = [Status(401)]

        with pytest.raises(ConversationTooLong) as caught:
            await clients.for_turn(chain).reply((long,), run=RUN, tools=b"")

        assert (caught.value.window_tokens, other.requests) == (4000, [])
