"""The workspaces of a stand-in Slack, as those who send into them see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from adapters.slack.api.web import SlackClient
from adapters.slack.handlers import Body
from adapters.slack.inbound.intake import Handle
from adapters.slack.inbound.queues import Pauses
from adapters.slack.options import Options
from adapters.slack.places import direct_place, place_in
from adapters.slack.site import Site, Times
from bot.chat import ChatService, Place
from bot.errors import PlaceGone
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.world import Channel, Install, User

QUICK = Times(Pauses(in_line_s=(0.01, 0.01, 0.01), aside_s=(0.02,), attempts=3), drawn_after_s=0.01)
"""As long as it takes to fail, and to draw, when nobody is to wait for it."""


@dataclass(frozen=True, slots=True)
class Home:
    team: str
    bot_user: str
    bot_id: str
    client: SlackClient


class Homes:
    """Every workspace the app is installed in."""

    def __init__(self, homes: list[Home]) -> None:
        self._homes = {one.team: one for one in homes}

    async def get(self, team: str) -> Home:
        if team not in self._homes:
            raise PlaceGone("I am not installed in that workspace.")
        return self._homes[team]


@asynccontextmanager
async def homes_of(slack: SlackServer) -> AsyncIterator[Homes]:
    """One process' view of the stand-in; another one is another process. It does not wait as long as it is asked to."""
    async with aiohttp.ClientSession() as session:

        def home(one: Install) -> Home:
            client = SlackClient(one.token, api_url=slack.api_url, session=session, sleep=_briefly)
            return Home(one.team, one.user, one.bot_id, client)

        yield Homes([home(one) for one in slack.world.installs.values()])


async def _of_nobody(team: str, body: Body) -> None:
    """What ends an installation; these last."""


@asynccontextmanager
async def site_of(
    slack: SlackServer,
    service: Callable[[], ChatService],
    options: Options,
    *,
    ended: Handle = _of_nobody,
    times: Times = QUICK,
) -> AsyncIterator[Site]:
    """The parts of one process of the bot, in every workspace of the stand-in."""
    async with homes_of(slack) as homes, aiohttp.ClientSession() as session:
        site = Site(options, service, homes, lambda: session, ended=ended, times=times)  # type: ignore[arg-type]
        await site.catchup.begin()
        try:
            yield site
        finally:
            site.stop_taking()
            await site.aclose()


async def _briefly(seconds: float) -> None:
    await asyncio.sleep(min(seconds / 20, 0.05))


def place_of(room: Channel, thread: str = "") -> Place:
    return place_in(room.team, room.id, thread)


def direct_to(person: User, thread: str = "") -> Place:
    return direct_place(person.team, person.id, thread)
