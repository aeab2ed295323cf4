"""Text in code that nothing within can close, and that can be read back (T9, T10)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.exact import code_block, code_span, unspelled
from tests.adapters.discord.reader import read
from tests.adapters.discord.test_markup import HOSTILE, TEXTS
from tests.adapters.slack import reader as slack


def test_code_shows_what_is_in_it() -> None:
    assert code_span("a`b\n\u202e") == r"`a\u{60}b\u{a}\u{202e}`"
    assert code_block("```\nx", "py") == "```py\n``\\u{60}\nx\n```"
    assert code_block("x", "py\n```") == "```\nx\n```"


@given(st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)))
def test_json_in_code_can_be_read_back(value: object) -> None:
    stored = json.dumps(value, indent=2, ensure_ascii=False)

    [shown] = read(code_block(stored, "json")).code

    assert unspelled(shown.strip("\n")) == stored


@pytest.mark.parametrize("draw", [code_span, code_block])
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_closes_its_code(draw: Callable[[str], str], text: str) -> None:
    seen = read(draw(text))

    assert seen.alive == []
    for one in (seen, slack.read(draw(text))):
        assert one.text.strip() == ""
        assert len(one.code) == 1
