"""Messages as queued runs: stored once per event, found again by it, and taken up by a run that works."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot import crash
from bot.engine.steps import Steered
from bot.engine.types import Attachment, Run
from bot.errors import StaleRun
from bot.storage import codec, outbox
from bot.storage.context import HeardLine, attach, not_heard, remember
from bot.storage.database import Transaction
from bot.storage.places import find_conversation, make_conversation
from bot.storage.schema import attachments, calls, runs
from bot.storage.statements import Statement, among, this


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message: the id of its run, whether its event was known, and whether it says the same."""

    run_id: str
    is_known: bool = False
    is_same: bool = True


_ENQUEUE = Statement(
    sqlite_insert(runs)
    .values(seq=select(func.coalesce(func.max(runs.c.seq), 0) + 1).scalar_subquery(), status="queued")
    .on_conflict_do_nothing(index_elements=["event_id"]),
    *("id", "conversation_id", "event_id", "requester", "requester_name", "task", "model", "head", "created_ms"),
)
_KNOWN = Statement(select(runs.c.id, runs.c.task).where(runs.c.event_id == this("this_event")))
_is_an_edit = and_(runs.c.event_id > this("edits"), runs.c.event_id < this("end"))
_NEWEST_OF = Statement(
    select(runs.c.id)
    .where(or_(runs.c.event_id == this("this_event"), _is_an_edit))
    .order_by(runs.c.seq.desc())
    .limit(1)
)
_CALLS = Statement(select(func.count()).where(calls.c.run_id == this("this_run")))
_BEGUN = Statement(
    select(func.count()).where(
        calls.c.run_id == this("this_run"), among(calls.c.state, ("started", "done", "failed", "unknown"))
    )
)

_has_attachments = select(attachments.c.run_id).where(attachments.c.run_id == runs.c.id).correlate(runs).exists()
_QUEUED_OF = Statement(
    select(runs.c.id, runs.c.task, _has_attachments.label("attached"))
    .where(runs.c.conversation_id == this("conversation"), runs.c.requester == this("requester"))
    .where(among(runs.c.status, ("queued",)), runs.c.seq > this("this_seq"))
    .order_by(runs.c.seq)
)
_NEWEST = Statement(select(func.coalesce(func.max(runs.c.seq), 0)))
_TAKE_UP = Statement(
    update(runs).where(runs.c.id == this("this_id"), among(runs.c.status, ("queued",))).values(status="done"),
    "settled_ms",
)


def enqueue(
    tx: Transaction,
    run: Run,
    *,
    event_id: str | None,
    at_ms: int,
    attachments: Sequence[Attachment],
    heard: Sequence[HeardLine] = (),
) -> Receipt:
    """Store a message as a queued run, with what came with it and what was heard before it, once per event."""
    conversation_id = make_conversation(tx, run.place)
    row = {
        "id": run.id,
        "conversation_id": conversation_id,
        "event_id": event_id,
        "requester": run.requester.key,
        "requester_name": run.requester.label,
        "task": run.task,
        "model": run.model,
        "head": codec.head_to_text(run),
        "created_ms": at_ms,
    }
    if tx.execute(_ENQUEUE, row) != 1:
        return _receipt(tx.first(_KNOWN, this_event=event_id), run)
    attach(tx, run.id, attachments)
    if event_id is not None:
        not_heard(tx, conversation_id, event_id)
    remember(tx, conversation_id, heard)
    outbox.unpark(tx, run.place)
    crash.at("inbox.inside")
    return Receipt(run.id)


def find(tx: Transaction, event_id: str) -> str | None:
    """The id of the run that a message started, or the last of those that its edits did (`<event>:<when>`)."""
    row = tx.first(_NEWEST_OF, this_event=event_id, edits=f"{event_id}:", end=f"{event_id};")
    return None if row is None else str(row.id)


def said_since(tx: Transaction, run: Run, seq: int) -> Steered | None:
    """What the person of this run has said in its conversation since the run with this number, as far as it can be
    handed to a run that works: up to the first message that something came with."""
    rows = tx.all(_QUEUED_OF, conversation=find_conversation(tx, run.place), requester=run.requester.key, this_seq=seq)
    said = list(takewhile(lambda row: not row.attached, rows))
    return Steered(tuple(row.task for row in said), tuple(row.id for row in said)) if said else None


def newest(tx: Transaction) -> int:
    """The number of the newest run."""
    return int(tx.scalar(_NEWEST))


def take_up(tx: Transaction, run_ids: Iterable[str]) -> None:
    """End these queued runs: another answers them. Raises `StaleRun` when one of them is not queued any more."""
    for run_id in run_ids:
        if tx.execute(_TAKE_UP, {"this_id": run_id, "settled_ms": tx.now_ms}) != 1:
            raise StaleRun("What was said has been taken up, or taken back, by another.")


def known(tx: Transaction, run: Run, event_id: str) -> Receipt | None:
    """What is to be said of a message whose event is stored already; None for a new one."""
    row = tx.first(_KNOWN, this_event=event_id)
    return None if row is None else _receipt(row, run)


def _receipt(row: Any, run: Run) -> Receipt:
    if row.id == run.id:
        return Receipt(run.id)  # ours: the commit had succeeded though its word was lost
    return Receipt(row.id, is_known=True, is_same=row.task == run.task)


def require_unbegun(tx: Transaction, run: Run) -> None:
    """Raise `StaleRun` when a call of this run has started, or there are others than it knows."""
    if tx.scalar(_BEGUN, this_run=run.id) or tx.scalar(_CALLS, this_run=run.id) != len(run.calls):
        raise StaleRun("This run was moved on by another.")
