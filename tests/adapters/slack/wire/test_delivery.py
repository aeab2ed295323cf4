"""How the stand-in delivers: sockets, signed requests, retries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.slack.wire import Channel, Sent, SlackServer, User


class Listener:
    """slack_sdk's own socket, which acknowledges unless it is told not to."""

    def __init__(self, slack: SlackServer) -> None:
        self.heard: list[SocketModeRequest] = []
        self.is_silent = False
        web_client = AsyncWebClient(base_url=slack.api_url)
        self.client = SocketModeClient(slack.app_token, web_client=web_client, ping_interval=0.1)
        self.client.socket_mode_request_listeners.append(self._hear)  # type: ignore[arg-type]

    async def _hear(self, client: SocketModeClient, request: SocketModeRequest) -> None:
        self.heard.append(request)
        if not self.is_silent:
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))


@pytest.fixture
async def listener(slack: SlackServer) -> AsyncIterator[Listener]:
    slack.world.rules.ack_within_s, slack.world.rules.retry_delays_s = 0.05, (0.0, 0.0, 0.0)
    one = Listener(slack)
    await one.client.connect()
    await slack.connected()
    yield one
    await one.client.close()


async def given_up(slack: SlackServer) -> Sent:
    sent = await slack.until(lambda: slack.events and slack.events[-1])
    await slack.until(lambda: sent.is_given_up or sent.is_acked)
    return sent


async def test_event_that_nobody_acknowledged_is_sent_three_times_more(
    slack: SlackServer, listener: Listener, room: Channel, anna: User
) -> None:
    listener.is_silent = True

    slack.say(anna, room, "hello")
    sent = await given_up(slack)

    assert (sent.is_acked, [one.outcome for one in sent.attempts]) == (False, ["timeout"] * 4)
    assert [(one.retry_attempt, one.retry_reason) for one in listener.heard] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]


async def test_interaction_that_nobody_acknowledged_is_not_sent_again(
    slack: SlackServer, listener: Listener, room: Channel, anna: User
) -> None:
    listener.is_silent = True

    command = slack.slash(anna, room, "/nod")
    with pytest.raises(TimeoutError, match="timeout"):
        await command.acked()

    assert [(one.type, one.accepts_response_payload) for one in listener.heard] == [("slash_commands", True)]


async def test_lost_acknowledgement_brings_the_event_again(
    slack: SlackServer, listener: Listener, room: Channel, anna: User
) -> None:
    slack.socket.is_losing_acks = True
    slack.say(anna, room, "hello")
    await slack.until(lambda: len(listener.heard) == 2)
    slack.socket.is_losing_acks = False

    sent = await given_up(slack)

    assert sent.is_acked
    assert len({one.payload["event_id"] for one in listener.heard}) == 1


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_client_comes_back_when_it_is_asked_to_go(slack: SlackServer, listener: Listener, reason: str) -> None:
    slack.socket.disconnect(reason)

    await slack.until(lambda: slack.socket.opened == 2 and len(slack.socket.connected) == 1)

    async with asyncio.timeout(5):
        while not await listener.client.is_connected():
            await asyncio.sleep(0.005)


async def test_client_that_hears_no_pong_comes_back(slack: SlackServer, listener: Listener) -> None:
    await slack.until(lambda: slack.socket.every[0].pings)

    slack.socket.deafen()
    await slack.until(lambda: slack.socket.opened >= 2)

    assert slack.socket.every[0].is_deaf


async def test_events_are_spread_over_the_sockets(
    slack: SlackServer, listener: Listener, room: Channel, anna: User
) -> None:
    second = Listener(slack)
    await second.client.connect()
    await slack.connected(2)

    for number in range(4):
        slack.say(anna, room, f"{number}")
    await slack.until(lambda: len(listener.heard) + len(second.heard) == 4)
    await second.client.close()

    assert (len(listener.heard), len(second.heard)) == (2, 2)


async def test_what_was_held_back_is_told_in_any_order(
    slack: SlackServer, listener: Listener, room: Channel, anna: User
) -> None:
    slack.delivery.hold()
    for word in ("one", "two"):
        slack.say(anna, room, word)
    slack.delivery.release(reversed)
    await slack.until(lambda: len(listener.heard) == 2)

    assert [one.payload["event"]["text"] for one in listener.heard] == ["two", "one"]


