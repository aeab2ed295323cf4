"""The whole bot under chance, in short; more of it: SOAK_SEEDS="1 2 3" SOAK_STEPS=150 with this file."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from bot.config.settings import Settings
from tests.adapters.slack.kit import Team, running_nod
from tests.adapters.slack.whole.soak import Soak
from tests.models.endpoint import ScriptedEndpoint

SEEDS = [int(one) for one in os.environ.get("SOAK_SEEDS", "3").split()]
STEPS, LIVES = int(os.environ.get("SOAK_STEPS", "16")), 2


@pytest.mark.parametrize("seed", SEEDS)
async def test_everything_is_answered_once_whatever_fails(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], seed: int
) -> None:
    dice = random.Random(seed)

    @asynccontextmanager
    async def life() -> AsyncIterator[Callable[[], Awaitable[None]]]:
        async with running_nod(team, settings, endpoint) as nod:

            async def end() -> None:
                if dice.random() < 0.7:
                    await nod.app.service.aclose(within_s=0)

            yield end

    soak = Soak(team, settings, endpoint, ledger, dice, life)

    assert await soak.run(STEPS, lives=LIVES) == []
    assert soak.figures["lives"] == LIVES
