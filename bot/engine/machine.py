"""Everything that moves a run, and nothing that waits: `decide` says what is next, `apply` adds what happened.

Pure: no clock, no I/O, no randomness. A live message, a click and a restart all come through here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import assert_never

from bot.engine import words
from bot.engine.compaction import DOWN_TO_SHARE, LEAST, Cut, budget_tokens, learned
from bot.engine.request import cuts_down_to, request_messages, request_weight
from bot.engine.steps import (
    Action,
    Answer,
    Answered,
    AskApproval,
    Asked,
    CallModel,
    Compact,
    Compacted,
    Decided,
    Edited,
    Fact,
    Finish,
    Reconcile,
    Refuse,
    Replied,
    Restored,
    Returned,
    RunTools,
    Started,
    Steered,
    Stopped,
    Wait,
    Worded,
)
from bot.engine.types import CallState, Decision, Reply, Run, ToolCall, ToolResult, Verdict, message
from bot.errors import StaleRun

Judge = Callable[[ToolCall, Run], Verdict]
"""The checks of one call of a run: known, permitted, arguments valid, gate."""

RUNNABLE_FINISHES = frozenset({"tool_calls", "stop", "function_call", None})
"""Finish reasons after which the calls of a reply may run. None only counts when the stream ended cleanly."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of one run. `max_identical`: how often the very same call may run; `max_corrections`: how many faulty
    replies are answered with a correction before the run stops; `max_seconds`: active time of one drive, waiting not
    counted; `window_tokens`: the model's window, None = nobody knows; `tools_weight`: bytes of the tools' schemas."""

    max_calls_per_reply: int = 16
    max_identical: int = 3
    max_corrections: int = 2
    max_seconds: float = 900.0
    window_tokens: int | None = None
    tools_weight: int = 0


# --- decide ----------------------------------------------------------------------------------------------------------


def decide(run: Run, judge: Judge, limits: Limits | None = None) -> Action:
    """Say what the run needs next."""
    limits = limits or Limits()
    if run.is_over:
        return Finish()
    if run.stop:
        return Answer(words.with_gathered(run.stop, run), "failed")
    return _next_for_calls(run, judge, limits) or _next_for_model(run, limits)


def _next_for_calls(run: Run, judge: Judge, limits: Limits) -> Action | None:
    """The next step for the open calls of the latest reply, None when each has its end."""
    still_open = [call for call in run.batch if not call.is_final]
    if not still_open:
        return None
    judged = [(call, judge(call, run)) for call in still_open]
    interrupted = [call for call, verdict in judged if _is_interrupted(call, verdict)]
    if interrupted:
        return Reconcile(tuple(interrupted))
    refused = [fact for call, verdict in judged if (fact := _refusal(run, call, verdict, limits))]
    if refused:
        return Refuse(tuple(refused))
    runnable = tuple((call, verdict) for call, verdict in judged if _may_run(call, verdict))
    if runnable:
        return RunTools(runnable)
    gated = tuple((call, verdict) for call, verdict in judged if _has_to_be_asked(call, verdict))
    return AskApproval(gated) if gated else Wait()


def _may_run(call: ToolCall, verdict: Verdict) -> bool:
    """Free calls, approved calls, and repeatable calls that a crash interrupted. A call that waits is released by
    nobody but a person."""
    if call.state is CallState.WAITING:
        return False
    return verdict.outcome == "run" or call.state is not CallState.PROPOSED


def _has_to_be_asked(call: ToolCall, verdict: Verdict) -> bool:
    """A call that nobody was asked about, or was asked about when its tool or its approver was another."""
    return call.state is CallState.PROPOSED or has_changed(call, verdict) or has_other_approver(call, verdict)


def has_other_approver(call: ToolCall, verdict: Verdict) -> bool:
    """Whether somebody else than when it was asked about has to approve this call."""
    return verdict.outcome == "ask" and call.approver != verdict.approver


def has_changed(call: ToolCall, verdict: Verdict) -> bool:
    """Whether the tool is not the one this call was judged by."""
    return bool(call.definition) and call.definition != verdict.definition


def _refusal(run: Run, call: ToolCall, verdict: Verdict, limits: Limits) -> Returned | None:
    """Why this call ends here without running, None when nothing speaks against it."""
    if call.state is CallState.STARTED:
        return None
    if call.state is CallState.WAITING:
        return _withdrawn(call, verdict)
    if verdict.outcome == "invalid":
        return _failed(call, verdict.text, verdict.rule, is_correctable=True)
    if verdict.outcome == "deny":
        return _denied(call, words.refused_by_policy(verdict) if call.decision else verdict.text, verdict.rule)
    if call.state is CallState.APPROVED:
        return _overtaken(call, verdict)
    return _capped(run, call, limits)


def _overtaken(call: ToolCall, verdict: Verdict) -> Returned | None:
    """Why an approval does not count any more: the tool is another, or somebody else has to approve it now."""
    if has_changed(call, verdict):
        return _denied(call, words.DEFINITION_CHANGED, "tool changed since it was approved")
    if has_other_approver(call, verdict):
        return _denied(call, words.APPROVER_CHANGED, "its approver changed since it was approved")
    return None


def _withdrawn(call: ToolCall, verdict: Verdict) -> Returned | None:
    """Why a call stops waiting: the policy was tightened, or under its tool's new definition it could not run."""
    if verdict.outcome == "deny":
        return _denied(call, words.withdrawn_by_policy(verdict), verdict.rule)
    if verdict.outcome == "invalid" and has_changed(call, verdict):
        return _failed(call, f"{words.WITHDRAWN} {verdict.text}", "tool changed while it waited")
    return None


