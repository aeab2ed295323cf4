"""End a run that cannot be read, so that its conversation goes on without it."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select, update

from bot.engine.types import CallState, Place, Run, parse_actor
from bot.storage import approvals, audit, calls, outbox, schema
from bot.storage.database import Transaction
from bot.storage.places import read_place
from bot.storage.statements import Statement, among, this

_runs, _calls = schema.runs, schema.calls

_RUN = Statement(select(_runs).where(_runs.c.id == this("this_id")))
_PLACE = Statement(select(schema.conversations).where(schema.conversations.c.id == this("this_id")))
_ABANDON = Statement(
    update(_runs)
    .where(_runs.c.id == this("this_id"), among(_runs.c.status, ("queued", "running", "waiting")))
    .values(status="failed"),
    "answer",
    "settled_ms",
)
_CANCEL_CALLS = Statement(
    update(_calls)
    .where(_calls.c.run_id == this("this_run"), among(_calls.c.state, ("proposed", "waiting", "approved")))
    .values(state="cancelled")
)
_UNKNOWN_CALLS = Statement(
    update(_calls).where(_calls.c.run_id == this("this_run"), _calls.c.state == "started").values(state="unknown")
)


def abandon(tx: Transaction, *, run_id: str, text: str) -> tuple[int, Place] | None:
    """End an open run with this answer, whatever is in it; gives its conversation, None if it is over."""
    if tx.execute(_ABANDON, {"this_id": run_id, "answer": text, "settled_ms": tx.now_ms}) != 1:
        return None
    row = tx.first(_RUN, this_id=run_id)
    place = read_place(tx.first(_PLACE, this_id=row.conversation_id))
    requester = parse_actor(str(row.requester), str(row.requester_name))
    run = Run(run_id, "", (), requester=requester, place=place)  # as much of it as the reports need
    for call in calls.rows_of(tx, run_id):
        if call.is_final:
            continue
        approvals.close(tx, call, "its run is damaged")
        state = CallState.UNKNOWN if call.state is CallState.STARTED else CallState.CANCELLED
        ended = replace(call, state=state)
        audit.note(tx, run, ended)
        outbox.show_again(tx, call.id)
        if ended.state is CallState.UNKNOWN:
            calls.report(tx, run, ended)
    tx.execute(_CANCEL_CALLS, {"this_run": run_id})
    tx.execute(_UNKNOWN_CALLS, {"this_run": run_id})
    outbox.post(tx, place, "answer", f"answer:{run_id}", ref=run_id, run_id=run_id)
    return row.conversation_id, place
