"""Erasing a person: no byte of theirs is left, everybody else's stays, and what has to stay provable can be proved."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import replace
from typing import Any

import pytest

from bot import chat
from bot.chat import Click, Upload
from bot.config.settings import Settings
from bot.errors import PlaceGone, StoreError
from bot.storage.audit import AuditRows
from bot.storage.people import PeopleRows
from bot.storage.policies import PolicyRows
from bot.storage.runs import RunRows
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.pictures import PNG
from tests.service.kit import ALICE, PLACE, Bench, opened
from tests.storage.lives import (
    BOB,
    CAROL,
    GONE,
    VERSION,
    a_life_of_bob,
    approved_by,
    digest,
    found_in_file,
    he_waits,
    people_of,
)

pytestmark = pytest.mark.usefixtures("nothing_blocks")


async def erase(one: Bench) -> dict[str, int]:
    return await people_of(one).erase("web:bob", by="web:root", scope="web:")


async def runs_of(one: Bench, who: str) -> list[str]:
    return [str(row[0]) for row in await one.plain(f"SELECT id FROM runs WHERE requester = '{who}' ORDER BY seq")]


def without_bobs_words(found: dict[str, Any]) -> dict[str, Any]:
    """An export without what bob decided in it."""
    asked = [{**row, "result": "", "reason": "", "decider_name": ""} for row in found["tool_calls"]]
    audit = [{**row, "reason": ""} for row in found["audit"]]
    return {**found, "at": "", "tool_calls": asked, "audit": audit}


# --- what goes ---


async def test_no_byte_of_theirs_is_left_in_the_file(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint, vision=True) as one:
        await a_life_of_bob(one, endpoint)
        before = await found_in_file(one, GONE)

        erased = await erase(one)

        assert before == list(GONE)
        assert await found_in_file(one, GONE) == []
    assert await found_in_file(one, GONE) == []
    assert erased == {
        "messages": 4,
        "overheard messages": 0,
        "untaken messages": 0,
        "answers": 4,
        "tool calls": 4,
        "attachments": 2,
        "notes": 1,
        "votes": 2,
        "grants": 1,
        "audit rows": 9,
        "still open": 0,
    }


async def test_nothing_is_left_to_be_counted_or_exported(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        await erase(one)

        counts = await people_of(one).count("web:bob")
        found = json.dumps(await people_of(one).export("web:bob"))

    assert not any(counts.values())
    assert [word for word in GONE if word in found] == []


async def test_erasing_again_finds_nothing_and_breaks_nothing(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        await erase(one)
        before = [await people_of(one).export(who) for who in ("web:bob", "web:alice", "web:dave")]

        again = await erase(one)

        after = [await people_of(one).export(who) for who in ("web:bob", "web:alice", "web:dave")]
    assert not any(again.values())
    assert [{**found, "at": ""} for found in after] == [{**found, "at": ""} for found in before]


async def test_what_was_not_sent_yet_is_never_sent(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("BOB-answer"), says("hello again")]
    async with opened(settings, endpoint) as one:
        one.adapter.refuses = PlaceGone("the channel is archived")
        await one.say("BOB-task", actor=BOB)
        one.adapter.refuses = None

        await erase(one)
        await one.say("hello", actor=ALICE)

        assert one.answers() == ["hello again"]


async def test_a_note_from_before_identities_were_kept_is_found_by_its_run(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        await one.tamper("UPDATE notes SET author_key = ''")

        erased = await erase(one)

        assert erased["notes"] == 1
        assert await one.plain("SELECT text FROM notes") == [("dave's note",)]


# --- what stays ---


async def test_what_others_have_stays_as_it_is(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint, vision=True) as one:
        await a_life_of_bob(one, endpoint)
        dave = await people_of(one).export("web:dave")
        alice = await people_of(one).export("web:alice")

        await erase(one)

        assert {**await people_of(one).export("web:dave"), "at": dave["at"]} == dave
        alices = await people_of(one).export("web:alice")
    assert without_bobs_words(alices) == without_bobs_words(alice)
    (denied,) = alices["tool_calls"]
    assert (denied["decider"], denied["decider_name"], denied["reason"]) == ("web:bob", "", "")
    assert denied["result"] == "Action denied by user. Denied by somebody."


async def test_where_others_decided_too_their_names_stay(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("deployed")]
    async with opened(settings, endpoint) as one:
        await approved_by(one, "2 of web:bob,web:carol")
        await one.say("deploy", actor=ALICE)
        card = await one.only_card()
        await one.click(card.approval_id, actor=BOB, reason="BOB-vote")
        await one.click(card.approval_id, actor=CAROL)
        (before,) = (await people_of(one).export("web:alice"))["tool_calls"]

        await erase(one)
        await erase(one)

        (after,) = (await people_of(one).export("web:alice"))["tool_calls"]
        assert before["decider_name"] == "BOB-name and Carol"
        assert after["decider_name"] == "web:bob and Carol"
        assert after["result"] == before["result"] == "deployed 1"
        assert await one.plain("SELECT person, name FROM votes ORDER BY at_ms") == [
            ("web:bob", ""),
            ("web:carol", "Carol"),
        ]
        assert await found_in_file(one, ("BOB-name", "BOB-vote")) == []


async def test_what_they_edited_for_others_keeps_no_name(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("deployed")]
    async with opened(settings, endpoint) as one:
        await approved_by(one, "web:bob")
        await one.say("deploy", actor=ALICE)
        card = await one.only_card()
        click = Click(card.approval_id, "edit", BOB, arguments='{"version": "2"}')
        assert (await one.service.decide(click)).is_accepted
        await one.service.idle()

        await erase(one)

        (call,) = (await people_of(one).export("web:alice"))["tool_calls"]
        assert (call["edited"], call["editor"]) == ('{"version": "2"}', "web:bob")
        assert call["result"] == 'The arguments were edited by somebody; really run: {"version": "2"}\ndeployed 2'
        (edit,) = (await people_of(one).export("web:bob"))["edits"]
        assert (edit["tool"], edit["name"]) == ("deploy", "")
        assert await found_in_file(one, ("BOB-name",)) == []


async def test_arguments_can_still_be_proved(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        before = await AuditRows(one.app.database).read(filters={"who": "web:bob"})

        await erase(one)

        after = await AuditRows(one.app.database).read(filters={"who": "web:bob"})
    own = [row for row in after if row["requester"] == "web:bob" and row["arguments"]]
    assert [row["arguments"] for row in own] == [
        digest(row["arguments"]) for row in before if row["requester"] == "web:bob" and row["arguments"]
    ]
    assert digest(VERSION) in [row["arguments"] for row in own if row["event"] == "call.done"]
    who_decided = ("at", "run", "requester", "tool", "approver", "decision", "outcome")
    assert [[row[name] for name in who_decided] for row in after] == [
        [row[name] for name in who_decided] for row in before
    ]


async def test_the_audit_says_who_erased_whom(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)

        await erase(one)

        (row,) = await AuditRows(one.app.database).read(filters={"event": "data.erased"}, scope="web:")
    assert (row["requester"], row["rule"]) == (
        "web:root",
        "web:bob: 4 messages, 4 answers, 4 tool calls, 2 attachments, 1 notes, 2 votes, 1 grants, 9 audit rows",
    )


async def test_everything_can_be_read_afterwards(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        before = await RunRows(one.app.database).load((await runs_of(one, "web:bob"))[0])
        await erase(one)

        transcript = await one.service.transcript(PLACE)
        stored = [
            (await RunRows(one.app.database).load(run_id)).run
            for who in ("web:bob", "web:alice", "web:dave")
            for run_id in await runs_of(one, who)
        ]
        past = await AuditRows(one.app.database).calls(scope="web:", since_ms=0, at_most=100)

    said = [event for event in transcript if isinstance(event, chat.Said)]
    assert [event.text for event in said][:2] == ["[erased]", "[erased]"]
    assert {card.card.arguments for card in transcript if isinstance(card, chat.CardShown)} >= {"{}"}
    assert [run.status for run in stored] == ["done"] * 6
    assert (stored[0].usage, stored[0].requester.key) == (before.run.usage, "web:bob")
    assert (stored[0].requester.name, stored[0].requester.groups, stored[0].messages) == ("", frozenset(), ())
    assert len(past) == 6


async def test_the_book_is_read_anew(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        policies = PolicyRows(one.app.database)
        before = await policies.newer_than(0)
        assert before is not None

        await erase(one)

        after = await policies.newer_than(before.revision)
    assert after is not None
    assert [row for row in after.people if row[0] == "web:bob"] == [("web:bob", "", "", "member")]
    assert after.grants == ()
    assert (after.rules, after.links, after.version) == (before.rules, before.links, before.version)


async def test_the_next_message_is_told_nothing_of_it(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        await erase(one)
        endpoint.script += [says("hello")]

        await one.say("hello", actor=ALICE)

    sent = json.dumps(endpoint.requests[-1].body["messages"])
    assert "BOB-" not in sent
    assert "erased" not in sent
    assert "alice's answer" in sent


# --- what is open ---


async def test_an_open_run_is_left_as_it_is_until_it_is_over(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        run_id = await he_waits(one, endpoint)
        before = await RunRows(one.app.database).load(run_id)

        erased = await erase(one)

        assert await RunRows(one.app.database).load(run_id) == before
        assert erased["still open"] == 1
        endpoint.script += [says("late")]
        await one.click((await one.only_card()).approval_id, actor=replace(BOB, user="carol"))
        assert one.answers()[-1] == "late"
        assert (await erase(one))["messages"] == 1
        assert await found_in_file(one, ("BOB-waits",)) == []


async def test_an_open_run_that_shows_their_image_can_still_be_read(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("a cat"), calls(("deploy", {"version": "1"})), says("deployed")]
    async with opened(settings, endpoint, vision=True) as one:
        await one.say("look", Upload("cat.png", PNG), Upload("cat.md", b"BOB-text"), actor=BOB)
        await one.say("deploy that", actor=ALICE)
        (waiting,) = await runs_of(one, "web:alice")
        before = await RunRows(one.app.database).load(waiting)

        erased = await erase(one)

        assert await RunRows(one.app.database).load(waiting) == before
        assert (erased["attachments"], erased["still open"]) == (1, 1)
        await one.click((await one.only_card()).approval_id, actor=replace(BOB, user="carol"))
        assert (await erase(one))["attachments"] == 1
        assert await one.plain("SELECT count(*) FROM attachments") == [(0,)]
        assert await found_in_file(one, ("BOB-text",)) == []


# --- the file ---


async def test_a_file_that_somebody_reads_is_told_and_tried_again(
    settings: Settings, endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.database.PATIENCE_S", 0.1)
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)
        reader = await asyncio.to_thread(_reading, one)

        with pytest.raises(StoreError, match="traces"):
            await erase(one)

        await asyncio.to_thread(reader.close)
        assert not any((await PeopleRows(one.app.database).count("web:bob")).values())
        await erase(one)
        assert await found_in_file(one, GONE) == []


def _reading(one: Bench) -> Any:
    connection = sqlite3.connect(one.app.settings.data_dir / "nod.db", isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM runs").fetchall()
    return connection


async def test_a_run_that_cannot_be_read_is_erased_like_any(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("BOB-answer")]
    async with opened(settings, endpoint) as one:
        await one.say("BOB-task", actor=BOB)
        await one.tamper("UPDATE runs SET head = 'BOB-text'")

        erased = await erase(one)

        (run_id,) = await runs_of(one, "web:bob")
        run = (await RunRows(one.app.database).load(run_id)).run
        assert (run.task, run.answer, run.place, run.requester) == ("[erased]", "[erased]", PLACE, BOB)
        assert erased["messages"] == 1
        assert await found_in_file(one, GONE) == []
