"""Approvals as they are read: with what is needed to judge a click and to draw a card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, select, text, update

from bot.engine.types import Actor, CallState, Place, parse_actor
from bot.storage import outbox, schema
from bot.storage.calls import sha256
from bot.storage.database import Database, Transaction
from bot.storage.places import COLUMNS, is_place, place_values, read_place
from bot.storage.statements import Statement, this


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


# --- statements ----------------------------------------------------------------------------------------------------

_approvals, _calls, _runs = schema.approvals, schema.calls, schema.runs


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


DAMAGED = "A stored approval is damaged."


class ApprovalReader:
    """`damaged` are the runs nobody can decide about any more, each with the reason: whoever finds one notes it here,
    and the service ends it."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.damaged: dict[str, str] = {}

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
