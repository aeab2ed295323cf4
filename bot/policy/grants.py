"""What approvers say about more than one call: for how long, and for which other arguments, an approval holds.

Pure. When a grant has expired is checked elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from bot.engine.types import ToolFacts, Use
from bot.errors import PolicyError
from bot.policy.conditions import Condition, Host, Under, canonical, parse_condition
from bot.policy.durations import MINUTE_S, YEAR_S, duration, parse_duration
from bot.policy.targets import host_of, path_parts
from bot.policy.types import Grant

ONCE = "once"
RUN = "run"
THREAD = "thread"
ALWAYS = "always"
GRANTS = (ONCE, RUN, THREAD, "1h", "8h", "1d", "7d", "30d", ALWAYS)
"""What to offer, the narrowest first. Other durations from 1m to 365d can be written."""
MAX_OFFERS = 3
_ORDER = (ONCE, RUN, THREAD)


def parse_grant(text: str) -> str:
    """Give the canonical text of how long an approval holds. Raises `PolicyError` with the possible ones."""
    if text in (ONCE, RUN, THREAD, ALWAYS):
        return text
    try:
        seconds = parse_duration(text)
    except PolicyError:
        seconds = 0
    if not MINUTE_S <= seconds <= YEAR_S:
        raise PolicyError(
            f"{text[:40]!r} does not say how long: write once, run, thread, a duration from 1m to 365d such as 8h, "
            "or always."
        )
    return duration(seconds)


def narrowest(texts: Iterable[str]) -> str:
    """Give the narrowest of several: once < run < thread < a shorter duration < a longer one < always.

    Nothing at all and "" mean once. Raises `PolicyError` as `parse_grant`.
    """
    return min((parse_grant(text or ONCE) for text in texts), key=_width, default=ONCE)


def narrowest_of(said: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Give one grant and pattern for what several approvers said, as (grant, pattern) each.

    The pattern stays only where all of them said the same, else it is "": exactly these arguments.
    """
    all_said = list(said)
    patterns = {pattern for _, pattern in all_said}
    return narrowest(grant for grant, _ in all_said), patterns.pop() if len(patterns) == 1 else ""


def covers(grant: Grant, facts: ToolFacts, use: Use, *, approver: str, person: str) -> bool:
    """Tell whether this use of the tool by this person need not be asked about again. A damaged grant covers nothing.

    `approver` is who would have to approve it now, as canonical text. Expiry is not looked at.
    """
    is_same = (grant.person, grant.tool, grant.definition, grant.approver) == (
        person,
        facts.name,
        facts.definition,
        approver,
    )
    is_here = grant.run_id in ("", use.run_id) and grant.place in ("", str(use.place))
    return is_same and is_here and _covers_arguments(grant, use.arguments)


def is_exact(grant: Grant) -> bool:
    """Whether it covers nothing but calls with the very same arguments."""
    return not grant.pattern


def check_pattern(pattern: str, arguments: Mapping[str, object]) -> str:
    """Give the canonical text of a pattern for these arguments; "" stays "".

    Raises `PolicyError` where it is no condition, or does not hold for the very arguments that are approved.
    """
    condition = parse_condition(pattern)
    if condition.holds(arguments) is not True:
        raise PolicyError(f"{condition} does not hold for the arguments shown: write one that these arguments meet.")
    return str(condition)


def offers(arguments: Mapping[str, object]) -> list[str]:
    """Give up to three patterns worth offering for these arguments: folders, the deepest first, then hosts.

    All of them hold for these arguments. A path with blanks in it is taken for prose and not offered.
    """
    folders = [Under(name, folder) for name, value in arguments.items() if (folder := _folder(value))]
    folders.sort(key=lambda test: -test.folder.count("/"))
    hosts = [
        Host(name, (host,)) for name, value in arguments.items() if isinstance(value, str) and (host := host_of(value))
    ]
    tests: list[Under | Host] = [*folders, *hosts]
    return [str(test) for test in tests if _is_offer(test, arguments)][:MAX_OFFERS]


def in_words(grant_kind: str, pattern: str, tool: str) -> str:
    """Say what a grant covers, for a button or a list: `for 8h, where url.host=x.org and everything else as shown`."""
    if grant_kind == ONCE:
        return f"this one call of {tool}"
    spans = {RUN: "in this run", THREAD: "in this thread", ALWAYS: "always"}
    span = spans.get(grant_kind, f"for {grant_kind}")
    return (
        f"{span}, where {pattern} and everything else as shown" if pattern else f"{span}, with exactly these arguments"
    )


def _width(grant: str) -> tuple[int, int]:
    if grant in _ORDER:
        return _ORDER.index(grant), 0
    return (len(_ORDER) + 1, 0) if grant == ALWAYS else (len(_ORDER), parse_duration(grant))


def _covers_arguments(grant: Grant, arguments: Mapping[str, object]) -> bool:
    try:
        condition = parse_condition(grant.pattern)
        shown = json.loads(grant.arguments)
        if not isinstance(shown, dict) or shown.keys() != arguments.keys():
            return False
        is_met = condition.holds(arguments) is True
        return is_met and canonical(_rest(shown, condition)) == canonical(_rest(arguments, condition))
    except (PolicyError, ValueError, RecursionError):
        return False


def _rest(arguments: Mapping[str, object], condition: Condition) -> dict[str, object]:
    return {name: value for name, value in arguments.items() if name not in condition.names}


def _folder(value: object) -> str:
    """The folder of a plain relative path, "" where there is none."""
    parts = path_parts(value) if isinstance(value, str) and not any(map(str.isspace, value)) else None
    return "/".join(parts[:-1]) if parts else ""


def _is_offer(test: Under | Host, arguments: Mapping[str, object]) -> bool:
    """Whether it can be written down, with this name and in this length, and holds as written."""
    condition = Condition((test,))
    try:
        return parse_condition(str(condition)) == condition and condition.holds(arguments) is True
    except PolicyError:
        return False