def _capped(run: Run, call: ToolCall, limits: Limits) -> Returned | None:
    """The caps on a proposed call: calls per reply, the same call again and again, a call people already denied."""
    if run.batch.index(call) >= limits.max_calls_per_reply:
        return _failed(call, words.too_many(limits.max_calls_per_reply), "calls per reply")
    earlier = [old for old in run.calls if old.reply < call.reply and _is_same(old, call)]
    for old in earlier:
        if old.decision == "deny":
            return _denied(call, words.already_denied(old), "already denied in this run")
    if len({old.reply for old in earlier}) >= limits.max_identical:
        return _failed(call, words.identical(limits.max_identical), "identical calls", is_correctable=True)
    return None


def _is_same(old: ToolCall, new: ToolCall) -> bool:
    """Whether two calls ask for the same, however their arguments are spelled."""
    if old.name != new.name:
        return False
    return old.arguments == new.arguments or _spelled(old.arguments) == _spelled(new.arguments)


@lru_cache(maxsize=1024)
def _spelled(arguments: str) -> str:
    """The arguments in one spelling; as they are where they are no JSON."""
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments


def _may_repeat(call: ToolCall, verdict: Verdict) -> bool:
    """Whether a call that a crash interrupted may run again: repeatable then and now, and still the same tool."""
    is_repeatable = call.effect != "once" and verdict.effect != "once"
    is_permitted = verdict.outcome == "run" or (verdict.outcome == "ask" and call.is_approved)
    return is_repeatable and is_permitted and call.definition == verdict.definition


def _is_interrupted(call: ToolCall, verdict: Verdict) -> bool:
    return call.state is CallState.STARTED and not _may_repeat(call, verdict)


def interrupted(call: ToolCall, found: ToolResult | None) -> Returned:
    """The end of a call that a crash cut off: what its tool found out (`found`), or unknown."""
    if found is None:
        return Returned(call.id, CallState.UNKNOWN, ToolResult(words.INTERRUPTED, is_error=True), rule="interrupted")
    state = CallState.FAILED if found.is_error else CallState.DONE
    return Returned(call.id, state, found, rule="reconciled by its tool")


def _failed(call: ToolCall, text: str, rule: str, *, is_correctable: bool = False) -> Returned:
    return Returned(
        call.id, CallState.FAILED, ToolResult(text, is_error=True), rule=rule, is_correctable=is_correctable
    )


def _denied(call: ToolCall, text: str, rule: str) -> Returned:
    return Returned(call.id, CallState.DENIED, ToolResult(text, is_error=True), rule=rule)


def _next_for_model(run: Run, limits: Limits) -> Action:
    """All calls have their results: ask the model, or end."""
    if run.replies and not run.batch:
        return Answer(run.last_text or words.gathered(run) or words.NOTHING)
    if run.empty_replies > 1:
        return _nothing_more(run)
    if run.corrections > limits.max_corrections:
        return Answer(words.with_gathered(words.keeps_failing(run), run), "failed")
    if run.rounds < run.max_rounds:
        return _unless_too_long(run, limits, CallModel())
    if any(call.has_run for call in run.batch):
        return _unless_too_long(run, limits, CallModel(with_tools=False))
    return Answer(words.limit_reached(run))


def _unless_too_long(run: Run, limits: Limits, ask: CallModel) -> Action:
    """Ask the model, after shortening what does not fit its window; where no more can be cut, the endpoint judges."""
    weight = request_weight(run, limits.tools_weight)
    tokens = weight * run.tokens_per_weight
    budget = budget_tokens(limits.window_tokens)
    if tokens <= budget:
        return ask
    if cuts := cuts_down_to(run, int(weight * budget * DOWN_TO_SHARE / tokens) - limits.tools_weight):
        return Compact(cuts)
    if limits.window_tokens is not None and weight * LEAST > limits.window_tokens:
        return Answer(words.with_gathered(words.TOO_LONG, run), "failed")
    return ask


