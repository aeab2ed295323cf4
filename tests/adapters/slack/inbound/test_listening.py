"""What was said before a question: told as a quotation, once, in one call, and never waited for long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.config.settings import Settings
from tests.adapters.slack.hearing import Talk, talking
from tests.adapters.slack.homes import QUICK
from tests.adapters.slack.kit import Team
from tests.models.endpoint import ScriptedEndpoint


def quotes(talk: Talk) -> list[str]:
    """What the model was told last of what people said to each other."""
    return [str(one) for one in talk.told() if "wrote earlier" in str(one)]


async def test_what_was_said_before_is_told_as_a_quotation(talk: Talk) -> None:
    talk.say("the deploy failed", by=talk.team.ben)
    talk.say("again?", by=talk.team.ben)

    await talk.ask("@nod what failed?")

    assert [one.split("\n> ")[1] for one in quotes(talk)] == ["the deploy failed", "again?"]
    assert talk.team.key(talk.team.ben) in quotes(talk)[0]


async def test_it_is_one_call(talk: Talk) -> None:
    for number in range(60):
        talk.say(f"word {number}", by=talk.team.ben)

    await talk.ask("@nod hi")

    calls = talk.slack.calls("conversations.history") + talk.slack.calls("conversations.replies")
    assert len(calls) == 1
    assert int(calls[0].args["limit"]) <= 40


async def test_what_was_said_after_the_question_is_not_told(talk: Talk) -> None:
    talk.slack.delivery.hold()
    talk.say("@nod hi")
    talk.say("later", by=talk.team.ben)
    talk.slack.delivery.release()
    await talk.settle()

    assert quotes(talk) == []


async def test_in_a_thread_its_beginning_and_what_was_said_there_are_told(talk: Talk) -> None:
    talk.say("something else", by=talk.team.ben)
    root = talk.say("lunch?", by=talk.team.ben, ago_s=5 * 86_400)
    talk.say("soup", thread=root, by=talk.team.admin)

    await talk.ask("@nod where?", thread=root)

    assert [one.split("\n> ")[1] for one in quotes(talk)] == ["lunch?", "soup"]


@pytest.mark.parametrize("is_limited", [False, True])
async def test_of_a_long_thread_the_newest_is_told(talk: Talk, *, is_limited: bool) -> None:
    root = talk.say("lunch?", by=talk.team.ben)
    for number in range(230):
        talk.say(f"soup {number}", thread=root, by=talk.team.admin, unseen=True)
    if is_limited:  # after the first page
        talk.slack.faults.limit(
            "conversations.replies", retry_after=60, where=lambda call: bool(call.args.get("cursor"))
        )

    await talk.ask("@nod where?", thread=root)

    last = 198 if is_limited else 229
    assert [one.split("\n> ")[1] for one in quotes(talk)] == [f"soup {number}" for number in range(last - 39, last + 1)]


async def test_what_people_say_to_each_other_in_its_thread_is_told_next_time(talk: Talk) -> None:
    message = await talk.ask("@nod hi")
    talk.say("and you?", by=talk.team.ben, thread=message)

    await talk.ask("@nod go on", thread=message)
    first = quotes(talk)
    await talk.ask("@nod and on", thread=message)

    assert [one.split("\n> ")[1] for one in first] == ["and you?"]
    assert quotes(talk) == first
    asked_since = [call.args["oldest"] for call in talk.slack.calls("conversations.replies")]
    assert asked_since == sorted(set(asked_since))


async def test_nothing_is_told_twice_after_a_restart(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    root = team.server.say(team.ben, team.room, "lunch?")
    async with talking(team, settings, endpoint) as talk:
        await talk.ask("@nod where?", thread=root)
    async with talking(team, settings, endpoint) as talk:
        await talk.ask("@nod and when?", thread=root)

        assert len(quotes(talk)) == 1


async def test_programs_and_the_bot_itself_are_not_quoted(talk: Talk) -> None:
    bot = talk.slack.world.users[talk.slack.bot.user]
    talk.say("a deploy", subtype="bot_message", bot_id="B1")
    talk.say("done", by=bot, bot_id=talk.slack.bot.bot_id)
    talk.say("joined", subtype="channel_join")

    await talk.ask("@nod hi")

    assert quotes(talk) == []


async def test_ids_in_it_are_names_and_files_are_named(talk: Talk) -> None:
    file = talk.slack.create_file(talk.team.ben, "plan.md", b"secret words")
    talk.say(f"{talk.team.anna.mention} look &amp; see", by=talk.team.ben, files=[file])

    await talk.ask("@nod hi")

    (quote,) = quotes(talk)
    assert "@anna look & see" in quote
    assert "[attached: plan.md]" in quote
    assert "secret words" not in str(talk.told())


async def test_it_is_not_more_than_fits(talk: Talk) -> None:
    for number in range(6):
        talk.say(f"{number}" * 3_000, by=talk.team.ben)

    await talk.ask("@nod hi")

    assert [one.split("\n> ")[1][:1] for one in quotes(talk)] == ["2", "3", "4", "5"]


async def test_what_is_days_old_is_not_told(talk: Talk) -> None:
    talk.say("old", by=talk.team.ben, ago_s=3 * 86_400)

    await talk.ask("@nod hi")

    assert quotes(talk) == []


@pytest.mark.parametrize(
    "trouble", ["missing_scope", "not_in_channel", "channel_not_found", "internal_error", 503, "limited"]
)
async def test_where_it_cannot_be_read_the_question_is_answered_without(talk: Talk, trouble: str | int) -> None:
    talk.say("before", by=talk.team.ben)
    if trouble == "limited":
        talk.slack.faults.limit("conversations.history", retry_after=60)
    else:
        talk.slack.faults.fail("conversations.history", trouble, times=9)

    await talk.ask("@nod hi")

    assert quotes(talk) == []
    assert [text for _, text in talk.answers()] == ["Ok."]


async def test_while_slack_asks_to_wait_it_is_not_asked(talk: Talk) -> None:
    talk.slack.faults.limit("conversations.history", retry_after=60)
    for _ in range(3):
        await talk.ask("@nod hi")

    assert len(talk.slack.calls("conversations.history")) == 1
    assert len(talk.answers()) == 3


async def test_what_does_not_come_holds_nobody_up_for_long(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint, times=replace(QUICK, heard_within_s=0.05)) as talk:
        talk.slack.faults.hang("conversations.history", seconds=0.5)

        await talk.ask("@nod hi")

        assert quotes(talk) == []
        assert len(talk.answers()) == 1


async def test_who_cannot_be_looked_up_in_time_is_from_outside(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint, times=replace(QUICK, heard_within_s=0.2)) as talk:
        talk.slack.faults.slow("users.info", 1.0, where=lambda call: call.args["user"] == team.ben.id)
        talk.say("before", by=team.ben)

        await talk.ask("@nod hi")

        known = {one.key: one.standing for one in talk.app.service.people(team.place())}
        assert len(quotes(talk)) == 1
        assert known == {team.key(team.anna): "member", team.key(team.ben): "external"}


async def test_answers_in_place_are_told_what_was_said_since(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint, answers="place") as talk:
        talk.say("one", by=team.ben)
        await talk.ask("@nod hi")
        talk.say("two", by=team.ben)
        await talk.ask("@nod hi again")

        assert [one.split("\n> ")[1] for one in quotes(talk)] == ["one", "two"]
