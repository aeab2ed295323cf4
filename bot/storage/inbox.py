"""What platforms delivered: kept once, taken once, and known for some days when it comes again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot import crash
from bot.envelopes import Envelope
from bot.storage.calls import sha256
from bot.storage.database import Database, Transaction
from bot.storage.grouping import Grouped
from bot.storage.schema import inbox
from bot.storage.statements import Statement, among, this

_is_waiting = among(inbox.c.state, ("waiting",))
_this_key = (inbox.c.platform == this("this_platform"), inbox.c.key == this("this_key"))
_KNOWN = Statement(select(inbox.c.id, inbox.c.sha256, inbox.c.same_as).where(*_this_key))
_KEEP = Statement(
    sqlite_insert(inbox).on_conflict_do_nothing(index_elements=["platform", "key"]),
    *("platform", "key", "author", "body", "sha256", "state", "same_as", "attempts", "at_ms"),
)
_envelope = select(inbox.c.id, inbox.c.body, inbox.c.at_ms, inbox.c.attempts)
_WAITING = Statement(_envelope.where(inbox.c.id == this("this_id"), _is_waiting))
_LEFT = Statement(_envelope.where(inbox.c.platform == this("this_platform"), _is_waiting).order_by(inbox.c.id))
_again = {"attempts": inbox.c.attempts + 1}
_COUNT_LEFT = Statement(update(inbox).where(inbox.c.platform == this("this_platform"), _is_waiting).values(**_again))
_COUNT = Statement(update(inbox).where(inbox.c.id == this("this_id")).values(**_again))
_SETTLE = Statement(update(inbox).where(inbox.c.id == this("this_id")).values(state="settled", body="", author=""))
_of_this_key = select(func.coalesce(inbox.c.same_as, inbox.c.id)).where(*_this_key).scalar_subquery()
_WITHDRAW = Statement(update(inbox).where(inbox.c.id == _of_this_key).values(state="settled", body="", author=""))
_old = select(inbox.c.id).where(inbox.c.at_ms < this("before")).order_by(inbox.c.at_ms).limit(this("at_most"))
_CUT = Statement(delete(inbox).where(inbox.c.id.in_(_old)))


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a delivery: `envelope` while it is to be taken. `is_repeated`: its first key was known, and
    `is_same` says whether it said the same then."""

    envelope: Envelope | None
    is_repeated: bool
    is_same: bool


class InboxRows:
    def __init__(self, database: Database) -> None:
        self._db = database
        self._group = Grouped(database)

    async def keep(self, platform: str, keys: Sequence[str], body: str, author: str) -> Kept:
        """Keep this under all of its keys, unless one of them is known. Raises `StoreError`."""
        crash.at("event.before")
        kept = await self._group.run(partial(_keep, platform=platform, keys=keys, body=body, author=author))
        crash.at("event.after")
        return kept

    async def left(self, platform: str) -> list[Envelope]:
        """Everything that waits, oldest first, counted as one more attempt."""

        def left(tx: Transaction) -> list[Envelope]:
            tx.execute(_COUNT_LEFT, {"this_platform": platform})
            return [Envelope(*row) for row in tx.all(_LEFT, this_platform=platform)]

        return await self._db.run(left)

    async def count(self, number: int) -> None:
        """One more attempt has failed."""
        await self._group.run(lambda tx: tx.execute(_COUNT, {"this_id": number}))

    async def settle(self, number: int) -> None:
        """It is taken."""
        crash.at("taken.before")
        await self._group.run(partial(_settle, number=number))
        crash.at("taken.after")

    async def withdraw(self, platform: str, key: str) -> None:
        """What is known by this key is not to be taken any more."""
        values = {"this_platform": platform, "this_key": key}
        await self._group.run(lambda tx: tx.execute(_WITHDRAW, values))


def _keep(tx: Transaction, platform: str, keys: Sequence[str], body: str, author: str) -> Kept:
    known = [tx.first(_KNOWN, this_platform=platform, this_key=key) for key in keys]
    new = [key for key, row in zip(keys, known, strict=True) if row is None]
    same_as = next((row.same_as or row.id for row in known if row is not None), None)
    row = {"platform": platform, "sha256": sha256(body), "attempts": 0, "at_ms": tx.now_ms}
    if same_as is None:
        whole = {"key": new.pop(0), "author": author, "body": body, "state": "waiting", "same_as": None}
        same_as = tx.insert(_KEEP, row | whole)
        envelope: Envelope | None = Envelope(same_as, body, tx.now_ms)
    else:
        waiting = tx.first(_WAITING, this_id=same_as)
        envelope = None if waiting is None else Envelope(*waiting)
    for key in new:
        tx.execute(_KEEP, row | {"key": key, "author": "", "body": "", "state": "settled", "same_as": same_as})
    crash.at("event.inside")
    first = known[0]
    return Kept(envelope, first is not None, first is None or first.sha256 == row["sha256"])


def _settle(tx: Transaction, number: int) -> None:
    tx.execute(_SETTLE, {"this_id": number})
    crash.at("taken.inside")


def cut(tx: Transaction, *, before_ms: int, at_most: int) -> int:
    """Remove what came before then, at most so much; gives how many rows."""
    return tx.execute(_CUT, {"before": before_ms, "at_most": at_most})
