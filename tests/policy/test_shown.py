"""Names and conditions as people see them: nothing hidden, nothing that turns into something else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.policy.shown import code_span, visible, word


@given(st.text())
def test_shown_text_is_one_visible_line(text: str) -> None:
    assert visible(text).isprintable()
    assert word(text).isprintable()
    assert code_span(text, 20).isprintable()
    assert code_span(text, 20).count("`") == 2
    assert len(code_span(text, 20)) <= 22


def test_shown_text_stays_itself_where_it_can() -> None:
    assert (word("web:bob"), word("a b"), word("")) == ("web:bob", '"a b"', '""')
    assert (code_span("a`b"), code_span(""), code_span("abcdef", 4)) == ("`a'b`", "` `", "`abc…`")
    assert visible("a\x00\u202e\U000e0041b") == "a\\u0000\\u202E\\U000E0041b"
