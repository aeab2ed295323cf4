"""The durable store of the peers that have none: one row per run, SQLite in WAL with synchronous FULL."""

from __future__ import annotations

from pathlib import Path

import aiosqlite


class Blobs:
    """States of runs, whole, by id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: aiosqlite.Connection

    async def open(self) -> None:
        self._db = await aiosqlite.connect(self._path)
        await self._db.execute("PRAGMA journal_mode=WAL")
        await self._db.execute("PRAGMA synchronous=FULL")
        await self._db.execute("CREATE TABLE IF NOT EXISTS runs(id TEXT PRIMARY KEY, state BLOB)")
        await self._db.commit()

    async def put(self, run_id: str, state: bytes) -> None:
        await self._db.execute("INSERT OR REPLACE INTO runs VALUES(?, ?)", (run_id, state))
        await self._db.commit()

    async def get(self, run_id: str) -> bytes:
        async with self._db.execute("SELECT state FROM runs WHERE id = ?", (run_id,)) as rows:
            row = await rows.fetchone()
        assert row is not None, run_id
        return bytes(row[0])

    async def close(self) -> None:
        await self._db.close()


def blobs_at(path: Path | None) -> Blobs | None:
    """The store at this path, None when nothing is to be stored."""
    return None if path is None else Blobs(path)
