"""Forget what was said and done long ago: runs are emptied, rows of the audit removed, a batch at a time."""

from __future__ import annotations

from sqlalchemy import delete, select, text

from bot.storage.context import HEARD
from bot.storage.database import Transaction
from bot.storage.emptying import (
    OVER,
    as_list,
    drop_messages,
    empty_runs,
    empty_summaries,
    listed,
    shown_by_open_runs,
)
from bot.storage.schema import attachments, audit, runs, turns
from bot.storage.statements import Statement, this

_images = select(attachments.c.run_id).where(attachments.c.run_id == runs.c.id, attachments.c.kind == "image")
_is_shown = shown_by_open_runs(runs.c.id, runs.c.conversation_id).correlate(runs)
_has_shown_image = _images.correlate(runs).exists() & _is_shown.exists()
_OLD = Statement(
    select(runs.c.id, runs.c.conversation_id)
    .where(
        text("runs.requester_name <> ''"),  # as the index says it, which holds only what is not emptied
        runs.c.settled_ms < this("before"),
        text(f"+runs.status IN ({', '.join(map(repr, OVER))})"),  # a + keeps SQLite from the index on it
        ~_has_shown_image,  # an open run cannot be read without it: later
    )
    .order_by(runs.c.settled_ms)
    .limit(this("at_most"))
)
# The first rows are the oldest; no index is needed to find them.
_first_rows = select(audit.c.id).order_by(audit.c.id).limit(this("at_most"))
_CUT_AUDIT = Statement(delete(audit).where(audit.c.id.in_(_first_rows), audit.c.at_ms < this("before")))

_HEARD = Statement(
    select(turns.c.id, turns.c.conversation_id)
    .where(turns.c.key >= HEARD, turns.c.key < f"{HEARD[:-1]};", turns.c.at_ms < this("before"))
    .limit(this("at_most"))
)
_FORGET_HEARD = Statement(delete(turns).where(turns.c.id.in_(listed("these_turns"))))


def forget(tx: Transaction, *, before_ms: int, at_most: int) -> int:
    """Empty the runs that settled before then, the oldest first, at most so many; gives how many."""
    old = tx.all(_OLD, before=before_ms, at_most=at_most)
    emptied = empty_runs(tx, [row.id for row in old])
    empty_summaries(tx, {row.conversation_id for row in old}, only_forgotten=True)
    return emptied.runs


def forget_heard(tx: Transaction, *, before_ms: int, at_most: int) -> int:
    """Remove what was heard before then, at most so many, and what runs that are over were told of it; gives how
    many."""
    old = tx.all(_HEARD, before=before_ms, at_most=at_most)
    drop_messages(tx, {row.conversation_id for row in old})
    return tx.execute(_FORGET_HEARD, {"these_turns": as_list(row.id for row in old)})


def cut_audit(tx: Transaction, *, before_ms: int, at_most: int) -> int:
    """Remove the oldest rows that are from before then, at most so many; gives how many."""
    return tx.execute(_CUT_AUDIT, {"before": before_ms, "at_most": at_most})
