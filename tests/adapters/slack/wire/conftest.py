"""slack_sdk's own client on the stand-in Slack, and somebody in its workspace."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.world import Channel, User


@pytest.fixture
def client(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url)


@pytest.fixture
def anna(slack: SlackServer) -> User:
    return slack.create_user("anna")


@pytest.fixture
def room(slack: SlackServer, anna: User) -> Channel:
    return slack.create_channel("general", members=[anna])
