"""Calls as rows: inserted once, moved by conditional updates, each move with its audit row and its report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select, update

from bot.engine import words
from bot.engine.types import CallState, Run, ToolCall, ToolResult
from bot.errors import CheckpointError, StaleRun, Taken
from bot.storage import audit, outbox
from bot.storage.database import Transaction
from bot.storage.schema import calls
from bot.storage.statements import Statement, insert_of, this

RUNNING_SHOWN_AFTER_MS = 1_000
"""A call that ends sooner is shown once, as it ended: platforms count how often a message is edited."""
OPEN_STATES = ("proposed", "waiting", "approved", "started")
_CHANGING = (
    *("edited", "edited_by", "editor", "state", "effect", "marks", "verdict", "rule", "approver", "definition"),
    *("decision", "decided_by", "decider", "reason", "result", "is_error", "duration_ms"),
)

_ADD = insert_of(calls)
_OF_RUN = Statement(select(calls).where(calls.c.run_id == this("this_run")).order_by(calls.c.position))
# A read's start is not written: the row may still be `proposed`. The first one wins.
_move = update(calls).where(
    calls.c.id == this("this_id"),
    calls.c.state.in_([this("before"), this("or_before")]),
    func.coalesce(calls.c.edited, "") == this("edited_before"),
)
_MOVE = Statement(_move, *_CHANGING)
_START = Statement(_move, *_CHANGING, "started_ms")
_END = Statement(_move, *_CHANGING, "ended_ms")


def insert(tx: Transaction, run: Run, new: Iterable[ToolCall], first: int) -> None:
    """Add calls as they stand, the first one at position `first`. Raises `StaleRun` when another added them."""
    for position, call in enumerate(new, first):
        row = {
            **_changing(call),
            "id": call.id,
            "run_id": run.id,
            "position": position,
            "reply": call.reply,
            "provider_id": call.provider_id,
            "wire_id": call.wire_id,
            "name": call.name,
            "arguments": call.arguments,
            "arguments_sha256": sha256(call.arguments),
            "started_ms": tx.now_ms if call.state is CallState.STARTED else None,
            "ended_ms": tx.now_ms if call.is_final else None,
        }
        try:
            tx.execute(_ADD, row)
        except Taken as err:
            raise StaleRun("This run was moved on by another.") from err
        if call.state not in (CallState.PROPOSED, CallState.STARTED):
            audit.note(tx, run, call)


def move(tx: Transaction, run: Run, old: ToolCall, new: ToolCall) -> None:
    """Move one call, provided it still is where this driver believes it to be. Raises `StaleRun`."""
    or_before = CallState.PROPOSED.value if new.effect == "read" else old.state.value
    values = {**_changing(new), "this_id": new.id, "before": old.state.value, "or_before": or_before}
    values["edited_before"] = old.edited or ""
    if new.state is CallState.STARTED:
        moved = tx.execute(_START, {**values, "started_ms": tx.now_ms})
    elif new.is_final:
        moved = tx.execute(_END, {**values, "ended_ms": tx.now_ms})
    else:
        moved = tx.execute(_MOVE, values)
    if moved != 1:
        raise StaleRun("This call was already moved by another.")
    if new.edited is not old.edited and new.state is CallState.WAITING:
        audit.note(tx, run, new, event="call.edited", approver=new.editor)
    elif new.state is not CallState.STARTED:
        audit.note(tx, run, new)
    if new.verdict == "ask" or new.decision:
        outbox.show_again(tx, new.id, in_ms=RUNNING_SHOWN_AFTER_MS if new.state is CallState.STARTED else 0)
    if new.state is CallState.UNKNOWN:
        report(tx, run, new)


def report(tx: Transaction, run: Run, call: ToolCall) -> None:
    """Tell requester and approver, once, that nobody knows what became of this call."""
    outbox.post(
        tx,
        run.place,
        "notice",
        f"unknown:{call.id}",
        ref=call.id,
        run_id=run.id,
        text=words.unknown_report(run, call),
        addressed=[who for who in (run.requester.key, *call.decider.split(",")) if who],
    )


def _changing(call: ToolCall) -> dict[str, Any]:
    """The columns of a call that change during its life."""
    return {
        "edited": call.edited,
        "edited_by": call.edited_by,
        "editor": call.editor,
        "marks": ",".join(sorted(call.marks)),
        "state": call.state.value,
        "effect": call.effect,
        "verdict": call.verdict,
        "rule": call.rule,
        "approver": call.approver,
        "definition": call.definition,
        "decision": call.decision,
        "decided_by": call.decided_by,
        "decider": call.decider,
        "reason": call.reason,
        "result": None if call.result is None else call.result.text,
        "is_error": bool(call.result and call.result.is_error),
        "duration_ms": call.duration_ms,
    }


def of_run(tx: Transaction, run_id: str) -> tuple[ToolCall, ...]:
    """The calls of a run, in order. Raises `CheckpointError` for one that was changed outside of Nod."""
    return tuple(map(_read, tx.all(_OF_RUN, this_run=run_id)))


def _read(row: Any) -> ToolCall:
    if sha256(row.arguments) != row.arguments_sha256:
        raise CheckpointError("A stored call does not match its hash: it was changed outside of Nod.")
    return _unchecked(row)


def _unchecked(row: Any) -> ToolCall:
    return ToolCall(
        id=row.id,
        reply=row.reply,
        provider_id=row.provider_id,
        wire_id=row.wire_id,
        name=row.name,
        arguments=row.arguments,
        state=CallState(row.state),
        effect=row.effect,
        verdict=row.verdict,
        rule=row.rule,
        approver=row.approver,
        definition=row.definition,
        edited=row.edited,
        edited_by=row.edited_by,
        editor=row.editor,
        marks=frozenset(row.marks.split(",")) if row.marks else frozenset(),
        decision=row.decision,
        decided_by=row.decided_by,
        decider=row.decider,
        reason=row.reason,
        result=None if row.result is None else ToolResult(row.result, bool(row.is_error)),
        duration_ms=row.duration_ms,
    )


def rows_of(tx: Transaction, run_id: str) -> tuple[ToolCall, ...]:
    """The calls of a run that may be damaged, for the report on it alone."""
    return tuple(map(_unchecked, tx.all(_OF_RUN, this_run=run_id)))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
