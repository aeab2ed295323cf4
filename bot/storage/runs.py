"""Runs in rows: messages appended, calls moved by conditional updates, the audit row in the same transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import and_, case, func, select, update

from bot import crash
from bot.engine import words
from bot.engine.machine import apply
from bot.engine.steps import (
    Answered,
    Asked,
    Compacted,
    Decided,
    Edited,
    Fact,
    Restored,
    Returned,
    Started,
    Steered,
    Stopped,
    Worded,
)
from bot.engine.types import Attachment, CallState, Place, Run, RunStatus
from bot.errors import CheckpointError, StaleRun
from bot.storage import approvals, calls, codec, intake, messages, outbox, schema
from bot.storage.abandoning import abandon
from bot.storage.context import HeardLine
from bot.storage.database import PATIENCE_S, Database, Transaction
from bot.storage.intake import Receipt
from bot.storage.places import COLUMNS, find_conversation
from bot.storage.statements import Statement, among, insert_of, this

EFFECT_PATIENCE_S = 30.0
"""How long a database that refuses is offered the result of something that has happened."""
Also = Callable[[Transaction], None]
"""Something to be done in the transaction of a change, each time it is tried."""
OPEN_RUNS = ("queued", "running", "waiting")
_CRASH_STEPS = {
    Asked: "card",
    Decided: "click",
    Started: "claim",
    Returned: "result",
    Answered: "answer",
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it stands in the database. `run.messages` is empty while it is queued. `is_steered`: it has taken up
    what was said while it worked."""

    run: Run
    status: str
    conversation_id: int
    created_ms: int
    is_steered: bool = False


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that a restart has to look at. `recoveries`: how often a start took it up since it last moved."""

    id: str
    recoveries: int
    is_queued: bool


# --- statements ----------------------------------------------------------------------------------------------------

_runs, _calls = schema.runs, schema.calls

_HEAD = ("head", "status", "answer", "model", "prompt_tokens", "completion_tokens")
_ACTIVE = Statement(
    select(_runs.c.id, _runs.c.status)
    .where(_runs.c.conversation_id == this("conversation"), among(_runs.c.status, ("queued", "running")))
    .order_by(_runs.c.seq)
)
_RUN = Statement(select(_runs).where(_runs.c.id == this("this_id")))
_ADD_TURN = insert_of(schema.turns, "id", "key")
_one_run = update(_runs).where(_runs.c.id == this("this_id")).values(recoveries=0)
_START = Statement(_one_run.where(_runs.c.status == "queued"), *_HEAD)
_SETTLE = Statement(_one_run.where(among(_runs.c.status, OPEN_RUNS)), *_HEAD, "settled_ms")
# The status comes from the calls as the database has them: another may have moved some since this run was loaded.
_open_calls = and_(_calls.c.run_id == this("this_id"), among(_calls.c.state, calls.OPEN_STATES))
_is_waiting = and_(func.count() > 0, func.sum(case((_calls.c.state == "waiting", 0), else_=1)) == 0)
_status = select(case((_is_waiting, "waiting"), else_="running")).where(_open_calls).scalar_subquery()
_move_on = (
    update(_runs)
    .where(_runs.c.id == this("this_id"), among(_runs.c.status, ("running", "waiting")))
    .values(status=_status)
)
_MOVE_ON = Statement(_move_on.values(recoveries=0), "head")
_MOVE_ON_BY_CLICK = Statement(_move_on.values(recoveries=0))
_BEGIN_AGAIN = Statement(_move_on, "head")

_moving = select(_calls.c.run_id).where(among(_calls.c.state, ("proposed", "approved", "started")))
_asking = select(_calls.c.run_id).where(_calls.c.state == "waiting")
_may_go_on = _runs.c.id.in_(_moving) | _runs.c.id.not_in(_asking)
_OPEN = Statement(
    select(_runs.c.id, _runs.c.recoveries, _runs.c.status)
    .where(among(_runs.c.status, ("queued", "running")) | ((_runs.c.status == "waiting") & _may_go_on))
    .order_by(_runs.c.seq)
)
_OPEN_OF = Statement(
    select(_runs.c.id)
    .where(_runs.c.requester == this("requester"), among(_runs.c.status, OPEN_RUNS))
    .order_by(_runs.c.seq)
)
_WAITING = Statement(
    select(
        *(_runs.c.id, _runs.c.requester, _calls.c.name, _calls.c.definition, _calls.c.approver),
        *(_calls.c.arguments, _calls.c.edited, *COLUMNS),
    )
    .join(_calls, _calls.c.run_id == _runs.c.id)
    .join(schema.conversations, schema.conversations.c.id == _runs.c.conversation_id)
    .where(_calls.c.state == "waiting", among(_runs.c.status, ("running", "waiting")))
)
_TAKE_UP = Statement(update(_runs).where(_runs.c.id == this("this_id")).values(recoveries=_runs.c.recoveries + 1))
_FORGIVE = Statement(_one_run)


class RunRows:
    """The `RunStore` of the chat service. `ttl_ms` is how long an approval waits where its tool does not say; `copies`
    says where cards are shown beside their own place."""

    def __init__(
        self, database: Database, *, ttl_ms: int = 86_400_000, copies: approvals.Copies = approvals.no_copies
    ) -> None:
        self._db = database
        self._ttl_ms = ttl_ms
        self._copies = copies

    # --- intake ---

    async def enqueue(
        self,
        run: Run,
        *,
        event_id: str | None,
        at_ms: int,
        attachments: Sequence[Attachment] = (),
        heard: Sequence[HeardLine] = (),
    ) -> Receipt:
        """Store a message as a queued run, with what came with it and what was heard before it, once per event."""

        def enqueue(tx: Transaction) -> Receipt:
            return intake.enqueue(tx, run, event_id=event_id, at_ms=at_ms, attachments=attachments, heard=heard)

        return await self._take_in(enqueue)

    async def exchange(
        self, old: Run, fact: Stopped, new: Run, *, event_id: str, at_ms: int, attachments: Sequence[Attachment] = ()
    ) -> Receipt:
        """Stop a run of which nothing has started, and store what its message reads now: both or neither.

        Raises `StaleRun` when something of it has started meanwhile, or it is over.
        """

        def exchange(tx: Transaction) -> Receipt:
            if receipt := intake.known(tx, new, event_id):
                return receipt
            intake.enqueue(tx, new, event_id=event_id, at_ms=at_ms, attachments=attachments)
            intake.require_unbegun(tx, old)
            self._write(tx, old, [fact], apply(old, fact))
            return Receipt(new.id)

        return await self._take_in(exchange)

    async def _take_in(self, work: Callable[[Transaction], Receipt]) -> Receipt:
        crash.at("inbox.before")
        receipt = await self._db.run(work)
        crash.at("inbox.after")
        return receipt

    async def find(self, event_id: str) -> str | None:
        """The id of the run that a message started, None for one that started none."""
        return await self._db.run(lambda tx: intake.find(tx, event_id))

    async def newest(self) -> int:
        """The number of the newest run: what is stored from now on has a higher one."""
        return await self._db.run(intake.newest)

    async def said_since(self, run: Run, *, seq: int) -> Steered | None:
        """What the person of this run has said here since the run with this number, and waits in the queue."""
        return await self._db.run(lambda tx: intake.said_since(tx, run, seq))

    async def next_queued(self, conversation_id: int) -> str | None:
        """The oldest queued run of a conversation in which nothing is running now; None when it has to wait."""
        rows = await self._db.run(lambda tx: tx.all(_ACTIVE, conversation=conversation_id))
        if any(row.status == "running" for row in rows):
            return None
        return rows[0].id if rows else None

    async def start(self, run: Run) -> None:
        """Turn a queued run into a running one, with its first messages. Raises `StaleRun` if it is not queued."""

        def start(tx: Transaction) -> None:
            _move_head(tx, _START, run)
            messages.append(tx, run, 0)

        await self._db.run(start)

    # --- taking up what a crash left ---

    async def open_runs(self) -> list[OpenRun]:
        """What a restart has to look at, in order: every open run but those that wait for people in all their open
        calls."""
        rows = await self._db.run(lambda tx: tx.all(_OPEN))
        return [OpenRun(row.id, row.recoveries, row.status == "queued") for row in rows]

    async def open_of(self, requester: str) -> list[str]:
        """The open runs of one person, oldest first."""
        return [row.id for row in await self._db.run(lambda tx: tx.all(_OPEN_OF, requester=requester))]

    async def ping(self) -> None:
        """Raise `StoreError` while the database takes no writes."""
        await self._db.ping()

    async def waiting(self) -> list[Any]:
        """Every waiting call: `id` of its run, `requester`, `name` of the tool, `definition`, `approver`, `arguments`,
        `edited`, and its place."""
        return await self._db.run(lambda tx: tx.all(_WAITING))

    async def take_up(self, run_ids: Iterable[str]) -> None:
        """Note that a start takes these runs up; whatever moves one of them forgets it again."""
        rows = [{"this_id": run_id} for run_id in run_ids]
        await self._db.run(lambda tx: tx.execute_all(_TAKE_UP, rows))

    async def forgive(self, run_ids: Iterable[str]) -> None:
        """These runs were put down in good order."""
        rows = [{"this_id": run_id} for run_id in run_ids]
        await self._db.run(lambda tx: tx.execute_all(_FORGIVE, rows))

    async def abandon(self, run_id: str, text: str) -> tuple[int, Place] | None:
        """End an open run that cannot be read, whatever is in it; gives its conversation, None if it is over."""
        return await self._db.run(partial(abandon, run_id=run_id, text=text))

    async def mark_restored(self) -> int:
        """After restoring a backup: let every approved or started call become unknown, with its report, and end every
        run that was being worked on. What waits for people goes on waiting.

        All of it or nothing; safe to do again. Gives how many runs were touched.
        """

        def mark(tx: Transaction) -> int:
            rows = tx.all(_OPEN)
            for row in rows:
                try:
                    before = _load(tx, run_id=row.id).run
                    self._write(tx, before, [Restored()], apply(before, Restored()))
                except CheckpointError as err:
                    abandon(tx, run_id=row.id, text=words.damaged(err.user_message))
            return len(rows)

        return await self._db.run(mark)

    # --- reading ---

    async def load(self, run_id: str) -> StoredRun:
        """Read a run back. Raises `CheckpointError` when there is none, or it is damaged."""
        return await self._db.run(partial(_load, run_id=run_id))

    # --- facts ---

    async def commit(
        self,
        before: Run,
        facts: Sequence[Fact],
        after: Run,
        *,
        first: Also | None = None,
        last: Also | None = None,
    ) -> None:
        """Store what the facts changed: new messages, new and moved calls, the head, approvals, audit, what is to be
        shown, the settled turn. `first` and `last` are done in the same transaction, before and after."""
        step = next((_CRASH_STEPS[type(fact)] for fact in reversed(facts) if type(fact) in _CRASH_STEPS), "")
        has_happened = any(isinstance(fact, Returned) for fact in facts)

        def commit(tx: Transaction) -> None:
            if first is not None:
                first(tx)
            self._write(tx, before, facts, after)
            if last is not None:
                last(tx)
            crash.at(f"{step}.inside")

        crash.at(f"{step}.before")
        await self._db.run(commit, patience_s=EFFECT_PATIENCE_S if has_happened else PATIENCE_S)
        crash.at(f"{step}.after")

    def _write(self, tx: Transaction, before: Run, facts: Sequence[Fact], after: Run) -> None:
        for old, new in zip(before.calls, after.calls, strict=False):
            if old is not new:
                calls.move(tx, after, old, new)
        calls.insert(tx, after, after.calls[len(before.calls) :], len(before.calls))
        if any(isinstance(fact, Compacted) for fact in facts):
            messages.shorten(tx, before, after)
        messages.append(tx, after, len(before.messages))
        for fact in facts:
            if isinstance(fact, Asked):
                approvals.ask(tx, after, fact, ttl_ms=self._ttl_ms, copies=self._copies)
            elif isinstance(fact, Decided):
                approvals.decide(tx, after, fact)
            elif isinstance(fact, Edited):
                approvals.edit(tx, after, fact, copies=self._copies)
            elif isinstance(fact, Steered):
                intake.take_up(tx, fact.run_ids)
            elif isinstance(fact, Worded) and fact.by_model:
                _show_question(tx, after, fact)
        _close_approvals(tx, before, after)
        if after.is_over:
            _settle(tx, after)
        else:
            _move(tx, after, facts)


def _close_approvals(tx: Transaction, before: Run, after: Run) -> None:
    """Whatever ended a waiting call without a decision ends its approval."""
    pairs = zip(before.calls, after.calls, strict=False)
    ended = [new for old, new in pairs if old.state is CallState.WAITING and new.is_final and not new.decision]
    for call in ended:
        approvals.close(tx, call, "" if call.state is CallState.CANCELLED else call.rule)
    if ended:
        approvals.show_together(tx, after)


def _show_question(tx: Transaction, run: Run, worded: Worded) -> None:
    key = f"question:{run.id}:{run.replies}"
    outbox.post(tx, run.place, "notice", key, run_id=run.id, text=worded.text, addressed=[run.requester.key])


def _settle(tx: Transaction, after: Run) -> None:
    """The run ends, its conversation gets the turn, and its answer is to be shown, at the same moment; one that ends
    without a word leaves neither."""
    _move_head(tx, _SETTLE, after, settled_ms=tx.now_ms)
    if after.answer is None:
        return
    common = {"conversation_id": find_conversation(tx, after.place), "run_id": after.id, "at_ms": tx.now_ms}
    tx.execute(_ADD_TURN, {**common, "role": "user", "author": after.requester.key, "text": after.task})
    tx.execute(_ADD_TURN, {**common, "role": "assistant", "author": "", "text": after.answer})
    outbox.post(tx, after.place, "answer", f"answer:{after.id}", ref=after.id, run_id=after.id)


def _move_head(tx: Transaction, statement: Statement, run: Run, **more: Any) -> None:
    """Write the run's head, provided the run is not over: then it never changes again."""
    values: dict[str, Any] = {"head": codec.head_to_text(run), "status": run.status, "answer": run.answer}
    values |= {"model": run.model}
    values |= {"prompt_tokens": run.usage.prompt_tokens, "completion_tokens": run.usage.completion_tokens}
    if tx.execute(statement, {"this_id": run.id, **values, **more}) != 1:
        raise StaleRun("This run was moved on by another.")


