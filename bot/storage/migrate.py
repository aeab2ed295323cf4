"""Migrations: shipped inside the package, run at start, in one transaction on the connection that will be used."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from bot import crash
from bot.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def newest() -> str:
    """The newest revision: the files are named after theirs."""
    return max(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def upgrade(raw: sqlite3.Connection) -> str:
    """Bring the schema to the newest revision and give its name. Raises `ConfigError` for a newer database, and
    `StoreError` when the database refuses."""
    head = newest()
    with contextlib.suppress(sqlite3.OperationalError):  # there is no such table yet
        if raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(head,)]:
            return head  # as at nearly every start: Alembic takes as long to load as all the rest of the store
    return _upgrade(raw)


def _upgrade(raw: sqlite3.Connection) -> str:
    from sqlalchemy import StaticPool, create_engine
    from sqlalchemy.exc import DBAPIError

    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)  # it is not ours to close
    crash.at("migrate.before")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            revision = _to_head(connection)
            crash.at("migrate.inside")
            connection.commit()
    except DBAPIError as err:
        raise StoreError(f"The database refused: {str(err.orig)[:200]}.") from err
    crash.at("migrate.after")
    return revision


def _to_head(connection: Connection) -> str:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    head = ScriptDirectory.from_config(config).get_current_head() or ""
    if MigrationContext.configure(connection).get_current_revision() == head:
        return head
    try:
        command.upgrade(config, "head")
    except CommandError as err:
        raise ConfigError("DATABASE_URL", "the database was written by a newer version of Nod") from err
    return head
