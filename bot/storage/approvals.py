"""Approvals as rows: asked for, decided once, in time by the database's clock."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import select, update

from bot.engine import words
from bot.engine.steps import Asked, Decided, Edited
from bot.engine.types import CallState, Place, Run, ToolCall
from bot.errors import StaleRun
from bot.storage import outbox
from bot.storage.calls import sha256
from bot.storage.database import Transaction
from bot.storage.schema import approvals, calls
from bot.storage.statements import Statement, insert_of, this

FOREVER_MS = 1 << 62
MAX_WHY_CHARS = 2_000
Copies = Callable[[Run, ToolCall], tuple[Place, ...]]
"""Where the card of a call is shown beside the place it was asked for in. Pure: it is asked within a transaction."""
_STATES = {"approve": "approved", "edit": "approved", "deny": "denied", "expire": "expired", "cancel": "cancelled"}

_ADD = insert_of(approvals)
_of_call = update(approvals).where(approvals.c.call_id == this("this_call"), approvals.c.state == "pending")
# In time, by the database's clock: an approval can neither be decided after its end nor expire before it.
_DECIDE = Statement(
    _of_call.where(approvals.c.expires_ms > this("later_than"), approvals.c.expires_ms <= this("at_latest")),
    *("state", "decided_by", "decided_name", "decided_ms", "reason"),
)
_WAITS = Statement(
    select(approvals.c.state, approvals.c.arguments_sha256, calls.c.arguments, calls.c.edited)
    .join(calls, calls.c.id == approvals.c.call_id)
    .where(approvals.c.id == this("this_id"))
)
_ENDS = Statement(
    select(approvals.c.expires_ms).where(approvals.c.call_id == this("this_call"), approvals.c.state == "pending")
)
_CLOSE = Statement(_of_call, "state", "decided_ms", "reason")


def no_copies(run: Run, call: ToolCall) -> tuple[Place, ...]:
    """The card is shown where it was asked for, and nowhere else."""
    return ()


def ask(tx: Transaction, run: Run, asked: Asked, *, ttl_ms: int, copies: Copies) -> None:
    """Make an approval for each call, and its cards. One that waited before, for the tool as it was, is closed; what
    goes on waiting beside them is drawn anew, because it may offer to decide all of it at once."""
    for call_id, verdict in asked.calls:
        call = next(call for call in run.calls if call.id == call_id)
        close(tx, call, "it was asked for anew, because its tool or its approver has changed")
        ends_ms = tx.now_ms + (ttl_ms if verdict.ttl_s is None else verdict.ttl_s * 1000)
        _add(tx, run, call, ends_ms=ends_ms, copies=copies)
    asked_ids = {call_id for call_id, _ in asked.calls}
    for call in _waiting_in(run):
        if call.id not in asked_ids:
            outbox.show_again(tx, call.id)


def check_waits(tx: Transaction, approval_id: str, arguments_sha256: str) -> None:
    """Raise `StaleRun` unless this very approval waits, with these very arguments, for its call as it is now: what
    people decide is what they were shown."""
    row = tx.first(_WAITS, this_id=approval_id)
    if row is None or row.state != "pending" or not row.arguments_sha256 == arguments_sha256 == sha256(_to_run(row)):
        raise StaleRun("This approval does not wait any more.")


def _to_run(row: Any) -> str:
    return str(row.arguments if row.edited is None else row.edited)


def edit(tx: Transaction, run: Run, edited: Edited, *, copies: Copies) -> None:
    """Make a new approval of a call as somebody edited it, with the time that was left; the old one is closed with the
    votes on it. Raises `StaleRun` when it was decided, or is too late."""
    call = next(call for call in run.calls if call.id == edited.call_id)
    ends_ms = tx.scalar(_ENDS, this_call=call.id)
    if ends_ms is None or ends_ms <= tx.now_ms:
        raise StaleRun("This approval was already decided.")
    close(tx, call, f"its arguments were edited by {edited.by}")
    _add(tx, run, call, ends_ms=int(ends_ms), copies=copies)
    show_together(tx, run, but_not=call.id)


def _add(tx: Transaction, run: Run, call: ToolCall, *, ends_ms: int, copies: Copies) -> None:
    approval_id = secrets.token_hex(16)
    row = {
        "id": approval_id,
        "run_id": run.id,
        "call_id": call.id,
        "tool": call.name,
        "arguments": call.to_run,
        "arguments_sha256": sha256(call.to_run),
        "approver": call.approver,
        "rule": call.rule,
        "state": "pending",
        "decided_by": "",
        "decided_name": "",
        "decided_ms": None,
        "reason": "",
        "created_ms": tx.now_ms,
        "expires_ms": ends_ms,
        "reminders": 0,
        "why": _why(run),
    }
    tx.execute(_ADD, row)
    outbox.post(tx, run.place, "card", outbox.card_key(approval_id), ref=call.id, run_id=run.id)
    for place in copies(run, call):
        outbox.post(tx, place, "card", outbox.card_key(approval_id, place), ref=call.id, run_id=run.id)


def _why(run: Run) -> str:
    """What the model said to people beside its calls: the last text of the run, where that is of the message with
    which it still ends while they wait."""
    said = next((one for one in reversed(run.messages) if one.role == "assistant"), None)
    content = json.loads(said.body).get("content") if said is not None else None
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(text for text in texts if isinstance(text, str))
    is_of_it = isinstance(content, str) and run.last_text in content
    return run.last_text.strip()[:MAX_WHY_CHARS].replace("\0", "\ufffd") if is_of_it else ""


def show_together(tx: Transaction, run: Run, *, but_not: str = "") -> None:
    """Draw the card anew that offers to decide at once what still waits of a reply: it is the last of them. That of a
    call that is new anyway is drawn as it should be."""
    waiting = _waiting_in(run)
    if waiting and len(run.batch) > 1 and waiting[-1].id != but_not:
        outbox.show_again(tx, waiting[-1].id)


def _waiting_in(run: Run) -> list[ToolCall]:
    """What waits of the latest reply."""
    return [call for call in run.batch if call.state is CallState.WAITING]


def decide(tx: Transaction, run: Run, decided: Decided) -> None:
    """Settle an approval. Raises `StaleRun` when another did, or when it is not (or no longer) the time for it."""
    decision = decided.decision
    later_than, at_latest = tx.now_ms, FOREVER_MS
    if decision.verb == "expire":
        later_than, at_latest = -1, tx.now_ms
    values = {
        "this_call": decided.call_id,
        "later_than": later_than,
        "at_latest": at_latest,
        "state": _STATES[decision.verb],
        "decided_by": decision.actor,
        "decided_name": decision.by,
        "decided_ms": tx.now_ms,
        "reason": decision.reason,
    }
    if tx.execute(_DECIDE, values) != 1:
        raise StaleRun("This approval was already decided.")
    show_together(tx, run)
    if decision.verb == "expire":
        _tell_requester(tx, run, next(call for call in run.calls if call.id == decided.call_id))


def _tell_requester(tx: Transaction, run: Run, call: ToolCall) -> None:
    text = words.expired_notice(run, call)
    key = f"expired:{call.id}"
    outbox.post(tx, run.place, "notice", key, ref=call.id, run_id=run.id, text=text, addressed=[run.requester.key])


def close(tx: Transaction, call: ToolCall, why: str = "") -> None:
    """Close what still waits for this call, because nobody needs to decide it any more."""
    values = {"this_call": call.id, "state": "cancelled", "decided_ms": tx.now_ms, "reason": why}
    if tx.execute(_CLOSE, values):
        outbox.show_again(tx, call.id)
