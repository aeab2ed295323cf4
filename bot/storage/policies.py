"""What admins and approvers said, as rows: rules, approver rules, links, grants, people; each change with its audit row
and a new version, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.storage import audit
from bot.storage.database import Database, Transaction
from bot.storage.schema import approver_rules, grants, links, people, policy_version, rules
from bot.storage.statements import Statement, insert_of, this

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """Everything that was said, as rows: the shapes of `bot.policy.types`, in the order of their fields. `version`
    grows with what admins say, `revision` with anything."""

    version: int
    revision: int
    rules: tuple[Row, ...]
    approvers: tuple[Row, ...]
    grants: tuple[Row, ...]
    links: tuple[Row, ...]
    people: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to write or to take back. `row` names its columns; for `take` those that find it."""

    table: Literal["rule", "approver", "link"]
    verb: Literal["put", "take"]
    row: Mapping[str, Any]


_RULES = Statement(
    select(*(rules.c[name] for name in ("subject", "kind", "value", "condition", "expires_ms", "set_by", "set_ms")))
    .order_by(rules.c.id)
)  # fmt: skip
_APPROVERS = Statement(
    select(
        *(approver_rules.c[name] for name in ("scope", "tool", "approver", "condition", "exception")),
        *(approver_rules.c[name] for name in ("expires_ms", "set_by", "set_ms")),
    ).order_by(approver_rules.c.id)
)
_GRANTS = Statement(
    select(
        *(grants.c[name] for name in ("id", "person", "tool", "arguments", "definition", "approver", "pattern")),
        *(grants.c[name] for name in ("run_id", "place", "expires_ms", "given_by", "given_ms")),
    )
    .where(grants.c.revoked_ms.is_(None), grants.c.expires_ms.is_(None) | (grants.c.expires_ms > this("now")))
    .order_by(grants.c.given_ms, grants.c.id)
)
_LINKS = Statement(select(links.c.first, links.c.second, links.c.said_in))
_PEOPLE = Statement(select(people.c.key, people.c.name, people.c.groups, people.c.standing))
_VERSION = Statement(select(policy_version.c.version, policy_version.c.revision))
_next_revision = update(policy_version).values(revision=policy_version.c.revision + 1)
_NEXT_REVISION = Statement(_next_revision)
_NEXT_VERSION = Statement(_next_revision.values(version=policy_version.c.version + 1))


def _upsert(table: Any, keys: Sequence[str], changing: Sequence[str]) -> Statement:
    insert = sqlite_insert(table)
    changed = {name: insert.excluded[name] for name in changing}
    return Statement(insert.on_conflict_do_update(index_elements=list(keys), set_=changed), *keys, *changing)


_RULE_KEYS = ("subject", "kind", "value", "condition")
_APPROVER_KEYS = ("scope", "tool", "condition", "exception")
_LINK_KEYS = ("first", "second", "said_in")
_PUT = {
    "rule": _upsert(rules, _RULE_KEYS, ("scope", "set_by", "set_ms", "expires_ms")),
    "approver": _upsert(approver_rules, _APPROVER_KEYS, ("approver", "set_by", "set_ms", "expires_ms")),
    "link": _upsert(links, _LINK_KEYS, ("set_by", "set_ms")),
}
_TAKE = {
    "rule": Statement(delete(rules).where(*(rules.c[name] == this(name) for name in _RULE_KEYS))),
    "approver": Statement(
        delete(approver_rules).where(*(approver_rules.c[one] == this(one) for one in _APPROVER_KEYS))
    ),
    "link": Statement(delete(links).where(*(links.c[name] == this(name) for name in _LINK_KEYS))),
}
_PUT_PERSON = _upsert(people, ("key",), ("name", "groups", "standing", "seen_ms"))
_ADD_GRANT = insert_of(grants)
_REVOKE = Statement(
    update(grants).where(grants.c.id == this("this_id"), grants.c.revoked_ms.is_(None)), "revoked_by", "revoked_ms"
)


