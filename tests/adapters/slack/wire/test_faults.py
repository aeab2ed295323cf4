"""What goes wrong in the stand-in on demand."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.slack.wire import Channel, Limit, SlackServer, User

POST = "chat.postMessage"


@pytest.fixture
def client(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url, retry_handlers=[])


async def test_lost_answer_leaves_the_message(slack: SlackServer, client: AsyncWebClient, room: Channel) -> None:
    slack.faults.lose(POST)

    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=room.id, text="hello")

    assert [message.text for message in slack.said(room)] == ["hello"]
    assert [(call.status, call.is_lost) for call in slack.calls(POST)] == [(0, True)]


async def test_cut_call_leaves_nothing(slack: SlackServer, client: AsyncWebClient, room: Channel) -> None:
    slack.faults.cut(POST)

    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=room.id, text="hello")

    assert slack.said(room) == []


@pytest.mark.parametrize(("what", "status"), [("internal_error", 200), (503, 503)])
async def test_call_fails_as_often_as_it_was_ordered_to(
    slack: SlackServer, client: AsyncWebClient, room: Channel, what: int | str, status: int
) -> None:
    slack.faults.fail(POST, what)

    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=room.id, text="hello")
    await client.chat_postMessage(channel=room.id, text="hello")

    assert [call.status for call in slack.calls(POST)] == [status, 200]


async def test_limit_says_how_long_to_wait(slack: SlackServer, client: AsyncWebClient, room: Channel) -> None:
    slack.faults.limit(POST, retry_after=7)

    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=room.id, text="hello")

    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")
    assert len(slack.faults.limited) == 1


async def test_rate_is_held_for_each_method_by_itself(
    slack: SlackServer, client: AsyncWebClient, room: Channel
) -> None:
    slack.limits.enforce({POST: Limit(1)})
    await client.chat_postMessage(channel=room.id, text="one")
    await client.conversations_info(channel=room.id)

    with pytest.raises(SlackApiError, match="ratelimited"):
        await client.chat_postMessage(channel=room.id, text="two")


async def test_hanging_call_ends_when_its_caller_has_enough(
    slack: SlackServer, client: AsyncWebClient, room: Channel
) -> None:
    slack.faults.hang(POST)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.chat_postMessage(channel=room.id, text="hello"), 0.05)

    assert slack.said(room) == []


async def test_response_url_is_good_five_times(slack: SlackServer, room: Channel, anna: User) -> None:
    command = slack.slash(anna, room, "/nod")

    async with aiohttp.ClientSession() as session:
        statuses = [(await session.post(command.response_url, json={"text": f"{n}"})).status for n in range(6)]

    assert statuses == [200] * 5 + [404]
    assert command.refused == ["used_url"]


async def test_unknown_method_is_noted(slack: SlackServer, client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError, match="unknown_method"):
        await client.api_call("no.such")

    assert slack.errors == ["unknown method: no.such"]
    slack.errors.clear()


async def test_server_comes_back_on_the_same_port(slack: SlackServer, client: AsyncWebClient) -> None:
    await slack.down()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.auth_test()

    await slack.up()

    assert (await client.auth_test())["ok"]
