"""Edits and approvals in the machine, and what a run has read: pure tests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.engine.machine import apply, decide
from bot.engine.steps import Decided, Edited, Refuse, Returned, RunTools, Started
from bot.engine.types import NO_TAINT, CallState, Decision, Taint, ToolResult
from bot.errors import StaleRun
from tests.engine.test_machine import ASK, RUN, called, fresh, judge_by, waiting_run


def test_an_edit_that_others_have_to_approve_goes_on_waiting_with_its_new_verdict() -> None:
    run = waiting_run("pay")
    stricter = replace(ASK, approver="2 of finance", rule="pay needs approval when amount>1000")

    edited = apply(run, Edited(run.waiting[0].id, stricter, '{"amount": 5000}', "Bob", "web:bob"))

    (call,) = edited.waiting
    assert (call.to_run, call.arguments) == ('{"amount": 5000}', "{}")
    assert (call.edited_by, call.editor, call.approver) == ("Bob", "web:bob", "2 of finance")
    assert edited.status == "waiting"


def test_only_what_waits_can_be_edited() -> None:
    run = waiting_run("pay")
    denied = apply(run, Decided(run.waiting[0].id, Decision("deny", "Bob")))

    with pytest.raises(StaleRun):
        apply(denied, Edited(run.calls[0].id, ASK, "{}", "Bob", "web:bob"))


def test_an_edit_that_settles_it_carries_the_verdict_on_the_new_arguments() -> None:
    run = waiting_run("pay")
    now = replace(ASK, approver="admin", definition="d")

    decided = apply(run, Decided(run.waiting[0].id, Decision("edit", "Root", "web:root", "", '{"amount": 1}'), now))

    assert decided.calls[0].approver == "admin"
    assert isinstance(decide(decided, judge_by(pay=now)), RunTools)


def test_an_approval_does_not_count_when_somebody_else_has_to_approve_at_the_start() -> None:
    run = waiting_run("pay")
    approved = apply(run, Decided(run.waiting[0].id, Decision("approve", "Bob", "web:bob")))

    action = decide(approved, judge_by(pay=replace(ASK, approver="2 of finance", definition=run.calls[0].definition)))

    assert isinstance(action, Refuse)
    assert action.returned[0].rule == "its approver changed since it was approved"


def test_the_result_of_an_edited_call_names_who_edited_not_who_approved() -> None:
    run = waiting_run("pay")
    edited = apply(run, Edited(run.waiting[0].id, ASK, '{"amount": 5}', "Bob", "web:bob"))
    approved = apply(edited, Decided(run.calls[0].id, Decision("approve", "Ann", "web:ann")))
    started = apply(approved, Started(run.calls[0].id, ASK))
    done = apply(started, Returned(run.calls[0].id, CallState.DONE, ToolResult("paid")))

    assert done.calls[0].result == ToolResult('The arguments were edited by Bob; really run: {"amount": 5}\npaid')


def test_what_a_run_has_read_is_known_from_the_calls_that_may_have_run() -> None:
    marked = replace(RUN, marks=frozenset({"untrusted"}))
    run = called(fresh(), "fetch", "peek")
    first, second = run.batch
    started = apply(run, Started(first.id, marked))
    refused = apply(started, Returned(second.id, CallState.DENIED, ToolResult("no", is_error=True)))

    assert started.taint_before(2) == Taint(("fetch",))
    assert started.taint_before(1) == NO_TAINT
    told = replace(refused, taint=Taint(("mail",), ("notes",)))
    assert told.taint_before(2) == Taint(("mail", "fetch"), ("notes",))
    assert told.taint_before(1) == Taint(("mail",), ("notes",))
    assert fresh().taint_before(1) == NO_TAINT
