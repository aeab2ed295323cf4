"""Stored things as the events and cards people see. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from bot import chat
from bot.engine import words
from bot.engine.types import CallState, ToolCall
from bot.policy.approvers import approvers_of, in_words
from bot.storage.asked import StoredApproval
from bot.storage.reading import CallLine, NoticeLine, RunLine, StoredTurn

_OUTCOMES = frozenset({CallState.STARTED, CallState.DONE, CallState.FAILED, CallState.UNKNOWN, CallState.CANCELLED})


def card(
    approval: StoredApproval,
    about: str,
    *,
    asks: str = "",
    missing: str = "",
    offers: tuple[chat.Offer, ...] = (),
    granted: str = "",
    together: str = "",
    together_count: int = 0,
) -> chat.Card:
    """An approval as a card; `about` is the tool's description, the rest what the policy says of it."""
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
        arguments=words.pretty(approval.arguments if approval.edited is None else approval.edited),
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
        asks=asks,
        approved_by=tuple(vote.name for vote in approval.votes if vote.verb == "approve"),
        missing=missing,
        edited_by=approval.edited_by,
        offers=offers,
        granted=granted,
        why=approval.why,
        is_private=approval.is_private,
        together=together,
        together_count=together_count,
    )


def decided(approval: StoredApproval) -> str:
    """Who decided, for somebody who came late."""
    who = f" by {approval.decided_name}" if approval.decided_name else ""
    if approval.state == "pending":
        return "Somebody moved this at the same moment: look again."
    if approval.state == "expired":
        return "This approval has expired; nothing was run."
    if approval.state == "cancelled":
        why = f" ({approval.reason})" if approval.reason else ""
        return f"This request was already cancelled{who}{why}; nothing was run."
    outcome = {
        CallState.DONE: "; it has run",
        CallState.STARTED: "; it is running",
        CallState.FAILED: "; it has failed",
        CallState.UNKNOWN: "; its outcome is unknown",
    }.get(approval.call_state, "")
    return f"This was already {approval.state}{who}{outcome}."


def in_one(outcomes: Sequence[chat.Outcome]) -> str:
    """What came of several decisions: in one sentence where it is the same of each."""
    if len({one.message for one in outcomes}) == 1:
        return f"{len(outcomes)} calls: {outcomes[0].message}"
    named = [f"{one.card.tool}: {one.message}" if one.card else one.message for one in outcomes]
    return f"{len(outcomes)} calls: " + " ".join(f"{at}. {said}" for at, said in enumerate(named, 1))


def tool_line(run_id: str, call: ToolCall | CallLine) -> chat.ToolLine:
    """`by` names who decided, where the state is that person's doing."""
    tool = call.name if isinstance(call, ToolCall) else call.tool
    is_theirs = call.state not in (CallState.DENIED, CallState.CANCELLED) or call.decision in ("deny", "cancel")
    by = call.decided_by if is_theirs else ""
    return chat.ToolLine(run_id, call.id, tool, call.state.value, by, call.duration_ms)


def reminder(approval: StoredApproval) -> str:
    """What approvers are told when something has waited for a good part of its time."""
    hours, minutes = divmod(max(1, approval.left_ms // 60_000), 60)
    left = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return (
        f"Still waiting for approval by {_approver(approval)}: {approval.tool}, asked for by "
        f"{approval.requester.label}. It expires in {left}."
    )


def fallback(approval: StoredApproval) -> str:
    """What those are told who may decide by now what others have not."""
    return (
        f"Nobody has decided yet about {approval.tool}, asked for by {approval.requester.label}: "
        f"{_approver(approval)} may decide it now."
    )


def _approver(approval: StoredApproval) -> str:
    """The rule in words."""
    return in_words(approvers_of(approval.approver), approval.requester.label)


def transcript(
    runs: list[RunLine],
    calls: list[CallLine],
    posts: list[StoredTurn],
    notices: list[NoticeLine],
    cards: list[chat.Card],
    attached: Mapping[str, tuple[str, ...]],
) -> list[chat.Event]:
    """A conversation in the order people saw it: each message when it was said, each answer when it settled."""
    timed: list[tuple[int, int, list[chat.Event]]] = []
    for order, run in enumerate(runs):
        timed.append((run.created_ms, order, _asked(run, calls, notices, cards, attached.get(run.id, ()))))
        if run.answer is not None:
            at_ms = run.settled_ms or run.created_ms
            timed.append(
                (at_ms, order, [chat.Answered(run.id, run.answer, at_ms), chat.Working(run.id, over(run.status))])
            )
    timed += [(post.at_ms, len(runs), [chat.Answered("", post.text, post.at_ms)]) for post in posts]
    timed.sort(key=lambda entry: entry[:2])
    return [event for _, _, events in timed for event in events]


def _asked(
    run: RunLine,
    calls: list[CallLine],
    notices: list[NoticeLine],
    cards: list[chat.Card],
    attached: tuple[str, ...],
) -> list[chat.Event]:
    said: list[chat.Event] = [chat.Said(run.id, run.requester, run.task, run.created_ms, attached)]
    mine = [call for call in calls if call.run_id == run.id]
    said += [tool_line(run.id, call) for call in mine]
    said += [chat.CardShown(one) for one in cards if one.run_id == run.id]
    said += [chat.Notice(run.id, one.text, one.at_ms) for one in notices if one.run_id == run.id]
    if run.answer is None:
        said.append(chat.Working(run.id, run.status))  # type: ignore[arg-type]  # the table's CHECK
    return said


def over(status: str) -> Literal["done", "failed", "cancelled"]:
    """The status of a run that has settled."""
    return status  # type: ignore[return-value]  # the table's CHECK holds it to the same words
