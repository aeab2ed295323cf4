"""Events are durable before they are acknowledged, and taken whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.slack.handlers import Body
from adapters.slack.inbound.events import trimmed
from bot.app import open_app
from bot.config.settings import Settings
from bot.errors import SendError, StoreBusy
from tests.adapters.slack.bodies import mutated
from tests.adapters.slack.hearing import Talk, talking
from tests.adapters.slack.kit import Team
from tests.adapters.slack.wire.delivery import Sent
from tests.models.endpoint import ScriptedEndpoint

# --- before the acknowledgement ---


async def test_what_is_acknowledged_is_durable(talk: Talk) -> None:
    talk.slack.faults.slow("users.info", 0.3)
    talk.say("@nod hi")
    await talk.slack.until(lambda: all(one.is_acked for one in talk.slack.events))

    waiting = [body for _, state, body in await talk.rows() if state == "waiting"]

    assert len(waiting) == 1
    assert '"text":"<@' in waiting[0]
    await talk.settle()


async def test_what_cannot_be_kept_is_not_acknowledged_and_comes_again(talk: Talk) -> None:
    refusing = True
    keep = talk.app.service.inbox.keep

    async def keep_or_refuse(*args: object, **more: object) -> object:
        if refusing:
            raise StoreBusy("The database refused: database is locked.")
        return await keep(*args, **more)  # type: ignore[arg-type]  # handed on

    talk.app.service.inbox.keep = keep_or_refuse  # type: ignore[assignment, method-assign]  # a database that refuses
    talk.say("@nod hi")
    await talk.slack.until(lambda: all(one.attempts and one.attempts[0].outcome for one in talk.slack.events))
    assert [one.is_acked for one in talk.slack.events] == [False, False]

    refusing = False
    await talk.settle()

    assert talk.tasks() == ["hi"]


async def test_only_storing_is_waited_for(talk: Talk) -> None:
    """Whatever hangs: who it is, what was said before."""
    talk.slack.faults.slow("users.info", 0.5)
    for number in range(20):
        talk.say(f"@nod {number}", by=talk.team.ben)

    await talk.slack.until(lambda: all(one.is_acked for one in talk.slack.events))

    assert talk.tasks() == []
    await talk.settle()
    assert talk.tasks() == [str(number) for number in range(20)]


# --- between kept and taken ---


async def test_what_a_process_kept_and_did_not_take_is_taken_by_the_next(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint) as talk:
        talk.site.intake.stop_taking()
        message = talk.say("@nod hi")
        await talk.slack.until(lambda: all(one.is_acked for one in talk.slack.events))
        assert talk.tasks() == []
    async with talking(team, settings, endpoint) as talk:
        await talk.settle()

        assert talk.tasks() == ["hi"]
        assert talk.answers() == [(team.place(message), "Ok.")]
        assert {(state, body) for _, state, body in await talk.rows()} == {("settled", "")}


async def test_what_was_taken_and_not_settled_is_one_run(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint) as talk:
        await talk.ask("@nod hi")
    unsettle(settings, team.server.events[0])
    async with talking(team, settings, endpoint) as talk:
        await talk.settle()

        assert talk.tasks() == ["hi"]
        assert [state for _, state, _ in await talk.rows()] == ["settled"] * 3


def unsettle(settings: Settings, sent: Sent) -> None:
    """Put the body back, as a process that died before it settled it left it."""
    with closing(sqlite3.connect(settings.data_dir / "nod.db")) as connection, connection:
        values = (json.dumps(trimmed(sent.body)),)
        connection.execute("UPDATE inbox SET state = 'waiting', body = ? WHERE same_as IS NULL", values)


async def test_what_nobody_can_read_any_more_is_let_go(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint) as talk:
        for number, body in enumerate(("nothing", "[]", '{"event": {"type": "message"}}')):
            await talk.app.service.inbox.keep("slack", (f"Ev{number}",), body)
    async with talking(team, settings, endpoint) as talk:
        await talk.settle()

        assert {(state, body) for _, state, body in await talk.rows()} == {("settled", "")}


async def test_of_a_workspace_that_is_not_ours_any_more_nothing_is_taken(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint) as talk:
        talk.site.intake.stop_taking()
        talk.say("@nod hi")
        await talk.slack.until(lambda: all(one.is_acked for one in talk.slack.events))
    del team.server.world.installs[team.server.team.id]
    async with talking(team, settings, endpoint) as talk:
        await talk.settle()

        assert talk.tasks() == []
        assert {state for _, state, _ in await talk.rows()} == {"settled"}


# --- failures ---


async def test_while_slack_cannot_say_who_asks_it_is_asked_again(talk: Talk) -> None:
    talk.slack.faults.fail("users.info", 503, times=12)

    message = await talk.ask("@nod hi")

    assert talk.answers() == [(talk.team.place(message), "Ok.")]


async def test_what_fails_too_often_is_told_and_let_go(talk: Talk) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("a fault of ours")

    talk.app.service.receive = broken  # type: ignore[assignment, method-assign]  # what nobody has thought of

    await talk.ask("@nod hi")

    assert talk.tasks() == []
    assert talk.whispers() == [
        "Something went wrong inside the bot, so I did not take this. Write it again in a moment."
    ]
    assert {state for _, state, _ in await talk.rows()} == {"settled"}


async def test_a_limit_of_slacks_is_waited_for(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with talking(team, settings, endpoint) as talk:
        talk.slack.faults.limit("users.info", retry_after=1)

        await talk.ask("@nod hi")

        assert talk.tasks() == ["hi"]


async def test_without_the_scope_to_see_people_everybody_is_told_what_is_missing(talk: Talk) -> None:
    talk.slack.bot.scopes.remove("users:read")

    await talk.ask("@nod hi")

    assert talk.whispers() == [
        "Slack does not tell me who you are: whoever manages my app has to give it the scope users:read."
    ]


# --- what else comes ---


async def test_what_is_new_to_us_is_counted_and_else_ignored(talk: Talk) -> None:
    """Row 50."""
    talk.slack.app.events.add("app_context_changed")
    for body in ({"type": "channel_rename"}, {"type": "message", "subtype": "brand_new"}):
        await talk.site.intake.keep({"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event": body})
    await talk.site.intake.keep({})

    assert dict(talk.site.intake.ignored) == {"channel_rename": 1, "message/brand_new": 1, "": 1}
    assert await talk.rows() == []


async def test_no_flood_of_new_kinds_fills_the_memory(talk: Talk) -> None:
    for number in range(300):
        event = {"type": "x" * 500 + str(number)} if number % 2 else {"type": f"new_{number}"}
        await talk.site.intake.keep({"event_id": "Ev1", "team_id": "T1", "event": event})

    assert len(talk.site.intake.ignored) <= 100
    assert max(map(len, talk.site.intake.ignored)) <= 81


async def test_other_events_are_kept_for_whoever_knows_them(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    heard: list[tuple[str, str]] = []
    fails = [SendError("not now")]

    async def ended(workspace: str, body: Body) -> None:
        if fails:
            raise fails.pop()
        heard.append((workspace, str(body["event"]["type"])))

    async with talking(team, settings, endpoint, ended=ended) as talk:
        talk.say("lunch?")
        talk.slack.world.emit({"type": "app_uninstalled"}, teams=[team.id])
        talk.slack.world.emit({"type": "channel_rename"}, channel=team.room)
        await talk.settle()

        assert heard == [(team.id, "app_uninstalled")]
        assert [state for _, state, _ in await talk.rows()] == ["settled"]


async def test_it_says_hello_in_the_first_channel_it_comes_into(talk: Talk) -> None:
    random = talk.slack.create_channel("random", members=[talk.team.anna])
    for room in (talk.team.room, random):
        event = {"type": "member_joined_channel", "user": talk.slack.bot.user, "channel": room.id, "team": "T1"}
        talk.slack.world.emit(event, channel=room)
        await talk.settle()
    other = {"type": "member_joined_channel", "user": talk.team.ben.id, "channel": random.id}
    talk.slack.world.emit(other, channel=random)
    await talk.settle()

    welcomes = [one.place for one in talk.adapter.sent if one.key.startswith("post:welcome")]
    assert welcomes == [talk.team.place()]
    assert not any(one[0].endswith(talk.team.ben.id) for one in await talk.rows())


async def test_whatever_comes_is_taken_or_left_and_breaks_nothing(talk: Talk) -> None:
    message = talk.say("@nod hi")
    talk.slack.edit(message, f"{talk.slack.bot.mention} hello")
    talk.say("and more", thread=message)
    talk.slack.direct(talk.team.anna, "hello")
    talk.slack.delete(message)
    await talk.settle()
    bodies = [one.body for one in talk.slack.events]
    dice = random.Random(5)

    with capture_logs() as logs:
        for number in range(600):
            body = mutated(dice, {**dice.choice(bodies), "event_id": f"Ev{number}"})
            await talk.site.intake.keep(body if isinstance(body, dict) else {})
        await talk.settle()

    assert [one for one in logs if one["event"] in ("event.failed", "event.given_up", "event.unreadable")] == []
    assert {(state, body) for _, state, body in await talk.rows()} == {("settled", "")}
    assert len(await talk.rows()) > 200


# --- a process that is killed ---

PROGRAM = """
import asyncio, json, os
from bot.app import open_app
from bot.config.settings import load

async def main():
    async with open_app(load(dict(os.environ), None)[0]) as app:
        inbox = app.service.inbox
        for number in range(3):
            envelope = await inbox.keep("slack", (f"Ev{number}", f"T1:C1:{number}"), json.dumps({"n": number}))
            print("kept", number, flush=True)
            if envelope is not None:
                await inbox.settled(envelope)
                print("taken", number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("point", ["event.after:2", "taken.before:2"])
async def test_killed_between_kept_and_taken_nothing_is_lost(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, point: str
) -> None:
    environment = {**os.environ, "DATA_DIR": str(settings.data_dir), "CRASH_AT": point, "LOG_LEVEL": "error"}
    run = [sys.executable, "-c", PROGRAM]
    where = Path(__file__).parents[4]
    ended = await asyncio.to_thread(
        subprocess.run, run, cwd=where, env=environment, capture_output=True, text=True, check=False
    )

    async with open_app(settings) as app:
        left = await app.service.inbox.left("slack")
        again = await app.service.inbox.keep("slack", ("Ev0", "T1:C1:0"), '{"n": 0}')

    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert [(one.body, one.attempts) for one in left] == [('{"n": 1}', 1)]
    assert again is None
