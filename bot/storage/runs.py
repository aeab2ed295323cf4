"""Runs in rows: messages appended, calls moved by conditional updates, the audit row in the same transaction."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError

from bot.engine.steps import Answered, Asked, Decided, Fact, Started, Stopped
from bot.engine.types import CallState, Message, Place, Run, RunStatus, ToolCall, ToolResult
from bot.errors import CheckpointError, StaleRun
from bot.storage import codec, schema
from bot.storage.audit import audit_row
from bot.storage.database import Database, Transaction
from bot.storage.places import make_conversation, read_place

OPEN_CALLS = ("proposed", "waiting", "approved", "started")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it stands in the database. `run.messages` is empty while it is queued."""

    run: Run
    status: str
    conversation_id: int
    created_ms: int


class RunRows:
    """The `RunStore` of the chat service. `clock` gives milliseconds since 1970, `ttl_ms` how long an approval
    waits."""

    def __init__(self, database: Database, *, ttl_ms: int = 86_400_000, clock: Callable[[], int] = now_ms) -> None:
        self._db = database
        self._ttl_ms = ttl_ms
        self._clock = clock

    # --- intake ---

    async def enqueue(self, run: Run, *, event_id: str | None, at_ms: int) -> tuple[str, bool]:
        """Store a message as a queued run; gives its id, and whether this event had been stored before."""
        async with self._db.begin() as connection:
            conversation_id = await make_conversation(connection, run.place, self._clock())
            seq = (await connection.execute(select(func.coalesce(func.max(schema.runs.c.seq), 0) + 1))).scalar_one()
            statement = (
                sqlite_insert(schema.runs)
                .values(
                    id=run.id,
                    seq=seq,
                    conversation_id=conversation_id,
                    event_id=event_id,
                    requester=run.requester.key,
                    requester_name=run.requester.label,
                    task=run.task,
                    status="queued",
                    model=run.model,
                    head=codec.head_to_text(run),
                    created_ms=at_ms,
                )
                .on_conflict_do_nothing(index_elements=["event_id"])
            )
            result = await connection.execute(statement)
            if result.rowcount == 1:
                return run.id, False
            known = select(schema.runs.c.id).where(schema.runs.c.event_id == event_id)
            return (await connection.execute(known)).scalar_one(), True

    async def next_queued(self, conversation_id: int) -> str | None:
        """The oldest queued run of a conversation in which nothing is running now; None when it has to wait."""
        runs = schema.runs
        async with self._db.begin() as connection:
            query = (
                select(runs.c.id, runs.c.status)
                .where(runs.c.conversation_id == conversation_id, runs.c.status.in_(("queued", "running")))
                .order_by(runs.c.seq)
            )
            rows = (await connection.execute(query)).all()
        if any(row.status == "running" for row in rows):
            return None
        return rows[0].id if rows else None

    async def start(self, run: Run) -> None:
        """Turn a queued run into a running one, with its first messages. Raises `StaleRun` if it is not queued."""
        async with self._db.begin() as connection:
            await _move_head(connection, run, ("queued",))
            await _append_messages(connection, run.id, run.messages, 0)

    async def abandon(self, run_id: str, text: str) -> tuple[int, Place] | None:
        """End an open run that cannot be read, whatever is in it; gives its conversation, None if it is over."""
        runs, calls, approvals = schema.runs, schema.calls, schema.approvals
        at_ms = self._clock()
        end = {"status": "failed", "answer": text, "settled_ms": at_ms}
        async with self._db.begin() as connection:
            open_run = (runs.c.id == run_id) & runs.c.status.in_(("queued", "running", "waiting"))
            if (await connection.execute(update(runs).where(open_run).values(**end))).rowcount != 1:
                return None
            waiting = calls.c.state.in_(("proposed", "waiting", "approved"))
            for table, condition in ((calls, waiting), (approvals, approvals.c.state == "pending")):
                mine = (table.c.run_id == run_id) & condition
                await connection.execute(update(table).where(mine).values(state="cancelled"))
            started = (calls.c.run_id == run_id) & (calls.c.state == "started")
            await connection.execute(update(calls).where(started).values(state="unknown"))
            query = (
                select(schema.conversations).join(runs, runs.c.conversation_id == schema.conversations.c.id)
            ).where(runs.c.id == run_id)
            row = (await connection.execute(query)).one()
            return row.id, read_place(row)

    # --- reading ---

    async def load(self, run_id: str) -> StoredRun:
        """Read a run back. Raises `CheckpointError` when there is none, or it is damaged."""
        async with self._db.begin() as connection:
            row = (await connection.execute(select(schema.runs).where(schema.runs.c.id == run_id))).one_or_none()
            if row is None:
                raise CheckpointError("There is no such run.")
            messages = await _messages(connection, run_id)
            calls = await _calls(connection, run_id)
        head = codec.head_from_text(row.head)
        status: RunStatus = "running" if row.status == "queued" else row.status
        run = replace(head, messages=messages, calls=calls, answer=row.answer, status=status)
        return StoredRun(run, row.status, row.conversation_id, row.created_ms)

    async def open_runs(self) -> list[str]:
        """What a restart has to look at: every open run but those that wait for people in all their open calls."""
        runs, calls = schema.runs, schema.calls
        moving = select(calls.c.run_id).where(calls.c.state.in_(("proposed", "approved", "started")))
        asking = select(calls.c.run_id).where(calls.c.state == "waiting")
        may_go_on = runs.c.id.in_(moving) | runs.c.id.not_in(asking)
        query = (
            select(runs.c.id)
            .where(runs.c.status.in_(("queued", "running")) | ((runs.c.status == "waiting") & may_go_on))
            .order_by(runs.c.seq)
        )
        async with self._db.begin() as connection:
            return list((await connection.execute(query)).scalars())

    # --- facts ---

    async def commit(self, before: Run, fact: Fact, after: Run) -> None:
        """Store what a fact changed: new messages, new and moved calls, the head, approvals, audit, the settled
        turn."""
        if isinstance(fact, Started) and fact.verdict.effect == "read" and fact.verdict.outcome == "run":
            return  # a read may run again: no promise hangs on its start
        at_ms = self._clock()
        async with self._db.begin() as connection:
            for old, new in zip(before.calls, after.calls, strict=False):
                if old is not new:
                    await _move_call(connection, after, old, new, at_ms)
            new_calls = after.calls[len(before.calls) :]
            await _insert_calls(connection, after, new_calls, len(before.calls))
            await _append_messages(connection, after.id, after.messages[len(before.messages) :], len(before.messages))
            await self._write_approvals(connection, fact, after, at_ms)
            if isinstance(fact, Answered | Stopped):
                await self._settle(connection, after, at_ms)
            else:
                await _move_on(connection, after, with_head=not isinstance(fact, Decided))

    async def _write_approvals(self, connection: Transaction, fact: Fact, after: Run, at_ms: int) -> None:
        if isinstance(fact, Asked):
            asked = {call_id for call_id, _ in fact.calls}
            rows = [_approval_row(after, call, at_ms, at_ms + self._ttl_ms) for call in after.calls if call.id in asked]
            await connection.execute(insert(schema.approvals), rows)
        if isinstance(fact, Decided):
            await _decide_approval(connection, fact, at_ms)
        cancelled = [call.id for call in after.calls if call.state is CallState.CANCELLED]
        if cancelled and isinstance(fact, Answered | Stopped):
            await _cancel_approvals(connection, cancelled, at_ms=at_ms)

    async def _settle(self, connection: Transaction, after: Run, at_ms: int) -> None:
        """The run ends and its conversation gets the turn, at the same moment."""
        conversation_id = await make_conversation(connection, after.place, at_ms)
        common = {"conversation_id": conversation_id, "run_id": after.id, "at_ms": at_ms}
        rows = [
            {**common, "role": "user", "author": after.requester.key, "text": after.task},
            {**common, "role": "assistant", "author": "", "text": after.answer or ""},
        ]
        await connection.execute(insert(schema.turns), rows)
        await _move_head(connection, after, ("queued", "running", "waiting"), settled_ms=at_ms)