class Endpoint:
    """An address of the app, which answers what it is told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], str]] = []
        self.answer = web.Response
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((headers, await request.text()))
        return self.answer()


@pytest.fixture
async def endpoint(slack: SlackServer) -> AsyncIterator[Endpoint]:
    slack.world.rules.ack_within_s, slack.world.rules.retry_delays_s = 0.1, (0.0, 0.0, 0.0)
    one, app = Endpoint(), web.Application()
    app.router.add_post("/slack/events", one.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    yield one
    await runner.cleanup()


async def test_request_is_signed_as_the_sdk_verifies(
    slack: SlackServer, endpoint: Endpoint, room: Channel, anna: User
) -> None:
    slack.say(anna, room, "hello")
    command = slack.slash(anna, room, "/nod", "help")
    shortcut = slack.shortcut(anna, "any")
    await command.acked()
    await shortcut.acked()
    await given_up(slack)
    verifier = SignatureVerifier(slack.signing_secret)
    types = [headers["content-type"].split(";")[0] for headers, _body in endpoint.seen]

    assert all(verifier.is_valid_request(body, headers) for headers, body in endpoint.seen)
    assert sorted(types) == ["application/json", *["application/x-www-form-urlencoded"] * 2]


async def test_failed_request_is_sent_three_times_more(
    slack: SlackServer, endpoint: Endpoint, room: Channel, anna: User
) -> None:
    endpoint.answer = lambda: web.Response(status=500)

    slack.say(anna, room, "hello")
    await given_up(slack)
    retries = [(headers.get("x-slack-retry-num"), headers.get("x-slack-retry-reason")) for headers, _ in endpoint.seen]

    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]


async def test_request_is_not_sent_again_if_the_app_says_so(
    slack: SlackServer, endpoint: Endpoint, room: Channel, anna: User
) -> None:
    endpoint.answer = lambda: web.Response(status=500, headers={"x-slack-no-retry": "1"})

    slack.say(anna, room, "hello")
    sent = await given_up(slack)

    assert (len(endpoint.seen), sent.is_acked) == (1, False)


async def test_bolt_takes_signed_requests(slack: SlackServer, endpoint: Endpoint, room: Channel, anna: User) -> None:
    client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
    app, heard = AsyncApp(client=client, signing_secret=slack.signing_secret), asyncio.Queue[dict[str, Any]]()
    app.event("app_mention")(heard.put)
    slack.say(anna, room, slack.bot.mention)
    await slack.until(lambda: len(endpoint.seen) == 2)

    answers = [
        await app.async_dispatch(AsyncBoltRequest(body=body, headers=dict(headers)))
        for headers, body in endpoint.seen
        if '"app_mention"' in body
    ]

    assert [answer.status for answer in answers] == [200]


async def test_address_is_asked_for_its_challenge(slack: SlackServer, endpoint: Endpoint) -> None:
    endpoint.answer = lambda: web.Response(text="a-challenge")
    assert slack.hooks is not None

    assert await slack.hooks.verify_url() == (200, "a-challenge")


async def test_ticket_of_a_socket_is_good_once(slack: SlackServer) -> None:
    url = slack.socket.new_url()
    async with aiohttp.ClientSession() as session:
        await (await session.ws_connect(url)).close()

        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect(url)


async def test_event_of_a_dropped_socket_comes_again_at_once(
    slack: SlackServer, listener: Listener, room: Channel, anna: User
) -> None:
    listener.is_silent, slack.world.rules.ack_within_s = True, 30.0
    slack.world.rules.retry_delays_s = (0.05,) * 100
    slack.say(anna, room, "hello")
    await slack.until(lambda: listener.heard)

    listener.is_silent = False
    slack.socket.drop()
    await slack.until(lambda: slack.events[0].is_acked)

    assert {one.outcome for one in slack.events[0].attempts} == {"connection_failed", "acked"}


async def test_anything_at_all_can_be_told(slack: SlackServer, listener: Listener, room: Channel) -> None:
    slack.delivery.tell({"type": "from_the_future", "event_ts": "1.1"}, channel=room, event_id="Ev1")
    [heard] = await slack.until(lambda: listener.heard)

    assert (heard.payload["event_id"], heard.payload["event"]["type"]) == ("Ev1", "from_the_future")
