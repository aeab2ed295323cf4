"""Asked on Slack, answered on Slack: the whole bot, in both modes."""

from __future__ import annotations

from collections.abc import Callable

from tests.adapters.slack.kit import Nod, Team
from tests.models.endpoint import ScriptedEndpoint, calls, says


async def test_a_mention_is_answered_in_its_thread(team: Team, nod: Nod, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("Four.")]

    question = team.ask("what is two and two?")
    answer = await team.answer("Four.")
    await nod.idle()

    assert answer.thread_ts == question.ts
    assert team.answers() == ["Four."]
    assert endpoint.requests[0].body["messages"][-1]["content"] == "what is two and two?"


async def test_a_direct_message_is_answered_below_it(team: Team, nod: Nod, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("Four."), says("Five.")]

    question = team.server.direct(team.anna, "two and two?")
    answer = await team.answer("Four.")
    team.server.direct(team.anna, "and one more?", thread=question)
    more = await team.answer("Five.")

    assert (answer.thread_ts, more.thread_ts) == (question.ts, question.ts)
    told = [one["content"] for one in endpoint.requests[-1].body["messages"]]
    assert told[-3:] == ["two and two?", "Four.", "and one more?"]


async def test_a_card_is_approved_and_the_run_goes_on(
    team: Team, nod: Nod, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"})), says("It is out.")]

    question = team.ask("deploy 7")
    card = await team.card()
    assert ledger() == []
    press = team.server.press(team.anna, card, "Approve")
    await press.acked()
    await team.answer("It is out.")
    await nod.idle()
    session = team.server.session(team.room, question)
    await team.server.until(lambda: session.status == "active")

    assert card.thread_ts == question.ts
    assert ledger() == ["7"]
    assert "Approved" in card.shown
    assert card.labels == []
    assert "suspended" in session.history


async def test_words_work_as_commands_and_by_mention(team: Team, nod: Nod) -> None:
    command = team.server.slash(team.anna, team.room, "/nod", "help")
    await command.responded()
    team.ask("help")
    told = await team.server.until(lambda: team.server.ephemerals(team.anna))

    assert "/nod approvals" in str(command.responses[0])
    assert "/nod approvals" in told[-1].shown
