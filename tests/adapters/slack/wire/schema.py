"""Small words to say what a JSON value has to be, and where it is not: the faults read as Slack's do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Faults = list[str]
Check = Callable[[Any, str, Faults], None]
"""Notes in the faults what is wrong with a value, and at which JSON pointer."""


def anything(_value: Any, _at: str, _faults: Faults) -> None:
    """Anything at all."""


def string(most: int, least: int = 1) -> Check:
    """A text of so many characters."""

    def check(value: Any, at: str, faults: Faults) -> None:
        if not isinstance(value, str):
            faults.append(_fault("must provide a string", at))
        elif len(value) > most:
            faults.append(_fault(f"must be less than {most + 1} characters", at))
        elif len(value) < least:
            faults.append(_fault(f"must be more than {least - 1} characters", at))

    return check


def boolean(value: Any, at: str, faults: Faults) -> None:
    if not isinstance(value, bool):
        faults.append(_fault("must provide a boolean", at))


def number(value: Any, at: str, faults: Faults) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        faults.append(_fault("must provide an integer", at))


def choice(*values: str) -> Check:
    """One of some words."""

    def check(value: Any, at: str, faults: Faults) -> None:
        if value not in values:
            faults.append(_fault(f"must be one of {', '.join(values)}", at))

    return check


def listing(item: Check, most: int, least: int = 1) -> Check:
    """A list of so many."""

    def check(value: Any, at: str, faults: Faults) -> None:
        if not isinstance(value, list):
            faults.append(_fault("must provide an array", at))
            return
        if len(value) > most:
            faults.append(_fault(f"no more than {most} items allowed", at))
        if len(value) < least:
            faults.append(_fault(f"no fewer than {least} items allowed", at))
        for number_, one in enumerate(value):
            item(one, f"{at}/{number_}", faults)

    return check


def mapping(needed: Mapping[str, Check] | None = None, optional: Mapping[str, Check] | None = None) -> Check:
    """An object with some fields that have to be there, some that may, and no others; `type` is always allowed."""
    wanted, more = dict(needed or {}), dict(optional or {})

    def check(value: Any, at: str, faults: Faults) -> None:
        if not isinstance(value, dict):
            faults.append(_fault("must provide an object", at))
            return
        faults += [_fault(f"missing required field: {name}", at) for name in wanted if value.get(name) is None]
        for name, one in value.items():
            known = wanted.get(name) or more.get(name)
            if known is None and name != "type":
                faults.append(_fault(f"invalid additional property: {name}", at))
            elif known is not None and one is not None:
                known(one, f"{at}/{name}", faults)

    return check


def typed(kinds: Mapping[str, Check]) -> Check:
    """An object that says what it is in its `type`."""

    def check(value: Any, at: str, faults: Faults) -> None:
        if not isinstance(value, dict):
            faults.append(_fault("must provide an object", at))
        elif value.get("type") is None:
            faults.append(_fault("missing required field: type", at))
        elif value["type"] not in kinds:
            faults.append(_fault(f"unsupported type: {value['type']}", f"{at}/type"))
        else:
            kinds[value["type"]](value, at, faults)

    return check


def matching(check: Check) -> Check:
    """What Slack tries several shapes for: it says that none fits, and then why."""

    def tried(value: Any, at: str, faults: Faults) -> None:
        found: Faults = []
        check(value, at, found)
        if found:
            faults += [_fault("failed to match all allowed schemas", at), *found]

    return tried


def plain(most: int, least: int = 1) -> Check:
    """A text object without formatting."""
    return matching(typed({"plain_text": mapping({"text": string(most, least)}, {"emoji": boolean})}))


def text(most: int, least: int = 1) -> Check:
    """A text object of either kind."""
    kinds = {
        "plain_text": mapping({"text": string(most, least)}, {"emoji": boolean}),
        "mrkdwn": mapping({"text": string(most, least)}, {"verbatim": boolean}),
    }
    return matching(typed(kinds))


def _fault(message: str, at: str) -> str:
    return f"{message} [json-pointer:{at}]"