# --- statements ----------------------------------------------------------------------------------------------------


async def _move_head(connection: Transaction, run: Run, before: tuple[str, ...], **more: Any) -> None:
    """Write the run's head, provided its status still is one of `before`: a run that is over never changes again."""
    statement = (
        update(schema.runs)
        .where(schema.runs.c.id == run.id, schema.runs.c.status.in_(before))
        .values(head=codec.head_to_text(run), status=run.status, answer=run.answer, model=run.model, **more)
    )
    if (await connection.execute(statement)).rowcount != 1:
        raise StaleRun("This run was moved on by another.")


async def _move_on(connection: Transaction, run: Run, *, with_head: bool) -> None:
    """Write the status that the calls have in the database: another may have moved some of them since `run` was loaded.

    A click leaves the head alone: it decides a call, and the drive that may be at work knows the head better.
    """
    calls, runs = schema.calls, schema.runs
    states = select(calls.c.state).where(calls.c.run_id == run.id, calls.c.state.in_(OPEN_CALLS)).distinct()
    still_open = set((await connection.execute(states)).scalars())
    current = replace(run, status="waiting" if still_open == {"waiting"} else "running")
    values = {"status": current.status, **({"head": codec.head_to_text(current)} if with_head else {})}
    open_run = (runs.c.id == run.id) & runs.c.status.in_(("running", "waiting"))
    if (await connection.execute(update(runs).where(open_run).values(**values))).rowcount != 1:
        raise StaleRun("This run was moved on by another.")


