"""The client and an endpoint in trouble: one sentence for people, and a connection that is free again."""

import asyncio
import gzip
import json
import re
import socket
import time

import pytest

from bot.engine.words import with_ending
from bot.errors import ConversationTooLong, ModelConfigError, ModelGarbled, ModelRejected, ModelUnavailable
from bot.models.client import ModelClient, _unreachable
from bot.models.clients import ModelClients
from bot.models.config import from_mapping
from tests.models.asking import Seen, ask, failure, idle
from tests.models.endpoint import (
    CUT,
    ScriptedEndpoint,
    Status,
    Stream,
    completion,
    delta,
    says,
)

# --- failures ---


@pytest.mark.parametrize("on_text", [None, Seen()], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Status(200, "<html>Login</html>", content_type="text/html"), ModelGarbled, "a web page"),
        (Status(200, "\n <html>Login</html>"), ModelGarbled, "a web page"),
        (Status(200, b"\x89PNG\r\n", content_type="image/png"), ModelGarbled, "unreadable"),
        (Status(200, "Internal error", content_type="text/plain"), ModelGarbled, "unreadable"),
        (b'{"choices": [{"mess', ModelGarbled, "broken JSON"),
        (b'{"choices": []}', ModelGarbled, "no choices"),
        (b'{"choices": [{"index": 0}]}', ModelGarbled, "no message"),
        (b'{"error": {"message": "no such thing", "code": 400}}', ModelRejected, "refused the request: no such thing"),
        (b'{"error": {"message": "x", "code": "context_length_exceeded"}}', ConversationTooLong, "too long"),
        (b'{"error": "Invalid key sk-secret-key", "choices": null}', ModelUnavailable, "Invalid key ***"),
        (Status(400, {"error": {"message": "sk-secret-key is bad"}}), ModelRejected, "*** is bad"),
        (Status(401, {"error": {"message": "Incorrect API key: sk-secret-key"}}), ModelRejected, "refused our key"),
        (Status(403, "<html>no</html>"), ModelRejected, "refused our key"),
        (Status(404, b""), ModelRejected, "model_name, api_url and host_type"),
        (Status(429, {"error": {"code": "insufficient_quota"}}), ModelRejected, "no quota left"),
        (Status(400, {"error": {"message": "maximum context length is 8"}}), ConversationTooLong, "too long"),
        (Status(422, {"detail": [{"msg": "bad"}]}), ModelRejected, '[{"msg":"bad"}]'),
    ],
)
async def test_row_23_what_is_no_reply_becomes_one_sentence(endpoint, client_for, answer, kind, said, on_text):
    endpoint.script = [answer] * 3

    assert said in await failure(client_for(), kind, on_text)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_passing_trouble_is_tried_again(endpoint, client_for, status):
    endpoint.script = [Status(status), Status(status), says("hi")]
    client = client_for()

    assert (await ask(client)).text == "hi"
    first, second = client_for.pauses
    assert 0.25 <= first <= 0.5 <= second <= 1.0


async def test_the_retry_budget_is_small(endpoint, client_for):
    endpoint.script = [Status(503, "<html>busy</html>")] * 9

    said = await failure(client_for(), ModelUnavailable)

    assert said == "The model 'fast' has a problem on its side. Please try again in a moment."
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_will_not_pass_is_not_tried_again(endpoint, client_for, status):
    endpoint.script = [Status(status)] * 3

    await failure(client_for(), ModelRejected)

    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("said", "waits"), [("0", 1), ("-1", 1), ("7", 7), ("abc", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 1)]
)
async def test_row_27_retry_after_is_honoured(endpoint, client_for, said, waits):
    endpoint.script = [Status(429, headers={"Retry-After": said}), says("hi")]

    await ask(client_for(timeout_s=30))

    (pause,) = client_for.pauses
    assert waits <= pause <= waits * 1.1 if waits else pause <= 0.5


@pytest.mark.parametrize(("said", "told"), [("61", "61 seconds"), ("86400", "24 hours")])
async def test_row_27_a_longer_wait_is_told_and_not_waited(endpoint, client_for, said, told):
    endpoint.script = [Status(429, headers={"Retry-After": said}), says("hi")]

    assert told in await failure(client_for(timeout_s=600), ModelUnavailable)
    assert client_for.pauses == []


async def test_no_wait_that_would_outlast_the_time_limit(endpoint, client_for):
    endpoint.script = [Status(429, headers={"Retry-After": "30"}), says("hi")]

    assert "30 seconds" in await failure(client_for(timeout_s=5), ModelUnavailable)


