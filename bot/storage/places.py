"""Places as rows: each conversation has one, found by its four words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Table, and_, select

from bot.engine.types import Place
from bot.storage.database import Transaction
from bot.storage.schema import conversations
from bot.storage.statements import Statement, insert_of, this

COLUMNS = (conversations.c.platform, conversations.c.workspace, conversations.c.channel, conversations.c.thread)


def in_room(table: Table = conversations) -> ColumnElement[bool]:
    """The rows of a channel, whatever their thread; given `**room_values(place)`."""
    return and_(
        table.c.platform == this("this_platform"),
        table.c.workspace == this("this_workspace"),
        table.c.channel == this("this_channel"),
    )


def is_place() -> ColumnElement[bool]:
    """The rows of a place; given `**place_values(place)`."""
    return and_(in_room(), conversations.c.thread == this("this_thread"))


def room_values(place: Place) -> dict[str, str]:
    return {"this_platform": place.platform, "this_workspace": place.workspace, "this_channel": place.channel}


def place_values(place: Place) -> dict[str, str]:
    return {**room_values(place), "this_thread": place.thread}


def read_place(row: Any) -> Place:
    return Place(row.platform, row.workspace, row.channel, row.thread)


_FIND = Statement(select(conversations.c.id).where(is_place()))
_MAKE = insert_of(conversations, "id", "model", "forgotten_upto")


def find_conversation(tx: Transaction, place: Place) -> int | None:
    """The id of a place's conversation, None when nothing was ever said there."""
    found = tx.scalar(_FIND, **place_values(place))
    return None if found is None else int(found)


def make_conversation(tx: Transaction, place: Place) -> int:
    """The id of a place's conversation, made where there is none."""
    found = find_conversation(tx, place)
    if found is not None:
        return found
    values = {
        "platform": place.platform,
        "workspace": place.workspace,
        "channel": place.channel,
        "thread": place.thread,
        "created_ms": tx.now_ms,
    }
    return tx.insert(_MAKE, values)
