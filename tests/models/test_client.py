"""The client against a real endpoint on loopback: what goes over the wire, and what comes back."""

import itertools
import json
import time

import openai
import pytest

from bot.engine.types import message
from bot.errors import ModelRejected
from tests.models.asking import HELLO, TOOLS, Seen, ask, failure
from tests.models.endpoint import (
    CUT,
    Status,
    Stream,
    calls,
    delta,
    event,
    says,
)

# --- contract: what goes over the wire ---


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_the_body_is_what_the_sdk_would_send_for_the_same_content(endpoint, client_for, is_streamed):
    endpoint.script = [calls(("notes_add", {})), says("done"), says("done")]
    client = client_for(sampling={"temperature": 0.5, "max_tokens": 9})
    first = await ask(client, tools=TOOLS)
    history = (*HELLO, first.message, message("tool", "saved", tool_call_id=first.calls[0].wire_id))
    await ask(client, Seen() if is_streamed else None, TOOLS, messages=history)

    async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="sk-secret-key", max_retries=0) as sdk:
        extra = {"stream": True, "stream_options": {"include_usage": True}} if is_streamed else {}
        answer = await sdk.chat.completions.create(
            model="org/model",
            messages=[json.loads(one.body) for one in history],
            tools=json.loads(TOOLS),
            tool_choice="auto",
            temperature=0.5,
            max_tokens=9,
            **extra,
        )
        if is_streamed:
            assert [chunk async for chunk in answer]

    ours, theirs = endpoint.requests[1], endpoint.requests[2]
    assert ours.body == theirs.body
    assert ours.path == theirs.path == "/v1/chat/completions"
    assert ours.headers["Authorization"] == theirs.headers["Authorization"] == "Bearer sk-secret-key"
    assert ours.headers["Content-Type"] == theirs.headers["Content-Type"] == "application/json"


async def test_the_request_prefix_stays_byte_identical_from_round_to_round(endpoint, client_for):
    endpoint.script = [says("a"), says("b")]
    client = client_for()
    first = await ask(client, tools=TOOLS)
    await ask(client, tools=TOOLS, messages=(*HELLO, first.message, message("user", "again")))

    one, two = (request.raw for request in endpoint.requests)
    assert two.startswith(one[: one.rindex(b"]")])


async def test_openwebui_is_asked_below_api(endpoint, client_for):
    endpoint.script = [says("hi")]

    await ask(client_for(api_url=endpoint.url.removesuffix("/v1"), host_type="openwebui"))

    assert endpoint.requests[0].path == "/api/chat/completions"


async def test_a_model_without_tools_is_sent_none(endpoint, client_for):
    endpoint.script = [says("hi")]

    await ask(client_for(tools=False), tools=TOOLS)

    assert endpoint.requests[0].body.keys() == {"model", "messages"}


async def test_what_the_environment_says_of_another_endpoint_is_not_sent(endpoint, client_for, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway-Token: tok-other")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    endpoint.script = [says("hi")]

    await ask(client_for(api_key=None))

    sent = str(endpoint.requests[0].headers)
    assert "Bearer none" in sent
    assert not [word for word in ("org-1", "proj-1", "sk-other", "tok-other", "stainless") if word in sent]


# --- replies ---


async def test_a_reply_in_one_piece(endpoint, client_for):
    endpoint.script = [says("Hello!", reasoning_content="hm")]

    reply = await ask(client_for())

    assert (reply.text, reply.finish, reply.is_cut) == ("Hello!", "stop", False)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.model_calls) == (10, 5, 1)
    assert json.loads(reply.message.sent)["reasoning_content"] == "hm"


async def test_a_streamed_reply_is_the_same_reply(endpoint, client_for):
    body = calls(("notes_add", {"text": "grüße 😀"}), ("notes_clear", {}), text="Let me see.")
    endpoint.script = [body, body]
    client, seen = client_for(), Seen()

    whole, streamed = await ask(client), await ask(client, seen)

    assert json.loads(streamed.message.sent) == json.loads(whole.message.sent)
    assert [call.arguments for call in streamed.calls] == [call.arguments for call in whole.calls]
    assert (streamed.text, streamed.usage, streamed.finish) == (whole.text, whole.usage, whole.finish)
    assert seen[-1] == "Let me see."


async def test_text_is_told_whole_and_not_for_every_chunk(endpoint, client_for):
    words = [delta(content=f"{at} ") for at in range(500)]
    endpoint.script = [Stream([*words, 0.06, delta(content="end"), delta(finish="stop")])]
    seen = Seen()

    started = time.monotonic()
    reply = await ask(client_for(), seen)

    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(seen))
    assert seen[-1] == reply.text
    assert 2 <= len(seen) <= 2 + (time.monotonic() - started) / 0.05


