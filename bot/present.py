"""Stored things as the events and cards people see. Pure."""

from __future__ import annotations

import json
from typing import Literal

from bot import chat
from bot.engine.types import CallState, ToolCall
from bot.storage.reading import CallLine, RunLine, StoredApproval, StoredTurn

_OUTCOMES = frozenset({CallState.STARTED, CallState.DONE, CallState.FAILED, CallState.UNKNOWN, CallState.CANCELLED})


def card(approval: StoredApproval, about: str) -> chat.Card:
    """An approval as a card; `about` is the tool's description."""
    call_state = approval.call_state
    is_refused = approval.state == "approved" and call_state is CallState.DENIED
    is_shown = approval.state == "approved" and call_state in _OUTCOMES
    outcome = "refused" if is_refused else call_state.value if is_shown else ""
    return chat.Card(
        approval_id=approval.id,
        run_id=approval.run_id,
        place=approval.place,
        tool=approval.tool,
        about=about,
        arguments=pretty(approval.arguments),
        requester=approval.requester.key,
        requester_name=approval.requester.label,
        approver=approval.approver,
        rule=approval.rule,
        expires_ms=approval.expires_ms,
        state=approval.state,  # type: ignore[arg-type]  # the table's CHECK holds it to the same words
        decided_by=approval.decided_name,
        decided_ms=approval.decided_ms,
        reason=approval.reason,
        outcome=outcome,
    )


def pretty(arguments: str) -> str:
    """The arguments in full, indented; as they are where they are not JSON."""
    try:
        return json.dumps(json.loads(arguments or "{}"), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return arguments


def decided(approval: StoredApproval) -> str:
    """Who decided, for somebody who came late."""
    who = f" by {approval.decided_name}" if approval.decided_name else ""
    if approval.state == "expired":
        return "This approval has expired; nothing was run."
    if approval.state == "cancelled":
        return f"This request was already cancelled{who}; nothing was run."
    outcome = {
        CallState.DONE: "; it has run",
        CallState.STARTED: "; it is running",
        CallState.FAILED: "; it has failed",
        CallState.UNKNOWN: "; its outcome is unknown",
    }.get(approval.call_state, "")
    return f"This was already {approval.state}{who}{outcome}."


def tool_line(run_id: str, call: ToolCall | CallLine) -> chat.ToolLine:
    """`by` names who decided, where the state is that person's doing."""
    tool = call.name if isinstance(call, ToolCall) else call.tool
    is_theirs = call.state not in (CallState.DENIED, CallState.CANCELLED) or call.decision in ("deny", "cancel")
    by = call.decided_by if is_theirs else ""
    return chat.ToolLine(run_id, call.id, tool, call.state.value, by, call.duration_ms)


def unknown(run_id: str, tool: str, arguments: str, at_ms: int) -> chat.Notice:
    """The report on a call whose outcome nobody knows, with its arguments."""
    text = (
        f"It is not known whether {tool} took effect: it was interrupted after it had started. "
        f"It will not be repeated. Please check. Its arguments:\n{pretty(arguments)}"
    )
    return chat.Notice(run_id, text, at_ms)


def transcript(
    runs: list[RunLine],
    calls: list[CallLine],
    posts: list[StoredTurn],
    cards: list[chat.Card],
    *,
    with_question: bool = False,
) -> list[chat.Event]:
    """A conversation in the order people saw it: each message when it was said, each answer when it settled.

    `with_question` repeats the words in which the model asked, where a run still waits.
    """
    timed: list[tuple[int, int, list[chat.Event]]] = []
    for order, run in enumerate(runs):
        asked = _asked(run, calls, cards)
        if with_question and run.ask_text:
            asked.append(chat.Notice(run.id, run.ask_text, run.created_ms))
        timed.append((run.created_ms, order, asked))
        if run.answer is not None:
            at_ms = run.settled_ms or run.created_ms
            timed.append((at_ms, order, [chat.Answered(run.id, run.answer, at_ms), chat.Working(run.id, _over(run))]))
    timed += [(post.at_ms, len(runs), [chat.Answered("", post.text, post.at_ms)]) for post in posts]
    timed.sort(key=lambda entry: entry[:2])
    return [event for _, _, events in timed for event in events]


def _asked(run: RunLine, calls: list[CallLine], cards: list[chat.Card]) -> list[chat.Event]:
    said: list[chat.Event] = [chat.Said(run.id, run.requester, run.task, run.created_ms)]
    mine = [call for call in calls if call.run_id == run.id]
    said += [tool_line(run.id, call) for call in mine]
    said += [chat.CardShown(one) for one in cards if one.run_id == run.id]
    said += [
        unknown(run.id, call.tool, call.arguments, call.ended_ms or run.created_ms)
        for call in mine
        if call.state is CallState.UNKNOWN
    ]
    if run.answer is None:
        said.append(chat.Working(run.id, run.status))  # type: ignore[arg-type]  # the table's CHECK
    return said


def _over(run: RunLine) -> Literal["done", "failed", "cancelled"]:
    return run.status  # type: ignore[return-value]  # only settled runs have an answer
