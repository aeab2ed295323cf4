"""What people see while the bot works: the words as they come, each call, and the answer where they stood."""

from __future__ import annotations

import pytest

from bot.config.settings import Settings
from tests.adapters.slack.kit import Nod, Team, running_nod
from tests.adapters.slack.wire import Message
from tests.models.endpoint import ScriptedEndpoint, Stream, calls, delta, says


def slowly(words: int, *, every_s: float = 0.05) -> Stream:
    """A stream of so many words."""
    chunks: list[bytes | dict[str, object] | float | str] = []
    for number in range(words):
        chunks += [delta(content=f"word{number} "), every_s]
    return Stream([*chunks, delta(finish="stop")])


async def streamed(team: Team, words: str) -> Message:
    """Wait until something that is being streamed says this."""
    return await team.server.until(
        lambda: next((one for one in team.server.said() if one.stream is not None and words in one.shown), None)
    )


async def test_a_slow_answer_is_streamed_and_that_message_becomes_it(
    team: Team, nod: Nod, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("look", {"n": 1}), ("look", {"n": 2})), slowly(40)]

    question = team.ask("look twice")
    message = await streamed(team, "word0")
    await team.server.until(lambda: len(team.answers()) == 1)
    await nod.idle()
    await team.server.until(lambda: team.server.session(team.room, question).status == "active")

    assert [one.ts for one in team.server.said(thread=question)] == [message.ts]
    assert [one["type"] for one in message.blocks] == ["task_card", "task_card", "markdown", "context_actions"]
    assert message.stream is not None
    assert (message.stream.recipient_user, message.stream.recipient_team) == (team.anna.id, team.anna.team)
    assert team.server.session(team.room, question).title == "look twice"
    assert team.server.calls("chat.postMessage") == []
    assert team.server.calls("chat.update") == []


async def test_slacks_stop_button_ends_the_run(team: Team, nod: Nod, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [slowly(400)]

    question = team.ask("write a lot")
    message = await streamed(team, "word0")
    team.server.stop_session(team.anna, team.room, question)
    (answer,) = await team.server.until(team.answers)
    await nod.idle()

    assert "stopped" in answer.lower()
    assert [one.ts for one in team.server.said(thread=question)] == [message.ts]


@pytest.mark.parametrize("has_streams", [True, False])
async def test_a_restart_in_the_middle_of_an_answer_leaves_one_answer(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, *, has_streams: bool
) -> None:
    if not has_streams:
        team.server.faults.fail("chat.startStream", "unknown_method", times=99)
    endpoint.script = [slowly(400), says("word0 and no more.")]
    async with running_nod(team, settings, endpoint) as nod:
        question = team.ask("write a lot")
        await team.server.until(lambda: any("word0" in one.shown for one in team.server.said()))
        await nod.app.service.aclose(within_s=0)
    before = team.server.said(thread=question)

    async with running_nod(team, settings, endpoint) as nod:
        await team.answer("word0 and no more.")
        await nod.idle()

    assert all(one.is_deleted for one in before)
    assert len(team.server.said(thread=question)) == 1
