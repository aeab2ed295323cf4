"""Why the model asked: its words beside its calls, on the card; shown as text, never more than a little of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint, calls, completion, says
from tests.service.kit import BOB, PLACE, opened
from tests.service.voting import edited

pytestmark = pytest.mark.usefixtures("nothing_blocks")

ASKED = ("deploy", {"version": "1"})


def with_content(content: object) -> dict[str, Any]:
    """A reply that calls a tool beside a content of any kind."""
    call = {"name": "deploy", "arguments": json.dumps({"version": "1"})}
    calls_made = [{"id": "call_0", "type": "function", "function": call}]
    return completion({"role": "assistant", "content": content, "tool_calls": calls_made}, finish="tool_calls")


CONTENTS: dict[str, tuple[object, str]] = {
    "words": ("I deploy it now.", "I deploy it now."),
    "nothing": ("", ""),
    "null": (None, ""),
    "white space": (" \n ", ""),
    "parts": ([{"type": "text", "text": "I deploy "}, {"type": "text", "text": "it."}], "I deploy it."),
    "thoughts": ("<think>They will never notice.</think>I deploy it.", "I deploy it."),
    "only thoughts": ("<think>They will never notice.</think>", ""),
    "a megabyte": ("x" * 1_000_000, "x" * 2_000),
    "a broken character": ("lone \ud83d here", "lone \ufffd here"),
    "nul": ("nul \0 here", "nul \ufffd here"),
    "a secret": ("the key is sk-canary-0123456789", "the key is [secret]"),
}


@pytest.mark.parametrize(("content", "why"), CONTENTS.values(), ids=CONTENTS.keys())
async def test_the_card_says_what_the_model_said(
    settings: Settings, endpoint: ScriptedEndpoint, content: object, why: str
) -> None:
    endpoint.script = [with_content(content)]
    async with opened(settings, endpoint, api_key="sk-canary-0123456789") as one:
        await one.say("Deploy 1")

        assert (await one.only_card()).why == why


async def test_what_was_said_beside_earlier_calls_is_no_reason_for_later_ones(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("notes_add", {"text": "x"}), text="I take a note first."), calls(ASKED)]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")

        assert (await one.only_card()).why == ""


async def test_every_call_of_a_reply_has_it_and_an_edited_one_keeps_it(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(ASKED, ("deploy", {"version": "2"}), text="Two of them.")]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy 2 of admin,web:bob")
        await one.say("Deploy both")
        first = one.adapter.sent[0].key.removeprefix("card:")
        await edited(one, first, actor=BOB, version="7")

        assert [card.why for card in one.adapter.cards().values()] == ["Two of them."] * 3


async def test_it_is_erased_with_its_run(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(ASKED, text="Because alice said so."), says("Denied then.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        await one.click((await one.only_card()).approval_id, "deny")
        before = await one.plain("SELECT why FROM approvals")
        await one.admin("data erase @alice yes")
        after = await one.plain("SELECT why FROM approvals")
        events = await one.service.transcript(PLACE)

    assert (before, after) == ([("Because alice said so.",)], [("",)])
    assert "Because" not in str(events)
