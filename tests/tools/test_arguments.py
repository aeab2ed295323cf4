"""What a model may write as arguments; numbers are the rows of the bad-input table."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tools.arguments import MAX_BYTES, MAX_DEPTH, ArgumentError, parse_arguments

REFUSED = {
    "row 1: cut off": '{"a":1',
    "row 2: null": "null",
    "row 2: list": "[]",
    "row 2: string": '"x"',
    "row 2: number": "5",
    "row 2: true": "true",
    "row 2: a string holding JSON": '"{\\"a\\":1}"',
    "row 3: only blanks": "  ",
    "row 4: duplicate key": '{"a":1,"a":2}',
    "row 4: duplicate key by escape": '{"a":1,"\\u0061":2}',
    "row 4: duplicate key inside": '{"a":[{"b":1,"b":1}]}',
    "row 5: NaN": '{"a":NaN}',
    "row 5: Infinity": '{"a":Infinity}',
    "row 5: -Infinity": '{"a":-Infinity}',
    "row 5: 1e999": '{"a":1e999}',
    "row 6: 5,000 digits": '{"a":' + "9" * 5000 + "}",
    "row 6: 2^63": '{"a":9223372036854775808}',
    "row 6: -2^63-1": '{"a":-9223372036854775809}',
    "row 7: 100,000 brackets": '{"a":' + "[" * 100_000,
    "row 7: 30,000 closed brackets": '{"a":' + "[" * 30_000 + "]" * 30_000 + "}",
    "row 7: 65 levels": '{"a":' + "[" * 64 + "]" * 64 + "}",
    "row 8: lone surrogate, escaped": '{"a":"\\ud800"}',
    "row 8: lone surrogate, raw": '{"a":"\ud800"}',
    "row 8: surrogate in a key": '{"\\udc00":1}',
    "row 8: NUL, escaped": '{"a":"\\u0000"}',
    "row 8: NUL, raw": '{"a":"\x00"}',
    "row 8: NUL after the object": '{"a":1}\x00',
    "row 9: two objects": '{"a":1}{"a":2}',
    "row 9: fenced": '```json\n{"a":1}\n```',
    "row 9: fenced without language": '```\n{"a":1}\n```',
    "row 9: byte order mark": '\ufeff{"a":1}',
    "row 9: words around": 'Here you go: {"a":1}',
    "single quotes": "{'a': 1}",
    "trailing comma": '{"a":1,}',
    "comment": '{"a":1 /* one */}',
    "newline in a string": '{"a":"x\ny"}',
    "full-width digits": '{"a":１}',
    "65 kB": '{"a":"' + "x" * 65_000 + '"}',
    "65 kB of three-byte characters": '{"a":"' + "€" * 22_000 + '"}',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_bad_arguments_are_refused_in_one_bounded_sentence(text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_arguments(text)

    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) <= 400


ACCEPTED = {
    "row 3: empty": ("", {}),
    "object": ('{"a": 1}', {"a": 1}),
    "blanks around": ' \n{"a": [1.5, null, true]}\t ',
    "row 6: 2^63-1": '{"a":9223372036854775807}',
    "row 6: -2^63": '{"a":-9223372036854775808}',
    "row 7: 64 levels": '{"a":' + "[" * 63 + "]" * 63 + "}",
    "brackets inside a string": '{"a":"' + "[{" * 1000 + '"}',
    "escaped quotes and brackets": '{"a":"\\"' + "[" * 100 + '\\\\"}',
    "surrogate pair": '{"a":"\\ud83d\\ude00"}',
    "invisible characters are the card's business": '{"a":"\u200b\u202e"}',
    "fence inside a string": '{"a":"```json"}',
}


@pytest.mark.parametrize("case", ACCEPTED.values(), ids=ACCEPTED)
def test_good_arguments_are_read_as_json_reads_them(case: str | tuple[str, dict[str, object]]) -> None:
    text, expected = case if isinstance(case, tuple) else (case, json.loads(case))

    assert parse_arguments(text) == expected


def test_the_message_names_the_repeated_key() -> None:
    with pytest.raises(ArgumentError, match='The key "to" appears more than once'):
        parse_arguments('{"to":"a","to":"b"}')


def test_the_message_says_that_a_string_is_not_an_object() -> None:
    with pytest.raises(ArgumentError, match="must be one JSON object, not a string"):
        parse_arguments('"{}"')


def test_unclosed_strings_full_of_brackets_are_refused_fast() -> None:
    text = '{"a":"' + '\\"[' * 20_000

    with pytest.raises(ArgumentError):
        parse_arguments(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.text() | json_values.map(json.dumps) | st.dictionaries(st.text(), json_values).map(json.dumps))
def test_anything_is_accepted_as_json_reads_it_or_refused_with_a_sentence(text: str) -> None:
    try:
        accepted = parse_arguments(text)
    except ArgumentError:
        return

    assert accepted == (json.loads(text) if text else {})
    assert "\x00" not in json.dumps(accepted, ensure_ascii=False)
    json.dumps(accepted, ensure_ascii=False, allow_nan=False).encode()


@given(st.lists(st.sampled_from(list('{}[]",:\\u019aeE.+- \nd8NInf\x00\ud800')), max_size=40).map("".join))
def test_scraps_of_json_never_raise_anything_else(text: str) -> None:
    try:
        accepted = parse_arguments(text)
    except ArgumentError:
        return

    assert isinstance(accepted, dict)


@given(st.integers(min_value=0, max_value=2 * MAX_DEPTH))
def test_depth_is_counted_exactly(depth: int) -> None:
    text = '{"a":' + "[" * depth + "1" + "]" * depth + "}"

    is_accepted = True
    try:
        parse_arguments(text)
    except ArgumentError:
        is_accepted = False

    assert is_accepted == (depth + 1 <= MAX_DEPTH)


def test_limits_are_the_documented_ones() -> None:
    assert (MAX_BYTES, MAX_DEPTH) == (64_000, 64)
