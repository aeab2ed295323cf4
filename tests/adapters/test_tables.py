"""Tables in Markdown: what one is, its cells, and its columns one under the other."""

from __future__ import annotations

import pytest

from adapters.tables import aligned, cells, is_table, rows_of, side


@pytest.mark.parametrize(
    ("head", "rule", "is_one"),
    [
        ("| a | b |", "|---|:-:|", True),
        ("a | b", "-|-", True),
        ("| a | b |", "|---|", False),
        ("| a | b |", "| x | y |", False),
        ("a", "---", False),
    ],
)
def test_two_lines_begin_a_table_or_do_not(head: str, rule: str, is_one: bool) -> None:
    assert is_table(head, rule) is is_one


@pytest.mark.parametrize(
    ("line", "found"),
    [("| a |  b|", ["a", "b"]), ("a|b", ["a", "b"]), (r"| a\|b | |", [r"a\|b", ""]), ("|a", ["a"]), ("", [""])],
)
def test_a_row_is_its_cells(line: str, found: list[str]) -> None:
    assert cells(line) == found


def test_a_table_ends_where_a_line_has_no_bar() -> None:
    assert rows_of(["|a|", "|-|", "|b|", "", "|c|"]) == 3
    assert rows_of(["|a|", "|-|"]) == 2


def test_columns_stand_on_their_sides() -> None:
    assert [side(rule) for rule in ("---", ":--", "--:", ":-:")] == ["left", "left", "right", "middle"]
    assert aligned(["|a|bb|", "|-|-:|", "|cc|d|"]) == "a  | bb\n---+---\ncc |  d"
