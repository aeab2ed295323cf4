"""Blocks of code in Markdown, whatever they stand in."""

from __future__ import annotations

import pytest

from adapters.fences import Code, sections


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [[""]]),
        ("a\n\nb", [["a", "", "b"]]),
        ("a\n```py x\n1\n\n2\n```\nb", [["a"], Code("1\n\n2", "py"), ["b"]]),
        ("```\n1\n```\n```\n2\n```", [Code("1"), Code("2")]),
        ("````md\n```\n````", [Code("```", "md")]),
        ("~~~\n```\n~~~~", [Code("```")]),
        ("```\n~~~", [Code("~~~", is_closed=False)]),
        ("```\n1\n", [Code("1", is_closed=False)]),
        ("```", [Code("", is_closed=False)]),
        ("``` a`b", [["``` a`b"]]),
        ("- ```\n  1\n  2\nb\n```", [Code("1\n2\nb", bullet="-")]),
        ("12. ```\n    1\n    ```", [Code("1", bullet="12.")]),
        ("> ```\n> 1\n>  2\nb", [Code("1\n 2"), ["b"]]),
        ("> ```\n> 1", [Code("1", is_closed=False)]),
    ],
)
def test_code_is_found_with_the_lines_between(text: str, found: list[Code | list[str]]) -> None:
    assert list(sections(text)) == found
