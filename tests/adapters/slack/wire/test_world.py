"""The workspace of the stand-in: people, channels, groups, files, installations."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.messages import Message
from tests.adapters.slack.wire.world import Channel, User


def told(slack: SlackServer) -> list[str]:
    return [sent.type for sent in slack.events]


@pytest.mark.parametrize(
    ("kind", "has_bot", "is_archived", "error"),
    [
        ("channel", False, False, "not_in_channel"),
        ("private", False, False, "channel_not_found"),
        ("channel", True, True, "is_archived"),
    ],
)
async def test_bot_cannot_write_everywhere(
    slack: SlackServer, client: AsyncWebClient, anna: User, kind: Any, has_bot: bool, is_archived: bool, error: str
) -> None:
    place = slack.create_channel("room", members=[anna], kind=kind, has_bot=has_bot, is_archived=is_archived)

    with pytest.raises(SlackApiError, match=error):
        await client.chat_postMessage(channel=place.id, text="hello")


@pytest.mark.parametrize(
    ("flags", "error"),
    [({"is_bot": True}, "cannot_dm_bot"), ({"deleted": True}, "user_disabled")],
)
async def test_direct_talk_is_not_opened_with_everybody(
    slack: SlackServer, client: AsyncWebClient, flags: dict[str, bool], error: str
) -> None:
    with pytest.raises(SlackApiError, match=error):
        await client.conversations_open(users=slack.create_user("ben", **flags).id)


async def test_history_comes_in_pages_newest_first(
    slack: SlackServer, client: AsyncWebClient, room: Channel, anna: User
) -> None:
    said = [slack.say(anna, room, f"{number}") for number in range(5)]
    slack.say(anna, room, "an answer", thread=said[0])

    pages = [
        [one["text"] for one in page["messages"]]
        async for page in await client.conversations_history(channel=room.id, limit=2)
    ]

    assert pages == [["4", "3"], ["2", "1"], ["0"]]


async def test_replies_begin_with_the_first_message(
    slack: SlackServer, client: AsyncWebClient, room: Channel, anna: User
) -> None:
    root = slack.say(anna, room, "a question")
    answers = [slack.say(anna, room, f"{number}", thread=root) for number in range(3)]

    found = await client.conversations_replies(channel=room.id, ts=root.ts, oldest=answers[0].ts)

    assert [one["text"] for one in found["messages"]] == ["a question", "1", "2"]
    assert found["messages"][0]["reply_count"] == 3


async def test_metadata_is_told_only_where_it_is_asked_for(client: AsyncWebClient, room: Channel) -> None:
    metadata = {"event_type": "nod_message", "event_payload": {"key": "k"}}
    await client.chat_postMessage(channel=room.id, text="hello", metadata=metadata)

    without = await client.conversations_history(channel=room.id)
    with_it = await client.conversations_history(channel=room.id, include_all_metadata=True)

    assert ["metadata" in found["messages"][0] for found in (without, with_it)] == [False, True]
    assert with_it["messages"][0]["metadata"] == metadata


async def test_groups_are_a_matter_of_the_plan(slack: SlackServer, client: AsyncWebClient, anna: User) -> None:
    group = slack.create_group("ops", users=[anna])
    listed = await client.usergroups_list(include_users=True)
    slack.team.has_user_groups = False

    with pytest.raises(SlackApiError, match="plan_upgrade_required"):
        await client.usergroups_users_list(usergroup=group.id)

    assert [(one["handle"], one["users"]) for one in listed["usergroups"]] == [("ops", [anna.id])]


async def test_change_of_a_group_is_told_with_its_difference(slack: SlackServer, anna: User) -> None:
    group, ben = slack.create_group("ops", users=[anna]), slack.create_user("ben")

    slack.set_group(group, [ben])
    event = slack.events[0].event

    assert told(slack) == ["subteam_members_changed", "subteam_updated"]
    assert (event["added_users"], event["removed_users"]) == ([ben.id], [anna.id])


async def test_stranger_is_known_only_from_a_shared_channel(
    slack: SlackServer, client: AsyncWebClient, anna: User
) -> None:
    other = slack.create_team("other")
    eve = slack.create_user("eve", team=other)
    unmet = await client.users_info(user=eve.id)
    with pytest.raises(SlackApiError, match="user_not_found"):
        await client.conversations_open(users=eve.id)
    shared = slack.create_channel("shared", members=[anna, eve], shared_with=[other])
    slack.say(eve, shared, slack.bot.mention)

    found = await client.users_info(user=eve.id)
    body = slack.events[-1].body

    assert [one["user"]["is_stranger"] for one in (unmet, found)] == [True, False]
    assert (found["user"]["team_id"], "is_admin" in found["user"]) == (other.id, False)
    assert (body["is_ext_shared_channel"], body["authorizations"][0]["team_id"]) == (True, slack.team.id)
    assert body["event"]["user_team"] == other.id


async def test_file_goes_out_in_three_steps(slack: SlackServer, client: AsyncWebClient, room: Channel) -> None:
    await client.files_upload_v2(channel=room.id, filename="a.txt", content="hello", initial_comment="here")
    [message] = slack.said(room)

    assert (message.text, message.subtype) == ("here", "file_share")
    assert [(file.name, file.content, file.mimetype) for file in message.files] == [("a.txt", b"hello", "text/plain")]


@pytest.mark.parametrize(("with_token", "got"), [(True, ("text/plain", "hello")), (False, ("text/html", "<!DOCTYPE"))])
async def test_file_needs_the_token(
    slack: SlackServer, room: Channel, anna: User, with_token: bool, got: tuple[str, str]
) -> None:
    file = slack.create_file(anna, "a.txt", b"hello")
    slack.say(anna, room, "look", files=[file])
    headers = {"Authorization": f"Bearer {slack.bot_token}"} if with_token else {}

    async with aiohttp.ClientSession() as session, session.get(file.url, headers=headers) as answer:
        text = await answer.text()

    assert (answer.content_type, text[: len(got[1])]) == got


async def test_each_workspace_has_its_own_token(slack: SlackServer, client: AsyncWebClient) -> None:
    other = slack.create_team("other")
    owner = slack.create_user("olga", team=other)
    page = f"https://slack.com/oauth/v2/authorize?client_id={slack.app.client_id}&scope=chat:write&state=s"
    back = slack.approve(page + "&redirect_uri=https://nod.example/slack/oauth", owner)
    code = back.split("code=")[1].split("&")[0]
    args = {"client_id": slack.app.client_id, "client_secret": slack.app.client_secret, "code": code}
    got = await client.oauth_v2_access(**args, redirect_uri="https://nod.example/slack/oauth")

    tested = await AsyncWebClient(got["access_token"], base_url=slack.api_url).auth_test()
    with pytest.raises(SlackApiError, match="code_already_used"):
        await client.oauth_v2_access(**args, redirect_uri="https://nod.example/slack/oauth")

    assert (tested["team_id"], got["team"]["id"], got["scope"]) == (other.id, other.id, "chat:write")


async def test_token_is_worth_nothing_once_the_app_is_gone(slack: SlackServer, client: AsyncWebClient) -> None:
    slack.uninstall()

    with pytest.raises(SlackApiError, match="account_inactive"):
        await client.auth_test()

    assert told(slack) == ["app_uninstalled", "tokens_revoked"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("hello", ["text"]),
        ("<@U1> and <!here>", ["user", "text", "broadcast"]),
        ("see <https://a.example|this>", ["text", "link"]),
        ("in `<@U1>`", ["text", "text"]),
        ("<!subteam^S1|@ops> in <#C1|room>", ["usergroup", "text", "channel"]),
    ],
)
async def test_words_of_people_come_as_rich_text(
    slack: SlackServer, room: Channel, anna: User, text: str, kinds: list[str]
) -> None:
    slack.say(anna, room, text)
    [block] = slack.events[0].event["blocks"]

    assert [part["type"] for part in block["elements"][0]["elements"]] == kinds


async def test_mention_in_code_mentions_nobody(slack: SlackServer, room: Channel, anna: User) -> None:
    slack.say(anna, room, f"`{slack.bot.mention}` and ```{slack.bot.mention}```")

    assert told(slack) == ["message"]


async def test_mention_that_is_edited_in_comes_as_one(slack: SlackServer, room: Channel, anna: User) -> None:
    message = slack.say(anna, room, "hello")
    slack.edit(message, f"{slack.bot.mention} hello")

    assert [(sent.type, sent.event.get("subtype")) for sent in slack.events] == [
        ("message", None),
        ("message", "message_changed"),
        ("app_mention", None),
    ]


async def test_first_message_of_a_thread_leaves_a_tombstone(
    slack: SlackServer, client: AsyncWebClient, room: Channel, anna: User
) -> None:
    root = slack.say(anna, room, "a question")
    slack.say(anna, room, "an answer", thread=root)
    slack.delete(root)

    found = await client.conversations_replies(channel=room.id, ts=root.ts)

    assert [one.get("subtype") for one in found["messages"]] == ["tombstone", None]


def _message(**fields: Any) -> Message:
    return Message("1.1", "C1", "U1", "T1", **fields)


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        (_message(text="hello"), set()),
        (_message(text="<@U1> <!channel> <!subteam^S1>"), {"U1", "channel", "S1"}),
        (_message(text="&lt;@U1&gt;"), set()),
        (_message(blocks=[{"type": "markdown", "text": "<@U1>"}]), {"U1"}),
        (_message(blocks=[{"type": "section", "text": {"type": "plain_text", "text": "<@U1>"}}]), set()),
        (_message(blocks=[{"type": "context", "elements": [{"type": "mrkdwn", "text": "<!here>"}]}]), {"here"}),
    ],
)
async def test_who_hears_of_a_message_is_known(slack: SlackServer, message: Message, heard: set[str]) -> None:
    assert slack.pings(message) == heard
