"""What is kept of a person: what they used, all of it for them to read, and taking it away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import func, select

from bot.storage import erasing, exporting, forgetting, inbox
from bot.storage.database import Database, Transaction
from bot.storage.schema import calls, runs
from bot.storage.statements import Statement, this


@dataclass(frozen=True, slots=True)
class Used:
    """What one person used."""

    who: str
    runs: int
    calls: int
    prompt_tokens: int
    completion_tokens: int


_called = select(calls.c.run_id, func.count().label("calls")).group_by(calls.c.run_id).subquery()
_USAGE = Statement(
    select(
        runs.c.requester.label("who"),
        func.count().label("runs"),
        func.coalesce(func.sum(_called.c.calls), 0).label("calls"),
        func.sum(runs.c.prompt_tokens).label("prompt_tokens"),
        func.sum(runs.c.completion_tokens).label("completion_tokens"),
    )
    .outerjoin(_called, _called.c.run_id == runs.c.id)
    .where(
        runs.c.created_ms >= this("since"),
        (runs.c.requester == this("this_who")) | (this("this_who") == ""),
        func.substr(runs.c.requester, 1, func.length(this("beginning"))) == this("beginning"),
    )
    .group_by(runs.c.requester)
    .order_by(func.sum(runs.c.prompt_tokens + runs.c.completion_tokens).desc(), runs.c.requester)
)


class PeopleRows:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def usage(self, *, since_ms: int, scope: str | None, who: str = "") -> list[Used]:
        """What everybody of a workspace (None = of all), or one person, used since then; who used most comes first."""
        beginning = "" if scope is None else scope if scope.endswith(":") else f"{scope}/"
        values = {"since": since_ms, "this_who": who, "beginning": beginning}
        return [Used(*row) for row in await self._db.run(lambda tx: tx.all(_USAGE, **values))]

    async def export(self, key: str) -> dict[str, Any]:
        """All that is kept of a person, as JSON data: at most 100,000 rows of each kind, and it says where that cut."""
        return await self._db.run(partial(exporting.export, key=key))

    async def count(self, key: str) -> dict[str, int]:
        """How much is kept of a person and could be erased, by kind in words."""
        return await self._db.run(partial(exporting.count, key=key))

    async def erase(self, key: str, *, by: str, scope: str) -> dict[str, int]:
        """Take it away, all of it or nothing; gives how much of each kind went. Open runs are left as they are, and
        counted. Afterwards the file is written anew, so that it holds no bytes of it.

        Raises `StoreError`; where it is erased but the file could not be written anew, erasing again tries that again.
        """
        erased = await self._db.run(partial(erasing.erase, key=key, by=by, scope=scope))
        await self._db.leave_no_trace(rewrite=True)
        return erased

    async def forget(self, *, before_ms: int | None, audit_before_ms: int | None, at_most: int = 500) -> int:
        """Empty the runs that settled before then, the oldest first, and remove older rows of the audit (None = never).
        Gives how many runs were emptied: at most so many, so that others come in between; 0 = there are no more."""
        emptied = removed = 0
        if before_ms is not None:
            emptied = await self._db.run(partial(forgetting.forget, before_ms=before_ms, at_most=at_most))
            removed += await self._in_batches(partial(forgetting.forget_heard, before_ms=before_ms, at_most=at_most))
        if audit_before_ms is not None:
            removed += await self._in_batches(partial(forgetting.cut_audit, before_ms=audit_before_ms, at_most=at_most))
        if emptied or removed:
            await self._db.leave_no_trace()
        return emptied

    async def forget_delivered(self, *, before_ms: int, at_most: int = 500) -> None:
        """Remove what platforms delivered before then: by now nobody delivers it again."""
        if await self._in_batches(partial(inbox.cut, before_ms=before_ms, at_most=at_most)):
            await self._db.leave_no_trace()

    async def _in_batches(self, remove: Callable[[Transaction], int]) -> int:
        """Remove rows until there are no more, some in each transaction; gives how many there were."""
        removed = 0
        while rows := await self._db.run(remove):
            removed += rows
        return removed
