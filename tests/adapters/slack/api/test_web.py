"""Calls to Slack: each at its own pace, told apart when they fail, and repeated only where that does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.slack.api.web import SlackClient, SlackRefused, Unsure
from bot.errors import BotError, PlaceGone, SendError
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.world import Channel


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(slack: SlackServer, clock: Clock) -> AsyncIterator[SlackClient]:
    async with aiohttp.ClientSession() as session:
        yield SlackClient(slack.bot_token, api_url=slack.api_url, session=session, clock=clock, sleep=clock.sleep)


@pytest.fixture
def room(slack: SlackServer) -> Channel:
    return slack.create_channel("general", members=[slack.create_user("anna")])


async def post(client: SlackClient, room: Channel, text: str = "hello", **options: Any) -> dict[str, Any]:
    return await client.call("chat.postMessage", channel=room.id, text=text, **options)


async def test_an_answer_is_given_as_slack_gave_it(slack: SlackServer, client: SlackClient, room: Channel) -> None:
    answer = await post(client, room)

    (message,) = slack.said(room)
    assert (answer["ts"], answer["channel"]) == (message.ts, room.id)


async def test_one_session_serves_and_none_does_too(slack: SlackServer, room: Channel) -> None:
    await post(SlackClient(slack.bot_token, api_url=slack.api_url), room)

    assert [one.text for one in slack.said(room)] == ["hello"]


# what slack refuses


async def test_a_refusal_says_why_and_what_is_missing(slack: SlackServer, client: SlackClient, room: Channel) -> None:
    slack.bot.scopes.remove("chat:write")

    with pytest.raises(SlackRefused) as caught:
        await post(client, room)

    assert (caught.value.method, caught.value.code) == ("chat.postMessage", "missing_scope")
    assert "chat:write" in caught.value.user_message


@pytest.mark.parametrize("code", ["account_inactive", "invalid_auth", "token_revoked"])
async def test_where_the_token_is_not_taken_nothing_is_wrong_with_the_place(
    slack: SlackServer, room: Channel, code: str
) -> None:
    refused: list[str] = []
    client = SlackClient(slack.bot_token, api_url=slack.api_url, refused=refused.append)
    slack.faults.fail("chat.postMessage", code)

    with pytest.raises(SendError, match="does not take my token"):
        await post(client, room)

    assert refused == [code]


@pytest.mark.parametrize("code", ["channel_not_found", "is_archived", "not_in_channel"])
async def test_where_nothing_can_be_written_the_place_is_gone(
    slack: SlackServer, client: SlackClient, room: Channel, code: str
) -> None:
    slack.faults.fail("chat.postMessage", code)

    with pytest.raises(PlaceGone, match=code):
        await post(client, room)


async def test_what_is_said_of_a_place_that_is_only_read_is_a_refusal(
    slack: SlackServer, client: SlackClient, room: Channel
) -> None:
    slack.faults.fail("conversations.members", "channel_not_found")

    with pytest.raises(SlackRefused, match="channel_not_found"):
        await client.call("conversations.members", channel=room.id)


@pytest.mark.parametrize("break_it", ["refusal", "html", "down"])
async def test_no_failure_tells_more_than_a_sentence(
    slack: SlackServer, client: SlackClient, room: Channel, break_it: str
) -> None:
    if break_it == "refusal":
        slack.faults.fail("chat.postMessage", "invalid_blocks")
    elif break_it == "html":
        slack.faults.fail("chat.postMessage", 503)
    else:
        await slack.down()

    with pytest.raises(BotError) as caught:
        await post(client, room)

    said = caught.value.user_message
    assert said.endswith(".")
    assert slack.bot_token not in said
    assert "http://" not in said


# answers that are lost


@pytest.mark.parametrize("fault", ["lose", "cut"])
async def test_what_makes_something_is_not_repeated(
    slack: SlackServer, client: SlackClient, room: Channel, fault: str
) -> None:
    getattr(slack.faults, fault)("chat.postMessage")

    with pytest.raises(Unsure):
        await post(client, room)

    assert len(slack.calls("chat.postMessage")) == 1


@pytest.mark.parametrize("failure", [500, 502, 503, "internal_error", "fatal_error", "service_unavailable"])
async def test_where_slack_is_in_trouble_nobody_knows_whether_it_did_it(
    slack: SlackServer, client: SlackClient, room: Channel, failure: int | str
) -> None:
    slack.faults.fail("chat.postMessage", failure)

    with pytest.raises(Unsure):
        await post(client, room)

    assert len(slack.calls("chat.postMessage")) == 1


async def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(slack: SlackServer, room: Channel) -> None:
    slack.faults.hang("chat.postMessage", seconds=2.0)

    async with aiohttp.ClientSession() as session:
        client = SlackClient(slack.bot_token, api_url=slack.api_url, session=session, timeout_s=0.1)
        with pytest.raises(Unsure):
            await post(client, room)


async def test_an_answer_that_cannot_be_read_is_none(clock: Clock) -> None:
    """A proxy answers in plain text, which slack_sdk does not expect."""
    app = web.Application()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="welcome to the proxy")

    app.router.add_route("*", "/api/{method}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    client = SlackClient("xoxb-1", api_url=f"http://127.0.0.1:{port}/api/", clock=clock, sleep=clock.sleep)
    try:
        with pytest.raises(Unsure):
            await client.call("auth.test")
    finally:
        await runner.cleanup()


async def test_a_slack_that_cannot_be_reached_did_nothing(
    slack: SlackServer, client: SlackClient, room: Channel
) -> None:
    await slack.down()

    with pytest.raises(SendError) as caught:
        await post(client, room)

    assert not isinstance(caught.value, Unsure)


@pytest.mark.parametrize("failure", ["lose", "cut", 503])
async def test_a_read_whose_answer_was_lost_is_asked_again(
    slack: SlackServer, client: SlackClient, room: Channel, failure: str | int
) -> None:
    if isinstance(failure, int):
        slack.faults.fail("conversations.members", failure, times=2)
    else:
        getattr(slack.faults, failure)("conversations.members", times=2)

    answer = await client.call("conversations.members", channel=room.id)

    assert answer["members"] == room.members


async def test_a_read_is_given_up_in_the_end(slack: SlackServer, client: SlackClient, room: Channel) -> None:
    """aiohttp asks once more by itself where a kept connection breaks."""
    slack.faults.cut("conversations.members", times=99)

    with pytest.raises(Unsure):
        await client.call("conversations.members", channel=room.id)

    assert 3 <= len(slack.calls("conversations.members")) <= 6


# pace


async def test_a_short_wait_is_waited_out(slack: SlackServer, client: SlackClient, room: Channel, clock: Clock) -> None:
    slack.faults.limit("chat.postMessage", retry_after=7, times=2)

    await post(client, room)

    assert clock.waits == [7.0, 7.0]
    assert [one.text for one in slack.said(room)] == ["hello"]


async def test_a_long_wait_is_left_to_the_caller(
    slack: SlackServer, client: SlackClient, room: Channel, clock: Clock
) -> None:
    slack.faults.limit("chat.postMessage", retry_after=600)

    with pytest.raises(SendError) as caught:
        await post(client, room)
    with pytest.raises(SendError) as again:
        await post(client, room)

    assert (caught.value.retry_after_s, again.value.retry_after_s) == (600.0, 600.0)
    assert len(slack.calls("chat.postMessage")) == 1
    assert clock.waits == []


async def test_what_passes_does_not_wait_at_all(
    slack: SlackServer, client: SlackClient, room: Channel, clock: Clock
) -> None:
    slack.faults.limit("chat.postMessage", retry_after=1)

    with pytest.raises(SendError):
        await post(client, room, patience_s=0)

    assert clock.waits == []


async def test_only_the_method_that_was_limited_waits(
    slack: SlackServer, client: SlackClient, room: Channel, clock: Clock
) -> None:
    slack.faults.limit("chat.postEphemeral", retry_after=600)
    with pytest.raises(SendError):
        await client.call("chat.postEphemeral", channel=room.id, user=room.members[0], text="x")

    await post(client, room)

    assert clock.waits == []


async def test_a_limit_on_messages_holds_for_one_channel(
    slack: SlackServer, client: SlackClient, room: Channel, clock: Clock
) -> None:
    other = slack.create_channel("random")
    slack.faults.limit("chat.postMessage", retry_after=600)
    with pytest.raises(SendError):
        await post(client, room)

    await post(client, other)

    assert [one.text for one in slack.said(other)] == ["hello"]
    assert clock.waits == []


async def test_a_limit_holds_for_one_workspace(slack: SlackServer, client: SlackClient, clock: Clock) -> None:
    other = slack.install(slack.create_team("other"))
    slack.faults.limit("auth.test", retry_after=600)
    with pytest.raises(SendError):
        await client.call("auth.test")

    answer = await SlackClient(other.token, api_url=slack.api_url, clock=clock, sleep=clock.sleep).call("auth.test")

    assert answer["team_id"] == other.team


async def test_messages_to_a_channel_come_in_a_burst_and_then_one_by_one(
    slack: SlackServer, client: SlackClient, room: Channel, clock: Clock
) -> None:
    for number in range(6):
        await post(client, room, str(number))

    assert clock.waits == [1.0, 1.0]
    assert [one.text for one in slack.said(room)] == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("0", 1.0), ("-1", 5.0), ("abc", 5.0), ("", 5.0), ("86400", 3600.0), ("Wed, 21 Oct 2026", 5.0)],
)
async def test_what_slack_says_of_a_wait_is_believed_within_reason(
    slack: SlackServer, client: SlackClient, room: Channel, header: Any, seconds: float
) -> None:
    slack.faults.limit("chat.postMessage", retry_after=header)

    with pytest.raises(SendError) as caught:
        await post(client, room, patience_s=0.5)

    assert caught.value.retry_after_s == seconds


async def test_a_file_that_is_not_taken_can_be_sent_again(slack: SlackServer, client: SlackClient) -> None:
    with pytest.raises(SendError):
        await client.upload(f"{slack.url}/nowhere", b"x")
    await slack.down()
    with pytest.raises(SendError):
        await client.upload(f"{slack.url}/nowhere", b"x")
