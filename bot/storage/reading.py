"""What is read for people: cards, conversations, threads. Nothing changes here but what the bot posts by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Subquery, and_, case, func, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.engine.types import Actor, CallState, Place
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.places import COLUMNS, find_conversation, in_room, is_place, make_conversation, read_place
from bot.storage.runs import sha256


@dataclass(frozen=True, slots=True)
class StoredApproval:
    """An approval with what is needed to judge a click and to draw its card."""

    id: str
    run_id: str
    call_id: str
    place: Place
    requester: Actor
    tool: str
    arguments: str
    is_intact: bool
    approver: str
    rule: str
    state: str
    call_state: CallState
    decided_name: str
    decided_ms: int | None
    reason: str
    created_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One settled message. `author` is a person's key, "" for the bot."""

    run_id: str | None
    role: str
    author: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as a transcript needs it."""

    id: str
    requester: Actor
    task: str
    status: str
    ask_text: str
    answer: str | None
    created_ms: int
    settled_ms: int | None


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


class Reader:
    def __init__(self, database: Database) -> None:
        self._db = database

    # --- approvals ---

    async def approval(self, approval_id: str) -> StoredApproval | None:
        found = await self._approvals(schema.approvals.c.id == approval_id)
        return found[0] if found else None

    async def approval_ids(self, beginning: str) -> list[str]:
        """The ids that begin so; two are enough to know that it is not unique."""
        table = schema.approvals
        query = select(table.c.id).where(table.c.id.startswith(beginning, autoescape=True)).limit(2)
        async with self._db.begin() as connection:
            return list((await connection.execute(query)).scalars())

    async def expired(self, at_ms: int) -> list[StoredApproval]:
        """What still waits though its time is over."""
        table = schema.approvals
        return await self._approvals((table.c.state == "pending") & (table.c.expires_ms <= at_ms))

    async def approvals_of_run(self, run_id: str) -> list[StoredApproval]:
        return await self._approvals(schema.approvals.c.run_id == run_id)

    async def approvals_in(self, place: Place) -> list[StoredApproval]:
        return await self._approvals(is_place(place))

    async def pending(self) -> list[StoredApproval]:
        return await self._approvals(schema.approvals.c.state == "pending")

    async def _approvals(self, condition: Any) -> list[StoredApproval]:
        approvals, calls, runs, places = schema.approvals, schema.calls, schema.runs, schema.conversations
        query = (
            select(
                approvals,
                calls.c.state.label("call_state"),
                runs.c.requester,
                runs.c.requester_name,
                *COLUMNS,
            )
            .join(calls, calls.c.id == approvals.c.call_id)
            .join(runs, runs.c.id == approvals.c.run_id)
            .join(places, places.c.id == runs.c.conversation_id)
            .where(condition)
            .order_by(approvals.c.created_ms, calls.c.position)
        )
        async with self._db.begin() as connection:
            return [_approval(row) for row in (await connection.execute(query)).all()]

    # --- conversations ---

    async def active_in(self, place: Place) -> list[tuple[str, str, str]]:
        """Open runs of a conversation, oldest first: id, status, requester's key."""
        runs = schema.runs
        async with self._db.begin() as connection:
            conversation_id = await find_conversation(connection, place)
            query = (
                select(runs.c.id, runs.c.status, runs.c.requester)
                .where(runs.c.conversation_id == conversation_id, runs.c.status.in_(("queued", "running", "waiting")))
                .order_by(runs.c.seq)
            )
            return [(row.id, row.status, row.requester) for row in (await connection.execute(query)).all()]

    async def turns(self, place: Place, *, limit: int) -> list[StoredTurn]:
        """The newest settled messages of a conversation, oldest first."""
        table = schema.turns
        async with self._db.begin() as connection:
            conversation_id = await find_conversation(connection, place)
            query = (
                select(table).where(table.c.conversation_id == conversation_id).order_by(table.c.id.desc()).limit(limit)
            )
            rows = (await connection.execute(query)).all()
        return [StoredTurn(row.run_id, row.role, row.author, row.text, row.at_ms) for row in reversed(rows)]

    async def lines(self, place: Place) -> tuple[list[RunLine], list[CallLine], list[StoredTurn]]:
        """Everything of one conversation: its runs, their calls, and what the bot posted there by itself."""
        runs, calls, turns = schema.runs, schema.calls, schema.turns
        async with self._db.begin() as connection:
            conversation_id = await find_conversation(connection, place)
            mine = runs.c.conversation_id == conversation_id
            run_rows = (await connection.execute(select(runs).where(mine).order_by(runs.c.seq))).all()
            call_query = (
                select(calls).join(runs, runs.c.id == calls.c.run_id).where(mine).order_by(runs.c.seq, calls.c.position)
            )
            call_rows = (await connection.execute(call_query)).all()
            posts = and_(turns.c.conversation_id == conversation_id, turns.c.run_id.is_(None))
            turn_rows = (await connection.execute(select(turns).where(posts).order_by(turns.c.id))).all()
        return (
            [_run_line(row) for row in run_rows],
            [_call_line(row) for row in call_rows],
            [StoredTurn(None, row.role, row.author, row.text, row.at_ms) for row in turn_rows],
        )

    async def threads(self, room: Place, *, limit: int = 200) -> list[tuple[Place, str, int, bool]]:
        """The conversations of a room, the latest first: place, first words, last change, does something wait."""
        places, runs, turns = schema.conversations, schema.runs, schema.turns
        asked, settled = _asked_by_conversation(), _settled_by_conversation()
        first_run, first_turn = runs.alias(), turns.alias()
        updated = case(
            (func.coalesce(settled.c.at_ms, 0) > func.coalesce(asked.c.at_ms, 0), settled.c.at_ms), else_=asked.c.at_ms
        ).label("updated_ms")
        query = (
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
            .where(
                in_room(room),
                asked.c.conversation_id.is_not(None) | settled.c.conversation_id.is_not(None),
            )
            .order_by(updated.desc(), places.c.id.desc())
            .limit(limit)
        )
        async with self._db.begin() as connection:
            rows = (await connection.execute(query)).all()
        return [(read_place(row), row.title, row.updated_ms, row.waiting > 0) for row in rows]

    # --- posts of the bot ---

    async def add_post(self, place: Place, text: str, *, key: str, at_ms: int) -> bool:
        """Store a message the bot posts by itself; False when this key has been posted before."""
        async with self._db.begin() as connection:
            conversation_id = await make_conversation(connection, place, at_ms)
            values = {
                "conversation_id": conversation_id,
                "role": "assistant",
                "author": "",
                "text": text,
                "key": key,
                "at_ms": at_ms,
            }
            statement = sqlite_insert(schema.turns).values(**values).on_conflict_do_nothing(index_elements=["key"])
            return (await connection.execute(statement)).rowcount == 1


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


def parse_actor(key: str, name: str = "") -> Actor:
    """Read an identity back: `web:alice`, `slack:T1/U1`."""
    platform, _, rest = key.partition(":")
    workspace, slash, user = rest.rpartition("/")
    return Actor(platform, workspace if slash else "", user, name)


def _approval(row: Row[Any]) -> StoredApproval:
    return StoredApproval(
        id=row.id,
        run_id=row.run_id,
        call_id=row.call_id,
        place=read_place(row),
        requester=parse_actor(row.requester, row.requester_name),
        tool=row.tool,
        arguments=row.arguments,
        is_intact=sha256(row.arguments) == row.arguments_sha256,
        approver=row.approver,
        rule=row.rule,
        state=row.state,
        call_state=CallState(row.call_state),
        decided_name=row.decided_name,
        decided_ms=row.decided_ms,
        reason=row.reason,
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
    )


def _run_line(row: Row[Any]) -> RunLine:
    requester = parse_actor(row.requester, row.requester_name)
    ask_text = json.loads(row.head).get("ask_text", "") if row.status == "waiting" else ""
    return RunLine(row.id, requester, row.task, row.status, ask_text, row.answer, row.created_ms, row.settled_ms)


def _call_line(row: Row[Any]) -> CallLine:
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
