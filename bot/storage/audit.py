"""The audit: what was asked, which rule spoke, who decided, what came of it; written with the change itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from bot.engine.types import Run, ToolCall
from bot.storage.database import Database, Transaction
from bot.storage.schema import audit
from bot.storage.statements import Statement, insert_of, this

_ADD = insert_of(audit, "id")
_NEWEST = Statement(select(audit).order_by(audit.c.id.desc()).limit(this("at_most")))


def note(tx: Transaction, run: Run, call: ToolCall) -> None:
    """Write the row for a call that has just come into its state."""
    tx.execute(_ADD, audit_row(run, call, tx.now_ms))


def audit_row(run: Run, call: ToolCall, at_ms: int) -> dict[str, Any]:
    """The row for a call that has just come into its state: what a person decided stands apart from what came of it."""
    return {
        "at_ms": at_ms,
        "event": f"call.{call.state.value}",
        "run": run.id,
        "call": call.id,
        "requester": run.requester.key,
        "place": str(run.place),
        "model": run.model,
        "tool": call.name,
        "arguments": call.to_run,
        "verdict": call.verdict,
        "rule": call.rule,
        "approver": call.decider or call.decided_by or call.approver,
        "decision": call.decision,
        "outcome": call.state.value if call.is_final else "",
        "reason": call.reason,
        "ms": call.duration_ms,
    }


class AuditRows:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def note_refused(self, *, run: Run, call: ToolCall, actor: str, why: str) -> None:
        """Somebody pressed a button they may not press."""
        said = {"event": "click.refused", "approver": actor, "decision": "refused", "outcome": "", "reason": why}
        await self._db.run(lambda tx: tx.execute(_ADD, {**audit_row(run, call, tx.now_ms), **said}))

    async def note_choice(self, *, actor: str, place: str, model: str) -> None:
        """Somebody chose the model of a conversation."""
        values = dict.fromkeys((column.name for column in audit.columns if column.name != "id"), "")
        row = {**values, "event": "model.chosen", "requester": actor, "place": place, "model": model, "ms": None}
        await self._db.run(lambda tx: tx.execute(_ADD, {**row, "at_ms": tx.now_ms}))

    async def read(self, *, limit: int = 1000) -> list[dict[str, Any]]:
        """The newest rows, oldest first, in the words of the contract (`audit --json`)."""
        rows = await self._db.run(lambda tx: tx.all(_NEWEST, at_most=limit))
        return [_public(row._asdict()) for row in reversed(rows)]


def _public(row: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromtimestamp(row["at_ms"] / 1000, UTC).isoformat(timespec="milliseconds")
    keys = (
        "event",
        "run",
        "requester",
        "place",
        "model",
        "tool",
        "arguments",
        "verdict",
        "rule",
        "approver",
        "decision",
        "outcome",
        "reason",
        "ms",
    )
    return {"at": at.replace("+00:00", "Z"), **{key: row[key] for key in keys}}
