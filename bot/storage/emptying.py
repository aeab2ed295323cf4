"""Empty runs of everything that was said and done in them. Their rows stay, and can still be read: who asked when,
which tools ran, who decided.

What is copied from them goes too: what the runs of the same conversations were sent, once these are over (nobody reads
it again), and what is not sent yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, and_, case, delete, func, literal, or_, select, update

from bot.engine.types import Run, parse_actor
from bot.errors import CheckpointError
from bot.storage import codec
from bot.storage.calls import sha256
from bot.storage.database import Transaction
from bot.storage.images import MARK
from bot.storage.places import COLUMNS, read_place
from bot.storage.schema import (
    ERASED,
    approvals,
    attachments,
    calls,
    conversations,
    outbox,
    run_messages,
    runs,
    summaries,
    turns,
    votes,
)
from bot.storage.statements import Statement, among, this

OVER = ("done", "failed", "cancelled")
OPEN = ("queued", "running", "waiting")
CHUNK = 500
"""How many runs are emptied with one statement for each table."""
NO_ARGUMENTS = "{}"
"""Stands for arguments that were erased: a stored call has to match the hash that is stored with it."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """How much went. `runs` are those that had not been emptied before."""

    runs: int = 0
    answers: int = 0
    calls: int = 0
    attachments: int = 0

    def __add__(self, other: Emptied) -> Emptied:
        return Emptied(
            self.runs + other.runs,
            self.answers + other.answers,
            self.calls + other.calls,
            self.attachments + other.attachments,
        )


def listed(name: str) -> Select[Any]:
    """The elements of a JSON list that is given under this name: any number of values in one statement."""
    return select(func.json_each(this(name)).table_valued("value").c.value)


def as_list(values: Iterable[object]) -> str:
    return json.dumps(list(values))


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[first : first + CHUNK] for first in range(0, len(values), CHUNK))


# --- statements ----------------------------------------------------------------------------------------------------

IS_FULL = or_(runs.c.requester_name != "", runs.c.task != ERASED, func.coalesce(runs.c.answer, ERASED) != ERASED)
"""Not emptied yet."""
_mine = {"these": "these_runs", "here": "these_conversations"}
_these, _here = listed(_mine["these"]), listed(_mine["here"])

_RUNS = Statement(
    select(runs, *COLUMNS)
    .join(conversations, conversations.c.id == runs.c.conversation_id)
    .where(runs.c.id.in_(_these), among(runs.c.status, OVER))
    .order_by(runs.c.seq)
)
_EMPTY_RUN = Statement(
    update(runs).where(runs.c.id == this("this_id")).values(task=ERASED, requester_name=""), "head", "answer"
)
_over_here = select(runs.c.id).where(runs.c.conversation_id.in_(_here), among(runs.c.status, OVER))
_DROP_MESSAGES = Statement(delete(run_messages).where(run_messages.c.run_id.in_(_over_here)))
IS_FULL_CALL = or_(
    calls.c.arguments != NO_ARGUMENTS,
    func.coalesce(calls.c.edited, NO_ARGUMENTS) != NO_ARGUMENTS,
    func.coalesce(calls.c.result, ERASED) != ERASED,
    and_(calls.c.reason != "", calls.c.reason != ERASED),
)
_EMPTY_CALLS = Statement(
    update(calls)
    .where(calls.c.run_id.in_(_these), IS_FULL_CALL)
    .values(
        arguments=NO_ARGUMENTS,
        arguments_sha256=sha256(NO_ARGUMENTS),
        edited=case((calls.c.edited.is_not(None), NO_ARGUMENTS)),
        result=case((calls.c.result.is_not(None), ERASED)),
        reason=case((calls.c.reason == "", ""), else_=ERASED),
    )
)
_EMPTY_APPROVALS = Statement(
    update(approvals)
    .where(approvals.c.run_id.in_(_these))
    .values(
        arguments=NO_ARGUMENTS,
        arguments_sha256=sha256(NO_ARGUMENTS),
        reason=case((approvals.c.reason == "", ""), else_=ERASED),
        why="",
    )
)
_EMPTY_VOTES = Statement(
    update(votes)
    .where(votes.c.approval_id.in_(select(approvals.c.id).where(approvals.c.run_id.in_(_these))))
    .values(reason="", pattern="")
)
_EMPTY_TURNS = Statement(
    update(turns).where(turns.c.conversation_id.in_(_here), turns.c.run_id.in_(_these)).values(text=ERASED)
)
_of_these = and_(
    among(outbox.c.state, ("pending", "sent", "parked")),  # the index begins with it
    outbox.c.conversation_id.in_(_here),
    outbox.c.run_id.in_(_these),
)
_DROP_UNSENT = Statement(delete(outbox).where(_of_these, outbox.c.state != "sent"))
_EMPTY_OUTBOX = Statement(update(outbox).where(_of_these, outbox.c.text != "").values(text=ERASED))


def shown_by_open_runs(run_id: Any, conversation_id: Any) -> Select[Any]:
    """The messages of open runs of a conversation that show an image of this run."""
    holder = runs.alias()
    mark = literal(MARK).concat(run_id).concat("/")
    shown = run_messages.c.body.concat(func.coalesce(run_messages.c.sent, ""))
    return (
        select(run_messages.c.run_id)
        .join(holder, holder.c.id == run_messages.c.run_id)
        .where(holder.c.conversation_id == conversation_id, among(holder.c.status, OPEN))
        .where(func.instr(shown, mark) > 0)
    )


_whose = runs.alias()
# An open run that shows an image cannot be read without it.
_is_shown = (
    select(_whose.c.id)
    .where(_whose.c.id == attachments.c.run_id)
    .where(shown_by_open_runs(_whose.c.id, _whose.c.conversation_id).correlate(_whose).exists())
    .correlate(attachments)
    .exists()
)
_DROP_ATTACHMENTS = Statement(
    delete(attachments).where(attachments.c.run_id.in_(_these), or_(attachments.c.kind != "image", ~_is_shown))
)
_EMPTY_SUMMARIES = Statement(
    update(summaries).where(summaries.c.conversation_id.in_(_here), summaries.c.text != "").values(text="")
)
_kept_turn = (
    select(turns.c.id)
    .where(turns.c.conversation_id == summaries.c.conversation_id, turns.c.id <= summaries.c.upto_turn)
    .where(turns.c.run_id.is_not(None), turns.c.text != ERASED)
    .correlate(summaries)
    .exists()
)
_EMPTY_OLD_SUMMARIES = Statement(
    update(summaries).where(summaries.c.conversation_id.in_(_here), summaries.c.text != "", ~_kept_turn).values(text="")
)


# --- what is done --------------------------------------------------------------------------------------------------


def empty_runs(tx: Transaction, run_ids: Sequence[str]) -> Emptied:
    """Empty those of these runs that are over."""
    total = Emptied()
    for some in chunks(run_ids):
        total += _empty(tx, tx.all(_RUNS, these_runs=as_list(some)))
    return total


def _empty(tx: Transaction, rows: Sequence[Any]) -> Emptied:
    full = [row for row in rows if row.requester_name or row.task != ERASED or row.answer not in (None, ERASED)]
    for row in full:
        answer = None if row.answer is None else ERASED
        tx.execute(_EMPTY_RUN, {"this_id": row.id, "head": _empty_head(row), "answer": answer})
    these = {"these_runs": as_list(row.id for row in rows)}
    here = {"these_conversations": as_list({row.conversation_id for row in rows})}
    tx.execute(_DROP_MESSAGES, here)
    its_calls = tx.execute(_EMPTY_CALLS, these)
    tx.execute(_EMPTY_APPROVALS, these)
    tx.execute(_EMPTY_VOTES, these)
    tx.execute(_EMPTY_TURNS, these | here)
    tx.execute(_DROP_UNSENT, these | here)
    tx.execute(_EMPTY_OUTBOX, these | here)
    attached = tx.execute(_DROP_ATTACHMENTS, these)
    answers = sum(row.answer not in (None, ERASED) for row in full)
    return Emptied(len(full), answers, its_calls, attached)


def _empty_head(row: Any) -> str:
    """The head of a run without anything of its person; one that cannot be read is made anew."""
    requester = parse_actor(row.requester)
    try:
        head = codec.head_from_text(row.head)
    except CheckpointError:
        head = Run(row.id, ERASED, (), model=row.model, place=read_place(row))
    kept = replace(head.requester, name="", groups=frozenset()) if head.requester == requester else requester
    answer = None if row.answer is None else ERASED
    empty = replace(head, task=ERASED, requester=kept, answer=answer, status=row.status)
    return codec.head_to_text(replace(empty, last_text="", ask_text="", stop=""))


def drop_messages(tx: Transaction, conversation_ids: Iterable[int]) -> None:
    """Let go of what the runs of these conversations were sent, those that are over: it quotes what others said."""
    tx.execute(_DROP_MESSAGES, {"these_conversations": as_list(conversation_ids)})


def empty_summaries(tx: Transaction, conversation_ids: Iterable[int], *, only_forgotten: bool = False) -> int:
    """Let nothing be remembered of old talk here; `only_forgotten`: where all of it is forgotten anyway."""
    statement = _EMPTY_OLD_SUMMARIES if only_forgotten else _EMPTY_SUMMARIES
    return tx.execute(statement, {"these_conversations": as_list(conversation_ids)})
