"""What is read for people is found by indexes, however much waits."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage import asked, outbox, reading
from bot.storage.database import Database, open_database
from bot.storage.statements import Statement


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    one = await open_database(f"sqlite+aiosqlite:///{tmp_path / 'nod.db'}")
    yield one
    await one.aclose()


async def plan(database: Database, statement: Statement) -> list[str]:
    """How SQLite goes about it."""
    values = {**dict.fromkeys(re.findall(r":(\w+)", statement.sql), 1), **statement.constants}
    asked = f"EXPLAIN QUERY PLAN {statement.sql}"
    rows = await database.run(lambda tx: tx._connection.execute(asked, values).fetchall())
    return [str(tuple(row)[-1]) for row in rows]


@pytest.mark.parametrize("name", ["_PENDING", "_APPROVAL", "_OF_RUN", "_IN_PLACE", "_EXPIRED", "_TO_REMIND"])
async def test_what_waits_beside_a_call_is_found_by_its_run(database: Database, name: str) -> None:
    steps = await plan(database, getattr(asked, name))

    assert "SEARCH beside USING INDEX ix_approvals_run_id (run_id=?)" in steps
    assert not [step for step in steps if step.startswith("SCAN")]


@pytest.mark.parametrize("statement", [outbox._PLACES_OF, outbox._RECEIPTS_IN, reading._ROOMS])
async def test_where_cards_are_and_where_people_talked_is_found_by_an_index(
    database: Database, statement: Statement
) -> None:
    assert not [step for step in await plan(database, statement) if step.startswith("SCAN")]
