"""Posting elsewhere."""

from __future__ import annotations

import json

import pytest

from bot.engine.types import Actor, Place
from bot.errors import ToolError
from bot.tools.builtin.send_message import send_message
from bot.tools.context import Services
from bot.tools.registry import spec_of
from tests.tools.boxes import ALICE, ROOM, RUN, box, call


class PostsInMemory:
    def __init__(self) -> None:
        self.posted: list[tuple[Actor, Place, str, str, str]] = []

    async def post(self, actor: Actor, from_place: Place, channel: str, text: str, key: str) -> str:
        if why := self.refusal(actor, from_place, channel):
            raise ToolError(why)
        self.posted.append((actor, from_place, channel, text, key))
        return f"Posted in #{channel}."

    def refusal(self, actor: Actor, from_place: Place, channel: str) -> str | None:
        if channel != "general":
            return f"There is no channel {channel!r}. Channels: general."
        return f"{actor.key} may not post from {from_place.channel}." if from_place.channel == "quiet" else None


async def test_a_message_is_posted_for_the_person_who_asked() -> None:
    posts = PostsInMemory()

    result, _ = await box([send_message], services=Services(posts=posts)).run(
        call("send_message", '{"channel":"general","text":"Hi"}'), RUN, key="r1:c1"
    )

    assert result.text == "Posted in #general."
    assert posts.posted == [(ALICE, ROOM, "general", "Hi", "r1:c1")]


@pytest.mark.parametrize(
    ("channel", "place", "why"),
    [
        ("nowhere", ROOM, "There is no channel 'nowhere'. Channels: general."),
        ("general", Place("web", "", "quiet"), "web:alice may not post from quiet."),
    ],
)
def test_nobody_is_asked_about_a_message_that_cannot_be_posted(channel: str, place: Place, why: str) -> None:
    toolbox = box([send_message], {"send_message": "ask"}, services=Services(posts=PostsInMemory()), place=place)

    verdict = toolbox.judge(call("send_message", json.dumps({"channel": channel, "text": "Hi"})), RUN)

    assert (verdict.outcome, verdict.rule, verdict.text) == ("invalid", "could not run", why)


async def test_an_unknown_channel_is_said() -> None:
    toolbox = box([send_message], services=Services(posts=PostsInMemory()))

    result, _ = await toolbox.run(call("send_message", '{"channel":"x","text":"Hi"}'), RUN, key="k")

    assert result.is_error
    assert result.text == "There is no channel 'x'. Channels: general."


def test_it_is_gated_runs_once_and_needs_a_way_to_post() -> None:
    assert spec_of(send_message).confirm
    assert spec_of(send_message).effect == "once"
    assert box([send_message]).schemas == b""
