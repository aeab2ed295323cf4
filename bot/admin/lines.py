"""Reading lines of words: a tool's exact name, two things, and what may stand at the end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from bot.admin.asking import Asking
from bot.errors import PolicyError
from bot.policy.conditions import parse_condition
from bot.policy.durations import duration, parse_duration
from bot.policy.judge import at
from bot.tools.registry import ToolSpec

MAX_TOOLS = 50
_FOR = re.compile(r"\s+for\s+(\d[0-9a-z]*)$")
_LIMIT = re.compile(r"\s+(when|unless)\s+(.+)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tail:
    """What may stand at the end: a condition, and how long it holds."""

    head: str
    when: str = ""
    unless: str = ""
    lasts_s: int | None = None


def tool_named(name: str, asking: Asking) -> ToolSpec:
    """The tool of exactly this name. Raises `PolicyError` with the closest one."""
    tools = {spec.name: spec for spec in asking.parts.tools}
    if name in tools:
        return tools[name]
    close = get_close_matches(name, tools, n=1)
    hint = f"did you mean {close[0]}?" if close else f"tools: {', '.join(tools)}."
    raise PolicyError(f"There is no tool {name[:60]!r}: names are exact, and there are no patterns; {hint}")


def two(text: str, usage: str) -> tuple[str, str]:
    first, _, second = text.strip().partition(" ")
    if not first or not second.strip():
        raise PolicyError(f"Write {usage}.")
    return first, second.strip()


def listed(names: str) -> list[str]:
    listed = [name.strip() for name in names.split(",") if name.strip()]
    if len(listed) > MAX_TOOLS:
        raise PolicyError(f"At most {MAX_TOOLS} tools at once.")
    return list(dict.fromkeys(listed))


def read_tail(text: str) -> Tail:
    """Take the end apart: `when ...` or `unless ...`, then `for DURATION`."""
    text, lasts_s = text.strip(), None
    if ends := _FOR.search(text):
        lasts_s, text = parse_duration(ends[1]), text[: ends.start()]
    if (limit := _LIMIT.search(text)) is None:
        return Tail(text, lasts_s=lasts_s)
    condition = str(parse_condition(limit[2].strip()))
    head = text[: limit.start()]
    if limit[1] == "when":
        return Tail(head, when=condition, lasts_s=lasts_s)
    return Tail(head, unless=condition, lasts_s=lasts_s)


def ends(tail: Tail, asking: Asking) -> int | None:
    return None if tail.lasts_s is None else asking.now_ms + tail.lasts_s * 1000


def limits_of(tail: Tail, expires_ms: int | None) -> str:
    said = f" when {tail.when}" if tail.when else f" unless {tail.unless}" if tail.unless else ""
    if expires_ms is None or tail.lasts_s is None:
        return said
    return f"{said} for {duration(tail.lasts_s)} (until {at(expires_ms)})"
