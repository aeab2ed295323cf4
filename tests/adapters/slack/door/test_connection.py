"""Socket Mode: connected for as long as it runs, whatever happens; each envelope is acknowledged once it may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web

from adapters.slack.door.app import SlackApp
from adapters.slack.door.connection import SWITCHED_OFF, SocketConnection
from bot.errors import ConfigError, StoreBusy
from tests.adapters.slack.doors import Noting, options_of, serving, until
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.world import Channel, User


@dataclass
class Line:
    """A bot on a socket."""

    connection: SocketConnection
    app: SlackApp
    handlers: Noting
    failures: list[ConfigError] = field(default_factory=list)
    openings: list[None] = field(default_factory=list)


Open = Callable[..., AbstractAsyncContextManager[Line]]


@pytest.fixture
def opened(slack: SlackServer, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def open_line(*, within_s: float = 5.0, **options: Any) -> AsyncIterator[Line]:
        handlers, failures, openings = Noting(), [], []
        app = SlackApp(handlers)
        connection = SocketConnection(
            options_of(slack, tmp_path, **options),
            app,
            failed=failures.append,
            opened=lambda: openings.append(None),
            retry_s=0.01,
        )
        try:
            await connection.start(within_s=within_s)
            yield Line(connection, app, handlers, failures, openings)
        finally:
            await connection.close()
            await app.close()

    return open_line


@pytest.fixture
async def line(opened: Open) -> AsyncIterator[Line]:
    async with opened() as one:
        yield one


@pytest.fixture
def anna(slack: SlackServer) -> User:
    return slack.create_user("anna")


@pytest.fixture
def room(slack: SlackServer, anna: User) -> Channel:
    return slack.create_channel("general", members=[anna])


# --- what comes ---


async def test_messages_are_kept_and_acknowledged(line: Line, slack: SlackServer, anna: User, room: Channel) -> None:
    slack.say(anna, room, f"{slack.bot.mention} hello")
    await slack.until(lambda: len(slack.events) == 2 and all(sent.is_acked for sent in slack.events))

    assert [body["event"]["type"] for body in line.handlers.bodies("keep")] == ["message", "app_mention"]
    assert [sent.answer for sent in slack.events] == [None, None]


async def test_what_could_not_be_kept_comes_again(line: Line, slack: SlackServer, anna: User) -> None:
    slack.world.rules.ack_within_s, slack.world.rules.retry_delays_s = 0.05, (0.0, 0.0, 0.0)
    refusals = iter([StoreBusy("full")])

    async def before(_name: str) -> None:
        if (error := next(refusals, None)) is not None:
            raise error

    line.handlers.before = before
    slack.direct(anna, "hello")
    await slack.until(lambda: slack.events[-1].is_acked)

    assert (line.handlers.retries, line.handlers.names) == ([0, 1], ["keep"])


async def test_commands_and_shortcuts_are_acknowledged_without_a_word(
    line: Line, slack: SlackServer, anna: User, room: Channel
) -> None:
    command = await slack.slash(anna, room, "/nod", "help").acked()
    shortcut = await slack.shortcut(anna, "nod_approvals").acked()

    assert (command.body, shortcut.body) == ({}, {})
    await slack.until(lambda: line.handlers.names == ["command", "shortcut"])


async def test_a_form_is_acknowledged_with_its_answer(line: Line, slack: SlackServer, anna: User) -> None:
    line.handlers.answer = {"response_action": "errors", "errors": {"reason": "Say why."}}
    view = {"type": "modal", "callback_id": "nod:edit"}
    body = {"type": "view_submission", "team": {"id": slack.bot.team}, "user": {"id": anna.id}, "view": view}

    sent = slack.delivery.send("interactive", body)
    await slack.until(lambda: sent.is_acked)

    assert sent.answer == line.handlers.answer


async def test_one_that_takes_its_time_holds_up_nobody(line: Line, slack: SlackServer, anna: User) -> None:
    may_go_on = asyncio.Event()
    slow = iter([True])

    async def before(_name: str) -> None:
        if next(slow, False):
            await may_go_on.wait()

    line.handlers.before = before
    slack.direct(anna, "slow")
    slack.direct(anna, "fast")
    await slack.until(lambda: slack.events[1].is_acked)

    assert not slack.events[0].is_acked
    may_go_on.set()
    await slack.until(lambda: slack.events[0].is_acked)


@pytest.mark.parametrize("text", ["", "hello", "[]", '"x"', "{}", '{"type": "hello"}', '{"type": []}', "{" * 9_999])
async def test_frames_that_are_none_are_passed_over(text: str, line: Line, slack: SlackServer, anna: User) -> None:
    slack.socket.connected[0].send_text(text)
    slack.socket.connected[0].send_text('{"type": "events_api", "envelope_id": "1", "payload": 5}')
    slack.direct(anna, "hello")
    await slack.until(lambda: slack.events[-1].is_acked)

    assert line.handlers.names == ["keep"]
    assert line.connection.state() == "ok"


# --- staying connected ---


async def test_it_is_ready_while_it_is_connected(opened: Open, slack: SlackServer) -> None:
    async with opened() as line:
        assert line.connection.state() == "ok"
        await slack.down()
        await slack.until(lambda: line.connection.state() != "ok")
        assert line.connection.state() == "not connected"
        await slack.up()
        await slack.until(lambda: line.connection.state() == "ok")

    assert line.connection.state() == "not connected"
    assert line.failures == []


@pytest.mark.parametrize("how", ["drop", "close"])
async def test_a_socket_that_is_gone_is_replaced(how: str, line: Line, slack: SlackServer, anna: User) -> None:
    getattr(slack.socket, how)()
    await slack.until(lambda: len(slack.socket.every) == 2 and line.connection.state() == "ok")
    slack.direct(anna, "hello")
    await slack.until(lambda: slack.events[-1].is_acked)

    assert len(line.openings) == 2


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_the_next_socket_is_open_before_the_last_one_ends(
    reason: str, line: Line, slack: SlackServer, anna: User
) -> None:
    slack.world.rules.closes_after_s = 0.2
    slack.socket.disconnect(reason)
    await slack.connected(2)

    assert line.connection.state() == "ok"
    sent = [slack.direct(anna, f"message {number}") for number in range(4)]
    await slack.until(lambda: len(slack.events) == 4 and all(one.is_acked for one in slack.events))

    kept = sorted(body["event"]["ts"] for body in line.handlers.bodies("keep"))
    assert kept == sorted(message.ts for message in sent)
    assert [one.attempts[0].outcome for one in slack.events] == ["acked"] * 4


async def test_socket_mode_switched_off_is_said_and_waited_for(line: Line, slack: SlackServer) -> None:
    slack.socket.disconnect("link_disabled")
    await slack.until(lambda: slack.calls("apps.connections.open")[2:])

    await slack.until(lambda: line.connection.state() == SWITCHED_OFF)
    slack.app.has_socket_mode = True
    await slack.until(lambda: line.connection.state() == "ok")
    assert line.failures == []


@pytest.mark.parametrize("error", [500, 429, "internal_error", "ratelimited"])
async def test_trouble_at_slack_is_waited_out(error: int | str, opened: Open, slack: SlackServer) -> None:
    slack.faults.fail("apps.connections.open", error, times=3)

    async with opened() as line:
        await slack.until(lambda: line.connection.state() == "ok")

    assert len(slack.calls("apps.connections.open")) == 4
    assert line.failures == []


async def test_a_start_without_slack_does_not_wait_for_it(opened: Open, slack: SlackServer) -> None:
    await slack.down()

    async with opened(within_s=60.0) as line:
        assert line.connection.state() == "not connected"
        await slack.up()
        await slack.until(lambda: line.connection.state() == "ok")


async def test_a_slack_that_says_nothing_holds_up_a_start_for_a_while_only(opened: Open, slack: SlackServer) -> None:
    slack.faults.hang("apps.connections.open")

    async with opened(within_s=0.01) as line:
        assert line.connection.state() == "not connected"


async def test_too_many_sockets_are_waited_out(opened: Open, slack: SlackServer) -> None:
    slack.world.rules.max_sockets = 0

    async with opened() as line:
        assert line.connection.state() == "not connected"
        slack.world.rules.max_sockets = 10
        await slack.until(lambda: line.connection.state() == "ok")


async def test_a_socket_that_never_says_hello_is_replaced(slack: SlackServer, tmp_path: Path) -> None:
    opened: list[web.WebSocketResponse] = []

    async def silent(request: web.Request) -> web.WebSocketResponse:
        stream = web.WebSocketResponse()
        await stream.prepare(request)
        opened.append(stream)
        async for _frame in stream:
            pass
        return stream

    async def address(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": f"ws://{request.host}/link"})

    routes = [web.get("/link", silent), web.post("/api/apps.connections.open", address)]
    async with serving(routes) as base:
        options = options_of(slack, tmp_path, api_url=f"{base}/api/")
        connection = SocketConnection(
            options, SlackApp(Noting()), failed=lambda _why: None, retry_s=0.001, hello_s=0.01
        )
        await connection.start(within_s=5.0)
        await until(lambda: len(opened) > 1)
        assert connection.state() == "not connected"
        await connection.close()


@pytest.mark.parametrize("url", ["", "no address", "http://127.0.0.1:1/link", "ws://127.0.0.1:1/link"])
async def test_an_address_that_leads_nowhere_is_asked_for_again(url: str, opened: Open, slack: SlackServer) -> None:
    slack.faults.fail("apps.connections.open", "internal_error", extra={"ok": True, "url": url})

    async with opened() as line:
        await slack.until(lambda: line.connection.state() == "ok")


# --- refused for good ---


REFUSED = {
    "invalid_auth": "Slack refuses it",
    "token_revoked": "it was revoked",
    "account_inactive": "its app was removed or switched off",
    "not_allowed_token_type": "it is another kind of token",
    "missing_scope": "it lacks connections:write",
}


@pytest.mark.parametrize(("code", "why"), REFUSED.items(), ids=REFUSED.keys())
async def test_a_token_that_slack_refuses_ends_the_start(code: str, why: str, opened: Open, slack: SlackServer) -> None:
    slack.faults.fail("apps.connections.open", code, times=9)

    with pytest.raises(ConfigError, match=f"SLACK_APP_TOKEN: {why}"):
        async with opened():
            pass

    assert len(slack.calls("apps.connections.open")) == 1


async def test_the_bot_token_in_its_place_is_refused(opened: Open, slack: SlackServer) -> None:
    with pytest.raises(ConfigError, match="it is another kind of token"):
        async with opened(app_token=slack.bot_token):
            pass


async def test_a_token_that_is_taken_away_later_is_told_once(line: Line, slack: SlackServer) -> None:
    slack.app.app_tokens.clear()
    slack.socket.drop()
    await slack.until(lambda: line.failures)

    assert [error.key for error in line.failures] == ["SLACK_APP_TOKEN"]
    assert line.connection.state() == "not connected"
    assert len(slack.calls("apps.connections.open")) == 2


# --- the end ---


async def test_what_is_being_kept_is_acknowledged_before_the_end(opened: Open, slack: SlackServer, anna: User) -> None:
    may_go_on, has_begun = asyncio.Event(), asyncio.Event()

    async def before(_name: str) -> None:
        has_begun.set()
        await may_go_on.wait()

    async with opened() as line:
        line.handlers.before = before
        slack.direct(anna, "hello")
        await has_begun.wait()
        line.app.stop_taking()
        line.connection.stop_taking()
        may_go_on.set()

    await slack.until(lambda: slack.events[-1].is_acked)
    assert line.handlers.names == ["keep"]


async def test_what_comes_while_it_stops_is_left_for_slack_to_send_again(
    opened: Open, slack: SlackServer, anna: User
) -> None:
    slack.world.rules.ack_within_s, slack.world.rules.retry_delays_s = 0.05, ()

    async with opened() as line:
        line.app.stop_taking()
        line.connection.stop_taking()
        slack.direct(anna, "hello")
        await slack.until(lambda: slack.events[-1].is_given_up)

    assert line.handlers.calls == []
    assert slack.events[-1].attempts[0].outcome == "timeout"


async def test_no_line_names_the_token_or_the_address(opened: Open, slack: SlackServer) -> None:
    with structlog.testing.capture_logs() as lines:
        async with opened():
            slack.socket.drop()
            await slack.until(lambda: len(slack.socket.every) == 2)
            slack.socket.disconnect("refresh_requested")
            await slack.connected(2)

    told = str(lines)
    assert "slack.connected" in told
    assert slack.app_token not in told
    assert "ticket=" not in told
