"""Small pieces of HTML that several drawings share: people, times, attributes. Pure."""

from __future__ import annotations

import html
import zlib
from datetime import UTC, datetime

from adapters.visible import exact

TONES = 6


def person(key: str) -> str:
    """How a person is called on this page: `alice` for `web:alice`, other platforms in full."""
    return key.removeprefix("web:")


def tone(name: str) -> int:
    """One of the page's colours for a person, always the same one."""
    return zlib.crc32(name.encode("utf-8", "replace")) % TONES


def moment(at_ms: int, *, kind: str = "clock") -> str:
    """A point in time; the page's script words it in the reader's own time zone."""
    try:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return "<time>at an unknown time</time>"
    return f'<time data-kind="{kind}" datetime="{at:%Y-%m-%dT%H:%M:%S}Z">{at:%Y-%m-%d %H:%M} UTC</time>'


def attribute(text: str) -> str:
    """Text as the value of an attribute, with what cannot be seen spelled out."""
    return html.escape(exact(text))
