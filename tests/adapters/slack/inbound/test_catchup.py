"""What was written while nobody listened: looked for after a start, answered once, where the bot already talks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from adapters.slack.inbound.catchup import Look, looks
from adapters.slack.places import direct_place, place_in
from bot.chat import Room
from bot.config.settings import Settings
from tests.adapters.slack.hearing import Talk, talking
from tests.adapters.slack.kit import Team
from tests.adapters.slack.wire.faults import Call
from tests.adapters.slack.wire.messages import Message
from tests.adapters.slack.wire.world import Channel, User
from tests.models.endpoint import ScriptedEndpoint

NOW_S = 1_790_000_000.0
HOUR_S, DAY_S = 3_600.0, 86_400.0


def miss(
    team: Team, text: str, *, by: User | None = None, where: Channel | None = None, thread: Message | None = None
) -> Message:
    """Say something of which the bot is told nothing."""
    words = text.replace("@nod", team.server.bot.mention)
    return team.server.say(by or team.anna, where or team.room, words, thread=thread, unseen=True)


def about(channel: Channel) -> Callable[[Call], bool]:
    return lambda call: call.args["channel"] == channel.id


@pytest.fixture
async def met(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> Message:
    """Somebody has talked with the bot, which is away now."""
    async with talking(team, settings, endpoint) as talk:
        message = await talk.ask("@nod hi")
        talk.slack.direct(team.anna, "hello")
        await talk.settle()
    endpoint.requests.clear()
    return message


@asynccontextmanager
async def back(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Talk]:
    """The bot again, after it has looked for what it missed."""
    async with talking(team, settings, endpoint) as talk:
        await talk.site.catchup.look()
        await talk.settle()
        yield talk


async def test_missed_questions_are_answered_where_they_belong(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message
) -> None:
    direct = team.server.talk_of(team.anna)
    first = miss(team, "@nod one")
    miss(team, "two", thread=met)
    third = miss(team, "three", where=direct)
    miss(team, "four", by=team.ben)
    async with back(team, settings, endpoint) as talk:
        assert sorted(talk.tasks()) == ["one", "three", "two"]
        assert {place for place, _ in talk.answers()} == {
            team.place(first),
            team.place(met),
            direct_place(team.server.team.id, team.anna.id, third.ts),
        }


async def test_they_are_answered_once_however_often_it_starts(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message
) -> None:
    miss(team, "@nod one")
    for _ in range(3):
        async with back(team, settings, endpoint):
            pass

    assert len(endpoint.requests) == 1


async def test_what_is_brought_again_and_looked_for_is_one_run(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message
) -> None:
    async with talking(team, settings, endpoint) as talk:
        await talk.ask("@nod one")
        await talk.site.catchup.look()
        await talk.settle()
        await talk.again(*talk.slack.events[-2:])

        assert talk.tasks() == ["one"]


async def test_newer_messages_do_not_hide_what_was_missed(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message
) -> None:
    """A process that dies before it has looked has taken in newer ones."""
    miss(team, "@nod one")
    async with talking(team, settings, endpoint) as talk:
        await talk.ask("@nod two")
    async with back(team, settings, endpoint) as talk:
        assert talk.tasks() == ["two", "one"]


@pytest.mark.parametrize("text", ["@nod", "@nod help", "@nod stop", "<@U0> hi"])
async def test_what_was_no_question_is_forgotten(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message, text: str
) -> None:
    miss(team, text)
    async with back(team, settings, endpoint) as talk:
        assert talk.tasks() == []
        assert talk.whispers() == []


async def test_somebody_who_may_not_is_not_even_told_so_late(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message
) -> None:
    guest = team.server.create_user("gus", is_guest=True)
    team.room.members.append(guest.id)
    miss(team, "@nod hi", by=guest)
    async with back(team, settings, endpoint) as talk:
        assert talk.tasks() == []
        assert talk.whispers(guest) == []


async def test_what_was_deleted_meanwhile_is_not_answered_and_what_was_edited_as_it_reads_now(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message
) -> None:
    gone, changed = miss(team, "@nod one"), miss(team, "@nod two")
    team.server.app.events.discard("message.channels")
    team.server.app.events.discard("app_mention")
    team.server.delete(gone)
    team.server.edit(changed, f"{team.server.bot.mention} three")
    async with back(team, settings, endpoint) as talk:
        assert talk.tasks() == ["three"]


async def test_places_it_was_never_in_are_left(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message
) -> None:
    other = team.server.create_channel("other", members=[team.anna])
    miss(team, "@nod one", where=other)
    async with back(team, settings, endpoint) as talk:
        assert talk.tasks() == []


@pytest.mark.parametrize("trouble", ["not_in_channel", "is_archived", "channel_not_found", 503])
async def test_what_fails_in_one_place_goes_on_in_the_others(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message, trouble: str | int
) -> None:
    miss(team, "@nod one")
    miss(team, "two", where=team.server.talk_of(team.anna))
    team.server.faults.fail("conversations.history", trouble, times=3, where=about(team.room))
    async with back(team, settings, endpoint) as talk:
        assert "two" in talk.tasks()
        talk.slack.faults.clear()


async def test_what_could_not_be_read_is_looked_for_again(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message
) -> None:
    miss(team, "@nod one")
    team.server.faults.fail("conversations.history", 503, times=3, where=about(team.room))
    async with talking(team, settings, endpoint) as talk:
        assert not await talk.site.catchup.look()
        await talk.ask("@nod two")
    async with back(team, settings, endpoint) as talk:
        assert talk.tasks() == ["two", "one"]


async def test_what_a_gap_in_a_life_took_is_looked_for_though_newer_messages_came(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, met: Message
) -> None:
    async with back(team, settings, endpoint) as talk:
        miss(team, "@nod one")
        miss(team, "two", thread=met)
        await talk.ask("@nod three")
        await talk.ask("four", thread=met)

        await talk.site.catchup.look()
        await talk.settle()
        await talk.site.catchup.look()
        await talk.settle()

        assert sorted(talk.tasks()) == ["four", "one", "three", "two"]


async def test_where_nobody_ever_talked_there_is_nothing_to_look_for(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with back(team, settings, endpoint) as talk:
        assert talk.slack.calls("conversations.history") == []


# --- where to look ---

CHANNEL, DIRECT = place_in("T1", "C1"), direct_place("T1", "U1")


def ts(ago_s: float) -> str:
    return f"{NOW_S - ago_s:.6f}"


def room(place: object, ago_s: float) -> Room:
    return Room(place, frozenset({"slack:T1/U1"}), int((NOW_S - ago_s) * 1000))  # type: ignore[arg-type]  # a place


def test_a_thread_and_its_channel_since_somebody_last_wrote() -> None:
    thread = place_in("T1", "C1", ts(2 * HOUR_S))

    assert looks([room(thread, HOUR_S)], NOW_S) == [
        Look(thread, NOW_S - HOUR_S),
        Look(CHANNEL, NOW_S - 2 * HOUR_S),
    ]


def test_not_further_back_than_six_hours() -> None:
    thread = place_in("T1", "C1", ts(DAY_S))

    assert {look.after_s for look in looks([room(thread, 20 * HOUR_S)], NOW_S)} == {NOW_S - 6 * HOUR_S}


def test_a_channel_once_from_the_latest_of_its_threads_on() -> None:
    threads = [place_in("T1", "C1", ts(ago)) for ago in (3 * HOUR_S, 2 * HOUR_S)]

    found = looks([room(one, HOUR_S) for one in threads], NOW_S)

    assert [look for look in found if look.place == CHANNEL] == [Look(CHANNEL, NOW_S - 2 * HOUR_S)]
    assert len(found) == 3


def test_quiet_threads_are_left_and_their_channels_are_not() -> None:
    assert [look.place for look in looks([room(place_in("T1", "C1", ts(9 * DAY_S)), 3 * DAY_S)], NOW_S)] == [CHANNEL]


def test_direct_talks_of_long_ago_are_left() -> None:
    assert looks([room(direct_place("T1", "U1", ts(9 * DAY_S)), 8 * DAY_S)], NOW_S) == []
    assert [look.place for look in looks([room(direct_place("T1", "U1", ts(5 * DAY_S)), 4 * DAY_S)], NOW_S)] == [DIRECT]


def test_there_is_a_most() -> None:
    rooms = [room(place_in("T1", f"C{number}", ts(HOUR_S)), number) for number in range(500)]

    found = looks(rooms, NOW_S)

    assert len(found) == 300
    assert found[0].place.channel == "C0"


def test_answers_in_place_are_looked_for_too() -> None:
    assert looks([room(CHANNEL, HOUR_S)], NOW_S) == [Look(CHANNEL, NOW_S - HOUR_S)]
