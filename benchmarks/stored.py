"""How many bytes are stored: in a SQLite database's rows, whoever wrote them, and as plain JSON."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def stored_bytes(database: Path) -> int:
    """The bytes of every value in every table; numbers count as their digits. Indexes and empty pages do not count."""
    with closing(sqlite3.connect(database)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return sum(_bytes_in(db, table) for table in tables)


def _bytes_in(db: sqlite3.Connection, table: str) -> int:
    columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
    lengths = " + ".join(f'COALESCE(LENGTH(CAST("{column}" AS BLOB)), 0)' for column in columns)
    (total,) = db.execute(f'SELECT COALESCE(SUM({lengths}), 0) FROM "{table}"').fetchone()
    return int(total)


def json_bytes(messages: list[dict[str, Any]]) -> int:
    """The messages as compact JSON: the least that has to be kept."""
    return len(json.dumps(messages, ensure_ascii=False, separators=(",", ":")).encode())
