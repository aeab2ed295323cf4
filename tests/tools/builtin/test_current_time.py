"""The time, anywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from bot.errors import ToolError
from bot.tools.builtin.current_time import CommonZone, _zones, current_time
from bot.tools.context import Services
from bot.tools.registry import spec_of
from tests.tools.boxes import context

NEW_YEAR = context(Services(now=lambda: datetime(2026, 1, 1, 0, 30, 5, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "Thursday, 1 January 2026, 00:30:05 in UTC (UTC+00:00; 2026-01-01T00:30:05+00:00)"),
        ("Asia/Kolkata", "Thursday, 1 January 2026, 06:00:05 in Asia/Kolkata (UTC+05:30; 2026-01-01T06:00:05+05:30)"),
        (
            "America/New_York",
            "Wednesday, 31 December 2025, 19:30:05 in America/New_York (UTC-05:00; 2025-12-31T19:30:05-05:00)",
        ),
        (
            "Pacific/Chatham",
            "Thursday, 1 January 2026, 14:15:05 in Pacific/Chatham (UTC+13:45; 2026-01-01T14:15:05+13:45)",
        ),
    ],
)
def test_the_time_is_given_in_the_zone(zone: str, text: str) -> None:
    assert current_time(NEW_YEAR, zone) == text


@pytest.mark.parametrize("zone", ["europe/berlin", " Europe/Berlin ", "EUROPE/BERLIN"])
def test_case_and_blanks_of_a_zone_do_not_matter(zone: str) -> None:
    assert " in Europe/Berlin " in current_time(NEW_YEAR, zone)


def test_without_a_zone_it_is_utc() -> None:
    assert " in UTC " in current_time(NEW_YEAR)


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Berlin", "Did you mean Europe/Berlin"),
        ("new york", "Did you mean America/New_York"),
        ("Europe/Berln", "Did you mean Europe/Berlin"),
        ("Atlantis", "Use an IANA name"),
        ("", "Use an IANA name"),
        ("../../etc/passwd", "Use an IANA name"),
        ("x" * 10_000, "Use an IANA name"),
    ],
)
def test_an_unknown_zone_names_the_closest(zone: str, hint: str) -> None:
    with pytest.raises(ToolError, match=hint) as caught:
        current_time(NEW_YEAR, zone)

    assert len(caught.value.user_message) < 250


def test_every_listed_zone_exists() -> None:
    assert set(get_args(CommonZone)) <= set(_zones().values())


def test_any_other_name_is_allowed_by_the_schema() -> None:
    assert spec_of(current_time).validate('{"zone":"Pacific/Chatham"}') == {"zone": "Pacific/Chatham"}
