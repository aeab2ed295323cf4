"""A person in a channel of a stand-in Slack, and a process of the bot that works on a question of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.slack.stage import Stage, asked, stage_on
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.world import Channel, User


@pytest.fixture
def anna(slack: SlackServer) -> User:
    return slack.create_user("anna")


@pytest.fixture
def room(slack: SlackServer, anna: User) -> Channel:
    return slack.create_channel("general", members=[anna])


@pytest.fixture
async def stage(slack: SlackServer, room: Channel, anna: User) -> AsyncIterator[Stage]:
    async with stage_on(slack, asked(slack, anna, room), anna) as one:
        yield one
