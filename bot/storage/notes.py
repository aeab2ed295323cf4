"""Notes of a room: what one channel may not see, it does not see."""

from __future__ import annotations

import itertools

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.engine.types import Place
from bot.storage.database import Database, Transaction
from bot.storage.places import in_room, room_values
from bot.storage.schema import notes
from bot.storage.statements import Statement

_ADD = Statement(
    sqlite_insert(notes).on_conflict_do_nothing(index_elements=["key"]),
    *("platform", "workspace", "channel", "author", "text", "key", "at_ms", "author_key"),
)
_COUNT = Statement(select(func.count()).select_from(notes).where(in_room(notes)))
_NEWEST = Statement(select(notes).where(in_room(notes)).order_by(notes.c.id.desc()))
_CLEAR = Statement(delete(notes).where(in_room(notes)))


class NoteRows:
    """Notes in the database; the shape the tools expect, without knowing them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, place: Place, author: str, text: str, key: str, *, author_key: str) -> int:
        """Add a note, once per key; gives how many the room has now. `author_key` is the identity of its author."""
        where = {"platform": place.platform, "workspace": place.workspace, "channel": place.channel}

        def add(tx: Transaction) -> int:
            row = {**where, "author": author, "author_key": author_key, "text": text, "key": key, "at_ms": tx.now_ms}
            tx.execute(_ADD, row)
            return int(tx.scalar(_COUNT, **room_values(place)))

        return await self._db.run(add)

    async def search(self, place: Place, query: str, limit: int) -> list[tuple[int, str, str, int]]:
        """Notes that hold every word of the query, the newest first: id, author, text, time. No words = the newest."""
        words = query.casefold().split()

        def search(tx: Transaction) -> list[tuple[int, str, str, int]]:
            rows = tx.all(_NEWEST, **room_values(place))
            # SQLite lowers ASCII only, so the words are compared here
            found = (row for row in rows if all(word in row.text.casefold() for word in words))
            return [(row.id, row.author, row.text, row.at_ms) for row in itertools.islice(found, limit)]

        return await self._db.run(search)

    async def clear(self, place: Place) -> int:
        """Delete every note of the room; gives how many there were."""
        return await self._db.run(lambda tx: tx.execute(_CLEAR, room_values(place)))
