"""Posts into channels: whose channel it is, where the post goes, and what is said when there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot import chat
from bot.app import App
from bot.chat import Actor, Place
from bot.config.settings import Settings
from bot.errors import ToolError
from bot.posts import ChannelPosts
from tests.fakes import RecordingAdapter
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, PLACE, opened

EVE = Actor("discord", "1", "5", "eve")
THREAD = Place("discord", "1", "10", "11")
TERMINAL = Place("cli", "", "default")


class Adapter(RecordingAdapter):
    """Notes what it was asked for."""

    asked: tuple[str, str, str] = ("", "", "")

    def target(self, actor: Actor, channel: str, key: str) -> chat.Place | str:
        self.asked = (actor.key, channel, key)
        return super().target(actor, channel, key)


@asynccontextmanager
async def posting(settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[tuple[ChannelPosts, App, Adapter]]:
    async with opened(settings, endpoint) as one:
        there = Adapter("discord")
        one.app.add_adapter(there)
        yield ChannelPosts(one.app.reader, one.app.adapters, lambda place: None), one.app, there


@pytest.mark.parametrize(
    ("actor", "from_place", "channel", "where"),
    [
        (EVE, THREAD, "general", "discord:1/general/r-c"),
        (EVE, THREAD, "#general", "discord:1/general/r-c"),
        (EVE, THREAD, "discord:general", "discord:1/general/r-c"),
        (EVE, THREAD, "discord:#general", "discord:1/general/r-c"),
        (EVE, THREAD, "web:general", "web:1/general/r-c"),
        (ALICE, PLACE, "discord:general", "discord:general/r-c"),
        (ALICE, TERMINAL, "web:general", "web:general/r-c"),
    ],
)
async def test_a_post_goes_where_its_adapter_says(
    settings: Settings, endpoint: ScriptedEndpoint, actor: Actor, from_place: Place, channel: str, where: str
) -> None:
    async with posting(settings, endpoint) as (posts, app, _):
        said = await posts.post(actor, from_place, channel, "hello", "r:c")
        places = await app.outbox.places()

    assert posts.refusal(actor, from_place, channel) is None
    assert said == "Posted to #general."
    assert [str(place) for place in places] == [where]


async def test_the_name_is_given_to_the_adapter_whole(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with posting(settings, endpoint) as (posts, _, there):
        posts.refusal(EVE, THREAD, "discord:a:b")
        first = there.asked
        with pytest.raises(ToolError, match="There is no channel #a:b"):
            await posts.post(EVE, THREAD, "discord:#a:b", "hello", "r:c")

    assert first == ("discord:1/5", "a:b", "")
    assert there.asked == ("discord:1/5", "a:b", "r:c")


@pytest.mark.parametrize("channel", ["slack:general", "https://example.org", "cli:general"])
async def test_a_platform_nobody_serves_is_named_with_those_that_are(
    settings: Settings, endpoint: ScriptedEndpoint, channel: str
) -> None:
    async with posting(settings, endpoint) as (posts, app, _):
        with pytest.raises(ToolError) as refused:
            await posts.post(ALICE, PLACE, channel, "hello", "r:c")
        places = await app.outbox.places()

    assert refused.value.user_message == (
        f"There is no channel {channel!r}: write its name, after one of these and a colon: web, discord."
    )
    assert posts.refusal(ALICE, PLACE, channel) == refused.value.user_message
    assert places == []


async def test_a_channel_of_the_terminal_needs_its_platform(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with posting(settings, endpoint) as (posts, _, _adapter):
        said = posts.refusal(ALICE, TERMINAL, "x" * 1_000)

    assert said is not None
    assert said.endswith("after one of these and a colon: web, discord.")
    assert len(said) < 250


async def test_the_same_post_twice_is_there_once(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        posts = ChannelPosts(one.app.reader, one.app.adapters, lambda place: None)
        for _ in range(2):
            await posts.post(ALICE, PLACE, "general", "hello", "r:c")
        await one.service.sweep()
        await one.service.idle()

        assert one.answers() == ["hello"]


async def test_a_channel_that_does_not_exist_bothers_no_approver(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("send_message", {"channel": "nowhere", "text": "hello"})), says("There is none.")]
    async with opened(settings, endpoint) as one:
        await one.say("Post it")

        assert one.answers() == ["There is none."]
    assert "There is no channel #nowhere." in endpoint.requests[1].body["messages"][-1]["content"]
