"""Checkpoints: what was written stays readable."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.engine.machine import apply
from bot.engine.steps import Asked, Decided, Replied
from bot.engine.types import (
    NO_TAINT,
    Actor,
    Decision,
    Message,
    Place,
    Reply,
    Rights,
    Run,
    Taint,
    ToolCall,
    Usage,
    Verdict,
    message,
)
from bot.errors import CheckpointError
from bot.storage.codec import VERSION, from_checkpoint, to_checkpoint

GOLDEN = Path(__file__).parent / "golden"


def full_run() -> Run:
    """A run in which every field says something."""
    run = Run(
        id="run1",
        task="delete two things",
        messages=(message("system", "Be kind."), message("user", "delete two things")),
        model="kitchen",
        requester=Actor("slack", "T1", "U1", "Alice", frozenset({"S1"}), "guest"),
        place=Place("slack", "T1", "C1", "123.456"),
        rights=Rights("user", ("delete",), frozenset({"a"}), frozenset({"b"}), frozenset({"c"})),
        max_rounds=5,
    )
    body = b'{"role":"assistant","content":null,"tool_calls":[{"id":""},{"id":""}],"reasoning_details":[{"x":1}]}'
    sent = body.replace(b"null", b'""')
    calls = (
        ToolCall("c1", 1, None, "w1", "delete", '{"name": "\u00e9\U0001f600"}'),
        ToolCall("c2", 1, "p2", "p2", "delete", '{"name": "y"}'),
    )
    ask = Verdict("ask", "delete needs confirmation", effect="once", approver="requester", definition="abc")
    ask = replace(ask, marks=frozenset({"sends"}))
    facts = (
        Replied(Reply(Message("assistant", body, sent, "kitchen"), "", calls, "tool_calls", usage=Usage(10, 5, 1))),
        Asked((("c1", ask), ("c2", ask))),
        Decided("c1", Decision("edit", "Root", "slack:T1/U9", "not all", '{"name": "z"}')),
        Decided("c2", Decision("deny", "Root", "slack:T1/U9", "no")),
    )
    for fact in facts:
        run = apply(run, fact)
    return replace(run, ask_text="Shall I?", taint=Taint(("fetch",), ("notes",)))


def before_marks(run: Run) -> Run:
    """The run as version 2 knew it: without marks, and without who edited."""
    calls = tuple(replace(call, edited_by="", editor="", marks=frozenset()) for call in run.calls)
    return replace(run, taint=NO_TAINT, calls=calls)


def before_weights(run: Run) -> Run:
    """The run as version 1 knew it: not counted, and without the authors of its messages."""
    return before_marks(replace(run, weight=0, messages=tuple(replace(one, by="") for one in run.messages)))


AS_KNOWN = {1: before_weights, 2: before_marks, VERSION: lambda run: run}


def test_a_checkpoint_survives_json_without_a_change() -> None:
    run = full_run()

    assert from_checkpoint(json.loads(json.dumps(to_checkpoint(run)))) == run


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_released_checkpoint_stays_readable(path: Path) -> None:
    run = from_checkpoint(json.loads(path.read_text("utf-8")))

    expected = AS_KNOWN[int(path.stem.removeprefix("checkpoint-v"))](full_run())
    assert run == expected
    if path.stem == f"checkpoint-v{VERSION}":
        assert (run.requester.groups, run.requester.standing) == (frozenset({"S1"}), "guest")


def test_the_current_version_has_its_golden_file() -> None:
    assert (GOLDEN / f"checkpoint-v{VERSION}.json").is_file()
    assert json.loads((GOLDEN / f"checkpoint-v{VERSION}.json").read_text("utf-8")) == to_checkpoint(full_run())


def test_a_newer_checkpoint_says_that_it_is_newer() -> None:
    with pytest.raises(CheckpointError, match="newer version of Nod"):
        from_checkpoint({**to_checkpoint(full_run()), "version": VERSION + 1})


@pytest.mark.parametrize("key", ["id", "task", "messages", "calls", "status"])
def test_a_checkpoint_with_a_wrong_part_is_damaged(key: str) -> None:
    checkpoint = to_checkpoint(full_run())
    checkpoint["run"][key] = {"wrong": "type"}

    with pytest.raises(CheckpointError, match="damaged"):
        from_checkpoint(checkpoint)
