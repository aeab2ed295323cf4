"""What was missed while the bot was away: answered once, where it belongs, in places it was in, not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog
from structlog.testing import LogCapture

from bot.config.settings import Settings
from tests.adapters.discord.kit import Team
from tests.adapters.discord.talk import Talk, talking
from tests.adapters.discord.wire import Channel, Message, User, posting
from tests.adapters.discord.wire.faults import HISTORY, MEMBER
from tests.adapters.discord.wire.world import FORUM
from tests.models.endpoint import ScriptedEndpoint


def miss(team: Team, text: str, *, by: User | None = None, where: Channel | None = None, **how: object) -> Message:
    """Let somebody say something that no session is told of."""
    words = text.replace("@nod", team.server.bot.mention)
    return team.server.say(by or team.anna, where or team.room, words, unseen=True, **how)  # type: ignore[arg-type]


def missed(talk: Talk) -> list[str]:
    return [one for one in talk.tasks() if "missed" in str(one)]


async def met(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> Channel:
    """Let the bot be in the channel, in a thread there and in anna's direct talk; gives the thread."""
    async with talking(team, settings, endpoint) as talk:
        thread = talk.thread_of(await talk.ask("@nod hi", ago_s=8 * 3600))
        await talk.ask("hi", where=team.server.dm(team.anna))
    return thread


@asynccontextmanager
async def back(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Talk]:
    """The bot, back again: what was missed has been looked for, and what was taken of it is answered."""
    log = LogCapture()
    async with talking(team, settings, endpoint, change=lambda _app: structlog.configure(processors=[log])) as talk:
        await team.server.until(lambda: any(one["event"] == "catchup.done" for one in log.entries))
        await talk.settle()
        yield talk


