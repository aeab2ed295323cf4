"""The outbox: what has to be shown in a place, written in the transaction of the change itself.

It is sent afterwards (`bot.deliveries`), at least once and in order per place; the key is the same at every attempt, so
that an adapter can suppress the second copy. A card is one row for its whole life: whenever its approval changes, its
revision grows and it is sent again, as it stands then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.engine.types import Place
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
from bot.storage.schema import conversations, outbox, runs
from bot.storage.statements import Statement, this

UNDELIVERED = frozenset({"cli", "script"})
"""Platforms whose people read the answer where they asked: nothing is sent there."""

_COLUMNS = tuple(column.key for column in outbox.columns if column.key != "id")
_ADD = Statement(sqlite_insert(outbox).on_conflict_do_nothing(index_elements=["key"]), *_COLUMNS)
_AGAIN = Statement(
    update(outbox)
    .where(outbox.c.ref == this("this_ref"), outbox.c.kind == "card")
    .values(
        revision=outbox.c.revision + 1,
        state=case((outbox.c.state == "parked", "parked"), else_="pending"),
        due_ms=case(
            (outbox.c.attempts > 0, outbox.c.due_ms),  # a platform's wish is kept
            (outbox.c.state == "pending", func.min(outbox.c.due_ms, this("due"))),
            else_=this("due"),
        ),
    )
)
_NEXT = Statement(
    select(outbox, runs.c.answer, runs.c.status, runs.c.settled_ms, runs.c.requester, runs.c.event_id)
    .outerjoin(runs, runs.c.id == outbox.c.run_id)
    .where(outbox.c.conversation_id == this("conversation"), outbox.c.state == "pending")
    .order_by(outbox.c.id)
    .limit(1)
)
_SENT = Statement(
    update(outbox)
    .where(outbox.c.id == this("this_id"))
    .values(
        sent_revision=this("shown"),
        state=case((outbox.c.revision == this("shown"), "sent"), else_="pending"),
        attempts=0,
        error="",
    ),
    "receipt",
)
_LATER = Statement(
    update(outbox).where(outbox.c.id == this("this_id")).values(attempts=outbox.c.attempts + 1), "due_ms", "error"
)
_PARK = Statement(update(outbox).where(outbox.c.id == this("this_id")).values(state="parked"), "error")
_here = select(conversations.c.id).where(in_room())
_UNPARK = Statement(
    update(outbox)
    .where(outbox.c.state == "parked", outbox.c.conversation_id.in_(_here))
    .values(state="pending", attempts=0, due_ms=this("now"))
)
_PLACES = Statement(
    select(*COLUMNS)
    .distinct()
    .select_from(outbox)
    .join(conversations, conversations.c.id == outbox.c.conversation_id)
    .where(outbox.c.state == "pending", outbox.c.due_ms <= this("now"))
)
_PLACES_OF = Statement(
    select(*COLUMNS)
    .distinct()
    .select_from(outbox)
    .join(conversations, conversations.c.id == outbox.c.conversation_id)
    .where(outbox.c.ref == this("this_ref"), outbox.c.kind == "card")
)
_RECEIPTS_IN = Statement(
    select(outbox.c.receipt)
    .join(conversations, conversations.c.id == outbox.c.conversation_id)
    .where(outbox.c.key.in_([this("this_card"), this("this_copy")]), is_place())
)
_CARDS_SHOWN_AS = Statement(
    select(outbox.c.key)
    .join(conversations, conversations.c.id == outbox.c.conversation_id)
    .where(outbox.c.state == "sent", is_place(), outbox.c.kind == "card", outbox.c.receipt == this("shown_as"))
)
_PARKED = Statement(select(outbox.c.id).where(outbox.c.state == "parked").limit(this("at_most")))


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to send. `due_in_ms` > 0: not yet. `answer`, `status`, `settled_ms`, `requester` and `event_id` are its
    run's."""

    id: int
    place: Place
    kind: str
    key: str
    run_id: str
    text: str
    addressed: tuple[str, ...]
    revision: int
    receipt: str
    attempts: int
    due_in_ms: int
    created_ms: int
    answer: str
    status: str
    settled_ms: int
    requester: str
    event_id: str


def post(
    tx: Transaction,
    place: Place,
    kind: str,
    key: str,
    *,
    ref: str = "",
    run_id: str = "",
    text: str = "",
    addressed: Iterable[str] = (),
) -> None:
    """Put something into the outbox; the same key twice is there once."""
    if place.platform in UNDELIVERED:
        return
    row = {
        "conversation_id": make_conversation(tx, place),
        "kind": kind,
        "key": key,
        "ref": ref,
        "run_id": run_id,
        "text": text,
        "addressed": ",".join(dict.fromkeys(addressed)),
        "revision": 1,
        "sent_revision": 0,
        "receipt": "",
        "state": "pending",
        "attempts": 0,
        "error": "",
        "created_ms": tx.now_ms,
        "due_ms": tx.now_ms,
    }
    tx.execute(_ADD, row)