async def test_an_error_inside_a_stream_is_tried_again_only_while_nothing_was_said(endpoint, client_for):
    error = {"error": {"code": 502, "message": "upstream went away"}}
    endpoint.script = [Stream([error]), says("hi"), Stream([delta(content="Hel"), 0.01, error]), says("never")]
    client, seen = client_for(), Seen()

    assert (await ask(client, seen)).text == "hi"
    assert "upstream went away" in await failure(client, ModelUnavailable, seen)
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    "nothing", [Stream([CUT]), Stream([], is_open=True), Stream([b": ping\n\n"], is_open=True), b""]
)
async def test_a_reply_that_breaks_off_before_it_began_is_tried_again(endpoint, client_for, nothing):
    endpoint.script = [nothing, says("hi")]

    assert (await ask(client_for(), Seen())).text == "hi"


async def test_a_refused_connection_says_so(client_for):
    client = client_for(api_url="http://127.0.0.1:9/v1")

    assert "refused the connection" in await failure(client, ModelUnavailable)
    assert len(client_for.pauses) == 2


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (socket.gaierror(-2, "Name or service not known"), "an address that cannot be found"),
        (ExceptionGroup("two addresses", [OSError(), ConnectionRefusedError()]), "refused the connection"),
        (TimeoutError(), "did not take the connection in time"),
        (OSError(5, "Input/output error"), "broke off the connection"),
    ],
)
def test_why_it_cannot_be_reached_is_found_behind_the_wrappers(cause, said):
    outer = OSError("All connection attempts failed")
    outer.__cause__ = cause

    assert said in _unreachable("fast", outer).user_message


async def test_row_28_tls_that_fails_says_so(endpoint, client_for):
    client = client_for(api_url=endpoint.url.replace("http:", "https:"))

    assert "TLS" in await failure(client, ModelRejected)


async def test_an_address_the_transport_refuses_is_a_configuration_error():
    with pytest.raises(ModelConfigError, match="unusable api_url"):
        ModelClient(from_mapping({"label": "x", "api_url": "https://999.1.1.1", "model_name": "m"}))


async def test_row_28_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(endpoint, client_for):
    async with ScriptedEndpoint([says("stolen")]) as other:
        endpoint.script = [Status(307, headers={"Location": f"{other.url}/chat/completions"})]

        assert "another address" in await failure(client_for(), ModelRejected)
        assert other.requests == []


@pytest.mark.parametrize("status", [200, 500])
async def test_row_28_a_gzip_bomb_is_stopped(endpoint, client_for, status):
    bomb = gzip.compress(b" " * (256 << 20), compresslevel=1)
    endpoint.script = [Status(status, b"%b" % bomb, headers={"Content-Encoding": "gzip"})] * 3

    await failure(client_for(), ModelGarbled if status == 200 else ModelUnavailable)


async def test_row_28_a_reply_beyond_the_cap_is_stopped(endpoint, client_for):
    endpoint.script = [b'{"a":"' + b"x" * (17 << 20) + b'"}']

    assert "too much text" in await failure(client_for(), ModelGarbled)


async def test_a_streamed_reply_that_does_not_end_is_stopped_and_not_asked_for_again(endpoint, client_for):
    endpoint.script = [Stream([*[delta(content="x" * 10_000)] * 300, delta(finish="stop")])] * 3

    assert "did not end, so I stopped listening" in await failure(client_for(), ModelGarbled, Seen())
    assert len(endpoint.requests) == 1


async def test_row_28_a_drip_ends_at_the_time_limit(endpoint, client_for):
    endpoint.script = [Stream([piece for _ in range(100) for piece in (b": ping\n\n", 0.05)])]

    started = time.monotonic()
    said = await failure(client_for(timeout_s=0.4), ModelUnavailable, Seen())

    assert "did not finish within 0.4 seconds" in said
    assert time.monotonic() - started < 2


async def test_a_hanging_endpoint_ends_at_the_time_limit(endpoint, client_for):
    endpoint.script = [Status(delay_s=30)]

    assert "did not finish within 0.3 seconds" in await failure(client_for(timeout_s=0.3), ModelUnavailable)


async def test_a_stream_that_falls_silent_behind_keep_alives_is_given_up(endpoint, client_for):
    pings = [piece for _ in range(100) for piece in (b": ping\n\n", 0.05, delta(), delta(role="assistant"))]
    endpoint.script = [Stream([delta(content="Hel"), *pings])] * 3
    reply = await ask(client_for(silence_s=0.3), Seen())

    assert (reply.text, reply.finish, reply.is_cut) == ("Hel", "silence", True)
    assert len(endpoint.requests) == 3


async def test_a_stream_that_only_keeps_the_connection_is_given_up_before_its_first_word(endpoint, client_for):
    pings = [piece for _ in range(100) for piece in (b": ping\n\n", 0.05)]
    endpoint.script = [Stream(pings), says("hi")]

    assert (await ask(client_for(silence_s=0.3), Seen())).text == "hi"


