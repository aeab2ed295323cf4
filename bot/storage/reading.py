"""What is read for people: cards, conversations, threads. Nothing changes here but what the bot posts by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Subquery, case, func, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.engine.types import Actor, CallState, Place, parse_actor
from bot.storage import outbox, schema
from bot.storage.database import Database, Transaction
from bot.storage.places import (
    COLUMNS,
    find_conversation,
    in_room,
    make_conversation,
    read_place,
    room_values,
)
from bot.storage.statements import Statement, among, this


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One settled message. `author` is a person's key, "" for the bot."""

    run_id: str | None
    role: str
    author: str
    text: str
    at_ms: int
    id: int = 0


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as a transcript needs it."""

    id: str
    requester: Actor
    task: str
    status: str
    answer: str | None
    created_ms: int
    settled_ms: int | None


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A sentence of the bot itself that was put into the outbox."""

    run_id: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class CallLine:
    id: str
    run_id: str
    tool: str
    arguments: str
    state: CallState
    decision: str
    decided_by: str
    duration_ms: int | None
    ended_ms: int | None


# --- statements ----------------------------------------------------------------------------------------------------

_approvals, _calls, _runs, _turns = schema.approvals, schema.calls, schema.runs, schema.turns

_ACTIVE = Statement(
    select(_runs.c.id, _runs.c.status, _runs.c.requester)
    .where(_runs.c.conversation_id == this("conversation"), among(_runs.c.status, ("queued", "running", "waiting")))
    .order_by(_runs.c.seq)
)
_RUNS_OF = Statement(select(_runs).where(_runs.c.conversation_id == this("conversation")).order_by(_runs.c.seq))
_CALLS_OF = Statement(
    select(_calls)
    .join(_runs, _runs.c.id == _calls.c.run_id)
    .where(_runs.c.conversation_id == this("conversation"))
    .order_by(_runs.c.seq, _calls.c.position)
)
_POSTS_OF = Statement(
    select(_turns)
    .where(_turns.c.conversation_id == this("conversation"), _turns.c.run_id.is_(None), _turns.c.role == "assistant")
    .order_by(_turns.c.id)
)
_NOTICES_OF = Statement(
    select(schema.outbox)
    .where(schema.outbox.c.conversation_id == this("conversation"), schema.outbox.c.kind == "notice")
    .order_by(schema.outbox.c.id)
)
_ADD_POST = Statement(
    sqlite_insert(_turns).on_conflict_do_nothing(index_elements=["key"]),
    *("conversation_id", "role", "author", "text", "key", "at_ms"),
)


def _asked_by_conversation() -> Subquery:
    """Of each conversation: its first run, when somebody last wrote, and whether something waits."""
    runs = schema.runs
    return (
        select(
            runs.c.conversation_id,
            func.min(runs.c.seq).label("first"),
            func.max(runs.c.created_ms).label("at_ms"),
            func.sum(case((runs.c.status == "waiting", 1), else_=0)).label("waiting"),
        )
        .group_by(runs.c.conversation_id)
        .subquery()
    )


def _settled_by_conversation() -> Subquery:
    """Of each conversation: its first settled message, and when the last one settled."""
    turns = schema.turns
    return (
        select(turns.c.conversation_id, func.min(turns.c.id).label("first"), func.max(turns.c.at_ms).label("at_ms"))
        .group_by(turns.c.conversation_id)
        .subquery()
    )


def _threads_statement() -> Statement:
    """The conversations of a room, the latest first: place, first words, last change, does something wait."""
    places = schema.conversations
    asked, settled = _asked_by_conversation(), _settled_by_conversation()
    first_run, first_turn = _runs.alias(), _turns.alias()
    updated = case(
        (func.coalesce(settled.c.at_ms, 0) > func.coalesce(asked.c.at_ms, 0), settled.c.at_ms), else_=asked.c.at_ms
    ).label("updated_ms")
    return Statement(
        select(
            *COLUMNS,
            func.coalesce(first_run.c.task, first_turn.c.text).label("title"),
            updated,
            func.coalesce(asked.c.waiting, 0).label("waiting"),
        )
        .outerjoin(asked, asked.c.conversation_id == places.c.id)
        .outerjoin(settled, settled.c.conversation_id == places.c.id)
        .outerjoin(first_run, first_run.c.seq == asked.c.first)
        .outerjoin(first_turn, first_turn.c.id == settled.c.first)
        .where(in_room(), asked.c.conversation_id.is_not(None) | settled.c.conversation_id.is_not(None))
        .order_by(updated.desc(), places.c.id.desc())
        .limit(this("at_most"))
    )