async def _append_messages(connection: Transaction, run_id: str, messages: Iterable[Message], first_seq: int) -> None:
    rows = [
        {
            "run_id": run_id,
            "seq": seq,
            "role": message.role,
            "body": message.body.decode(),
            "sent": None if message.sent == message.body else message.sent.decode(),
        }
        for seq, message in enumerate(messages, first_seq)
    ]
    if not rows:
        return
    try:
        await connection.execute(insert(schema.run_messages), rows)
    except IntegrityError as err:
        raise StaleRun("This run was moved on by another.") from err


async def _messages(connection: Transaction, run_id: str) -> tuple[Message, ...]:
    table = schema.run_messages
    rows = (await connection.execute(select(table).where(table.c.run_id == run_id).order_by(table.c.seq))).all()
    return tuple(
        Message(row.role, row.body.encode(), (row.body if row.sent is None else row.sent).encode()) for row in rows
    )


async def _insert_calls(connection: Transaction, run: Run, calls: Iterable[ToolCall], first: int) -> None:
    rows = [
        {
            **_call_columns(call),
            "id": call.id,
            "run_id": run.id,
            "position": position,
            "reply": call.reply,
            "provider_id": call.provider_id,
            "wire_id": call.wire_id,
            "name": call.name,
            "arguments": call.arguments,
            "arguments_sha256": sha256(call.arguments),
        }
        for position, call in enumerate(calls, first)
    ]
    if rows:
        await connection.execute(insert(schema.calls), rows)


def _call_columns(call: ToolCall) -> dict[str, Any]:
    """The columns of a call that change during its life."""
    return {
        "edited": call.edited,
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


async def _move_call(connection: Transaction, run: Run, old: ToolCall, new: ToolCall, at_ms: int) -> None:
    """Move one call, provided it still is where this driver believes it to be. The first one wins."""
    may_be_in = {old.state.value}
    if new.effect == "read":
        may_be_in.add(CallState.PROPOSED.value)  # the start of a read is not written
    values = _call_columns(new)
    if new.state is CallState.STARTED:
        values["started_ms"] = at_ms
    if new.is_final:
        values["ended_ms"] = at_ms
    calls = schema.calls
    statement = update(calls).where(calls.c.id == new.id, calls.c.state.in_(may_be_in)).values(**values)
    if (await connection.execute(statement)).rowcount != 1:
        raise StaleRun("This call was already moved by another.")
    if new.state is not CallState.STARTED:
        await connection.execute(insert(schema.audit).values(**audit_row(run, new, at_ms)))


async def _calls(connection: Transaction, run_id: str) -> tuple[ToolCall, ...]:
    table = schema.calls
    rows = (await connection.execute(select(table).where(table.c.run_id == run_id).order_by(table.c.position))).all()
    return tuple(_call(row) for row in rows)


def _call(row: Row[Any]) -> ToolCall:
    """Read a call; what was stored must still match its hash."""
    if sha256(row.arguments) != row.arguments_sha256:
        raise CheckpointError("A stored call does not match its hash: it was changed outside of Nod.")
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
        decision=row.decision,
        decided_by=row.decided_by,
        decider=row.decider,
        reason=row.reason,
        result=None if row.result is None else ToolResult(row.result, bool(row.is_error)),
        duration_ms=row.duration_ms,
    )


def _approval_row(run: Run, call: ToolCall, at_ms: int, expires_ms: int) -> dict[str, Any]:
    return {
        "id": secrets.token_hex(16),
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
        "reason": "",
        "created_ms": at_ms,
        "expires_ms": expires_ms,
    }


async def _decide_approval(connection: Transaction, fact: Decided, at_ms: int) -> None:
    state = {"approve": "approved", "edit": "approved", "deny": "denied", "expire": "expired", "cancel": "cancelled"}
    decision = fact.decision
    approvals = schema.approvals
    statement = (
        update(approvals)
        .where(approvals.c.call_id == fact.call_id, approvals.c.state == "pending")
        .values(
            state=state[decision.verb],
            decided_by=decision.actor,
            decided_name=decision.by,
            decided_ms=at_ms,
            reason=decision.reason,
        )
    )
    if (await connection.execute(statement)).rowcount != 1:
        raise StaleRun("This approval was already decided.")


async def _cancel_approvals(connection: Transaction, call_ids: list[str], *, at_ms: int) -> None:
    approvals = schema.approvals
    open_ones = approvals.c.call_id.in_(call_ids) & (approvals.c.state == "pending")
    await connection.execute(update(approvals).where(open_ones).values(state="cancelled", decided_ms=at_ms))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
