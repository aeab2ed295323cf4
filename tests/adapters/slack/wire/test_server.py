"""The stand-in holds: slack_sdk's own client and Bolt's own app talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.slack.wire import APP_TOKEN, SlackServer


class Bolt:
    """An app that notes what it hears."""

    def __init__(self, slack: SlackServer) -> None:
        self.heard: list[dict[str, Any]] = []
        web = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        self.app = AsyncApp(client=web, signing_secret=slack.signing_secret)
        self.app.event("message")(self._event)
        self.app.event("app_mention")(self._event)
        self.app.event("app_home_opened")(self._event)
        self.app.action("press:me")(self._act)
        self.app.command("/nod")(self._command)
        self.handler = AsyncSocketModeHandler(self.app, slack.app_token, ping_interval=0.2)

    async def _event(self, body: dict[str, Any]) -> None:
        self.heard.append(body)

    async def _act(self, ack: Any, respond: Any, body: dict[str, Any]) -> None:
        await ack()
        self.heard.append(body)
        await respond(text="pressed", replace_original=True)

    async def _command(self, ack: Any, respond: Any, body: dict[str, Any]) -> None:
        await ack()
        self.heard.append(body)
        await respond(f"you said {body['text']}")


@pytest.fixture
async def bolt(slack: SlackServer) -> AsyncIterator[Bolt]:
    one = Bolt(slack)
    await one.handler.connect_async()
    await slack.connected()
    yield one
    await one.handler.close_async()


async def test_message_is_posted_changed_and_deleted(slack: SlackServer, client: AsyncWebClient) -> None:
    room = slack.create_channel("general")

    posted = await client.chat_postMessage(channel=room.id, text="hello")
    await client.chat_update(channel=room.id, ts=posted["ts"], text="bye")
    [message] = slack.said(room)
    await client.chat_delete(channel=room.id, ts=posted["ts"])

    assert (message.text, [text for text, _blocks in message.versions]) == ("bye", ["hello"])
    assert slack.said(room) == []


async def test_missing_scope_says_what_is_needed(slack: SlackServer, client: AsyncWebClient) -> None:
    slack.bot.scopes = ["chat:write"]

    with pytest.raises(SlackApiError) as caught:
        await client.users_info(user=slack.bot.user)

    assert caught.value.response.data == {
        "ok": False,
        "error": "missing_scope",
        "needed": "users:read",
        "provided": "chat:write",
    }
    assert caught.value.response.headers["x-oauth-scopes"] == "chat:write"


async def test_mention_comes_as_message_and_as_mention(slack: SlackServer, bolt: Bolt) -> None:
    anna = slack.create_user("anna")
    room = slack.create_channel("general", members=[anna])

    said = slack.say(anna, room, f"{slack.bot.mention} hello")
    await slack.until(lambda: len(bolt.heard) == 2)

    assert sorted(body["event"]["type"] for body in bolt.heard) == ["app_mention", "message"]
    assert {body["event"]["ts"] for body in bolt.heard} == {said.ts}
    await slack.until(lambda: all(sent.is_acked for sent in slack.events))


async def test_command_is_acknowledged_and_answered_later(slack: SlackServer, bolt: Bolt) -> None:
    anna = slack.create_user("anna")
    room = slack.create_channel("general", members=[anna])

    command = slack.slash(anna, room, "/nod", "help")
    ack = await command.acked()
    await command.responded()

    assert ack.body == {}
    assert [message.text for message in slack.ephemerals(anna)] == ["you said help"]


async def test_press_replaces_the_message(slack: SlackServer, client: AsyncWebClient, bolt: Bolt) -> None:
    anna = slack.create_user("anna")
    room = slack.create_channel("general", members=[anna])
    button = {"type": "button", "action_id": "press:me", "text": {"type": "plain_text", "text": "Approve"}}
    await client.chat_postMessage(channel=room.id, text="card", blocks=[{"type": "actions", "elements": [button]}])
    [card] = slack.said(room)

    press = slack.press(anna, card, "Approve")
    await press.acked()
    await press.responded()

    assert (card.text, card.labels) == ("pressed", [])


async def test_direct_talk_is_heard_and_answered(slack: SlackServer, client: AsyncWebClient, bolt: Bolt) -> None:
    anna = slack.create_user("anna")

    slack.direct(anna, "hello")
    [body] = await slack.until(lambda: bolt.heard)
    opened = await client.conversations_open(users=anna.id)

    assert (body["event"]["channel_type"], body["event"]["channel"]) == ("im", opened["channel"]["id"])


async def test_app_that_was_dropped_comes_back(slack: SlackServer, bolt: Bolt) -> None:
    anna = slack.create_user("anna")
    room = slack.create_channel("general", members=[anna])

    slack.socket.drop()
    await slack.until(lambda: len(slack.socket.every) == 2)
    slack.say(anna, room, "hello")
    await slack.until(lambda: bolt.heard)

    assert slack.socket.opened == 2


@pytest.mark.parametrize("refusal", ["token_revoked", "account_inactive"])
async def test_token_that_is_worth_nothing_is_refused(slack: SlackServer, client: AsyncWebClient, refusal: str) -> None:
    slack.bot.refusal = refusal

    with pytest.raises(SlackApiError, match=refusal):
        await client.auth_test()


@pytest.mark.parametrize(
    ("method", "token", "error"),
    [
        ("auth.test", "xoxb-nobody", "invalid_auth"),
        ("auth.test", "", "not_authed"),
        ("auth.test", APP_TOKEN, "not_allowed_token_type"),
        ("apps.connections.open", "xoxb-nobody", "not_allowed_token_type"),
        ("apps.connections.open", "xapp-nobody", "invalid_auth"),
    ],
)
async def test_token_has_to_be_of_the_right_kind(slack: SlackServer, method: str, token: str, error: str) -> None:
    with pytest.raises(SlackApiError, match=error):
        await AsyncWebClient(token, base_url=slack.api_url).api_call(method)


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({}, "no_text"),
        ({"text": "t", "blocks": [{"type": "markdown", "text": "t" * 6_001}] * 2}, "msg_blocks_too_long"),
        ({"text": "t", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "t", "blocks": "no JSON"}, "invalid_blocks_format"),
        ({"text": "t", "markdown_text": "t"}, "markdown_text_conflict"),
        ({"markdown_text": "t" * 12_001}, "msg_too_long"),
        ({"text": "t", "metadata": {"event_type": "x"}}, "invalid_metadata_schema"),
        ({"text": "t", "thread_ts": "1.1"}, "cannot_reply_to_message"),
    ],
)
async def test_message_slack_would_not_take_is_refused(
    slack: SlackServer, client: AsyncWebClient, args: dict[str, Any], error: str
) -> None:
    room = slack.create_channel("general")

    with pytest.raises(SlackApiError, match=error):
        await client.api_call("chat.postMessage", json={"channel": room.id, **args})

    assert slack.said(room) == []


async def test_text_alone_takes_the_blocks_away(slack: SlackServer, client: AsyncWebClient) -> None:
    room = slack.create_channel("general")
    posted = await client.chat_postMessage(channel=room.id, text="one", blocks=[{"type": "divider"}])

    await client.chat_update(channel=room.id, ts=posted["ts"], text="two")
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await client.chat_update(channel=room.id, ts=posted["ts"], text="t" * 4_001)

    assert [(message.text, message.blocks) for message in slack.said(room)] == [("two", [])]
