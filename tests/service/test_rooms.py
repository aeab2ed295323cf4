"""Where people talked with the bot lately, for an adapter that looks for what it missed."""

from __future__ import annotations

from bot.chat import Actor, Heard, Inbound, Place, Room
from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint, says
from tests.service.kit import ALICE, PLACE, Bench, opened

EVE = Actor("discord", "1", "5", "eve")
THREAD = Place("discord", "1", "10", "11")
DIRECT = Place("discord", "1", "@5")


async def tell(one: Bench, place: Place, at_ms: int, *, actor: Actor = EVE, heard: tuple[Heard, ...] = ()) -> None:
    await one.service.receive(Inbound(f"e{place}{at_ms}", place, actor, "Hello", at_ms, heard=heard))
    await one.service.idle()


async def test_each_place_comes_once_with_when_somebody_last_wrote_there(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("hi")] * 5
    async with opened(settings, endpoint) as one:
        await tell(one, THREAD, 100)
        await tell(one, THREAD, 300)
        await tell(one, DIRECT, 200)
        await tell(one, PLACE, 400, actor=ALICE)
        rooms = await one.service.rooms("discord", since_ms=0)

        eve = frozenset({"discord:1/5"})
        assert sorted(rooms, key=str) == sorted([Room(THREAD, eve, 300), Room(DIRECT, eve, 200)], key=str)
        assert await one.service.rooms("slack", since_ms=0) == []


async def test_places_where_nobody_wrote_since_then_are_left_out(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("hi")] * 5
    async with opened(settings, endpoint) as one:
        await tell(one, DIRECT, 199, heard=(Heard("h1", EVE, "to somebody else", 900),))
        await tell(one, THREAD, 200)
        await one.app.reader.add_post(Place("discord", "1", "12"), "of the bot alone", key="k")

        assert await one.service.rooms("discord", since_ms=200) == [Room(THREAD, frozenset({"discord:1/5"}), 200)]
