"""Votes as rows: what each person said about a waiting call. A new approval of the call begins without any."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.engine.types import Run, ToolCall
from bot.storage import audit, outbox
from bot.storage.database import Database, Transaction
from bot.storage.schema import approvals, votes
from bot.storage.statements import Statement, this

_COLUMNS = ("approval_id", "person", "name", "verb", "reason", "grant", "pattern", "at_ms")
_ADD = Statement(sqlite_insert(votes).on_conflict_do_nothing(index_elements=["approval_id", "person"]), *_COLUMNS)
_IS_PENDING = Statement(
    select(approvals.c.id).where(
        approvals.c.id == this("this_id"), approvals.c.state == "pending", approvals.c.expires_ms > this("now")
    )
)
_PENDING_OF = Statement(
    select(approvals.c.id).where(approvals.c.call_id == this("this_call"), approvals.c.state == "pending")
)


def add(tx: Transaction, approval_id: str, vote: dict[str, Any]) -> bool:
    """Store one vote: `person, name, verb, reason, grant, pattern`; False when this person had voted already."""
    return tx.execute(_ADD, {**vote, "approval_id": approval_id, "at_ms": tx.now_ms}) == 1


def add_to_newest(tx: Transaction, call_id: str, vote: dict[str, Any]) -> None:
    """Store the vote on the approval that waits for this call now."""
    if (approval_id := tx.scalar(_PENDING_OF, this_call=call_id)) is not None:
        add(tx, str(approval_id), vote)


class VoteRows:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def cast(self, run: Run, call: ToolCall, approval_id: str, vote: dict[str, Any]) -> bool:
        """Store a vote that does not settle its approval yet, with its audit row; the cards follow. False when it was
        decided, is too late, or this person had voted already."""

        def cast(tx: Transaction) -> bool:
            if tx.first(_IS_PENDING, this_id=approval_id, now=tx.now_ms) is None or not add(tx, approval_id, vote):
                return False
            said = {"approver": vote["person"], "decision": vote["verb"], "reason": vote["reason"]}
            audit.note(tx, run, call, event="call.vote", **said)
            outbox.show_again(tx, call.id)
            return True

        return await self._db.run(cast)
