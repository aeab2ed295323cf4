"""Turn what went wrong at an endpoint into a `ModelError` with a sentence people can act on. Pure.

status or error object ──> ModelUnavailable   408, 409, 425, 429, 5xx: later may help
                           ModelRejected      key, address, model, quota, filter, request: a person has to act
                           └── ConversationTooLong   the context does not fit; shortening it helps
                           ModelGarbled       no completion at all
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bot.errors import (
    ConversationTooLong,
    ModelError,
    ModelFiltered,
    ModelGarbled,
    ModelRejected,
    ModelUnavailable,
)
from bot.models.complaints import MIN_WAIT_S, Complaint, complaint, complaint_of_body, retry_after_of_body

__all__ = [
    "Complaint",
    "Interrupted",
    "Resting",
    "complaint",
    "complaint_of_body",
    "excerpt",
    "fault",
    "garbled",
    "interrupted",
    "resting",
    "retry_after_of_body",
    "retry_after_s",
    "unavailable",
]

MAX_WAIT_S = 60.0
MAX_EXCERPT = 200

_PASSING = frozenset({408, 409, 425, 429})
_LIKE_A_PAGE = re.compile(r"<!doctype|<html|<head|<body|Traceback \(most recent", re.IGNORECASE)


class Interrupted(ModelUnavailable):
    """A reply stopped in the middle for no reason of its own: asked again, it may come whole."""


class Resting(ModelUnavailable):
    """The endpoint has failed too often of late and is not asked for now."""


def fault(
    label: str, said: Complaint, *, retry_after_s: float | None = None, clean: Callable[[str], str]
) -> ModelError:
    """Give the error for a complaint. `clean` masks secrets in the provider's own words; `retry_after_s` is what the
    headers said, which counts more than what the body says."""
    model, status = f"The model {label!r}", said.status
    match said.kind:
        case "overflow":
            text = "The conversation is too long for the model. Start a new thread and ask again."
            return ConversationTooLong(label, text, status=status)
        case "quota":
            text = f"{model} has no quota left. An operator has to check the plan and billing of its account."
        case "filter":
            text = f"{model} was not allowed to answer: its provider's content filter objected. Say it in other words."
            return ModelFiltered(label, text, status=status)
        case "no_tools":
            text = f"{model} does not support tools{_quoted(said, clean)}. An operator can set tools = false for it."
        case "template":
            text = f"{model} has a template that refused the request{_quoted(said, clean)}."
            text += " An operator has to check its host_type."
        case "":
            wait_s = said.retry_after_s if retry_after_s is None else retry_after_s
            return _fault_of_status(label, said, wait_s, clean)
    return ModelRejected(label, text, status=status)


def _fault_of_status(
    label: str, said: Complaint, retry_after_s: float | None, clean: Callable[[str], str]
) -> ModelError:
    model, status = f"The model {label!r}", said.status
    if status is None or status in _PASSING or status >= 500:
        return _passing(label, said, retry_after_s, clean)
    if 300 <= status < 400:
        text = f"{model} sent us to another address, which is not followed. An operator has to correct its api_url."
    elif status in (401, 403):
        text = f"{model} refused our key. An operator has to check its api_key."
    elif status in (404, 405):
        text = f"{model} was not found. An operator has to check its model_name, api_url and host_type."
    else:
        text = f"{model} refused the request{_quoted(said, clean)}. An operator has to check its settings."
    return ModelRejected(label, text, status=status)


def _passing(label: str, said: Complaint, retry_after_s: float | None, clean: Callable[[str], str]) -> ModelUnavailable:
    model = f"The model {label!r}"
    when = _when(retry_after_s)
    if said.status == 429:
        text = f"{model} is getting too many requests. Please try again {when}."
    elif said.status in (408, 504):
        text = f"{model} took too long to answer. Please try again {when}."
    else:
        text = f"{model} has a problem on its side{_quoted(said, clean)}. Please try again {when}."
    return ModelUnavailable(label, text, retry_after_s=retry_after_s, status=said.status)


def garbled(label: str, why: str) -> ModelGarbled:
    """Give the error for something that is no completion; `why` is ours: "broken JSON", "a web page"."""
    text = f"The model {label!r} answered something unreadable ({why}). Try again; if it stays, check its api_url."
    return ModelGarbled(label, text)


def unavailable(label: str, what: str, then: str = "Please try again in a moment.") -> ModelUnavailable:
    return ModelUnavailable(label, f"The model {label!r} {what}. {then}")


def interrupted(label: str, what: str) -> Interrupted:
    return Interrupted(label, f"The model {label!r} {what}. Please try again in a moment.")


def resting(label: str, rests_s: float) -> Resting:
    text = f"The model {label!r} has failed again and again, so I do not ask it for now. Please try again"
    return Resting(label, f"{text} {_when(rests_s)}.", retry_after_s=rests_s)


# --- waiting -----------------------------------------------------------------------------------------------------


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Read how long the endpoint wants us to wait, in seconds and at least 1; None when it says nothing readable."""
    millis = _finite(headers.get("retry-after-ms"))
    if millis is not None:
        return max(MIN_WAIT_S, millis / 1000)
    said = headers.get("retry-after")
    seconds = _finite(said)
    if seconds is None and said:
        seconds = _seconds_until(said, now)
    return None if seconds is None else max(MIN_WAIT_S, seconds)


def _finite(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _seconds_until(http_date: str, now: datetime) -> float | None:
    try:
        when = parsedate_to_datetime(http_date)
    except ValueError:
        return None
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()


def _when(wait_s: float | None) -> str:
    if wait_s is None:
        return "in a moment"
    if wait_s < 120:
        return f"in {math.ceil(wait_s)} seconds"
    if wait_s < 7200:
        return f"in {math.ceil(wait_s / 60)} minutes"
    return f"in {math.ceil(wait_s / 3600)} hours"


# --- the provider's own words ------------------------------------------------------------------------------------


def _quoted(said: Complaint, clean: Callable[[str], str]) -> str:
    text = excerpt(clean(said.text))
    return f": {text}" if text else ""


def excerpt(text: str) -> str:
    """Give the beginning of a provider's text on one line; "" for web pages and tracebacks."""
    if _LIKE_A_PAGE.search(text):
        return ""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:4000]).split())
    return (line if len(line) <= MAX_EXCERPT else line[:MAX_EXCERPT].rstrip() + "…").rstrip(".")
