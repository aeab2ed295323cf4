"""The audit: what was asked, which rule spoke, who decided, what came of it; written with the change itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select

from bot.engine.types import Run, ToolCall
from bot.storage import schema
from bot.storage.database import Database


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

    async def note_refused(self, *, at_ms: int, run: Run, call: ToolCall, actor: str, why: str) -> None:
        """Somebody pressed a button they may not press."""
        row = {
            **audit_row(run, call, at_ms),
            "event": "click.refused",
            "approver": actor,
            "decision": "refused",
            "outcome": "",
            "reason": why,
        }
        async with self._db.begin() as connection:
            await connection.execute(insert(schema.audit).values(**row))

    async def read(self, *, limit: int = 1000) -> list[dict[str, Any]]:
        """The newest rows, oldest first, in the words of the contract (`audit --json`)."""
        table = schema.audit
        async with self._db.begin() as connection:
            rows = (await connection.execute(select(table).order_by(table.c.id.desc()).limit(limit))).all()
        return [_public(row._mapping) for row in reversed(rows)]


def _public(row: Any) -> dict[str, Any]:
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