def _move(tx: Transaction, run: Run, facts: Sequence[Fact]) -> None:
    """Write the status, and the head. A click leaves the head alone: it decides a call, and the drive that may be at
    work knows the head better. Beginning a call again that a crash cut off is no progress."""
    if all(isinstance(fact, Decided | Edited) for fact in facts):
        moved = tx.execute(_MOVE_ON_BY_CLICK, {"this_id": run.id})
    else:
        is_again = all(isinstance(fact, Started) and fact.resumed for fact in facts)
        statement = _BEGIN_AGAIN if is_again else _MOVE_ON
        moved = tx.execute(statement, {"this_id": run.id, "head": codec.head_to_text(run)})
    if moved != 1:
        raise StaleRun("This run was moved on by another.")


def _load(tx: Transaction, *, run_id: str) -> StoredRun:
    row = tx.first(_RUN, this_id=run_id)
    if row is None:
        raise CheckpointError("There is no such run.")
    try:
        return _read(tx, row)
    except (AttributeError, TypeError, ValueError) as err:  # bytes where text was, words where numbers were
        raise CheckpointError("A stored run is damaged.") from err


def _read(tx: Transaction, row: Any) -> StoredRun:
    its_calls = calls.of_run(tx, row.id)
    head = codec.head_from_text(row.head)
    status: RunStatus = "running" if row.status == "queued" else row.status
    said = messages.read(tx, row.id, its_calls)
    run = replace(head, messages=said, calls=its_calls, answer=row.answer, status=status)
    return StoredRun(run, row.status, row.conversation_id, row.created_ms, is_steered=head.task != row.task)
