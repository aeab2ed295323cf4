"""Modals and Home tabs of the stand-in."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.messages import View
from tests.adapters.slack.wire.world import User


def modal(title: str = "Reason", **more: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "text", "min_length": 3}
    block = {"type": "input", "block_id": "why", "label": {"type": "plain_text", "text": "Why"}, "element": element}
    words = {name: {"type": "plain_text", "text": text} for name, text in (("title", title), ("submit", "Send"))}
    return {"type": "modal", "callback_id": "reason", "blocks": [block], **words, **more}


async def opened(slack: SlackServer, client: AsyncWebClient, anna: User, **more: Any) -> View:
    trigger = slack.shortcut(anna, "any").trigger_id
    await client.views_open(trigger_id=trigger, view=modal(**more))
    return slack.views_of(anna)[-1]


async def test_trigger_is_good_once(slack: SlackServer, client: AsyncWebClient, anna: User) -> None:
    trigger = slack.shortcut(anna, "any").trigger_id
    await client.views_open(trigger_id=trigger, view=modal())

    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await client.views_open(trigger_id=trigger, view=modal())


async def test_trigger_expires(slack: SlackServer, client: AsyncWebClient, anna: User) -> None:
    shortcut = slack.shortcut(anna, "any")
    shortcut.expire()

    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=shortcut.trigger_id, view=modal())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"title": {"type": "plain_text", "text": "t" * 25}},
            "must be less than 25 characters [json-pointer:/view/title",
        ),
        ({"submit": None}, "missing required field: submit"),
        ({"private_metadata": "x" * 3001}, "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        ({"colour": "red"}, "invalid additional property: colour"),
        ({"blocks": []}, "no fewer than 1 items"),
    ],
)
async def test_view_that_slack_would_not_take_is_refused(
    slack: SlackServer, client: AsyncWebClient, anna: User, wrong: dict[str, Any], said: str
) -> None:
    trigger = slack.shortcut(anna, "any").trigger_id

    with pytest.raises(SlackApiError, match="invalid_arguments") as caught:
        await client.views_open(trigger_id=trigger, view=modal() | wrong)

    assert said in " ".join(caught.value.response["response_metadata"]["messages"])


async def test_stale_hash_changes_nothing(slack: SlackServer, client: AsyncWebClient, anna: User) -> None:
    view = await opened(slack, client, anna)
    old = view.hash
    await client.views_update(view_id=view.id, hash=old, view=modal("Second"))

    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=view.id, hash=old, view=modal("Third"))

    assert view.title == "Second"


async def test_only_three_modals_are_stacked(slack: SlackServer, client: AsyncWebClient, anna: User) -> None:
    button = {"type": "button", "action_id": "more", "text": {"type": "plain_text", "text": "More"}}
    more = {"blocks": [{"type": "actions", "elements": [button]}]}
    view = await opened(slack, client, anna, **more)
    for _ in range(2):
        trigger = slack.press(anna, slack.views_of(anna)[-1], "More").trigger_id
        await client.views_push(trigger_id=trigger, view=modal() | more)

    trigger = slack.press(anna, slack.views_of(anna)[-1], "More").trigger_id
    with pytest.raises(SlackApiError, match="push_limit_reached"):
        await client.views_push(trigger_id=trigger, view=modal() | more)

    assert [one.root or one.id for one in slack.views_of(anna)] == [view.id] * 3


async def test_home_is_published_and_replaced(slack: SlackServer, client: AsyncWebClient, anna: User) -> None:
    def home(text: str) -> dict[str, Any]:
        return {"type": "home", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": text}}]}

    await client.views_publish(user_id=anna.id, view=home("one"))
    await client.views_publish(user_id=anna.id, view=home("two"))
    found = slack.home_of(anna)

    assert found is not None
    assert (found.shown, len(found.versions)) == ("two", 1)


async def test_person_cannot_send_what_slack_would_not_take(
    slack: SlackServer, client: AsyncWebClient, anna: User
) -> None:
    view = await opened(slack, client, anna)

    with pytest.raises(ValueError, match="why has 2 characters"):
        slack.submit(anna, view, {"why": "no"})
