"""Notes of a room: what one channel may not see, it does not see."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.engine.types import Place
from bot.storage import schema
from bot.storage.database import Database
from bot.storage.places import in_room
from bot.storage.runs import now_ms


class NoteRows:
    """Notes in the database; the shape the tools expect, without knowing them."""

    def __init__(self, database: Database, *, clock: Callable[[], int] = now_ms) -> None:
        self._db = database
        self._clock = clock

    async def add(self, place: Place, author: str, text: str, key: str) -> int:
        """Add a note, once per key; gives how many the room has now."""
        values = {
            "platform": place.platform,
            "workspace": place.workspace,
            "channel": place.channel,
            "author": author,
            "text": text,
            "key": key,
            "at_ms": self._clock(),
        }
        statement = sqlite_insert(schema.notes).values(**values).on_conflict_do_nothing(index_elements=["key"])
        async with self._db.begin() as connection:
            await connection.execute(statement)
            count = select(func.count()).select_from(schema.notes).where(in_room(place, schema.notes))
            return int((await connection.execute(count)).scalar_one())

    async def search(self, place: Place, query: str, limit: int) -> list[tuple[int, str, str, int]]:
        """Notes that hold every word of the query, the newest first: id, author, text, time. No words = the newest."""
        table = schema.notes
        words = query.casefold().split()
        statement = select(table).where(in_room(place, table)).order_by(table.c.id.desc())
        async with self._db.begin() as connection:
            rows = (await connection.execute(statement)).all()
        # SQLite lowers ASCII only, so the words are compared here
        found = (row for row in rows if all(word in row.text.casefold() for word in words))
        return [(row.id, row.author, row.text, row.at_ms) for row in itertools.islice(found, limit)]

    async def clear(self, place: Place) -> int:
        """Delete every note of the room; gives how many there were."""
        async with self._db.begin() as connection:
            return (await connection.execute(delete(schema.notes).where(in_room(place, schema.notes)))).rowcount
