"""The agent session of a thread: said once, said again before Slack forgets it, and left where an app has none."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.slack.api.rooms import Room, Rooms
from adapters.slack.outbound.sessions import Sessions
from tests.adapters.slack.homes import homes_of
from tests.adapters.slack.stage import asked
from tests.adapters.slack.wire import SlackServer

HOUR_S = 3_600.0
SAY, THINK = "agents.sessions.setStatus", "assistant.threads.setStatus"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(clock=clock)


@pytest.fixture
async def room(slack: SlackServer) -> AsyncIterator[Room]:
    anna = slack.create_user("anna")
    async with homes_of(slack) as homes:
        yield await Rooms(homes).open(asked(slack, anna, slack.create_channel("general", members=[anna])))


def said(slack: SlackServer, method: str) -> list[str]:
    return [one.args["status"] for one in slack.calls(method)]


async def test_the_same_is_said_once(slack: SlackServer, sessions: Sessions, room: Room) -> None:
    for status in ("processing", "processing", "active", "active", "processing"):
        assert await sessions.set(room, status)  # type: ignore[arg-type]

    assert said(slack, SAY) == ["processing", "active", "processing"]


async def test_work_that_takes_long_is_said_again_before_slack_forgets_it(
    slack: SlackServer, sessions: Sessions, room: Room, clock: Clock
) -> None:
    await sessions.set(room, "processing")
    clock.now += 0.6 * HOUR_S
    await sessions.set(room, "processing")
    await sessions.set(room, "suspended")
    clock.now += 9 * HOUR_S
    await sessions.set(room, "suspended")

    assert said(slack, SAY) == ["processing", "processing", "suspended"]


async def test_a_workspace_without_sessions_is_asked_again_after_a_while(
    slack: SlackServer, sessions: Sessions, room: Room, clock: Clock
) -> None:
    slack.app.is_agent = False
    await sessions.set(room, "processing")
    await sessions.set(room, "active")
    assert (said(slack, SAY), said(slack, THINK)) == (["processing"], ["is thinking…", ""])
    assert not sessions.has(room.team)

    slack.app.is_agent = True
    clock.now += 1.1 * HOUR_S
    await sessions.set(room, "processing")

    assert said(slack, SAY) == ["processing", "processing"]
    assert sessions.has(room.team)


@pytest.mark.parametrize("code", ["channel_not_found", "not_authorized", "is_archived", "invalid_thread_ts"])
async def test_what_slack_says_of_one_thread_it_does_not_say_of_the_workspace(
    slack: SlackServer, sessions: Sessions, room: Room, code: str
) -> None:
    slack.faults.fail(SAY, code)

    await sessions.set(room, "processing")

    assert sessions.has(room.team)
    assert said(slack, THINK) == []


async def test_what_could_not_be_said_is_said_the_next_time(slack: SlackServer, sessions: Sessions, room: Room) -> None:
    slack.faults.limit(SAY, retry_after=600)

    assert not await sessions.set(room, "processing")
    assert said(slack, SAY) == ["processing"]
    assert sessions.has(room.team)


async def test_a_place_without_a_thread_has_no_session(slack: SlackServer, sessions: Sessions, room: Room) -> None:
    top = Room(room.team, room.channel, "", "", room.client, room.bot_user, room.bot_id)

    assert await sessions.set(top, "processing")
    assert slack.calls() == []
