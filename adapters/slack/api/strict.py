"""Reads what Slack sent without trusting its shape: what does not fit counts as not there. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from adapters.slack.handlers import Body

TEAM: Final = re.compile(r"T[A-Z0-9]{1,30}")
USER: Final = re.compile(r"[UW][A-Z0-9]{1,30}")
CHANNEL: Final = re.compile(r"[CDG][A-Z0-9]{1,30}")
GROUP: Final = re.compile(r"S[A-Z0-9]{1,30}")
FILE: Final = re.compile(r"F[A-Z0-9]{1,30}")
ANY_TEAM: Final = re.compile(r"[TE][A-Z0-9]{1,30}")
"""A workspace, or an organisation of several."""
TS: Final = re.compile(r"[0-9]{9,11}\.[0-9]{6}")
"""The time of a message, and what it is called in its channel: never a number, which would lose digits."""
SLACKBOT: Final = "USLACKBOT"
"""The one program that Slack lists among people."""
WORD: Final = re.compile(r"[\x21-\x7e]{1,255}")


def part(body: Body, name: str) -> Body:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def items(body: Body, name: str) -> list[Body]:
    """The objects of a list."""
    found = body.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text(body: Body, name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""


def number(body: Body, name: str) -> int:
    found = body.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def fit(pattern: re.Pattern[str], value: Any) -> str:
    """The value, where it is text of this shape, "" otherwise."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""
