"""What a run needs next and what facts do to it: pure tests, no event loop."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.engine import words
from bot.engine.machine import Limits, apply, decide, interrupted, may_be_steered
from bot.engine.request import request_messages
from bot.engine.steps import (
    Answer,
    Answered,
    AskApproval,
    Asked,
    CallModel,
    Decided,
    Finish,
    Reconcile,
    Refuse,
    Replied,
    Returned,
    RunTools,
    Started,
    Steered,
    Stopped,
    Wait,
    Worded,
)
from bot.engine.types import CallState, Decision, Run, ToolCall, ToolResult, Usage, Verdict, message
from bot.errors import StaleRun
from bot.storage.codec import from_checkpoint, to_checkpoint
from tests.fakes import says

RUN = Verdict("run", "free", effect="read")
ONCE = Verdict("run", "free", effect="once")
ASK = Verdict("ask", "gated", effect="once", approver="requester", definition="d1")
DENY = Verdict("deny", "not in the list", "There is no tool.")
INVALID = Verdict("invalid", "invalid arguments", "Correct them.")


def fresh(**change: object) -> Run:
    return Run(id="r1", task="do it", messages=(message("user", "do it"),), **change)  # type: ignore[arg-type]


def called(run: Run, *names: str, finish: str | None = "tool_calls", is_cut: bool = False, text: str = "") -> Run:
    number = run.replies + 1
    calls = tuple(ToolCall(f"{name}{number}.{at}", number, None, f"w{at}", name, "{}") for at, name in enumerate(names))
    base = says(text)
    reply = type(base)(message("assistant", text), text, calls, finish, is_cut)
    return apply(run, Replied(reply))


def judge_by(**verdicts: Verdict):
    return lambda call, run: verdicts[call.name]


def returned(run: Run, name: str, text: str = "ok", state: CallState = CallState.DONE) -> Run:
    call = next(call for call in run.batch if call.name == name)
    return apply(run, Returned(call.id, state, ToolResult(text)))


def test_a_new_run_asks_the_model() -> None:
    assert decide(fresh(), judge_by()) == CallModel()


def test_a_reply_in_words_is_the_answer() -> None:
    run = apply(fresh(), Replied(says("Hello")))

    assert decide(run, judge_by()) == Answer("Hello")


def test_free_calls_run_before_anybody_is_asked() -> None:
    run = called(fresh(), "gated", "free")

    action = decide(run, judge_by(gated=ASK, free=RUN))

    assert isinstance(action, RunTools)
    assert [call.name for call, _ in action.calls] == ["free"]


def test_gated_calls_are_asked_for_when_the_free_ones_are_done() -> None:
    run = called(fresh(), "gated", "free")
    run = apply(run, Started(run.batch[1].id, RUN))
    run = returned(run, "free")

    action = decide(run, judge_by(gated=ASK, free=RUN))

    assert isinstance(action, AskApproval)
    assert [call.name for call, _ in action.calls] == ["gated"]


def test_nobody_is_asked_about_a_call_that_could_not_run() -> None:
    run = called(fresh(), "gated", "broken")

    action = decide(run, judge_by(gated=ASK, broken=INVALID))

    assert isinstance(action, Refuse)
    assert [fact.result.text for fact in action.returned] == ["Correct them."]


def test_a_denied_tool_ends_as_denied_with_the_rule() -> None:
    run = called(fresh(), "secret")

    action = decide(run, judge_by(secret=DENY))

    assert isinstance(action, Refuse)
    assert (action.returned[0].state, action.returned[0].rule) == (CallState.DENIED, "not in the list")


def waiting_run(*names: str) -> Run:
    run = called(fresh(), *names)
    return apply(run, Asked(tuple((call.id, ASK) for call in run.batch)))


def test_a_run_whose_calls_wait_is_waiting() -> None:
    run = waiting_run("gated")

    assert run.status == "waiting"
    assert decide(run, judge_by(gated=ASK)) == Wait()


def test_an_approved_call_starts_while_the_other_still_waits() -> None:
    run = waiting_run("a", "b")
    run = apply(run, Decided(run.batch[1].id, Decision("approve", "alice")))

    action = decide(run, judge_by(a=ASK, b=ASK))

    assert run.status == "running"
    assert isinstance(action, RunTools)
    assert [call.name for call, _ in action.calls] == ["b"]


def test_the_model_is_asked_again_when_every_call_has_its_result() -> None:
    run = waiting_run("a", "b")
    run = apply(run, Decided(run.batch[0].id, Decision("deny", "alice", reason="not now")))
    run = apply(run, Decided(run.batch[1].id, Decision("approve", "alice")))
    assert isinstance(decide(run, judge_by(a=ASK, b=ASK)), RunTools)
    run = apply(run, Started(run.batch[1].id, ASK))
    run = returned(run, "b", "done b")

    assert decide(run, judge_by(a=ASK, b=ASK)) == CallModel()
    assert [one.role for one in request_messages(run)] == ["user", "assistant", "tool", "tool"]
    assert b"Denied by alice. Reason: not now" in request_messages(run)[2].body
    assert b"done b" in request_messages(run)[3].body


def test_a_denial_tells_the_model_who_and_why() -> None:
    run = waiting_run("a")
    run = apply(run, Decided(run.batch[0].id, Decision("deny", "alice", reason="too risky")))

    assert run.batch[0].result == ToolResult("Action denied by user. Denied by alice. Reason: too risky", is_error=True)


@pytest.mark.parametrize(
    ("verb", "state", "begin"),
    [
        ("expire", CallState.EXPIRED, "Approval expired: nobody decided in time"),
        ("cancel", CallState.CANCELLED, "Cancelled by root"),
    ],
)
def test_other_ends_are_said_as_what_they_are(verb: str, state: CallState, begin: str) -> None:
    run = waiting_run("a")
    run = apply(run, Decided(run.batch[0].id, Decision(verb, "root")))  # type: ignore[arg-type]

    assert run.batch[0].state is state
    assert run.batch[0].result is not None
    assert run.batch[0].result.text.startswith(begin)


def test_a_policy_that_was_tightened_stops_an_approved_call() -> None:
    run = waiting_run("a")
    run = apply(run, Decided(run.batch[0].id, Decision("approve", "alice")))

    action = decide(run, judge_by(a=DENY))

    assert isinstance(action, Refuse)
    assert "the policy no longer permits it (not in the list)" in action.returned[0].result.text


def test_a_loosened_policy_never_releases_a_waiting_call() -> None:
    run = waiting_run("a")

    assert decide(run, judge_by(a=replace(RUN, definition=run.batch[0].definition))) == Wait()


def test_a_tool_that_changed_since_its_approval_does_not_run() -> None:
    run = waiting_run("a")
    run = apply(run, Decided(run.batch[0].id, Decision("approve", "alice")))
    changed = Verdict("ask", "gated", effect="once", approver="requester", definition="d2")

    action = decide(run, judge_by(a=changed))

    assert isinstance(action, Refuse)
    assert action.returned[0].result.text == words.DEFINITION_CHANGED


def test_an_edit_runs_the_edited_arguments_and_the_result_says_so() -> None:
    run = waiting_run("a")
    verbatim = run.messages[-1]
    run = apply(run, Decided(run.batch[0].id, Decision("edit", "alice", arguments='{"x": 2}')))
    assert run.batch[0].to_run == '{"x": 2}'
    run = apply(run, Started(run.batch[0].id, ASK))
    run = returned(run, "a", "done")

    assert run.messages[-1] is verbatim
    assert run.batch[0].result == ToolResult('The arguments were edited by alice; really run: {"x": 2}\ndone')


def test_an_interrupted_effect_becomes_unknown_and_is_not_repeated() -> None:
    run = called(fresh(), "send")
    run = apply(run, Started(run.batch[0].id, ONCE))

    assert decide(run, judge_by(send=ONCE)) == Reconcile(run.batch)
    assert interrupted(run.batch[0], None).state is CallState.UNKNOWN


@pytest.mark.parametrize(
    "now",
    [
        Verdict("run", "free", effect="read", definition="d2"),
        Verdict("run", "free", effect="once", definition="d1"),
        Verdict("deny", "gone", effect="read", definition="d1"),
    ],
    ids=["another definition", "not repeatable any more", "not permitted any more"],
)
def test_an_interrupted_read_that_is_not_the_same_any_more_is_unknown(now: Verdict) -> None:
    run = called(fresh(), "look")
    run = apply(run, Started(run.batch[0].id, Verdict("run", "free", effect="read", definition="d1")))

    assert decide(run, judge_by(look=now)) == Reconcile(run.batch)


def test_the_decision_of_a_person_stays_what_it_was_when_the_policy_refuses() -> None:
    run = waiting_run("a")
    run = apply(run, Decided(run.batch[0].id, Decision("approve", "alice", "web:alice")))
    action = decide(run, judge_by(a=DENY))
    assert isinstance(action, Refuse)
    run = apply(run, action.returned[0])

    call = run.batch[0]
    assert (call.state, call.decision, call.decider, call.rule) == (
        CallState.DENIED,
        "approve",
        "web:alice",
        "not in the list",
    )


def test_scheduled_work_that_ends_in_silence_gives_what_was_gathered() -> None:
    run = finish_round(called(fresh(with_final=False), "look"), "seen")
    run = apply(apply(run, Replied(says(""))), Replied(says("")))

    assert decide(run, judge_by(look=RUN)) == Answer("**look**: seen")


def test_the_words_of_the_question_are_counted() -> None:
    run = apply(waiting_run("a"), Worded("Shall I?", Usage(3, 2, 1)))

    assert (run.ask_text, run.usage) == ("Shall I?", Usage(3, 2, 1))


def test_an_interrupted_read_runs_again() -> None:
    run = called(fresh(), "look")
    run = apply(run, Started(run.batch[0].id, RUN))

    action = decide(run, judge_by(look=RUN))

    assert isinstance(action, RunTools)


@pytest.mark.parametrize("finish", ["tool_calls", "stop", "function_call", None])
def test_calls_run_after_these_finish_reasons(finish: str | None) -> None:
    run = called(fresh(), "free", finish=finish)

    assert isinstance(decide(run, judge_by(free=RUN)), RunTools)


@pytest.mark.parametrize(
    ("finish", "is_cut", "said"),
    [
        ("length", False, "cut off at its output limit"),
        ("content_filter", False, "content filter"),
        ("error", False, "broke the reply off"),
        ("mystery", False, "does not know"),
        (None, True, "broke off in the middle"),
    ],
)
def test_calls_never_run_after_a_reply_that_did_not_end_properly(finish: str | None, is_cut: bool, said: str) -> None:
    run = called(fresh(), "free", finish=finish, is_cut=is_cut)

    action = decide(run, judge_by(free=RUN))

    assert isinstance(action, Answer)
    assert action.status == "failed"
    assert said in action.text


def test_text_that_was_cut_off_is_shown_with_a_note() -> None:
    run = apply(fresh(), Replied(says("Half of", finish="length")))

    assert decide(run, judge_by()) == Answer("Half of\n\n_(The model's reply was cut off at its output limit.)_")


def test_an_empty_reply_is_asked_for_once_more_then_said() -> None:
    run = apply(fresh(), Replied(says("  ")))
    assert decide(run, judge_by()) == CallModel()
    run = apply(run, Replied(says("")))

    assert decide(run, judge_by()) == Answer(words.NOTHING, "failed")


def finish_round(run: Run, text: str = "ok") -> Run:
    run = apply(run, Started(run.batch[0].id, RUN))
    return returned(run, run.batch[0].name, text)


def test_at_the_round_limit_the_answer_lists_what_was_gathered() -> None:
    run = finish_round(called(fresh(max_rounds=1), "look"), "x" * 600)

    expected = "Reached the tool iteration limit (1 rounds). Here is what was gathered:\n**look**: " + "x" * 500
    assert decide(run, judge_by(look=RUN)) == Answer(expected)


def test_an_approved_call_earns_a_closing_call_without_tools_even_at_the_limit() -> None:
    run = called(fresh(max_rounds=1), "a")
    run = apply(run, Asked(((run.batch[0].id, ASK),)))
    run = apply(run, Decided(run.batch[0].id, Decision("approve", "alice")))
    run = apply(run, Started(run.batch[0].id, ASK))
    run = returned(run, "a")

    assert decide(run, judge_by(a=ASK)) == CallModel(with_tools=False)


def test_calls_beyond_the_cap_are_answered_and_not_run() -> None:
    run = called(fresh(), *(["look"] * 20))

    action = decide(run, judge_by(look=RUN), Limits(max_calls_per_reply=16))

    assert isinstance(action, Refuse)
    assert len(action.returned) == 4
    assert "too many calls in one reply (at most 16)" in action.returned[0].result.text


def test_the_same_call_is_made_three_times_and_not_a_fourth() -> None:
    run = fresh(max_rounds=50)
    for _ in range(3):
        run = finish_round(called(run, "look"))
    run = called(run, "look")

    action = decide(run, judge_by(look=RUN))

    assert isinstance(action, Refuse)
    assert "already made 3 times" in action.returned[0].result.text


def test_a_call_that_a_person_denied_is_not_asked_again_in_this_run() -> None:
    run = waiting_run("a")
    run = apply(run, Decided(run.batch[0].id, Decision("deny", "alice")))
    run = called(run, "a")

    action = decide(run, judge_by(a=ASK))

    assert isinstance(action, Refuse)
    assert action.returned[0].result.text.startswith("Action denied by user. The same call was already denied by alice")


def test_two_corrections_then_the_run_stops_and_says_why() -> None:
    run = fresh(max_rounds=50)
    for _ in range(3):
        run = called(run, "broken")
        action = decide(run, judge_by(broken=INVALID))
        assert isinstance(action, Refuse)
        for fact in action.returned:
            run = apply(run, fact)

    action = decide(run, judge_by(broken=INVALID))

    assert isinstance(action, Answer)
    assert action.text.startswith("I stopped because the model kept making tool calls that cannot run.")


def test_many_faults_in_one_reply_count_as_one_correction() -> None:
    run = called(fresh(), "broken", "broken")
    action = decide(run, judge_by(broken=INVALID))
    assert isinstance(action, Refuse)
    for fact in action.returned:
        run = apply(run, fact)

    assert run.corrections == 1


def test_a_run_that_is_over_is_finished() -> None:
    run = apply(fresh(), Answered("done"))

    assert decide(run, judge_by()) == Finish()


def test_stopping_cancels_what_waits_and_leaves_what_started_unknown() -> None:
    run = called(fresh(), "a", "b")
    run = apply(run, Asked(((run.batch[0].id, ASK),)))
    run = apply(run, Started(run.batch[1].id, ONCE))

    run = apply(run, Stopped("alice"))

    assert [call.state for call in run.batch] == [CallState.CANCELLED, CallState.UNKNOWN]
    assert run.status == "cancelled"
    assert run.answer is not None
    assert run.answer.startswith("Stopped by alice.")


@pytest.mark.parametrize(
    "fact",
    [
        Decided("a1.0", Decision("approve")),
        Decided("a1.0", Decision("deny")),
        Asked((("a1.0", ASK),)),
        Started("a1.0", ASK),
        Returned("a1.0", CallState.DONE, ToolResult("again")),
        Decided("nowhere", Decision("approve")),
    ],
)
def test_a_fact_that_does_not_fit_any_more_is_refused(fact: object) -> None:
    run = waiting_run("a")
    run = apply(run, Decided("a1.0", Decision("deny", "alice")))

    with pytest.raises(StaleRun):
        apply(run, fact)  # type: ignore[arg-type]


def test_a_quiet_stop_ends_every_call_and_says_nothing() -> None:
    run = apply(called(fresh(), "write"), Asked((("write1.0", ASK),)))

    stopped = apply(run, Stopped("", is_quiet=True))

    assert (stopped.status, stopped.answer, stopped.is_over) == ("cancelled", None, True)
    assert stopped.calls[0].state is CallState.CANCELLED
    assert stopped.calls[0].result == ToolResult("Cancelled: this was not run.", is_error=True)
    assert decide(stopped, judge_by(write=ASK)) == Finish()
    assert words.response(stopped) == words.UNANSWERED


# --- steering ---


def roles(run: Run) -> list[str]:
    return [one.role for one in request_messages(run)]


def test_what_is_said_meanwhile_stands_after_the_results_which_join_once() -> None:
    run = returned(returned(called(fresh(), "look", "read"), "look"), "read")

    steered = apply(run, Steered(("and that", "and this")))

    assert roles(steered) == ["user", "assistant", "tool", "tool", "assistant", "user", "user"]
    assert steered.messages == request_messages(steered)
    assert [json.loads(one.body)["content"] for one in steered.messages[-3:]] == [words.HEARD, "and that", "and this"]
    assert steered.weight == sum(one.weight for one in steered.messages)
    assert steered.task == "do it\n\nand that\n\nand this"
    assert decide(steered, judge_by(look=RUN, read=RUN)) == CallModel()


def test_a_run_is_steered_again_and_its_reply_joins_after_all_of_it() -> None:
    run = returned(called(fresh(), "look"), "look")

    run = called(apply(apply(run, Steered(("one",))), Steered(("two",))), "look")
    run = apply(returned(run, "look"), Replied(says("done")))

    said = ["assistant", "tool", "assistant", "user", "assistant", "user"]
    assert roles(run) == ["user", *said, "assistant", "tool", "assistant"]
    assert run.weight == sum(one.weight for one in run.messages)


def test_a_steered_run_survives_its_checkpoint() -> None:
    run = apply(returned(called(fresh(), "look"), "look"), Steered(("one",)))

    assert from_checkpoint(json.loads(json.dumps(to_checkpoint(run)))) == run


@pytest.mark.parametrize(
    "run",
    [
        fresh(),
        called(fresh(), "look"),
        returned(called(fresh(), "look", "read"), "look"),
        waiting_run("write"),
        apply(returned(called(fresh(), "look"), "look"), Replied(says("done"))),
        apply(returned(called(fresh(), "look"), "look"), Answered("done")),
    ],
    ids=["not asked yet", "call open", "one call open", "waits", "has replied in words", "over"],
)
def test_a_run_that_does_not_go_to_its_model_with_results_takes_nothing(run: Run) -> None:
    assert not may_be_steered(run)
    with pytest.raises(StaleRun):
        apply(run, Steered(("more",)))


def test_a_run_whose_message_was_taken_up_says_where_it_is_answered() -> None:
    assert words.response(fresh(status="done")) == words.TAKEN_UP
