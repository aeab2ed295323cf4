"""What people do with the bot on the stand-in, and how Bolt's own app answers it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.slack.wire import Channel, Message, SlackServer, User, View

Json = dict[str, Any]


def words(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def modal(title: str = "Reason", **more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "text"}
    block = {"type": "input", "block_id": "why", "label": words("Why"), "element": element}
    return {"type": "modal", "title": words(title), "submit": words("Send"), "blocks": [block], **more}


CARD = [
    {
        "type": "actions",
        "block_id": "row",
        "elements": [
            {"type": "button", "action_id": "act:one", "text": words("Approve"), "value": "1"},
            {
                "type": "overflow",
                "action_id": "act:more",
                "options": [{"text": words(word), "value": word} for word in ("Edit", "Deny")],
            },
            {
                "type": "static_select",
                "action_id": "act:pick",
                "options": [{"text": words(word), "value": word} for word in ("red", "blue")],
            },
            {"type": "users_select", "action_id": "act:who"},
            {"type": "external_select", "action_id": "act:find", "min_query_length": 0},
        ],
    },
    {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": "act:like",
                "positive_button": {"text": words("Good"), "value": "up"},
                "negative_button": {"text": words("Bad"), "value": "down"},
            }
        ],
    },
]


class Bolt:
    """An app that keeps what it is asked, and answers modals with `answer`."""

    def __init__(self, slack: SlackServer) -> None:
        self.actions: list[Json] = []
        self.bodies: list[Json] = []
        self.answer: Json = {}
        self.response: Json = {}
        web = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        app = AsyncApp(client=web, signing_secret=slack.signing_secret)
        app.action(re.compile("^act:"))(self._act)
        app.options("act:find")(self._suggest)
        app.shortcut("open")(self._open)
        app.view("reason")(self._submit)
        self.handler = AsyncSocketModeHandler(app, slack.app_token, ping_interval=0.2)

    async def _act(self, ack: Any, body: Json, action: Json, respond: Any) -> None:
        await ack()
        if self.response:
            await respond(**self.response)
        self.bodies.append(body)
        self.actions.append(action)

    async def _suggest(self, ack: Any, payload: Json) -> None:
        await ack(options=[{"text": words(payload["value"]), "value": payload["value"]}])

    async def _open(self, ack: Any, shortcut: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=modal(callback_id="reason"))

    async def _submit(self, ack: Any, body: Json) -> None:
        self.bodies.append(body)
        await ack(**self.answer)


@pytest.fixture
async def bolt(slack: SlackServer) -> AsyncIterator[Bolt]:
    one = Bolt(slack)
    await one.handler.connect_async()
    await slack.connected()
    yield one
    await one.handler.close_async()


@pytest.fixture
async def card(slack: SlackServer, client: AsyncWebClient, room: Channel) -> Message:
    await client.chat_postMessage(channel=room.id, text="a card", blocks=CARD)
    return slack.said(room)[0]


@pytest.fixture
async def opened(slack: SlackServer, bolt: Bolt, anna: User) -> View:
    slack.shortcut(anna, "open")
    return (await slack.until(lambda: slack.views_of(anna)))[-1]


Deed = Callable[[SlackServer, User, Message], Any]


@pytest.mark.parametrize(
    ("deed", "heard"),
    [
        (lambda slack, anna, card: slack.press(anna, card, "Approve"), {"action_id": "act:one", "value": "1"}),
        (lambda slack, anna, card: slack.press(anna, card, "act:one"), {"block_id": "row", "value": "1"}),
        (lambda slack, anna, card: slack.press(anna, card, "Bad"), {"action_id": "act:like", "value": "down"}),
        (lambda slack, anna, card: slack.press(anna, card, "Deny"), {"type": "overflow"}),
        (lambda slack, anna, card: slack.choose(anna, card, "act:pick", "blue"), {"type": "static_select"}),
        (lambda slack, anna, card: slack.choose(anna, card, "act:who", anna), {"type": "users_select"}),
    ],
)
async def test_deed_is_heard_as_slack_tells_it(
    slack: SlackServer, bolt: Bolt, anna: User, card: Message, deed: Deed, heard: Json
) -> None:
    await deed(slack, anna, card).acked()
    [action] = await slack.until(lambda: bolt.actions)

    assert {name: action[name] for name in heard} == heard
    assert bolt.bodies[0]["message"]["ts"] == card.ts


async def test_button_that_is_not_there_cannot_be_pressed(slack: SlackServer, anna: User, card: Message) -> None:
    with pytest.raises(LookupError, match="no button 'Deploy'"):
        slack.press(anna, card, "Deploy")


async def test_forged_button_is_heard_all_the_same(slack: SlackServer, bolt: Bolt, anna: User, card: Message) -> None:
    await slack.press(anna, card, "act:nothing", value="x", forged=True).acked()
    [action] = await slack.until(lambda: bolt.actions)

    assert (action["action_id"], action["value"]) == ("act:nothing", "x")


async def test_menu_offers_what_the_app_gives(slack: SlackServer, bolt: Bolt, anna: User, card: Message) -> None:
    ack = await slack.suggest(anna, card, "act:find", "ab").acked()

    assert [option["value"] for option in ack.options] == ["ab"]


@pytest.mark.parametrize(
    ("response", "shown", "whispered"),
    [
        ({"text": "done"}, ["done"], []),
        ({"text": "done", "replace_original": False}, ["a card"], ["done"]),
        ({"text": "", "delete_original": True}, [], []),
    ],
)
async def test_response_replaces_the_message_unless_it_says_otherwise(
    slack: SlackServer,
    bolt: Bolt,
    room: Channel,
    anna: User,
    card: Message,
    response: Json,
    shown: list[str],
    whispered: list[str],
) -> None:
    bolt.response = response

    await slack.press(anna, card, "Approve").responded()

    assert [message.text for message in slack.said(room)] == shown
    assert [message.text for message in slack.ephemerals(anna)] == whispered


async def test_what_one_person_sees_another_cannot_press(
    slack: SlackServer, client: AsyncWebClient, bolt: Bolt, room: Channel, anna: User
) -> None:
    ben = slack.create_user("ben")
    slack.join(ben, room)
    await client.chat_postEphemeral(channel=room.id, user=anna.id, text="yours", blocks=CARD)
    [message] = slack.ephemerals(anna)

    with pytest.raises(LookupError):
        slack.press(ben, message, "Approve")
    await slack.press(anna, message, "Approve").acked()
    [body] = await slack.until(lambda: bolt.bodies)

    assert (body["container"]["is_ephemeral"], "message" in body) == (True, False)


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        ({}, []),
        ({"response_action": "clear"}, []),
        ({"response_action": "errors", "errors": {"why": "say more"}}, ["Reason"]),
        ({"response_action": "update", "view": modal("Second")}, ["Second"]),
        ({"response_action": "push", "view": modal("Second")}, ["Reason", "Second"]),
    ],
)
async def test_acknowledgement_says_what_becomes_of_the_modal(
    slack: SlackServer, bolt: Bolt, anna: User, opened: View, answer: Json, titles: list[str]
) -> None:
    bolt.answer = answer

    sent = slack.submit(anna, opened, {"Why": "because"})
    ack = await sent.acked()

    assert [view.title for view in slack.views_of(anna)] == titles
    assert (ack.errors, sent.refused) == (answer.get("errors", {}), [])
    assert bolt.bodies[0]["view"]["state"]["values"]["why"]["text"]["value"] == "because"


async def test_error_of_a_field_that_is_not_there_is_refused(
    slack: SlackServer, bolt: Bolt, anna: User, opened: View
) -> None:
    bolt.answer = {"response_action": "errors", "errors": {"no-such-block": "say more"}}

    sent = slack.submit(anna, opened, {"why": "because"})
    await sent.acked()

    assert (sent.refused, opened.is_open) == (["invalid_errors"], True)


async def test_modal_nobody_answers_for_stays(slack: SlackServer, bolt: Bolt, anna: User, opened: View) -> None:
    await bolt.handler.close_async()

    sent = slack.submit(anna, opened, {"why": "because"})
    with pytest.raises(TimeoutError):
        await sent.acked()

    assert opened.is_open


async def test_command_of_the_app_is_not_shown_to_strangers(slack: SlackServer, anna: User) -> None:
    other = slack.create_team("other")
    eve = slack.create_user("eve", team=other)
    shared = slack.create_channel("shared", members=[anna, eve], shared_with=[other])

    with pytest.raises(LookupError, match="eve is of a workspace"):
        slack.slash(eve, shared, "/nod", "help")