@pytest.mark.parametrize(
    "then",
    [Status(401), Status(503), Stream([delta(content="H"), 0.01, CUT]), Status(delay_s=30)],
    ids=["key", "down", "shorter", "late"],
)
async def test_the_longest_half_of_a_reply_is_kept_whatever_comes_then(endpoint, client_for, then):
    endpoint.script = [Stream([delta(content="Hello, wor"), 0.01, CUT]), then, then]

    reply = await ask(client_for(timeout_s=1), Seen())

    assert (reply.text, reply.is_cut) == ("Hello, wor", True)


async def test_what_came_until_the_time_limit_is_kept_and_says_so(endpoint, client_for):
    endpoint.script = [Stream([piece for _ in range(100) for piece in (delta(content="word "), 0.05)])]

    reply = await ask(client_for(timeout_s=0.4), Seen())

    assert reply.text.startswith("word word")
    assert (reply.finish, reply.is_cut) == ("timeout", True)
    assert "did not finish its reply in time" in with_ending(reply)


async def test_row_8_lone_surrogates_in_a_reply_do_no_harm(endpoint, client_for):
    endpoint.script = [b'{"choices":[{"message":{"role":"assistant","content":"a\\ud800b"}}]}']

    assert (await ask(client_for())).text == "a\ufffdb"


async def test_row_29_a_reply_without_usage(endpoint, client_for):
    endpoint.script = [completion({"role": "assistant", "content": "hi"}, usage="none")]

    assert (await ask(client_for())).usage.prompt_tokens == 0


# --- connections ---


async def test_one_connection_is_used_again_and_again(endpoint, client_for):
    endpoint.script = [says("a"), says("b"), Status(400), says("c")]
    client = client_for()

    await ask(client)
    await ask(client, Seen())
    await failure(client, ModelRejected)
    await ask(client, Seen())

    assert idle(client) == [True]


@pytest.mark.parametrize("on_text", [None, Seen()], ids=["whole", "streamed"])
async def test_a_cancelled_reply_frees_its_connection(endpoint, client_for, on_text):
    endpoint.script = [Stream([delta(content="Hel"), 30.0]), says("hi")]
    client = client_for()
    task = asyncio.create_task(ask(client, on_text))
    while not endpoint.requests:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert idle(client) == []
    assert (await ask(client)).text == "hi"
    assert endpoint.open_requests == 0


async def test_an_error_of_the_listener_is_the_listeners_and_frees_the_connection(endpoint, client_for):
    endpoint.script = [Stream([delta(content="Hel"), 30.0])]
    client = client_for()

    async def broken(text):
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await ask(client, broken)

    assert idle(client) == []


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_at_once(client_for):
    """As llama.cpp's server does behind each stream: it promises to keep the connection, and closes it."""
    said = json.dumps(says("hi")).encode()
    asked = 0

    async def serve(reader, writer):
        nonlocal asked
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        await reader.readexactly(length)
        asked += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(said))
        writer.write(b"Keep-Alive: timeout=5\r\n\r\n" + said)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = client_for(api_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    for pause_s in (0, 0.01, 0.019, 0.02, 0.021, 0.022, 0.05):
        assert (await ask(client)).text == "hi"
        await asyncio.sleep(pause_s)
    server.close()

    assert client_for.pauses == [], "nobody had to wait for it"


async def test_a_slow_end_after_done_is_not_waited_for(endpoint, client_for):
    endpoint.script = [Stream([delta(content="hi"), delta(finish="stop"), b"data: [DONE]\n\n", 30.0])]

    started = time.monotonic()
    reply = await ask(client_for(), Seen())

    assert reply.text == "hi"
    assert time.monotonic() - started < 3


async def test_all_models_share_one_pool(endpoint):
    endpoint.script = [says("a"), says("b")]
    row = {"api_url": endpoint.url, "host_type": "generic"}
    one, two = (from_mapping({**row, "label": name, "model_name": name}) for name in ("one", "two"))
    async with ModelClients() as clients:
        await ask(clients.for_config(one))
        await ask(clients.for_config(two))

        assert clients.for_config(one) is clients.for_config(from_mapping({**row, "label": "one", "model_name": "one"}))
        assert clients.for_config(one) is not clients.for_config(two)
        assert idle(clients.for_config(two)) == [True]


async def test_a_hundred_replies_at_once(endpoint, client_for):
    endpoint.script = [says("hi")] * 100
    client = client_for(timeout_s=60)

    replies = await asyncio.gather(*(ask(client, Seen()) for _ in range(100)))

    assert {reply.text for reply in replies} == {"hi"}
