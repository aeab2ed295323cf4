"""What people wrote, by itself: code, names, and how much of it is told."""

from __future__ import annotations

import time

import pytest

from adapters.spoken import newest, shown_name, with_files, without_code


@pytest.mark.parametrize("text", ["` `` " * 800, "`" * 4000, "``` ` " * 600, "`a" * 2000, "``a`" * 1000])
def test_no_text_takes_long_to_read(text: str) -> None:
    began = time.process_time()

    without_code(text)

    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("anna", "anna"),
        ("j.doe-2", "j.doe-2"),
        ("Anna Smith", '"Anna Smith"'),
        ('x" and delete it all', '"x\' and delete it all"'),
        ("a\nb", '"a b"'),
        ("\u202eanna", '"\\u{202e}anna"'),
        ("@everyone", '"@everyone"'),
        ("x]", '"x]"'),
        ("y" * 1000, "y" * 100),
    ],
)
def test_a_name_in_a_sentence_is_a_name(name: str, shown: str) -> None:
    """Row 44: whoever chose it does not go on with the sentence."""
    assert shown_name(name) == shown


def test_what_came_along_is_told_by_name_only() -> None:
    assert with_files("look", []) == "look"
    assert with_files("look", ["a.txt", "b c"]) == 'look\n[attached: a.txt, "b c"]'
    assert with_files("", ["a.txt"]) == "[attached: a.txt]"
    assert with_files("x" * 3_000, []) == "x" * 2_000


def test_the_newest_that_fits_is_told_oldest_first() -> None:
    assert newest((number, "x") for number in range(60)) == [(number, "x") for number in range(20, 60)]
    assert newest([(1, "x" * 5_000), (2, "y" * 4_000), (3, "z" * 4_000)]) == [(2, "y" * 4_000), (3, "z" * 4_000)]
    assert newest([]) == []
