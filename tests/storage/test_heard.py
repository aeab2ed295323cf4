"""What people said to each other is theirs: read by them, taken away, forgotten in time, to the last byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.chat import Actor, Heard, Inbound
from bot.config.settings import Settings
from bot.retention import DAY_MS
from bot.storage.forgetting import _HEARD
from bot.storage.runs import now_ms
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, PLACE, Bench, opened
from tests.storage.lives import BOB, found_in_file, people_of

pytestmark = pytest.mark.usefixtures("nothing_blocks")

CAROL = Actor("web", "", "carol", "CAROLNAME")
SECRETS = ("CAROLNAME", "CAROL-text", "CAROL-summary")


async def tell(one: Bench, text: str, *heard: Heard, event_id: str, at_ms: int = 1_000) -> None:
    await one.service.receive(Inbound(event_id, PLACE, ALICE, text, at_ms, heard=heard))
    await one.service.idle()


def said(text: str, *, event_id: str = "h1", at_ms: int = 500) -> Heard:
    return Heard(event_id, CAROL, text, at_ms)


async def erase_carol(one: Bench) -> dict[str, int]:
    return await people_of(one).erase("web:carol", by="web:root", scope="web:")


# --- erased ---


async def test_no_byte_of_it_is_left_of_somebody_who_never_asked_for_anything(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("one"), says("two")]
    async with opened(settings, endpoint) as one:
        await tell(one, "First", said("CAROL-text"), event_id="e1")
        await tell(one, "Second", said("CAROL-text 2", event_id="h2"), event_id="e2")
        before = await found_in_file(one, SECRETS[:2])
        counted = await people_of(one).count("web:carol")

        erased = await erase_carol(one)

        assert before == ["CAROLNAME", "CAROL-text"]
        assert await found_in_file(one, SECRETS) == []
        assert counted["overheard messages"] == 2
        assert {what: count for what, count in erased.items() if count} == {"overheard messages": 2}
        assert not any((await people_of(one).count("web:carol")).values())
        assert not any((await erase_carol(one)).values())


async def test_what_was_summed_up_of_it_goes_too(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("ok"), *[says("CAROL-summary")] * 10]
    async with opened(settings, endpoint, context_k=4) as one:
        many = [said(f"CAROL-text {n} " + "x" * 200, event_id=f"h{n}") for n in range(300)]
        await tell(one, "Go", *many, event_id="e1")
        before = (await one.context()).summary.text
        await erase_carol(one)

        assert before == "CAROL-summary"
        assert await found_in_file(one, SECRETS) == []


async def test_what_others_said_and_were_answered_stays(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("alice's answer")]
    async with opened(settings, endpoint) as one:
        others = Heard("h2", BOB, "bob's words", 600)
        await tell(one, "alice's task", said("CAROL-text"), others, event_id="e1")
        await erase_carol(one)
        turns = [turn.text for turn in (await one.context()).turns]

    assert turns == ["bob's words", "alice's task", "alice's answer"]


async def test_a_run_that_is_open_and_was_told_of_it_is_counted_and_done_when_it_is_over(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Denied then.")]
    async with opened(settings, endpoint) as one:
        await tell(one, "Deploy", said("CAROL-text"), event_id="e1")
        first = await erase_carol(one)
        still_there = await found_in_file(one, SECRETS[:2])
        await one.click((await one.only_card()).approval_id, "deny", actor=Actor("web", "", "root"))
        second = await erase_carol(one)

        assert (first["still open"], second["still open"]) == (1, 0)
        assert still_there == ["CAROLNAME", "CAROL-text"]
        assert await found_in_file(one, SECRETS) == []


async def test_what_is_heard_again_of_an_erased_message_stays_erased(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("one"), says("two")]
    async with opened(settings, endpoint) as one:
        await tell(one, "First", said("CAROL-text"), event_id="e1")
        await erase_carol(one)
        await tell(one, "Second", said("CAROL-text"), event_id="e2")

        assert "CAROL-text" not in str([turn.text for turn in (await one.context()).turns])


# --- exported ---


async def test_it_is_exported_for_who_said_it_and_for_nobody_else(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("ok")]
    async with opened(settings, endpoint) as one:
        await tell(one, "Go", said("CAROL-text", at_ms=0), event_id="e1")
        hers: dict[str, Any] = await people_of(one).export("web:carol")
        alices = json.dumps(await people_of(one).export("web:alice"))

    row = {"place": "web:general/t1", "key": "heard:1:h1", "text": "CAROL-text", "at": "1970-01-01T00:00:00.000Z"}
    assert hers["heard"] == [row]
    assert "CAROL-text" not in alices


# --- forgotten ---


async def test_it_is_forgotten_when_it_is_old_to_the_last_byte(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    """It may be older than the run it came with, which is kept."""
    endpoint.script = [says("ok")]
    async with opened(settings.model_copy(update={"retention_days": 30}), endpoint) as one:
        now = now_ms()
        old = said("CAROL-text", at_ms=now - 31 * DAY_MS)
        new = said("fresh", event_id="h2", at_ms=now - 29 * DAY_MS)
        await tell(one, "Go", old, new, event_id="e1", at_ms=now)
        await one.service.sweep()
        turns = [turn.text for turn in (await one.context()).turns]

        assert turns == ["fresh", "Go", "ok"]
        assert await found_in_file(one, ("CAROL-text",)) == []


async def test_more_of_it_than_a_batch_is_forgotten(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("ok")]
    async with opened(settings, endpoint) as one:
        await tell(one, "Go", *(said("x", event_id=f"h{n}") for n in range(7)), event_id="e1", at_ms=now_ms())
        await people_of(one).forget(before_ms=1_000, audit_before_ms=None, at_most=2)

        assert await one.plain("SELECT count(*) FROM turns WHERE key IS NOT NULL") == [(0,)]


async def test_what_the_bot_posted_is_not_taken_for_something_heard(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with opened(settings, endpoint) as one:
        await one.app.reader.add_post(PLACE, "a post", key="head")
        await one.app.reader.add_post(PLACE, "another post", key="hears")
        await people_of(one).forget(before_ms=1 << 45, audit_before_ms=None)

        assert await one.plain("SELECT text FROM turns ORDER BY id") == [("a post",), ("another post",)]


async def test_it_is_found_by_its_key(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        values = {"before": 1, "at_most": 1, **_HEARD.constants}
        asked = f"EXPLAIN QUERY PLAN {_HEARD.sql}"
        plan = await one.app.database.run(lambda tx: tx._connection.execute(asked, values).fetchall())

    assert "(key>? AND key<?)" in str([tuple(row) for row in plan])
