"""Whose words count: strangers, guests, programs, the bot itself, and what is no message of anybody."""

from __future__ import annotations

from typing import Any

import pytest

from bot.config.settings import Settings
from tests.adapters.discord.kit import Team
from tests.adapters.discord.talk import Talk, talking
from tests.adapters.discord.wire import Message, User, posting
from tests.models.endpoint import ScriptedEndpoint

GUESTS_MAY_NOT = "may not"


def joined(team: Team, name: str, **how: Any) -> User:
    person = team.server.create_user(name)
    team.server.join_guild(team.guild, person, **how)
    return person


# --- people ---


@pytest.mark.parametrize("how", [{"guest": True}, {"pending": True}])
async def test_a_guest_is_refused_once(talk: Talk, how: dict[str, bool]) -> None:
    """By a guest invite, or before the rules of the server were accepted. Members only, unless set otherwise."""
    gus = joined(talk.team, "gus", **how)

    for text in ("@nod hi", "@nod hello?", "@nod help", "@nod stop"):
        talk.say(text, by=gus)
    await talk.settle()

    assert len(talk.words()) == 1
    assert "went wrong" not in talk.words()[0]
    assert talk.tasks() == []


async def test_a_guest_may_talk_where_guests_may(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    gus = joined(team, "gus", guest=True)
    allowed = settings.model_copy(update={"who_may_talk": ("members", "guests")})

    async with talking(team, allowed, endpoint) as talk:
        await talk.ask("@nod hi", by=gus)

    assert talk.tasks() == ["hi"]


async def test_somebody_who_has_left_is_external(talk: Talk) -> None:
    """Their message is found in the history, after they went."""
    await talk.ask("@nod hi", by=talk.team.ben)
    talk.team.server.leave_guild(talk.team.guild, talk.team.ben)

    talk.say("@nod again", by=talk.team.ben)
    await talk.settle()

    assert talk.tasks() == ["hi"]
    assert len(talk.words()) == 1


async def test_a_refusal_says_nothing_of_the_bots_inside(talk: Talk) -> None:
    gus = joined(talk.team, "gus", guest=True)
    message = talk.say("@nod hi", by=gus)
    await talk.settle()

    (said,) = talk.words()
    assert "discord:" not in said
    assert not talk.has_thread(message)


# --- programs ---


async def test_programs_are_nobody(talk: Talk) -> None:
    """Row 41: messages of bots and webhooks start no run."""
    bot = talk.team.server.create_user("ci", bot=True)
    talk.team.server.join_guild(talk.team.guild, bot)

    talk.say("@nod hi", by=bot)
    talk.team.server.webhook_says(talk.team.room, "anna", f"{talk.team.server.bot.mention} hi")
    await talk.settle()

    assert talk.tasks() == []
    assert talk.words() == []


async def test_a_listed_program_is_heard_and_chains_of_programs_end(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """Three answers, then a person has to say something before there are others."""
    bot = team.server.create_user("ci", bot=True)
    team.server.join_guild(team.guild, bot)

    async with talking(team, settings, endpoint, bots=frozenset({bot.id})) as talk:
        for number in range(5):
            talk.say(f"@nod {number}", by=bot)
        await talk.settle()
        assert sorted(talk.tasks()) == ["0", "1", "2"]
        talk.say("well", by=team.anna)
        await talk.ask("@nod next", by=bot)

    assert talk.tasks()[-1] == "next"


async def test_a_listed_programs_reports_are_no_chain(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """What it says to others does not count: its first question after a hundred reports is answered."""
    bot = team.server.create_user("ci", bot=True)
    team.server.join_guild(team.guild, bot)

    async with talking(team, settings, endpoint, bots=frozenset({bot.id})) as talk:
        for number in range(10):
            talk.say(f"build {number} is green", by=bot)
        await talk.ask("@nod what now?", by=bot)

    assert talk.tasks() == ["what now?"]


async def test_a_listed_webhook_is_heard(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    said = team.server.webhook_says(team.room, "ci", "the first")
    assert said.webhook_id is not None

    async with talking(team, settings, endpoint, bots=frozenset({said.webhook_id})) as talk:
        again = Message(
            team.server.world.new_id(),
            team.room.id,
            said.webhook_id,
            f"{team.server.bot.mention} hi",
            webhook_name="ci",
        )
        again.webhook_id = said.webhook_id
        posting.put(team.server.world, team.room, again)
        await talk.settle()

    assert talk.tasks() == ["hi"]


async def test_the_bot_does_not_hear_itself_though_it_is_listed(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint, bots=frozenset({team.server.bot.id})) as talk:
        talk.say("@nod hi", by=team.server.bot)
        await talk.settle()

    assert talk.tasks() == []


# --- what is no message of anybody ---


@pytest.mark.parametrize("kind", [1, 3, 6, 7, 8, 12, 18, 20, 21, 23, 24, 46, 999])
async def test_other_kinds_of_messages_are_left_alone(talk: Talk, kind: int) -> None:
    """Row 41: people coming, pins, calls, threads and whatever else Discord writes in somebody's name."""
    team = talk.team
    message = Message(team.server.world.new_id(), team.room.id, team.anna.id, f"{team.server.bot.mention} hi", kind)
    message.mention_ids.append(team.server.bot.id)

    posting.put(team.server.world, team.room, message)
    posting.tell(team.server.world, "MESSAGE_UPDATE", message)
    await talk.settle()

    assert talk.tasks() == []
    assert talk.words() == []


async def test_events_nobody_knows_are_left_alone(talk: Talk) -> None:
    """Row 50: a new kind of event, or of channel, is no error."""
    gateway = talk.team.server.gateway
    gateway.emit("SOMETHING_NEW", {"id": "1"}, guild_id=talk.team.guild.id)
    gateway.emit("MESSAGE_SOMETHING", {}, guild_id=talk.team.guild.id)
    strange = {"id": str(talk.team.server.world.new_id()), "type": 77, "guild_id": str(talk.team.guild.id), "name": "x"}
    gateway.emit("CHANNEL_CREATE", strange, guild_id=talk.team.guild.id)

    await talk.ask("@nod hi")

    assert talk.tasks() == ["hi"]


@pytest.mark.parametrize("changed", [{"id": "-5"}, {"id": -5}, {"id": str(1 << 70)}, {"id": "11249614848000000000"}])
async def test_ids_that_cannot_be_discords_are_left_alone(talk: Talk, changed: dict[str, object]) -> None:
    """Row 47: negative, too large, and of the year 2100; it would hide what comes after it from the catch-up."""
    gateway = talk.team.server.gateway
    gateway.hold()
    talk.say("@nod hi")
    (event,) = gateway.release(lambda _events: [])
    gateway.emit("MESSAGE_CREATE", event.payload | changed, guild_id=talk.team.guild.id)
    await talk.settle()

    assert talk.tasks() == []
    assert (await talk.nod.app.service.rooms("discord", since_ms=0))[0].place.workspace == str(talk.team.guild.id)


async def test_an_id_that_is_a_number_is_taken(talk: Talk) -> None:
    """Row 47: Discord writes ids as strings; a whole number is the same id."""
    gateway = talk.team.server.gateway
    gateway.hold()
    message = talk.say("@nod hi")
    (event,) = gateway.release(lambda _events: [])
    gateway.emit("MESSAGE_CREATE", event.payload | {"id": message.id}, guild_id=talk.team.guild.id)
    await talk.settle()

    assert talk.tasks() == ["hi"]


@pytest.mark.parametrize("changed", [{"id": "not-a-number"}, {"id": None}, {"channel_id": "x"}, {"author": None}])
async def test_an_event_that_cannot_be_read_does_not_end_the_bot(talk: Talk, changed: dict[str, object]) -> None:
    """Row 40 and 47: without `user`, or with an id that is none. It begins anew, and goes on."""
    gateway = talk.team.server.gateway
    gateway.hold()
    talk.say("@nod hi")
    (event,) = gateway.release(lambda _events: [])
    gateway.emit("MESSAGE_CREATE", event.payload | changed, guild_id=talk.team.guild.id)

    await talk.team.server.until(lambda: len(gateway.identifies) + len(gateway.resumes) > 1)
    await talk.team.server.until(lambda: talk.nod.adapter.state() == "ok")
    await talk.ask("@nod next")

    assert "next" in talk.tasks()
