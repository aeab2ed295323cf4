"""Every feature on a Discord that others wrote: simcord."""

from __future__ import annotations

from bot.config.settings import Settings
from tests.adapters.discord.sim.kit import World, running_nod
from tests.models.endpoint import ScriptedEndpoint, says


async def test_a_mention_opens_a_thread_with_the_answer(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "hello")

    assert world.texts(thread) == ["Answer."]
