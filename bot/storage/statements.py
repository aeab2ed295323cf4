"""Statements, written with SQLAlchemy Core and compiled once.

SQLAlchemy's own execution costs several times the driver's (`make bench`), so it writes the SQL and checks it
against the tables, and the driver runs it.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam, insert, literal_column
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Select

_DIALECT = sqlite.dialect(paramstyle="named")


class Statement:
    """One statement. `sets` are the columns an INSERT or UPDATE is given values for, by their names; every other value
    is a `this(name)` in the statement, and constants stay in it."""

    def __init__(self, construct: ClauseElement, *sets: str) -> None:
        self.construct = construct
        self._sets = sets

    @cached_property
    def _compiled(self) -> SQLCompiler:
        keys = list(self._sets) or None
        compiled = self.construct.compile(dialect=_DIALECT, column_keys=keys)
        assert isinstance(compiled, SQLCompiler)
        return compiled

    @cached_property
    def sql(self) -> str:
        return self._compiled.string

    @cached_property
    def constants(self) -> Mapping[str, Any]:
        """What the statement itself says: parameters that are never given."""
        return {name: bind.value for bind, name in self._compiled.bind_names.items() if not bind.required}

    @cached_property
    def row(self) -> Callable[[Iterable[Any]], Any]:
        """Make a named tuple of one row of a SELECT."""
        assert isinstance(self.construct, Select)
        names = [str(column.key) for column in self.construct.selected_columns]
        make: Callable[[Iterable[Any]], Any] = getattr(namedtuple("Row", names), "_make")  # noqa: B009  # the names come from the statement
        return make


def this(name: str) -> BindParameter[Any]:
    """A value given at every execution; no column may have this name in an UPDATE."""
    return bindparam(name, required=True)


def among(column: ColumnElement[Any], words: Iterable[str]) -> ColumnElement[bool]:
    """`column IN ('a', 'b')` with our own fixed words, so that the statement needs no expansion."""
    listed = list(words)
    assert all(word.isidentifier() for word in listed), "only our own words are written into SQL"
    return column.in_([literal_column(f"'{word}'") for word in listed])


def insert_of(table: Table, *left_out: str) -> Statement:
    """An INSERT of every column but those left out."""
    return Statement(insert(table), *(column.key for column in table.columns if column.key not in left_out))
