"""What becomes of a tool's result; numbers are the rows of the bad-input table."""

from __future__ import annotations

import datetime
import enum
import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bot.tools.results import Unserialisable, clean, describe_error, shape, shorten, to_text


class Colour(enum.Enum):
    RED = "red"


class Box(BaseModel):
    day: datetime.date


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (None, "Done."),
        (5, "5"),
        (True, "true"),
        (2**70, "1180591620717411303424"),
        ([1, "ä"], '[1, "ä"]'),
        ({"a": Point(1), "b": Colour.RED}, '{"a": {"x": 1}, "b": "red"}'),
        (Box(day=datetime.date(2026, 1, 2)), '{"day": "2026-01-02"}'),
        ({"at": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)}, '{"at": "2026-01-02T00:00:00+00:00"}'),
        ([Decimal("1.10"), PurePosixPath("a/b"), {"x"}], '["1.10", "a/b", ["x"]]'),
    ],
)
def test_results_become_text(value: object, text: str) -> None:
    assert to_text(value) == text


def never_ending() -> Iterator[int]:
    yield from itertools.count()


async def never_ending_async() -> AsyncIterator[int]:
    while True:
        yield 1


def looped() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


def deep() -> object:
    value: object = 1
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (never_ending(), "it returned a generator"),
        (never_ending_async(), "it returned a generator"),
        (itertools.count(), "it returned a generator"),
        ([never_ending()], "it returned a generator"),
        (b"bytes", "it returned bytes"),
        (object(), "it returned a object"),
        (Point, "it returned a type"),
        (looped(), "cannot be written as JSON"),
        ({(1, 2): 3}, "cannot be written as JSON"),
    ],
)
def test_row_84_what_cannot_be_written_is_said(value: object, why: str) -> None:
    with pytest.raises(Unserialisable, match=why):
        to_text(value)


def test_row_84_a_bottomless_list_is_said() -> None:
    with pytest.raises(Unserialisable, match="nested too deeply"):
        to_text(deep())


@pytest.mark.parametrize(
    ("dirty", "tidy"),
    [
        ("a\x00b", "a\ufffdb"),
        ("lone \ud800 half", "lone \ufffd half"),
        ("pair \U0001f600", "pair \U0001f600"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone?", "gone?"),
        ("\x9b31mC1 colour", "C1 colour"),
        ("\x1b]0;title\x07shown", "shown"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\control", "control"),
        ("\x1bcreset", "reset"),
        ("half \x1b", "half \ufffd"),
        ("100 %\rgone", "100 %\ngone"),
        ("dos\r\nlines\r\n", "dos\nlines\n"),
        ("form\ffeed\x0bvt\x85nel", "form\nfeed\nvt\nnel"),
        ("back\x08space \x7f \x80", "back\ufffdspace \ufffd \ufffd"),
        ("tab\tand\nnewline", "tab\tand\nnewline"),
    ],
)
def test_row_80_control_characters_are_normalised(dirty: str, tidy: str) -> None:
    assert clean(dirty) == tidy


@given(st.text(st.characters(), max_size=200))
def test_row_80_clean_text_can_be_stored_anywhere_and_stays_clean(text: str) -> None:
    tidy = clean(text)

    tidy.encode()
    assert "\x00" not in tidy
    assert "\r" not in tidy
    assert "\x1b" not in tidy
    assert clean(tidy) == tidy


def test_row_79_a_long_result_keeps_head_and_tail_and_says_what_is_missing() -> None:
    text = "A" * 5_000_000 + "Z" * 5_000_000

    short = shape(text, redact=str, max_chars=16_000)

    digest = hashlib.sha256(text.encode()).hexdigest()
    assert len(short) <= 16_000
    assert short.startswith("AAAA")
    assert short.endswith("ZZZZ")
    assert f"characters omitted of 10000000, sha256 {digest} ...]" in short


def test_row_79_the_omitted_number_is_exact() -> None:
    short = shorten("x" * 1000, max_chars=400)

    assert short.count("x") == 1000 - int(short.split("[... ")[1].split()[0])


@given(st.text(max_size=400), st.integers(min_value=0, max_value=500))
def test_row_79_no_text_grows_and_short_ones_stay(text: str, max_chars: int) -> None:
    short = shorten(text, max_chars=max_chars)

    assert short == text if len(text) <= max_chars else len(short) <= max(max_chars, 160)


def test_a_million_lines_and_escape_starts_are_handled_fast() -> None:
    assert len(shape("line\n" * 1_000_000 + "\x1b]" * 500_000 + "\x1b[" * 500_000, redact=str, max_chars=1000)) <= 1000


@pytest.mark.parametrize("text", ["key sk-12345 end", "key sk-\x1b[0m12345 end", "key sk-1\x1b]0;x\x0723\x1b[1m45 end"])
def test_row_82_a_secret_is_masked_also_when_escapes_split_it(text: str) -> None:
    assert shape(text, redact=lambda found: found.replace("sk-12345", "***"), max_chars=100) == "key *** end"


def test_row_82_a_secret_of_several_lines_is_masked_inside_json() -> None:
    key = 'BEGIN\n"k\\ey"\nEND'

    text = to_text({"a\n": [key, "plain \t text"], "b": 1}, redact=lambda found: found.replace(key, "***"))

    assert text == '{"a\\n": ["***", "plain \\t text"], "b": 1}'


def test_row_82_a_secret_at_the_cut_is_masked_before_the_cut() -> None:
    text = "x" * 190 + "sk-12345" + "y" * 1000

    short = shape(text, redact=lambda found: found.replace("sk-12345", "***"), max_chars=450)

    assert "sk-1" not in short


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyError(), "KeyError"),
        (Unprintable(), "Unprintable: (its message cannot be shown)"),
        (ValueError("\x1b[31mred\x00 sk-12345"), "ValueError: red\ufffd ***"),
    ],
)
def test_row_84_errors_are_described(error: BaseException, text: str) -> None:
    assert describe_error(error, redact=lambda found: found.replace("sk-12345", "***")) == text


def test_row_84_a_message_of_a_megabyte_is_bounded() -> None:
    assert len(describe_error(ValueError("x" * 1_000_000), redact=str)) == 500
