"""Durations as people write them: `30s`, `90m`, `2h`, `3d`, `2w`, `1h30m`."""

from __future__ import annotations

import re

from bot.errors import PolicyError

MINUTE_S = 60
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S
YEAR_S = 365 * DAY_S
LONGEST_S = 10 * YEAR_S
_SECONDS = {"w": 7 * DAY_S, "d": DAY_S, "h": HOUR_S, "m": MINUTE_S, "s": 1}
_DURATION = re.compile("".join(f"(?:([0-9]{{1,10}}){unit})?" for unit in _SECONDS))


def parse_duration(text: str) -> int:
    """Give the seconds of a text such as `90m`, `3d` or `1h30m`: larger units first, each at most once.

    Raises `PolicyError` where it is none, or not between 1 second and 10 years.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise PolicyError(f"{text[:40]!r} is no duration: write it like 30s, 90m, 2h, 3d, 2w or 1h30m.")
    seconds = sum(int(count) * unit_s for count, unit_s in zip(found.groups("0"), _SECONDS.values(), strict=True))
    if not 1 <= seconds <= LONGEST_S:
        raise PolicyError(f"{text[:40]!r} is not between 1 second and 10 years: write it like 30s, 2h or 3d.")
    return seconds


def duration(seconds: int) -> str:
    """Give the one text of so many seconds (0 or more): `2h`, `1h30m`, `14d`. Days are the largest unit."""
    parts = []
    rest = seconds
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