async def test_reasoning_is_never_told(endpoint, client_for):
    endpoint.script = [
        Stream(
            [
                delta(reasoning="secret"),
                delta(content="<think>sec"),
                delta(content="ret</think>Hi"),
                delta(finish="stop"),
            ]
        )
    ]
    seen = Seen()

    reply = await ask(client_for(), seen)

    assert (reply.text, seen[-1]) == ("Hi", "Hi")
    assert "secret" not in "".join(seen)


async def test_an_endpoint_that_does_not_stream_is_understood(endpoint, client_for):
    endpoint.script = [json.dumps(says("hi")).encode()]
    seen = Seen()

    assert (await ask(client_for(), seen)).text == "hi"
    assert seen == ["hi"]


async def test_an_endpoint_that_streams_unasked_is_understood(endpoint, client_for):
    endpoint.script = [Stream([delta(content="hi"), delta(finish="stop")], content_type="text/plain")]

    assert (await ask(client_for())).text == "hi"


async def test_row_24_comments_split_utf8_and_no_done(endpoint, client_for):
    raw = (
        b": PROCESSING\r\n\r\n"
        + event(delta(content="x")).replace(b'"x"', '"grüße"'.encode())
        + event(delta(finish="stop"))
    )
    endpoint.script = [Stream([raw[at : at + 1] for at in range(len(raw))], is_open=True)]

    reply = await ask(client_for(), Seen())

    assert (reply.text, reply.is_cut) == ("grüße", False)


@pytest.mark.parametrize("ending", [[], [CUT]], ids=["closed", "reset"])
async def test_row_20_a_stream_that_breaks_off_gives_what_came_and_says_so(endpoint, client_for, ending):
    half = {"index": 0, "id": "a", "function": {"name": "notes_add", "arguments": '{"te'}}
    endpoint.script = [Stream([delta(content="Hel"), delta(tool_calls=[half]), 0.05, *ending], is_open=True)] * 3

    reply = await ask(client_for(), Seen())

    assert (reply.text, reply.is_cut, reply.finish, len(endpoint.requests)) == ("Hel", True, None, 3)
    assert json.loads(reply.message.sent)["tool_calls"][0]["function"]["arguments"] != '{"te'


async def test_a_stream_that_breaks_off_is_asked_for_again_and_what_was_shown_stays_until_it_has_caught_up(
    endpoint, client_for
):
    whole = [delta(content="Hel"), 0.1, delta(content="lo, "), 0.1, delta(content="world"), delta(finish="stop")]
    endpoint.script = [Stream([delta(content="Hello, "), 0.1, CUT]), Stream(whole)]
    seen = Seen()

    reply = await ask(client_for(), seen)

    assert (reply.text, reply.is_cut) == ("Hello, world", False)
    assert list(seen) == ["Hello, ", "Hello, world"]


async def test_a_chunk_that_is_garbage_is_asked_for_again(endpoint, client_for):
    garbage = b'data: {"choices": [{"del\n\n'
    endpoint.script = [Stream([delta(content="Hel"), garbage]), says("Hello")]

    assert (await ask(client_for(), Seen())).text == "Hello"


async def test_half_a_reply_is_kept_when_nothing_better_comes(endpoint, client_for):
    endpoint.script = [Stream([delta(content="Hel"), 0.01, CUT]), Status(503)]

    reply = await ask(client_for(), Seen())

    assert (reply.text, reply.is_cut) == ("Hel", True)


async def test_known_secrets_are_masked_before_anything_is_stored_or_told(endpoint, client_for):
    body = calls(("notes_add", {"text": "hunter2"}), text="It is hunter2!", reasoning="hunter2")
    endpoint.script = [body, body, Status(400, {"error": {"message": "what is hunter2"}})]
    client, seen = client_for(redact=lambda text: text.replace("hunter2", "***")), Seen()

    for reply in (await ask(client), await ask(client, seen)):
        assert b"hunter2" not in reply.message.body + reply.message.sent
        assert (reply.text, reply.calls[0].arguments) == ("It is ***!", '{"text": "***"}')

    assert "hunter2" not in "".join(seen)
    assert "hunter2" not in await failure(client, ModelRejected)


async def test_row_30_a_megabyte_of_text_arrives(endpoint, client_for):
    endpoint.script = [Stream([*[delta(content="x" * 100)] * 10_000, delta(finish="stop")])]

    assert len((await ask(client_for(), Seen())).text) == 1_000_000
