"""What is read for people: cards, conversations, threads. Nothing changes here but what the bot posts by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Subquery, and_, case, func, select, text, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.engine.types import Actor, CallState, Place, parse_actor
from bot.storage import outbox, schema
from bot.storage.calls import sha256
from bot.storage.database import Database, Transaction
from bot.storage.places import (
    COLUMNS,
    find_conversation,
    in_room,
    is_place,
    make_conversation,
    place_values,
    read_place,
    room_values,
)
from bot.storage.statements import Statement, among, this


@dataclass(frozen=True, slots=True)
class StoredApproval:
    """An approval with what is needed to judge a click and to draw its card. `left_ms` and `waited_ms` are by the
    database's clock; `edited` are the arguments somebody put in the place of the model's, None where nobody did. `why`
    is what the model said when it asked. `together` are the ids of all that waits of the same reply, in the calls'
    order."""

    id: str
    run_id: str
    call_id: str
    place: Place
    requester: Actor
    tool: str
    arguments: str
    arguments_sha256: str
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
    is_late: bool
    left_ms: int
    waited_ms: int
    reminders: int
    edited: str | None = None
    edited_by: str = ""
    editor: str = ""
    votes: tuple[StoredVote, ...] = ()
    why: str = ""
    is_private: bool = False
    together: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredVote:
    """What one person said about an approval."""

    person: str
    name: str
    verb: str
    reason: str
    grant: str
    pattern: str


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


_has_votes = select(schema.votes.c.person).where(schema.votes.c.approval_id == _approvals.c.id).exists()


def _together() -> ScalarSelect[str]:
    """The ids of what waits of the same reply, with commas, each after its call's position: `0003-<id>`."""
    others, their_calls = _approvals.alias("beside"), _calls.alias()
    is_pending = text("+beside.state = 'pending'")  # a + keeps SQLite from the index on it: thousands may wait
    entry = func.printf("%04d-%s", their_calls.c.position, others.c.id)
    return (
        select(func.group_concat(entry))
        .join(their_calls, their_calls.c.id == others.c.call_id)
        .where(others.c.run_id == _approvals.c.run_id, is_pending, their_calls.c.reply == _calls.c.reply)
        .correlate(_approvals, _calls)
        .scalar_subquery()
    )


def _approvals_where(condition: ColumnElement[bool]) -> Statement:
    return Statement(
        select(
            _approvals,
            _calls.c.state.label("call_state"),
            _has_votes.label("has_votes"),
            *(_calls.c.edited, _calls.c.edited_by, _calls.c.editor, _calls.c.marks),
            *(_runs.c.requester, _runs.c.requester_name, _together().label("together")),
            *COLUMNS,
        )
        .join(_calls, _calls.c.id == _approvals.c.call_id)
        .join(_runs, _runs.c.id == _approvals.c.run_id)
        .join(schema.conversations, schema.conversations.c.id == _runs.c.conversation_id)
        .where(condition)
        .order_by(_approvals.c.created_ms, _calls.c.position)
    )


_is_pending = _approvals.c.state == "pending"
# One reminder at each equal part of the time an approval waits: the half for one, the thirds for two.
_next_reminder = (_approvals.c.expires_ms - _approvals.c.created_ms) * (_approvals.c.reminders + 1)
_is_to_be_reminded = and_(
    _approvals.c.reminders < this("reminders_each"),
    (this("now") - _approvals.c.created_ms) * (this("reminders_each") + 1) >= _next_reminder,
)
_APPROVAL = _approvals_where(_approvals.c.id == this("this_id"))
_EXPIRED = _approvals_where(and_(_is_pending, _approvals.c.expires_ms <= this("now")))
_TO_REMIND = _approvals_where(and_(_is_pending, _approvals.c.expires_ms > this("now"), _is_to_be_reminded))
_OF_RUN = _approvals_where(_approvals.c.run_id == this("this_run"))
_IN_PLACE = _approvals_where(is_place())
_PENDING = _approvals_where(_is_pending)
_WITH_MORE = _approvals_where(and_(_is_pending, _has_votes | _approvals.c.approver.contains(" then ")))
_VOTES = Statement(
    select(schema.votes).where(schema.votes.c.approval_id == this("this_approval")).order_by(schema.votes.c.at_ms)
)
_REMINDED = Statement(
    update(_approvals)
    .where(_approvals.c.id == this("this_id"), _is_pending, _approvals.c.reminders == this("before"))
    .values(reminders=_approvals.c.reminders + 1)
)
_IDS = Statement(
    select(_approvals.c.id).where(_approvals.c.id >= this("beginning"), _approvals.c.id < this("end")).limit(2)
)

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


