"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import PolicyError
from bot.policy.durations import LONGEST_S, duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds", "canonical"),
    [
        ("30s", 30, "30s"),
        ("90m", 5400, "1h30m"),
        ("2h", 7200, "2h"),
        ("3d", 259_200, "3d"),
        ("2w", 1_209_600, "14d"),
        ("1h30m", 5400, "1h30m"),
        ("1d0h5s", 86_405, "1d5s"),
        ("60s", 60, "1m"),
        ("3650d", LONGEST_S, "3650d"),
    ],
)
def test_a_duration_is_read_in_seconds_and_has_one_text(text: str, seconds: int, canonical: str) -> None:
    assert parse_duration(text) == seconds
    assert duration(seconds) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "h",
        "-1h",
        "+1h",
        "1.5h",
        "1H",
        " 1h",
        "1h ",
        "1h 30m",
        "30m1h",
        "1h1h",
        "1y",
        "1mo",
        "٣h",
        "1h\n",
        "1e3s",
    ],
)
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(PolicyError, match="write it like 30s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "0d0h", "3651d", "3650d1s", "9999999999w"])
def test_a_duration_lies_between_a_second_and_ten_years(text: str) -> None:
    with pytest.raises(PolicyError, match="between 1 second and 10 years"):
        parse_duration(text)


def test_no_time_at_all_has_a_text_too() -> None:
    assert duration(0) == "0s"


@given(st.integers(1, LONGEST_S))
def test_every_duration_is_read_back_from_its_text(seconds: int) -> None:
    assert parse_duration(duration(seconds)) == seconds
