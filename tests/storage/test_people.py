"""What is kept of a person: all of it for them to read, and how much it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.config.settings import Settings
from bot.storage import exporting
from tests.models.endpoint import ScriptedEndpoint
from tests.service.kit import opened
from tests.storage.lives import DAVE, a_life_of_bob, people_of

pytestmark = pytest.mark.usefixtures("nothing_blocks")


def said(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


async def test_everything_of_a_person_is_in_the_export(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint, vision=True) as one:
        await a_life_of_bob(one, endpoint)

        found = await people_of(one).export("web:bob")

    assert (found["of"], found["cut"], found["at_most"]) == ("web:bob", [], 100_000)
    assert found["who"]["name"] == "BOB-name"
    assert found["who"]["groups"] == ["BOB-group"]
    assert said(found["messages"], "place", "task", "answer", "status", "prompt_tokens") == [
        ("web:general/t1", "BOB-task 1", "BOB-answer 1", "done", 20),
        ("web:general/t1", "BOB-task 2: post it", "BOB-answer 2", "done", 20),
        ("web:general/t1", "BOB-task 3: deploy", "BOB-answer 3", "done", 20),
        ("web:general/t1", "BOB-task 4: deploy another", "BOB-answer 4", "done", 20),
    ]
    assert said(found["attachments"], "kind", "name", "text") == [
        ("file", "BOB-file.md", "BOB-text"),
        ("image", "BOB-picture.png", None),
    ]
    assert found["attachments"][1]["size"] > 50
    assert said(found["tool_calls"], "tool", "state", "decider") == [
        ("notes_add", "done", ""),
        ("send_message", "done", "web:bob"),
        ("deploy", "done", "web:carol"),
        ("deploy", "denied", "web:carol"),
    ]
    assert json.loads(found["tool_calls"][2]["arguments"]) == {"version": "BOB-version"}
    assert found["tool_calls"][2]["result"] == "deployed BOB-version"
    assert said(found["notes"], "place", "text") == [("web:general", "BOB-note")]
    assert said(found["posts"], "text") == [("BOB-post",)]
    assert said(found["approvals_decided"], "tool", "state", "reason") == [
        ("send_message", "approved", ""),
        ("deploy", "denied", "BOB-vote: not today"),
    ]
    assert said(found["votes"], "verb", "reason") == [("approve", ""), ("deny", "BOB-vote: not today")]
    assert said(found["rules"], "kind", "value", "condition") == [("ask", "deploy", "version=BOB-rule")]
    assert said(found["approver_rules"], "approver") == [("web:bob",), ("web:bob,admin",)]
    assert said(found["grants"], "tool", "given_by") == [("deploy", "web:carol")]
    assert said(found["links"], "first") == [("slack:T1/BOB-link",)]
    assert {row["event"] for row in found["audit"]} >= {"call.done", "call.denied", "call.waiting"}
    assert {row["requester"] for row in found["audit"]} == {"web:bob", "web:alice"}
    assert found["messages"][0]["asked"].endswith("Z")
    assert json.loads(json.dumps(found)) == found


async def test_nothing_of_others_is_in_it(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)

        of_bob = json.dumps(await people_of(one).export("web:bob"))
        of_dave = json.dumps(await people_of(one).export("web:dave"))

    assert "dave's note" not in of_bob
    assert "dave's answer" not in of_bob
    assert "dave's note" in of_dave
    assert "BOB-task" not in of_dave


async def test_an_export_that_is_cut_says_so(
    settings: Settings, endpoint: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)

        found = await one.app.database.run(lambda tx: exporting.export(tx, "web:bob", at_most=3))

    assert [row["task"] for row in found["messages"]] == ["BOB-task 1", "BOB-task 2: post it", "BOB-task 3: deploy"]
    assert found["cut"] == ["messages", "tool_calls", "audit"]


async def test_of_a_stranger_nothing_is_kept(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        found = await people_of(one).export("web:nobody")
        counts = await people_of(one).count("web:nobody")

    assert found["who"] is None
    assert [name for name, rows in found.items() if isinstance(rows, list) and rows] == []
    assert not any(counts.values())


async def test_what_is_kept_is_counted_in_words(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    async with opened(settings, endpoint) as one:
        await a_life_of_bob(one, endpoint)

        counts = await people_of(one).count("web:bob")
        of_dave = await people_of(one).count(DAVE.key)

    assert counts == {
        "messages": 4,
        "overheard messages": 0,
        "untaken messages": 0,
        "answers": 4,
        "tool calls": 4,
        "attachments": 2,
        "notes": 1,
        "votes": 2,
        "grants": 1,
    }
    assert (of_dave["messages"], of_dave["notes"], of_dave["grants"]) == (1, 1, 0)