DAMAGED = "A stored approval is damaged."


class Reader:
    """`damaged` are the runs nobody can decide about any more, each with the reason: whoever finds one notes it here,
    and the service ends it."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.damaged: dict[str, str] = {}

    # --- approvals ---

    async def approval(self, approval_id: str) -> StoredApproval | None:
        found = await self._read(_APPROVAL, this_id=approval_id)
        return found[0] if found else None

    async def approval_ids(self, beginning: str) -> list[str]:
        """The ids that begin so; two are enough to know that it is not unique."""
        if not (beginning.isascii() and beginning.isalnum()):
            return []
        return [row.id for row in await self._db.run(lambda tx: tx.all(_IDS, beginning=beginning, end=f"{beginning}g"))]

    async def expired(self) -> list[StoredApproval]:
        """What still waits though its time is over, by the database's clock."""
        return self._kept(await self._db.run(lambda tx: _read(tx, _EXPIRED, now=tx.now_ms)))

    async def to_remind(self, reminders: int) -> list[StoredApproval]:
        """What its approvers are to be reminded of, when each is to be reminded so often while it waits."""
        return self._kept(await self._db.run(lambda tx: _read(tx, _TO_REMIND, now=tx.now_ms, reminders_each=reminders)))

    async def note_reminder(self, approval: StoredApproval, text: str, addressed: list[str]) -> None:
        """Count one reminder and put it into the outbox, unless it was decided meanwhile."""

        def note(tx: Transaction) -> None:
            if tx.execute(_REMINDED, {"this_id": approval.id, "before": approval.reminders}) == 1:
                key = f"reminder:{approval.id}:{approval.reminders + 1}"
                outbox.post(tx, approval.place, "notice", key, run_id=approval.run_id, text=text, addressed=addressed)

        await self._db.run(note)

    async def note_fallback(self, approval: StoredApproval, key: str, text: str, addressed: list[str]) -> None:
        """Put it into the outbox, once, that somebody else may decide this by now."""
        posted: dict[str, Any] = {"run_id": approval.run_id, "text": text, "addressed": addressed}
        await self._db.run(lambda tx: outbox.post(tx, approval.place, "notice", key, **posted))

    async def approvals_of_run(self, run_id: str) -> list[StoredApproval]:
        return await self._read(_OF_RUN, this_run=run_id)

    async def approvals_in(self, place: Place) -> list[StoredApproval]:
        return await self._read(_IN_PLACE, **place_values(place))

    async def pending(self) -> list[StoredApproval]:
        return await self._read(_PENDING)

    async def unsettled(self) -> list[StoredApproval]:
        """Of what waits, that on which somebody has voted, and that which others may decide after a time."""
        return await self._read(_WITH_MORE)

    async def _read(self, statement: Statement, **values: Any) -> list[StoredApproval]:
        return self._kept(await self._db.run(lambda tx: _read(tx, statement, **values)))

    def _kept(self, read: tuple[list[StoredApproval], list[str]]) -> list[StoredApproval]:
        self.damaged.update(dict.fromkeys(read[1], DAMAGED))
        return read[0]

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


def _read(tx: Transaction, statement: Statement, **values: Any) -> tuple[list[StoredApproval], list[str]]:
    """The approvals, and the runs of those that cannot be read."""
    found, damaged = [], []
    for row in tx.all(statement, **values):
        try:
            found.append(_approval(row, tx))
        except (AttributeError, TypeError, ValueError):  # bytes where text was, words where numbers were
            damaged.append(str(row.run_id))
    return found, damaged


def _approval(row: Any, tx: Transaction) -> StoredApproval:
    now_ms = tx.now_ms
    votes = tx.all(_VOTES, this_approval=row.id) if row.has_votes else []
    return StoredApproval(
        id=row.id,
        run_id=row.run_id,
        call_id=row.call_id,
        place=read_place(row),
        requester=parse_actor(row.requester, row.requester_name),
        tool=row.tool,
        arguments=row.arguments,
        arguments_sha256=row.arguments_sha256,
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
        is_late=row.expires_ms <= now_ms,
        left_ms=max(0, row.expires_ms - now_ms),
        waited_ms=max(0, now_ms - row.created_ms),
        reminders=row.reminders,
        edited=row.edited,
        edited_by=row.edited_by,
        editor=row.editor,
        votes=tuple(StoredVote(one.person, one.name, one.verb, one.reason, one.grant, one.pattern) for one in votes),
        why=row.why,
        is_private="private" in row.marks.split(","),
        together=tuple(entry.partition("-")[2] for entry in sorted((row.together or "").split(",")) if entry),
    )


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
