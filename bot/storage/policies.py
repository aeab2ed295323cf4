"""The rules admins set, as rows."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.storage.database import Database, Transaction
from bot.storage.schema import policies
from bot.storage.statements import Statement, this

Kind = Literal["role", "allow", "ask", "deny"]
Row = tuple[str, Kind, str, int | None]
"""subject (a person's key), kind, value, expires_ms"""

_COLUMNS = ("workspace", "subject", "kind", "value", "set_by", "set_ms", "expires_ms")
_ALL = Statement(
    select(policies.c.subject, policies.c.kind, policies.c.value, policies.c.expires_ms).order_by(policies.c.id)
)
_FORGET_ROLE = Statement(delete(policies).where(policies.c.subject == this("who"), policies.c.kind == "role"))
_insert = sqlite_insert(policies)
_PUT = Statement(
    _insert.on_conflict_do_update(
        index_elements=["workspace", "subject", "kind", "value"],
        set_={name: _insert.excluded[name] for name in ("set_by", "set_ms", "expires_ms")},
    ),
    *_COLUMNS,
)


class PolicyRows:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def all(self) -> list[Row]:
        return [tuple(row) for row in await self._db.run(lambda tx: tx.all(_ALL))]

    async def put(
        self, subject: str, kind: Kind, value: str, *, set_by: str, at_ms: int, expires_ms: int | None = None
    ) -> None:
        """Set one rule; setting it again replaces its expiry. A role replaces the person's earlier role."""
        workspace = subject.partition(":")[2].rpartition("/")[0]
        row = {"workspace": workspace, "subject": subject, "kind": kind, "value": value}
        changing = {"set_by": set_by, "set_ms": at_ms, "expires_ms": expires_ms}

        def put(tx: Transaction) -> None:
            if kind == "role":
                tx.execute(_FORGET_ROLE, {"who": subject})
            tx.execute(_PUT, {**row, **changing})

        await self._db.run(put)