_THREADS = _threads_statement()

_last_asked = func.max(_runs.c.created_ms).label("at_ms")
_newest = _runs.alias("newest")
_newest_ms = (  # found by its index: the runs of quiet conversations are not read
    select(_newest.c.created_ms)
    .where(_newest.c.conversation_id == schema.conversations.c.id)
    .order_by(_newest.c.seq.desc())
    .limit(1)
    .scalar_subquery()
)
_ROOMS = Statement(
    select(*COLUMNS, _last_asked, func.group_concat(_runs.c.requester.distinct()).label("people"))
    .join(_runs, _runs.c.conversation_id == schema.conversations.c.id)
    .where(schema.conversations.c.platform == this("this_platform"), _newest_ms >= this("since"))
    .group_by(schema.conversations.c.id)
)


class Reader:
    def __init__(self, database: Database) -> None:
        self._db = database

    # --- conversations ---

    async def active_in(self, place: Place) -> list[tuple[str, str, str]]:
        """Open runs of a conversation, oldest first: id, status, requester's key."""
        rows = await self._db.run(lambda tx: tx.all(_ACTIVE, conversation=find_conversation(tx, place)))
        return [tuple(row) for row in rows]

    async def lines(self, place: Place) -> tuple[list[RunLine], list[CallLine], list[StoredTurn], list[NoticeLine]]:
        """Everything of one conversation: its runs, their calls, what the bot posted there by itself, its notices."""

        def read(tx: Transaction) -> tuple[list[Any], ...]:
            mine = find_conversation(tx, place)
            return tuple(tx.all(one, conversation=mine) for one in (_RUNS_OF, _CALLS_OF, _POSTS_OF, _NOTICES_OF))

        run_rows, call_rows, post_rows, notice_rows = await self._db.run(read)
        return (
            [_run_line(row) for row in run_rows],
            [_call_line(row) for row in call_rows],
            [StoredTurn(None, row.role, row.author, row.text, row.at_ms) for row in post_rows],
            [NoticeLine(row.run_id, row.text, row.created_ms) for row in notice_rows],
        )

    async def threads(self, room: Place, *, limit: int = 200) -> list[tuple[Place, str, int, bool]]:
        """The conversations of a room, the latest first: place, first words, last change, does something wait."""
        rows = await self._db.run(lambda tx: tx.all(_THREADS, **room_values(room), at_most=limit))
        return [(read_place(row), row.title, row.updated_ms, row.waiting > 0) for row in rows]

    async def rooms(self, platform: str, *, since_ms: int) -> list[tuple[Place, frozenset[str], int]]:
        """Where people of a platform talked with the bot since then: each place, who they are, and when somebody last
        wrote there."""
        rows = await self._db.run(lambda tx: tx.all(_ROOMS, this_platform=platform, since=since_ms))
        return [(read_place(row), frozenset(row.people.split(",")), row.at_ms) for row in rows]

    # --- posts of the bot ---

    async def add_post(self, place: Place, text: str, *, key: str) -> None:
        """Store a message the bot posts by itself, once per key, and have it shown."""

        def add(tx: Transaction) -> None:
            row = {"conversation_id": make_conversation(tx, place), "role": "assistant", "author": "", "text": text}
            if tx.execute(_ADD_POST, {**row, "key": key, "at_ms": tx.now_ms}) == 1:
                outbox.post(tx, place, "post", f"post:{key}", text=text)

        await self._db.run(add)


def _run_line(row: Any) -> RunLine:
    requester = parse_actor(row.requester, row.requester_name)
    return RunLine(row.id, requester, row.task, row.status, row.answer, row.created_ms, row.settled_ms)


def _call_line(row: Any) -> CallLine:
    return CallLine(
        id=row.id,
        run_id=row.run_id,
        tool=row.name,
        arguments=row.arguments if row.edited is None else row.edited,
        state=CallState(row.state),
        decision=row.decision,
        decided_by=row.decided_by,
        duration_ms=row.duration_ms,
        ended_ms=row.ended_ms,
    )