def _nothing_more(run: Run) -> Action:
    """The model returned nothing, twice. Scheduled work has its last text or what was gathered all the same."""
    if not run.with_final and (text := run.last_text or words.gathered(run)):
        return Answer(text)
    return Answer(words.with_gathered(words.NOTHING, run), "failed")


# --- apply -----------------------------------------------------------------------------------------------------------


def apply(run: Run, fact: Fact) -> Run:
    """Add what happened. Raises `StaleRun` when the fact does not fit the run's state: somebody else moved it."""
    return _settle(_add(run, fact))


def _add(run: Run, fact: Fact) -> Run:
    match fact:
        case Replied(reply, weight):
            return _replied(_with_count(run, reply, weight), reply)
        case Compacted(cuts):
            return _compacted(run, cuts)
        case Steered(texts):
            return _steered(run, texts)
        case Asked(calls):
            for call_id, verdict in calls:
                may_be_in = {CallState.PROPOSED, CallState.WAITING}
                run = _move(run, call_id, may_be_in, state=CallState.WAITING, **_judged(verdict))
            return run
        case Worded(text, usage, _):
            return replace(run, ask_text=text, usage=run.usage + usage)
        case Decided(call_id, decision, verdict):
            return _decided(run, call_id, decision, verdict)
        case Edited(call_id, verdict, arguments, by, actor):
            edit = {"edited": arguments, "edited_by": by, "editor": actor}
            return _move(run, call_id, {CallState.WAITING}, **edit, **_judged(verdict))
        case Started(call_id, verdict, resumed):
            before = {CallState.STARTED} if resumed else {CallState.PROPOSED, CallState.APPROVED}
            return _move(run, call_id, before, state=CallState.STARTED, **_judged(verdict))
        case Returned():
            return _returned(run, fact)
        case Answered(text, status):
            return replace(run, answer=text, status=status)
        case Stopped(by, is_quiet):
            return _stopped(run, by, is_quiet=is_quiet)
        case Restored():
            return _restored(run)
        case _:
            assert_never(fact)


def _replied(run: Run, reply: Reply) -> Run:
    if reply.calls and (reply.is_cut or reply.finish not in RUNNABLE_FINISHES):
        return replace(run, stop=words.not_run(reply), last_text=reply.text)
    if not reply.calls:
        return _replied_in_words(run, reply)
    return replace(
        _joined(run, reply),
        calls=(*run.calls, *reply.calls),
        replies=run.replies + 1,
        rounds=run.rounds + 1,
        last_text=reply.text or run.last_text,
    )


def _joined(run: Run, reply: Reply) -> Run:
    """The results of the latest calls, then the reply, join the messages."""
    weight = request_weight(run, 0) + reply.message.weight
    return replace(run, messages=(*request_messages(run), reply.message), weight=weight)


def _with_count(run: Run, reply: Reply, weight: int) -> Run:
    """Take note of the model's own count, and of which model it was."""
    counted = learned(run.tokens_per_weight, prompt_tokens=reply.usage.prompt_tokens, weight=weight)
    return replace(run, usage=run.usage + reply.usage, tokens_per_weight=counted, model=reply.message.by or run.model)


def _compacted(run: Run, cuts: tuple[Cut, ...]) -> Run:
    messages = list(request_messages(run))
    for cut in cuts:
        messages[cut.position] = replace(messages[cut.position], sent=cut.sent)
    return replace(run, messages=tuple(messages), weight=sum(one.weight for one in messages))


def may_be_steered(run: Run) -> bool:
    """Whether what is said now may join the messages: the model has asked for something, and all of it has its end.

    Never before the first reply: until then nothing but its place tells the task from what was said before it.
    """
    return not run.is_over and bool(run.batch) and all(call.is_final for call in run.batch)


def _steered(run: Run, texts: tuple[str, ...]) -> Run:
    """What was said becomes part of the task too: that is what the conversation remembers of it."""
    if not may_be_steered(run):
        raise StaleRun("This run takes nothing more at this moment.")
    said = (message("assistant", words.HEARD), *(message("user", text) for text in texts))
    weight = request_weight(run, 0) + sum(one.weight for one in said)
    task = "\n\n".join((run.task, *texts))
    return replace(run, messages=(*request_messages(run), *said), weight=weight, task=task)


def _replied_in_words(run: Run, reply: Reply) -> Run:
    text = words.with_ending(reply)
    if not text:
        return replace(run, empty_replies=run.empty_replies + 1)
    if reply.finish in ("content_filter", "error"):
        return replace(run, stop=text)
    return replace(_joined(run, reply), replies=run.replies + 1, last_text=text)


