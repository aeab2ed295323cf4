"""What hides in a text is spelled out (T9)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.visible import exact, exact_html, is_blank, prose


@pytest.mark.parametrize(
    "char",
    [
        "\u202e",
        "\u2066",
        "\u200b",
        "\u2028",
        "\U000e0041",
        "\x1b",
        "\x00",
        "\ufeff",
        "\ue000",
        "\ud800",
        "\r",
        "\u3164",
    ],
)
def test_hidden_characters_are_spelled_out_in_what_is_approved(char: str) -> None:
    assert exact(f"a{char}b") == f"a\\u{{{ord(char):x}}}b"
    assert char not in exact_html(f"a{char}b")


def test_joiners_inside_emoji_and_scripts_stay_in_answers() -> None:
    assert (
        prose("👩\u200d💻 ✔\ufe0f می\u200cخواهم \u200fשלום\u200f")
        == "👩\u200d💻 ✔\ufe0f می\u200cخواهم \u200fשלום\u200f"
    )


def test_an_accent_on_a_quote_is_spelled_out() -> None:
    assert exact('"\u0301é e\u0301') == '"\\u{301}é e\u0301'


@given(st.text())
def test_nothing_that_hides_reaches_an_approver(text: str) -> None:
    shown = exact(text)

    assert not re.search(
        "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", shown
    )


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", "\u200d\u2060\ufeff", "\u3164", "\U000e0041", "\x00"])
def test_text_nobody_sees_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", "👍", "。", "\u200bx"])
def test_text_somebody_sees_is_not_blank(text: str) -> None:
    assert not is_blank(text)
