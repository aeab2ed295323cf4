"""What buttons hold: a verb and an opaque id, read back strictly (row 35)."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ids import MAX_CHARS, Pressed, Verb, custom_id, read

IDS = st.from_regex(r"[0-9a-zA-Z_-]{1,64}", fullmatch=True)
TOKENS = st.from_regex(r"[0-9a-zA-Z_-]{0,20}", fullmatch=True)


@given(st.sampled_from(get_args(Verb)), IDS, TOKENS)
def test_what_a_button_holds_is_read_back(verb: Any, of: str, token: str) -> None:
    held = custom_id(verb, of, token)

    assert read(held) == Pressed(verb, of, token)
    assert len(held) <= MAX_CHARS


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "nod",
            "nod:",
            "nod:approve",
            "nod:approve:",
            "nod::a1",
            "approve:a1",
            "nod:approve:a1:",
            "nod:approve:a1:t:x",
        ),
        *("NOD:approve:a1", "nod:Approve:a1", "nod:run:a1", "nod2:approve:a1", " nod:approve:a1", "nod:approve:a1\n"),
        *("nod:approve:a 1", "nod:approve:é", "nod:approve:👩", "nod:approve:a1' OR 1=1 --", "nod:approve:a1;drop"),
        *(f"nod:approve:{'a' * 65}", f"nod:approve:a1:{'t' * 25}", "nod:approve:" + "a" * 101, "nod:approve:١"),
    ],
)
def test_what_is_none_of_ours_is_not_read(text: str) -> None:
    assert read(text) is None


@given(st.text())
def test_whatever_is_read_is_what_we_would_have_written(text: str) -> None:
    pressed = read(text)

    assert pressed is None or custom_id(pressed.verb, pressed.id, pressed.token) == text


@pytest.mark.parametrize(
    ("of", "token"), [("", ""), ("a" * 65, ""), ("a:b", ""), ("a", "t:u"), ("a", "t" * 25), ("<", "")]
)
def test_an_id_that_does_not_fit_makes_no_button(of: str, token: str) -> None:
    with pytest.raises(ValueError, match="an id is letters"):
        custom_id("approve", of, token)