def card_key(approval_id: str, place: Place | None = None) -> str:
    """The key of a card where it was asked for, or of its copy in another place."""
    return f"card:{approval_id}" if place is None else f"card:{approval_id}:{place}"


def show_again(tx: Transaction, call_id: str, *, in_ms: int = 0) -> None:
    """The cards of this call have changed; `in_ms` for a change that is worth showing only if it lasts that long."""
    tx.execute(_AGAIN, {"this_ref": call_id, "due": tx.now_ms + in_ms})


def unpark(tx: Transaction, place: Place) -> None:
    """Somebody wrote from there: the channel is back, and so is what was meant for it."""
    tx.execute(_UNPARK, {**room_values(place), "now": tx.now_ms})


def _next(tx: Transaction, place: Place) -> Item | None:
    row = tx.first(_NEXT, conversation=find_conversation(tx, place))
    if row is None:
        return None
    return Item(
        id=row.id,
        place=place,
        kind=row.kind,
        key=row.key,
        run_id=row.run_id,
        text=row.text,
        addressed=tuple(row.addressed.split(",")) if row.addressed else (),
        revision=row.revision,
        receipt=row.receipt,
        attempts=row.attempts,
        due_in_ms=max(0, row.due_ms - tx.now_ms),
        created_ms=row.created_ms,
        answer=row.answer or "",
        status=row.status or "",
        settled_ms=row.settled_ms or row.created_ms,
        requester=row.requester or "",
        event_id=row.event_id or "",
    )


def approval_of(key: str) -> str:
    """The approval whose card has this key: `card:<id>`, or `card:<id>:<place>` for a copy."""
    return key.split(":")[1]


class OutboxRows:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def next_in(self, place: Place) -> Item | None:
        """What comes next in this place, due or not; None when everything there is sent or parked."""

        return await self._db.run(lambda tx: _next(tx, place))

    async def note_sent(self, item: Item, receipt: str) -> Item | None:
        """It was taken; if it has changed meanwhile, it stays to be sent again. Gives what comes next.

        Something that had changed before it was first taken may have been suppressed as the copy of an older state
        whose arrival was never noted: it is sent once more, as an edit.
        """
        may_be_older = not item.receipt and item.revision > 1 and bool(receipt)
        shown = 0 if may_be_older else item.revision
        return await self._note(_SENT, item, patience_s=30, shown=shown, receipt=receipt)

    async def note_failed(self, item: Item, error: str, *, again_in_ms: int) -> Item | None:
        """It is due again in a while, before everything else in its place. Gives what comes next."""
        return await self._note(_LATER, item, again_in_ms, error=error)

    async def park(self, item: Item, error: str) -> Item | None:
        """It cannot be sent: it stays, and is sent should anybody write from there again. Gives what comes next."""
        return await self._note(_PARK, item, error=error)

    async def _note(
        self, statement: Statement, item: Item, in_ms: int = 0, *, patience_s: float = 0, **values: Any
    ) -> Item | None:
        def note(tx: Transaction) -> Item | None:
            tx.execute(statement, {"this_id": item.id, "due_ms": tx.now_ms + in_ms, **values})
            return _next(tx, item.place)

        return await self._db.run(note, patience_s=patience_s)

    async def places(self) -> list[Place]:
        """Where something is due."""
        return [read_place(row) for row in await self._db.run(lambda tx: tx.all(_PLACES, now=tx.now_ms))]

    async def places_of(self, call_id: str) -> list[Place]:
        """Where the cards of a call are shown."""
        return [read_place(row) for row in await self._db.run(lambda tx: tx.all(_PLACES_OF, this_ref=call_id))]

    async def was_shown(self, approval_id: str, place: Place, receipt: str) -> bool:
        """Whether a card of this approval was put into this place, as the message the platform calls so ("" = as any).
        What was sent and not noted yet counts."""
        keys = {"this_card": card_key(approval_id), "this_copy": card_key(approval_id, place)}
        rows = await self._db.run(lambda tx: tx.all(_RECEIPTS_IN, **keys, **place_values(place)))
        return any(not receipt or row.receipt in ("", receipt) for row in rows)

    async def cards_shown_as(self, receipt: str, place: Place) -> list[str]:
        """The approvals whose card is the message of a place that the platform calls so."""
        values = {"shown_as": receipt, **place_values(place)}
        rows = await self._db.run(lambda tx: tx.all(_CARDS_SHOWN_AS, **values))
        return [approval_of(row.key) for row in rows]

    async def show_again(self, call_id: str) -> None:
        """Send the cards of a call as they are now."""
        await self._db.run(lambda tx: show_again(tx, call_id))

    async def parked(self, *, at_most: int = 1000) -> int:
        """How many things are parked."""
        return len(await self._db.run(lambda tx: tx.all(_PARKED, at_most=at_most)))
