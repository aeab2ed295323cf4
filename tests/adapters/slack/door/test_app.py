"""The Bolt app: kept before it is acknowledged, acknowledged before it is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from adapters.slack.door.app import NOT_INSTALLED, SlackApp
from adapters.slack.door.registered import REGISTERED
from adapters.slack.handlers import Body
from bot.errors import StoreBusy
from tests.adapters.slack.doors import Noting, until

TEAM = {"id": "T1", "domain": "team"}
USER = {"id": "U1", "team_id": "T1"}
EVENT: Body = {
    "type": "event_callback",
    "team_id": "T1",
    "event_id": "Ev1",
    "event": {"type": "message", "channel": "C1", "user": "U1", "text": "hello", "ts": "1.1"},
    "authorizations": [{"team_id": "T1", "enterprise_id": None, "user_id": "UBOT", "is_bot": True}],
}
PRESS: Body = {"type": "block_actions", "team": TEAM, "user": USER, "actions": [{"action_id": "nod:approve:1"}]}
VIEW = {"type": "modal", "callback_id": "nod:edit", "id": "V1"}
SUBMIT: Body = {"type": "view_submission", "team": TEAM, "user": USER, "view": VIEW}
CLOSED: Body = {"type": "view_closed", "team": TEAM, "user": USER, "view": VIEW}
OPTIONS: Body = {"type": "block_suggestion", "team": TEAM, "user": USER, "action_id": "tool", "value": "fi"}
COMMAND: Body = {"command": "/nod", "team_id": "T1", "user_id": "U1", "text": "help"}
GLOBAL: Body = {"type": "shortcut", "callback_id": "nod_approvals", "team": TEAM, "user": USER}


def event(**fields: Any) -> Body:
    return {**EVENT, "event": {**EVENT["event"], **fields}}


@pytest.fixture
def handlers() -> Noting:
    return Noting()


@pytest.fixture
async def app(handlers: Noting) -> AsyncIterator[SlackApp]:
    one = SlackApp(handlers)
    yield one
    await one.close()


# --- events ---


@pytest.mark.parametrize("name", sorted(REGISTERED.events))
async def test_every_event_that_is_asked_for_is_kept(name: str, app: SlackApp, handlers: Noting) -> None:
    answer = await app.take(event(type=name))

    assert (answer.status, answer.body) == (200, "")
    assert handlers.calls == [("keep", event(type=name))]


@pytest.mark.parametrize("subtype", ["message_changed", "message_deleted", "thread_broadcast", "bot_message"])
async def test_messages_of_every_kind_are_kept(subtype: str, app: SlackApp, handlers: Noting) -> None:
    await app.take(event(subtype=subtype))

    assert handlers.names == ["keep"]


async def test_what_the_bot_said_itself_is_handed_on_as_well(app: SlackApp, handlers: Noting) -> None:
    await app.take(event(user="UBOT", bot_id="B1"))

    assert handlers.names == ["keep"]


async def test_an_event_is_not_acknowledged_before_it_is_kept(app: SlackApp, handlers: Noting) -> None:
    is_kept = asyncio.Event()

    async def before(_name: str) -> None:
        await is_kept.wait()

    handlers.before = before
    answering = asyncio.create_task(app.take(EVENT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert not answering.done()
    is_kept.set()
    assert (await answering).status == 200


@pytest.mark.parametrize("error", [StoreBusy("full"), RuntimeError("a bug")], ids=["database", "bug"])
async def test_an_event_that_could_not_be_kept_is_refused_so_that_slack_sends_it_again(
    error: Exception, app: SlackApp, handlers: Noting
) -> None:
    async def before(_name: str) -> None:
        raise error

    handlers.before = before

    assert (await app.take(EVENT)).status == 500
    handlers.before = None
    assert (await app.take(EVENT, retry=1)).status == 200
    assert handlers.retries == [0, 1]


async def test_row_50_an_event_of_another_type_is_acknowledged_and_ignored(app: SlackApp, handlers: Noting) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await app.take(event(type="file_shared"))

    assert (answer.status, handlers.calls) == (200, [])
    assert [(line["event"], line["log_level"], line["name"]) for line in lines] == [
        ("slack.event_ignored", "debug", "file_shared")
    ]


@pytest.mark.parametrize("kind", [{"a": 1}, ["message"], None, 5, ""], ids=str)
async def test_an_event_whose_type_is_none_is_acknowledged_and_ignored(
    kind: object, app: SlackApp, handlers: Noting
) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await app.take(event(type=kind))

    assert (answer.status, handlers.calls) == (200, [])
    assert [line["log_level"] for line in lines] == ["debug"]


# --- interactions ---


MESSAGE_SHORTCUTS = [one.callback_id for one in REGISTERED.shortcuts if one.kind == "message"]
INTERACTIONS = {
    "a button": (PRESS, "press"),
    "a button that nobody knows": ({**PRESS, "actions": [{"action_id": "old"}]}, "press"),
    "a closed form": (CLOSED, "closed"),
    "a command": (COMMAND, "command"),
    "a command of admins": ({**COMMAND, "command": "/nod-admin"}, "command"),
    "a shortcut": (GLOBAL, "shortcut"),
} | {
    f"the shortcut {name}": ({**GLOBAL, "type": "message_action", "callback_id": name}, "shortcut")
    for name in MESSAGE_SHORTCUTS
}


@pytest.mark.parametrize(("body", "name"), INTERACTIONS.values(), ids=INTERACTIONS.keys())
async def test_interactions_are_acknowledged_at_once_and_worked_on_after(
    body: Body, name: str, app: SlackApp, handlers: Noting
) -> None:
    may_go_on = asyncio.Event()

    async def before(_name: str) -> None:
        await may_go_on.wait()

    handlers.before = before
    answer = await app.take(body)

    assert (answer.status, answer.body, handlers.calls) == (200, "", [])
    may_go_on.set()
    await until(lambda: handlers.calls)
    assert handlers.calls == [(name, body)]


async def test_a_form_is_answered_with_what_is_wrong_in_it(app: SlackApp, handlers: Noting) -> None:
    handlers.answer = {"response_action": "errors", "errors": {"reason": "Say why."}}

    answer = await app.take(SUBMIT)

    assert answer.body == '{"response_action": "errors", "errors": {"reason": "Say why."}}'
    assert answer.headers["content-type"] == ["application/json;charset=utf-8"]


async def test_a_form_that_is_taken_closes(app: SlackApp, handlers: Noting) -> None:
    answer = await app.take(SUBMIT)

    assert (answer.status, answer.body, handlers.calls) == (200, "", [("submit", SUBMIT)])


async def test_a_menu_is_answered_with_what_it_offers(app: SlackApp, handlers: Noting) -> None:
    offered = {"text": {"type": "plain_text", "text": "files_write"}, "value": "files_write"}
    handlers.answer = {"options": [offered]}

    answer = await app.take(OPTIONS)

    assert '"value": "files_write"' in answer.body


@pytest.mark.parametrize("body", [SUBMIT, OPTIONS], ids=["form", "menu"])
async def test_a_handler_that_fails_is_not_acknowledged(body: Body, app: SlackApp, handlers: Noting) -> None:
    async def before(_name: str) -> None:
        raise RuntimeError("a bug")

    handlers.before = before

    assert (await app.take(body)).status == 500


async def test_a_task_that_fails_is_logged_and_the_next_one_works(app: SlackApp, handlers: Noting) -> None:
    async def before(_name: str) -> None:
        raise RuntimeError("a bug")

    handlers.before = before
    with structlog.testing.capture_logs() as lines:
        await app.take(PRESS)
        await until(lambda: lines)
    handlers.before = None
    await app.take(PRESS)
    await until(lambda: handlers.calls)

    assert [line["event"] for line in lines] == ["slack.handler_failed"]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "something_new", "team": TEAM, "user": USER},
        {**COMMAND, "command": "/other"},
        {**GLOBAL, "callback_id": "other"},
        {},
    ],
    ids=["another kind", "another command", "another shortcut", "nothing"],
)
async def test_what_nobody_registered_is_refused(body: Body, app: SlackApp, handlers: Noting) -> None:
    assert (await app.take(body)).status == 404
    assert handlers.calls == []


@pytest.mark.parametrize(
    "body",
    [
        {"type": "event_callback", "event": None},
        {"type": "event_callback", "event": "message"},
        {"type": "event_callback"},
        {"type": "event_callback", "event": {"type": ["message"]}, "authorizations": [None]},
        {"type": "block_actions", "actions": []},
        {"type": "block_actions", "user": 5, "actions": [{"action_id": 5}]},
        {"type": "view_submission", "view": "V1"},
        {"type": "view_submission", "user": {"id": None}, "view": {"callback_id": None}},
        {"command": ["/nod"], "team": 1},
        {"type": {"a": 1}, "team": {"id": {}}},
    ],
    ids=str,
)
async def test_bodies_of_no_known_shape_are_refused_with_one_line(body: Body, app: SlackApp, handlers: Noting) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await app.take(body)

    assert (answer.status in (400, 404, 500), answer.body, handlers.calls) == (True, "", [])
    assert len(lines) == 1


# --- workspaces ---


async def of_t1(team: str) -> bool:
    return team == "T1"


async def test_workspaces_that_did_not_install_it_are_not_heard(handlers: Noting) -> None:
    app = SlackApp(handlers, is_installed=of_t1)
    elsewhere = {**EVENT, "authorizations": [{**EVENT["authorizations"][0], "team_id": "T2"}]}

    answers = [await app.take({**one, "team": {"id": "T2"}}) for one in (PRESS, SUBMIT, GLOBAL)]
    answers += [await app.take(elsewhere), await app.take({**COMMAND, "team_id": "T2"})]
    await app.take(EVENT)

    assert [answer.status for answer in answers] == [200] * 5
    assert [answer.body for answer in answers] == ["", "", "", "", NOT_INSTALLED]
    assert handlers.calls == [("keep", EVENT)]


@pytest.mark.parametrize("name", ["app_uninstalled", "tokens_revoked"])
async def test_the_end_of_an_installation_is_heard_when_it_is_not_known_any_more(name: str, handlers: Noting) -> None:
    async def nowhere(_team: str) -> bool:
        return False

    await SlackApp(handlers, is_installed=nowhere).take(event(type=name))

    assert handlers.names == ["keep"]


async def test_what_came_while_installations_cannot_be_read_is_sent_again(handlers: Noting) -> None:
    async def unreadable(_team: str) -> bool:
        raise StoreBusy("The database refused.")

    assert (await SlackApp(handlers, is_installed=unreadable).take(EVENT)).status == 500


# --- the end ---


async def test_nothing_is_acknowledged_once_it_stops(app: SlackApp, handlers: Noting) -> None:
    app.stop_taking()

    assert [(await app.take(body)).status for body in (EVENT, PRESS, COMMAND)] == [503] * 3
    assert handlers.calls == []


async def test_what_was_acknowledged_is_finished_before_the_end(handlers: Noting) -> None:
    app = SlackApp(handlers)
    may_go_on = asyncio.Event()

    async def before(_name: str) -> None:
        await may_go_on.wait()

    handlers.before = before
    await app.take(PRESS)
    closing = asyncio.create_task(app.close())
    await asyncio.sleep(0)
    may_go_on.set()
    await closing

    assert handlers.names == ["press"]


async def test_what_takes_too_long_is_given_up_at_the_end(handlers: Noting) -> None:
    app = SlackApp(handlers, close_s=0.01)
    was_cancelled = asyncio.Event()

    async def before(_name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            was_cancelled.set()

    handlers.before = before
    await app.take(PRESS)
    await asyncio.sleep(0)
    await app.close()

    assert was_cancelled.is_set()
    assert handlers.calls == []


async def test_settings_in_the_environment_do_not_change_what_bolt_does(
    handlers: Noting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Bolt would read them itself: make an OAuth flow of them, keep installations in the home folder."""
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.setenv(name, "set")

    app = SlackApp(handlers)

    assert (await app.take(EVENT)).status == 200
    assert (await app.take(COMMAND)).status == 200
    await app.close()
    assert handlers.names == ["keep", "command"]
    assert caplog.records == []
