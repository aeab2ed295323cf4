"""What time it is, anywhere."""

from __future__ import annotations

import difflib
from datetime import datetime
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from bot.errors import ToolError
from bot.tools.context import ToolContext
from bot.tools.registry import tool

# An enum, because small models fill in one of a list far more reliably than a name they have to know.
CommonZone = Literal[
    "UTC",
    "Europe/London",
    "Europe/Lisbon",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/Athens",
    "Europe/Istanbul",
    "Europe/Moscow",
    "Africa/Cairo",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Bangkok",
    "Asia/Singapore",
    "Asia/Shanghai",
    "Asia/Seoul",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
    "America/Sao_Paulo",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
]


@tool(effect="read")
def current_time(context: ToolContext, zone: CommonZone | str = "UTC") -> str:
    """Get the current date and time in a time zone.

    Args:
        zone: The time zone, for example Europe/Berlin. Any IANA name is allowed.
    """
    name = _known_zone(zone)
    now = context.services.now().astimezone(ZoneInfo(name))
    return (
        f"{now:%A}, {now.day} {now:%B %Y}, {now:%H:%M:%S} in {name} ({_offset(now)}; {now.isoformat('T', 'seconds')})"
    )


def _offset(now: datetime) -> str:
    offset = f"{now:%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"


def _known_zone(zone: str) -> str:
    zones = _zones()
    if found := zones.get(zone.strip().replace(" ", "_").lower()):
        return found
    raise ToolError(f"There is no time zone named {zone[:60]!r}.{_suggestion(zone)}")


def _suggestion(zone: str) -> str:
    wanted = zone.strip().replace(" ", "_").lower()[:60]
    cities = [name for low, name in _zones().items() if low.rpartition("/")[2] == wanted]
    alike = difflib.get_close_matches(wanted, _zones(), n=3, cutoff=0.7)
    close = list(dict.fromkeys([*sorted(cities), *(_zones()[low] for low in alike)]))[:3]
    return f" Did you mean {' or '.join(close)}?" if close else " Use an IANA name, for example Europe/Berlin."


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in sorted(available_timezones())}
