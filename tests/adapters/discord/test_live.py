"""What passes on Discord: typing, a line for each tool, the text as it is written, the note of who waits."""

from __future__ import annotations

import asyncio

from bot.config.settings import Settings
from tests.adapters.discord.kit import Team, running_nod
from tests.adapters.discord.wire import Message
from tests.adapters.discord.wire.faults import EDIT, SEND, TYPING
from tests.models.endpoint import ScriptedEndpoint, Status, Stream, calls, delta, says


def ask(team: Team, text: str = "hello") -> Message:
    return team.server.say(team.anna, team.room, f"{team.server.bot.mention} {text}")


def slowly(words: int, *, every_s: float) -> Stream:
    """A stream of so many words."""
    chunks: list[bytes | dict[str, object] | float | str] = []
    for number in range(words):
        chunks += [delta(content=f"word{number} "), every_s]
    return Stream([*chunks, delta(finish="stop")])


async def test_it_types_at_once_and_a_quick_answer_is_one_message(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Quick.")]
    async with running_nod(team, settings, endpoint) as nod:
        question = ask(team)
        await team.answer("Quick.")
        await nod.idle()
        await asyncio.sleep(2)

    thread = question.id
    assert team.server.world.typing.count(thread) >= 1
    assert team.texts(thread) == ["Quick."]
    assert team.server.asked(EDIT) == []


async def test_a_slow_answer_is_written_in_one_message_which_goes_when_the_answer_comes(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [slowly(40, every_s=0.1)]
    async with running_nod(team, settings, endpoint) as nod:
        question = ask(team)
        draft = await team.card("Stop")
        assert "word0" in draft.text
        await team.server.until(lambda: any("word39" in text for text in team.texts(question.id)), 20)
        await nod.idle()
        await team.server.until(lambda: draft.is_deleted)

    (answer,) = team.said(question.id)
    assert answer.text.startswith("word0 word1")
    assert answer.text.endswith("word39")
    assert answer.id != draft.id
    assert 1 <= len(draft.versions) <= 4


async def test_each_tool_has_a_line_which_stays(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("look", {"n": 1}), ("look", {"n": 2})), Status(body=says("Seen."), delay_s=1.5)]
    async with running_nod(team, settings, endpoint) as nod:
        question = ask(team)
        draft = await team.card("Stop")
        assert draft.text.count("`look` done") == 2
        await team.answer("Seen.")
        await nod.idle()
        await team.server.until(lambda: not draft.labels)

    kept, answer = team.said(question.id)
    assert answer.text == "Seen."
    assert [line.partition(" · ")[0] for line in kept.text.splitlines()] == ["✅ `look` done", "✅ `look` done"]


async def test_tools_of_a_quick_run_stand_above_its_answer(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("look", {})), says("Seen.")]
    async with running_nod(team, settings, endpoint) as nod:
        question = ask(team)
        await team.answer("Seen.")
        await nod.idle()
        await asyncio.sleep(2.5)

    kept, answer = team.said(question.id)
    assert kept.text.startswith("✅ `look` done")
    assert not kept.labels
    assert answer.text == "Seen."


async def test_the_line_of_an_approved_call_says_by_whom(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team, "deploy")
        card = await team.card()
        team.server.press(team.anna, card, "Approve")
        await team.answer("Out.")
        await nod.idle()

    assert any("`deploy` done" in text and "approved by anna" in text for text in team.texts())


async def test_a_message_that_has_to_wait_is_told_so_until_its_turn(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [Status(body=says("First."), delay_s=4), says("Second.")]
    async with running_nod(team, settings, endpoint, answers="place") as nod:
        ask(team, "one")
        await team.server.until(lambda: endpoint.requests)
        ask(team, "two")
        await team.server.until(lambda: any("Queued" in text for text in team.texts()))
        await team.answer("Second.", 20)
        await nod.idle()
        await team.server.until(lambda: not any("Queued" in text for text in team.texts()))

    assert [text for text in team.texts() if text in ("First.", "Second.")] == ["First.", "Second."]


async def test_the_stop_button_ends_the_run_for_who_asked_and_for_nobody_else(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [slowly(400, every_s=0.05)]
    async with running_nod(team, settings, endpoint) as nod:
        question = ask(team)
        draft = await team.card("Stop")
        refused = team.server.press(team.ben, draft, "Stop")
        told = await refused.followed_up()
        assert "can stop it" in told.text
        team.server.press(team.anna, draft, "Stop")
        await team.answer("Stopped by anna.")
        await nod.idle()
        await team.server.until(lambda: draft.is_deleted)

    assert team.texts(question.id) == ["Stopped by anna."]


async def test_real_limits_of_a_channel_are_never_hit_by_what_passes(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    team.server.limits.enforce()
    endpoint.script = [calls(("look", {})), slowly(100, every_s=0.08)]
    async with running_nod(team, settings, endpoint) as nod:
        question = ask(team)
        await team.server.until(lambda: any("word99" in text for text in team.texts(question.id)), 30)
        await nod.idle()

    assert team.server.limits.hits == []


async def test_what_cannot_be_shown_in_passing_does_not_hold_up_the_answer(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [slowly(20, every_s=0.1)]
    async with running_nod(team, settings, endpoint) as nod:
        team.server.faults.fail(TYPING, 500, times=50)
        team.server.faults.fail(SEND, 403, code=50013, times=1, where=lambda asked: "-# " in str(asked.json))
        question = ask(team)
        await team.server.until(lambda: any("word19" in text for text in team.texts(question.id)), 30)
        await nod.idle()

    assert [text.split()[-1] for text in team.texts(question.id)][-1] == "word19"


async def test_a_wait_for_all_of_discord_ends_though_what_waited_is_not_wanted_any_more(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """discord.py closes the door to all requests while one of them waits, and that one has to open it again."""
    endpoint.script = [says("First."), says("Second.")]
    async with running_nod(team, settings, endpoint) as nod:
        limited = team.server.faults.limit(TYPING, is_global=True, retry_after_s=1.5)
        ask(team, "one")
        await team.server.until(lambda: limited.hits)
        await team.answer("First.", 20)
        ask(team, "two")
        await team.answer("Second.", 20)
        await nod.idle()

    assert [text for text in team.texts() if text in ("First.", "Second.")] == ["First.", "Second."]


async def test_where_discord_does_not_let_it_show_anything_it_asks_once(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [slowly(50, every_s=0.1)]
    async with running_nod(team, settings, endpoint) as nod:
        refused = team.server.faults.fail(SEND, 403, code=50013, times=50, where=lambda asked: "-# " in str(asked.json))
        question = ask(team)
        await team.server.until(lambda: any("word49" in text for text in team.texts(question.id)), 30)
        await nod.idle()

    assert len(refused.hits) == 1
