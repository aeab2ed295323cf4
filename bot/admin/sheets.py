"""Rows as a sheet of comma-separated values, in which no cell is a formula. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(rows: Sequence[Mapping[str, object]], *, is_lines: bool = False) -> str:
    """Give a header and these rows, all of the same columns; "" for none (RFC 4180).

    With `is_lines` each row is one line: line ends in a cell are spelled out, so that no cell looks like more rows.
    """
    if not rows:
        return ""
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]), lineterminator="\n" if is_lines else "\r\n")
    writer.writeheader()
    writer.writerows(_cells(rows, is_lines=is_lines))
    return written.getvalue()


def _cells(rows: Sequence[Mapping[str, object]], *, is_lines: bool) -> Iterator[dict[str, object]]:
    for row in rows:
        yield {name: _harmless(_one_line(value) if is_lines else value) for name, value in row.items()}


def _one_line(value: object) -> object:
    return "\\n".join(value.splitlines()) if isinstance(value, str) else value


def _harmless(value: object) -> object:
    """A cell no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
