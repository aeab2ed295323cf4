"""Named crash points: where the process ends itself, as a crash would, when a test has armed one of them.

Inert unless `CRASH_AT` names a point: then reaching it (for `name:3`, the third time) is a SIGKILL. What a crash there
must and must not do stands in `docs/reliability.md`.
"""

from __future__ import annotations

import os
import signal

STEPS = (
    *("event", "inbox", "taken", "model", "card", "click", "claim", "tool", "result", "answer", "send", "recovery"),
    "migrate",
)
POINTS = tuple(f"{step}.{when}" for step in STEPS for when in ("before", "inside", "after"))

_armed: str = ""
_left: int = 0


def check(where: str) -> tuple[str, int]:
    """Read `point` or `point:3`; "" is none. Raises `ValueError` for a point that does not exist."""
    name, colon, times = where.partition(":")
    if name and name not in POINTS:
        raise ValueError(f"known points are {', '.join(POINTS)}")
    if colon and not (times.isascii() and times.isdigit() and int(times)):
        raise ValueError("write a point, or point:3 for the third time it is reached")
    return name, int(times or 1)


def arm(where: str) -> None:
    """Arm one point, or none with "". Raises `ValueError` for a point that does not exist."""
    global _armed, _left
    _armed, _left = check(where)


def is_armed(name: str) -> bool:
    return name == _armed


def at(name: str) -> None:
    """Crash here when this point is armed and its time has come."""
    global _left
    if name != _armed:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
