"""The rules admins set, as rows."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.storage import schema
from bot.storage.database import Database

Kind = Literal["role", "allow", "ask", "deny"]
Row = tuple[str, Kind, str, int | None]
"""subject (a person's key), kind, value, expires_ms"""


class PolicyRows:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def all(self) -> list[Row]:
        table = schema.policies
        async with self._db.begin() as connection:
            rows = (await connection.execute(select(table).order_by(table.c.id))).all()
        return [(row.subject, row.kind, row.value, row.expires_ms) for row in rows]

    async def put(
        self, subject: str, kind: Kind, value: str, *, set_by: str, at_ms: int, expires_ms: int | None = None
    ) -> None:
        """Set one rule; setting it again replaces its expiry. A role replaces the person's earlier role."""
        table = schema.policies
        workspace = subject.partition(":")[2].rpartition("/")[0]
        values = {"workspace": workspace, "subject": subject, "kind": kind, "value": value}
        changing = {"set_by": set_by, "set_ms": at_ms, "expires_ms": expires_ms}
        async with self._db.begin() as connection:
            if kind == "role":
                await connection.execute(delete(table).where(table.c.subject == subject, table.c.kind == "role"))
            statement = sqlite_insert(table).values(**values, **changing)
            keys = ["workspace", "subject", "kind", "value"]
            await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changing))