def add_grant(tx: Transaction, row: Mapping[str, Any], *, lasts_ms: int | None, scope: str, said: str) -> None:
    """Store what approvers granted, in the transaction of their decision."""
    ends_ms = None if lasts_ms is None else tx.now_ms + lasts_ms
    tx.execute(_ADD_GRANT, {**row, "given_ms": tx.now_ms, "expires_ms": ends_ms, "revoked_by": "", "revoked_ms": None})
    tx.execute(_NEXT_REVISION, {})
    audit.note_change(tx, event="grant.given", actor=row["given_by"], scope=scope, said=said, tool=row["tool"])


def next_revision(tx: Transaction) -> None:
    """Let everybody read anew what is known."""
    tx.execute(_NEXT_REVISION, {})


class PolicyRows:
    def __init__(self, database: Database) -> None:
        self._db = database

    @property
    def database(self) -> Database:
        return self._db

    async def newer_than(self, revision: int) -> StoredPolicy | None:
        """Everything that was said, None when nothing was since this revision."""

        def read(tx: Transaction) -> StoredPolicy | None:
            current = tx.first(_VERSION)
            if current.revision == revision:
                return None
            return StoredPolicy(
                current.version,
                current.revision,
                _rows(tx, _RULES),
                _rows(tx, _APPROVERS),
                _rows(tx, _GRANTS, now=tx.now_ms),
                _rows(tx, _LINKS),
                _rows(tx, _PEOPLE),
            )

        return await self._db.run(read)

    async def change(
        self,
        changes: Sequence[Change],
        *,
        actor: str,
        scope: str,
        said: str,
        tool: str = "",
        check: Callable[[StoredPolicy], None],
    ) -> None:
        """Do all of this, or nothing. `check` is given what is stored before, inside the transaction, and raises when
        it may not be done any more."""

        def do(tx: Transaction) -> None:
            check(_stored(tx))
            for change in changes:
                row = dict(change.row)
                if change.verb == "put":
                    row |= {"set_by": actor, "set_ms": tx.now_ms}
                    tx.execute(_PUT[change.table], row)
                else:
                    tx.execute(_TAKE[change.table], row)
            tx.execute(_NEXT_VERSION, {})
            audit.note_change(tx, event="policy.changed", actor=actor, scope=scope, said=said, tool=tool)

        await self._db.run(do)

    async def revoke(self, grant_id: str, *, actor: str, scope: str, said: str, tool: str) -> bool:
        """Take back a grant; False when it was taken back already."""

        def do(tx: Transaction) -> bool:
            values = {"this_id": grant_id, "revoked_by": actor, "revoked_ms": tx.now_ms}
            if tx.execute(_REVOKE, values) != 1:
                return False
            tx.execute(_NEXT_REVISION, {})
            audit.note_change(tx, event="grant.revoked", actor=actor, scope=scope, said=said, tool=tool)
            return True

        return await self._db.run(do)

    async def meet(self, seen: Iterable[tuple[str, str, str, str]]) -> None:
        """Note people as their platform describes them now: key, name, groups with commas, standing."""

        def do(tx: Transaction) -> None:
            for key, name, groups, standing in seen:
                row = {"key": key, "name": name, "groups": groups, "standing": standing, "seen_ms": tx.now_ms}
                tx.execute(_PUT_PERSON, row)
            tx.execute(_NEXT_REVISION, {})

        await self._db.run(do)


def _stored(tx: Transaction) -> StoredPolicy:
    current = tx.first(_VERSION)
    return StoredPolicy(
        current.version, current.revision, _rows(tx, _RULES), _rows(tx, _APPROVERS), (), _rows(tx, _LINKS), ()
    )


def _rows(tx: Transaction, statement: Statement, **values: Any) -> tuple[Row, ...]:
    return tuple(tuple(row) for row in tx.all(statement, **values))
