"""The audit: what was asked, which rule spoke, who decided, what came of it; written with the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import func, select

from bot.engine.types import Run, ToolCall, parse_actor, parse_place
from bot.storage.database import Database, Transaction
from bot.storage.schema import audit
from bot.storage.statements import Statement, insert_of, this

_ADD = insert_of(audit, "id")
_NOTHING: dict[str, Any] = {
    **dict.fromkeys((column.name for column in audit.columns if column.name != "id"), ""),
    "ms": None,
}
_FILTERS = {
    "who": (audit.c.requester == this("who")) | (func.instr("," + audit.c.approver + ",", "," + this("who") + ",") > 0),
    "tool": audit.c.tool == this("tool"),
    "event": audit.c.event == this("event"),
    "decision": audit.c.decision == this("decision"),
    "outcome": audit.c.outcome == this("outcome"),
    "run": audit.c.run == this("run"),
}


@cache
def _newest(*filters: str) -> Statement:
    """The newest rows that meet these filters; `scope` limits them to a workspace."""
    said = select(audit).where(audit.c.at_ms >= this("since"))
    if "scope" in filters:
        said = said.where(audit.c.scope == this("this_scope"))
    for name in filters:
        if name in _FILTERS:
            said = said.where(_FILTERS[name])
    return Statement(said.order_by(audit.c.id.desc()).limit(this("at_most")))


_CALLS = Statement(
    select(audit)
    .where(
        audit.c.id.in_(
            select(func.max(audit.c.id))
            .where(audit.c.at_ms >= this("since"), audit.c.call != "", audit.c.event.startswith("call."))
            .where((audit.c.scope == this("this_scope")) | (this("this_scope") == "*"))
            .group_by(audit.c.call)
        )
    )
    .order_by(audit.c.id.desc())
    .limit(this("at_most"))
)


def note(tx: Transaction, run: Run, call: ToolCall, **said: Any) -> None:
    """Write the row for a call that has just come into its state, or for what was `said` about it."""
    tx.execute(_ADD, {**audit_row(run, call, tx.now_ms), **said})


def note_change(tx: Transaction, *, event: str, actor: str, scope: str, said: str, tool: str = "") -> None:
    """Write the row for what somebody changed: the policy, a grant, the data of a person."""
    row = {**_NOTHING, "event": event, "requester": actor, "scope": scope, "tool": tool, "rule": said}
    tx.execute(_ADD, {**row, "at_ms": tx.now_ms})


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
        "scope": run.requester.scope,
    }


_RATING = Statement(
    select(audit.c.decision)
    .where(audit.c.event == "answer.rated", audit.c.run == this("run"), audit.c.approver == this("who"))
    .order_by(audit.c.id.desc())
    .limit(1)
)


class AuditRows:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def note_refused(self, *, run: Run, call: ToolCall, actor: str, why: str) -> None:
        """Somebody pressed a button they may not press."""
        said = {"event": "click.refused", "approver": actor, "decision": "refused", "outcome": "", "reason": why}
        await self._db.run(lambda tx: tx.execute(_ADD, {**audit_row(run, call, tx.now_ms), **said}))

    async def note_choice(self, *, actor: str, place: str, model: str) -> None:
        """Somebody chose the model of a conversation."""
        row = {**_NOTHING, "event": "model.chosen", "requester": actor, "place": place, "model": model}
        row["scope"] = parse_actor(actor).scope
        await self._db.run(lambda tx: tx.execute(_ADD, {**row, "at_ms": tx.now_ms}))

    async def note_rating(self, *, run: Run, actor: str, is_good: bool) -> bool:
        """Somebody found an answer good or bad; False where they had said so before, and nothing is written."""
        decision = "good" if is_good else "bad"
        said = {"event": "answer.rated", "run": run.id, "requester": run.requester.key, "place": str(run.place)}
        row = {**_NOTHING, **said, "model": run.model, "approver": actor, "decision": decision}

        def note_new(tx: Transaction) -> bool:
            newest = tx.first(_RATING, run=run.id, who=actor)
            if newest is not None and newest.decision == decision:
                return False
            tx.execute(_ADD, {**row, "scope": run.requester.scope, "at_ms": tx.now_ms})
            return True

        return await self._db.run(note_new)

    async def note_words_refused(self, *, actor: str, scope: str, words: str) -> None:
        """Somebody used a word of admins who is none."""
        said = {"event": "words.refused", "actor": actor, "scope": scope, "said": words}
        await self._db.run(lambda tx: note_change(tx, **said))

    async def read(
        self,
        *,
        limit: int = 1000,
        scope: str | None = None,
        since_ms: int = 0,
        filters: Mapping[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        """The newest rows, oldest first, in the words of the contract (`audit --json`): of one workspace or all, that
        meet the filters `who`, `tool`, `event`, `decision`, `outcome`, `run`."""
        filters = dict(filters or {})
        named = (*sorted(filters), *(() if scope is None else ("scope",)))
        values = {**filters, **({} if scope is None else {"this_scope": scope})}
        rows = await self._db.run(lambda tx: tx.all(_newest(*named), since=since_ms, at_most=limit, **values))
        return [_public(row._asdict()) for row in reversed(rows)]

    async def calls(self, *, scope: str | None, since_ms: int, at_most: int) -> list[dict[str, Any]]:
        """The newest calls, oldest first, each as it stood last: the fields of `bot.policy.simulate.Past`."""
        values = {"since": since_ms, "this_scope": "*" if scope is None else scope, "at_most": at_most}
        return await self._db.run(lambda tx: [_past(row) for row in reversed(tx.all(_CALLS, **values))])


def _past(row: Any) -> dict[str, Any]:
    requester = parse_actor(row.requester)
    said = {
        name: getattr(row, name) for name in ("at_ms", "call", "tool", "arguments", "verdict", "decision", "outcome")
    }
    place = parse_place(row.place, requester.workspace)
    return {**said, "requester": row.requester, "name": requester.user, "place": place, "approver": row.approver}


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
