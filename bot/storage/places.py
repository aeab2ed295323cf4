"""Places as rows: each conversation has one, found by its four words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, insert, select

from bot.engine.types import Place
from bot.storage.database import Transaction
from bot.storage.schema import conversations

COLUMNS = (conversations.c.platform, conversations.c.workspace, conversations.c.channel, conversations.c.thread)


def in_room(place: Place, table: Table = conversations) -> ColumnElement[bool]:
    """The rows of a channel, whatever their thread."""
    return and_(
        table.c.platform == place.platform,
        table.c.workspace == place.workspace,
        table.c.channel == place.channel,
    )


def is_place(place: Place) -> ColumnElement[bool]:
    return and_(in_room(place), conversations.c.thread == place.thread)


def read_place(row: Row[Any] | Any) -> Place:
    return Place(row.platform, row.workspace, row.channel, row.thread)


async def find_conversation(connection: Transaction, place: Place) -> int | None:
    """The id of a place's conversation, None when nothing was ever said there."""
    return (await connection.execute(select(conversations.c.id).where(is_place(place)))).scalar_one_or_none()


async def make_conversation(connection: Transaction, place: Place, at_ms: int) -> int:
    """The id of a place's conversation, made where there is none."""
    found = await find_conversation(connection, place)
    if found is not None:
        return found
    values = {
        "platform": place.platform,
        "workspace": place.workspace,
        "channel": place.channel,
        "thread": place.thread,
        "created_ms": at_ms,
    }
    result = await connection.execute(insert(conversations).values(**values))
    key = result.inserted_primary_key
    assert key is not None, "an insert gives its key"
    return int(key[0])