def _decided(run: Run, call_id: str, decision: Decision, verdict: Verdict | None) -> Run:
    said: dict[str, object] = {
        "decision": decision.verb,
        "decided_by": decision.by,
        "decider": decision.actor,
        "reason": decision.reason,
    }
    match decision.verb:
        case "approve":
            return _move(run, call_id, {CallState.WAITING}, state=CallState.APPROVED, **said)
        case "edit":
            said |= {"edited": decision.arguments, "edited_by": decision.by, "editor": decision.actor}
            said |= {} if verdict is None else _judged(verdict)
            return _move(run, call_id, {CallState.WAITING}, state=CallState.APPROVED, **said)
        case "deny":
            said["result"] = ToolResult(words.denied(decision), is_error=True)
            return _move(run, call_id, {CallState.WAITING}, state=CallState.DENIED, **said)
        case "expire":
            said = {"decision": "expire", "result": ToolResult(words.EXPIRED, is_error=True)}
            return _move(run, call_id, {CallState.WAITING}, state=CallState.EXPIRED, **said)
        case "cancel":
            said["result"] = ToolResult(words.cancelled(decision.by), is_error=True)
            return _move(run, call_id, {CallState.WAITING}, state=CallState.CANCELLED, **said)
        case _:
            assert_never(decision.verb)


def _returned(run: Run, fact: Returned) -> Run:
    call = _find(run, fact.call_id)
    is_first_fault = fact.is_correctable and call.reply != run.last_fault
    result = ToolResult(words.with_edit(call, fact.result.text), fact.result.is_error)
    run = _move(
        run,
        fact.call_id,
        {CallState.PROPOSED, CallState.WAITING, CallState.APPROVED, CallState.STARTED},
        state=fact.state,
        result=result,
        duration_ms=fact.duration_ms,
        rule=fact.rule or call.rule,
        verdict=call.verdict or ("invalid" if fact.is_correctable else "deny"),
    )
    return replace(run, corrections=run.corrections + 1, last_fault=call.reply) if is_first_fault else run


def _stopped(run: Run, by: str, *, is_quiet: bool) -> Run:
    calls = tuple(call if call.is_final else _interrupt(call, by) for call in run.calls)
    return replace(run, calls=calls, status="cancelled", answer=None if is_quiet else words.stopped(run, by))


def _interrupt(call: ToolCall, by: str) -> ToolCall:
    if call.state is CallState.STARTED and call.effect != "read":
        return replace(call, state=CallState.UNKNOWN, result=ToolResult(words.INTERRUPTED, is_error=True))
    text = words.cut_short(by) if call.state is CallState.STARTED else words.cancelled(by)
    return replace(call, state=CallState.CANCELLED, result=ToolResult(text, is_error=True))


def _restored(run: Run) -> Run:
    """What was approved or had started may have run since the backup; what waits goes on waiting; the rest ends."""
    unknown = ToolResult(words.RESTORED, is_error=True)
    calls = tuple(
        replace(call, state=CallState.UNKNOWN, result=unknown)
        if call.state in (CallState.APPROVED, CallState.STARTED)
        else call
        for call in run.calls
    )
    run = replace(run, calls=calls)
    if run.waiting:
        return run
    ended = tuple(call if call.is_final else _interrupt(call, "the restore") for call in calls)
    return replace(run, calls=ended, status="failed", answer=words.with_gathered(words.RESTORED_RUN, run))


def _settle(run: Run) -> Run:
    """Derive the status from the calls."""
    if run.is_over:
        return run
    still_open = {call.state for call in run.batch if not call.is_final}
    return replace(run, status="waiting" if still_open == {CallState.WAITING} else "running")


def _judged(verdict: Verdict) -> dict[str, object]:
    return {
        "verdict": verdict.outcome,
        "rule": verdict.rule,
        "effect": verdict.effect,
        "approver": verdict.approver,
        "definition": verdict.definition,
        "marks": verdict.marks,
    }


def _find(run: Run, call_id: str) -> ToolCall:
    return run.calls[_position(run, call_id)]


def _position(run: Run, call_id: str) -> int:
    """Where a call is; mostly near the end."""
    for at in range(len(run.calls) - 1, -1, -1):
        if run.calls[at].id == call_id:
            return at
    raise StaleRun(f"This run has no call {call_id!r}.")


def _move(run: Run, call_id: str, before: set[CallState], **change: object) -> Run:
    """Replace one call, provided it is in one of the states the fact starts from."""
    at = _position(run, call_id)
    call = run.calls[at]
    if call.state not in before:
        raise StaleRun(f"The call is already {call.state.value}.")
    moved = replace(call, **change)  # type: ignore[arg-type]  # field names checked by the tests of every fact
    return replace(run, calls=(*run.calls[:at], moved, *run.calls[at + 1 :]))
