from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.text import Fence, cut, fence_after, pieces, short, size, split_markdown

words = st.text(alphabet="ab é👩\u200d👩\u0301`~\n\t", max_size=30)
blocks = st.sampled_from(
    ["\n\n", "\n", "```py\n", "```\n", "~~~\n", "  ```\n", "````\n", "x" * 90, "word " * 30, "```" + "i" * 40 + "\n"]
)
texts = st.lists(words | blocks, max_size=30).map("".join)


def open_fence(part: str, limit: int) -> Fence | None:
    fence = None
    for line in part.split("\n"):
        fence = fence_after(line, fence, limit)
    return fence


@given(texts, st.integers(32, 200))
def test_no_character_is_lost_and_every_part_fits(text: str, limit: int) -> None:
    parts = list(pieces(text, limit))

    assert "".join(part.body for part in parts) == text
    assert all(part.body for part in parts)
    assert all(len(part.shown) <= limit for part in parts)


@given(texts, st.integers(32, 200))
def test_every_part_has_balanced_fences(text: str, limit: int) -> None:
    assert [part for part in split_markdown(text, limit) if open_fence(part, limit) is not None] == []


@given(st.text(max_size=400), st.integers(32, 60))
def test_text_without_fences_is_only_cut(text: str, limit: int) -> None:
    plain = text.replace("`", "'").replace("~", "-")

    assert "".join(split_markdown(plain, limit)) == plain


def test_short_text_stays_one_part() -> None:
    assert split_markdown("hello\n\nworld", 100) == ["hello\n\nworld"]


def test_nothing_gives_no_parts() -> None:
    assert split_markdown("", 100) == []


def test_a_paragraph_is_preferred_to_a_line() -> None:
    text = "a" * 20 + "\n\n" + "b" * 8 + "\n" + "c" * 20

    assert split_markdown(text, 40) == ["a" * 20 + "\n\n", "b" * 8 + "\n" + "c" * 20]


def test_a_line_is_preferred_to_a_word() -> None:
    assert split_markdown("one two three four five\nsix seven eight nine ten", 40) == [
        "one two three four five\n",
        "six seven eight nine ten",
    ]


def test_a_word_is_preferred_to_a_letter() -> None:
    assert split_markdown("alpha beta gamma delta epsilon zeta eta", 32) == [
        "alpha beta gamma delta epsilon ",
        "zeta eta",
    ]


def test_a_fence_that_fits_stays_whole() -> None:
    text = "intro\n```py\n" + "x = 1\n" * 5 + "```\nend"

    assert split_markdown(text, 45) == ["intro\n", "```py\n" + "x = 1\n" * 5 + "```\nend"]


def test_a_long_fence_is_closed_and_opened_again_with_its_language() -> None:
    text = "```py\n" + "x = 1\n" * 12 + "```"

    parts = split_markdown(text, 50)

    assert parts[0] == "```py\n" + "x = 1\n" * 6 + "```"
    assert parts[1] == "```py\n" + "x = 1\n" * 6 + "```"


def test_a_fence_left_open_is_closed() -> None:
    assert split_markdown("```\ncut off here", 100) == ["```\ncut off here\n```"]


def test_a_family_emoji_is_not_cut() -> None:
    text = "x" * 30 + "👩\u200d👩\u200d👧" + "y" * 10

    assert split_markdown(text, 32)[0] == "x" * 30


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        split_markdown("x", 10)


def test_a_long_text_takes_time_in_proportion() -> None:
    parts = split_markdown("word " * 200_000, 2000)

    assert len(parts) == 500


def test_what_is_cut_says_apart_how_much_there_is() -> None:
    assert cut("abc", 60, str.upper) == ("ABC", "")
    assert cut("x" * 100, 60, str.upper) == ("X" * 32, " … (100 characters in all)")
    assert short("x" * 100, 60, str.upper) == "X" * 32 + " … (100 characters in all)"
    assert size("a👩\ud800") == 4