async def test_missed_questions_are_answered_where_they_belong(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """In the channel by a new thread, in a thread as part of its conversation, and directly."""
    thread = await met(team, settings, endpoint)
    first = miss(team, "@nod missed one", by=team.ben)
    miss(team, "missed two", where=thread)
    miss(team, "missed three", where=team.server.dm(team.anna))

    async with talking(team, settings, endpoint) as talk:
        await team.server.until(lambda: len(missed(talk)) == 3)
        await talk.nod.idle()

    assert sorted(missed(talk)) == ["missed one", "missed three", "missed two"]
    assert talk.thread_of(first).name == "missed one"
    assert team.ben.id in talk.thread_of(first).member_ids
    assert team.texts(thread.id) == ["Ok.", "Ok."]
    in_thread = next(one for one in endpoint.requests if one.body["messages"][-1]["content"] == "missed two")
    assert [one["content"] for one in in_thread.body["messages"][1:]] == ["hi", "Ok.", "missed two"]


async def test_they_are_answered_once_however_often_it_starts(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    await met(team, settings, endpoint)
    miss(team, "@nod missed one")

    for _ in range(3):
        async with talking(team, settings, endpoint) as talk:
            await team.server.until(lambda: missed(talk))
            await talk.settle()

    assert missed(talk) == ["missed one"]


async def test_what_is_brought_again_and_looked_for_is_one_run(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """The event comes by the gateway while the catch-up reads the same message."""
    await met(team, settings, endpoint)
    message = miss(team, "@nod missed one")

    async with talking(team, settings, endpoint) as talk:
        posting.tell(team.server.world, "MESSAGE_CREATE", message)
        posting.tell(team.server.world, "MESSAGE_CREATE", message)
        await talk.settle()

    assert missed(talk) == ["missed one"]


@pytest.mark.parametrize(
    "text", ["missed, and said to others", "@nod", "@nod stop", "@nod help", "`@nod` missed", "@nod \u200b"]
)
async def test_what_was_no_question_is_forgotten(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, text: str
) -> None:
    await met(team, settings, endpoint)
    before = team.texts(team.room.id)
    miss(team, text)

    async with back(team, settings, endpoint) as talk:
        pass

    assert missed(talk) == []
    assert team.texts(team.room.id) == before


async def test_what_is_older_than_six_hours_is_left(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    await met(team, settings, endpoint)
    miss(team, "@nod missed long ago", ago_s=6.5 * 3600)
    miss(team, "@nod missed lately", ago_s=5.5 * 3600)

    async with back(team, settings, endpoint) as talk:
        pass

    assert missed(talk) == ["missed lately"]


async def test_places_it_was_never_in_are_left(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    await met(team, settings, endpoint)
    other = team.server.create_channel(team.guild, "other")
    miss(team, "@nod missed", where=other)
    miss(team, "missed", where=team.server.dm(team.ben), by=team.ben)

    async with back(team, settings, endpoint) as talk:
        pass

    assert missed(talk) == []
    assert [one for one in team.server.asked(HISTORY) if str(other.id) in one.path] == []


async def test_somebody_who_may_not_is_not_even_told_so_late(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    gus = team.server.create_user("gus")
    team.server.join_guild(team.guild, gus, guest=True)
    await met(team, settings, endpoint)
    before = team.texts(team.room.id)
    miss(team, "@nod missed", by=gus)

    async with back(team, settings, endpoint) as talk:
        pass

    assert missed(talk) == []
    assert team.texts(team.room.id) == before


async def test_what_fails_in_one_place_goes_on_in_the_others(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """Refused, or cut off without an answer."""
    thread = await met(team, settings, endpoint)
    miss(team, "missed", where=thread)
    miss(team, "@nod missed")
    miss(team, "missed", where=team.server.dm(team.anna))
    team.server.faults.fail(HISTORY, 403, code=50001, where=lambda asked: str(team.room.id) in asked.path)
    team.server.faults.cut(HISTORY, times=20, where=lambda asked: str(thread.id) in asked.path)

    async with back(team, settings, endpoint) as talk:
        pass

    assert missed(talk) == ["missed"]


async def test_a_thread_that_was_put_away_meanwhile_is_looked_into(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    thread = await met(team, settings, endpoint)
    miss(team, "missed", where=thread)
    team.server.archive(thread)

    async with talking(team, settings, endpoint) as talk:
        await team.server.until(lambda: missed(talk))
        await talk.nod.idle()

    assert team.texts(thread.id) == ["Ok.", "Ok."]
    assert len(talk.told()) == 3


async def test_places_that_are_gone_are_no_matter(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    thread = await met(team, settings, endpoint)
    team.server.delete_channel(thread)
    miss(team, "@nod missed")

    async with back(team, settings, endpoint) as talk:
        pass

    assert missed(talk) == ["missed"]


async def test_a_forum_is_no_place_to_read(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    """Its posts are; the catch-up comes by its room all the same."""
    forum = team.server.create_channel(team.guild, "ideas", kind=FORUM)
    post = Channel(team.server.world.new_id(), 11, "an idea", team.guild.id, forum.id, owner_id=team.anna.id)
    team.server.world.channels[post.id] = post
    async with talking(team, settings, endpoint) as talk:
        team.server.unarchive(post)
        await talk.ask("@nod hi", where=post)
    miss(team, "missed", where=post)

    async with back(team, settings, endpoint) as again:
        pass

    assert missed(again) == ["missed"]


async def test_a_person_who_wrote_it_and_left_is_somebody_from_outside(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    await met(team, settings, endpoint)
    miss(team, "@nod missed", by=team.ben)
    team.server.leave_guild(team.guild, team.ben)

    async with back(team, settings, endpoint) as talk:
        pass

    assert missed(talk) == []
    assert team.server.asked(MEMBER)


async def test_what_is_said_now_does_not_wait_for_what_was_missed(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    await met(team, settings, endpoint)
    miss(team, "@nod missed")
    team.server.faults.slow(HISTORY, 1.0)

    async with talking(team, settings, endpoint) as talk:
        await talk.ask("hi again", where=team.server.dm(team.admin), by=team.admin)
        assert missed(talk) == []
        await team.server.until(lambda: missed(talk))
        await asyncio.sleep(0)
