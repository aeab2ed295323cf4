"""Migrations: shipped inside the package, run at start, in the caller's transaction."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from bot.errors import ConfigError


def upgrade(connection: Connection) -> str:
    """Bring the schema to the newest revision and give its name. Raises `ConfigError` for a newer database."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    head = ScriptDirectory.from_config(config).get_current_head() or ""
    if MigrationContext.configure(connection).get_current_revision() == head:
        return head
    try:
        command.upgrade(config, "head")
    except CommandError as err:
        raise ConfigError("DATABASE_URL", "the database was written by a newer version of Nod") from err
    return head
