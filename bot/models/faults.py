"""Turn what went wrong at an endpoint into a `ModelError` with a sentence people can act on. Pure.

status or error object ──> ModelUnavailable   408, 409, 425, 429, 5xx: later may help
                           ModelRejected      key, address, model, quota, request: a person has to change something
                           └── ConversationTooLong   the context does not fit; shortening it helps
                           ModelGarbled       no completion at all
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import orjson

from bot.errors import ConversationTooLong, ModelError, ModelGarbled, ModelRejected, ModelUnavailable

MIN_WAIT_S = 1.0
MAX_WAIT_S = 60.0
MAX_EXCERPT = 200

_PASSING = frozenset({408, 409, 425, 429})
_OVERFLOW_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"})
_OVERFLOW_TEXT = re.compile(
    r"context[ _](?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|input tokens? (?:exceed|is too)|exceeds the (?:available )?context|reduce the length",
    re.IGNORECASE,
)
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_NO_TOOLS = re.compile(r"does not support (?:tools|function)|tools? (?:is|are) not supported", re.IGNORECASE)
_LIKE_A_PAGE = re.compile(r"<!doctype|<html|<head|<body|Traceback \(most recent", re.IGNORECASE)


class Resting(ModelUnavailable):
    """The endpoint has failed too often of late and is not asked for now."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an endpoint said about a failure: HTTP status where there is one, codes in lower case, its text."""

    status: int | None
    codes: frozenset[str]
    text: str


def complaint(status: int | None, error: object) -> Complaint:
    """Read an error of any known shape: {"error": {...}}, {"error": "..."}, {"detail": ...}, a list of one, text."""
    if isinstance(error, list) and error:
        error = error[0]
    while isinstance(error, dict) and isinstance(error.get("error"), dict):
        error = error["error"]
    if not isinstance(error, dict):
        return Complaint(status, frozenset(), error if isinstance(error, str) else "")
    codes = frozenset(str(error[key]).lower() for key in ("code", "type", "status") if error.get(key))
    text = next((said for key in ("message", "error", "detail") if (said := _said(error.get(key)))), "")
    return Complaint(status or _status_in(codes), codes, text)


def complaint_of_body(status: int, body: bytes) -> Complaint:
    try:
        return complaint(status, orjson.loads(body))
    except orjson.JSONDecodeError:
        return Complaint(status, frozenset(), body[:4000].decode("utf-8", "replace"))


def fault(
    label: str, said: Complaint, *, retry_after_s: float | None = None, clean: Callable[[str], str]
) -> ModelError:
    """Give the error for a complaint. `clean` masks secrets in the provider's own words."""
    model, status = f"The model {label!r}", said.status
    if _is_overflow(said):
        text = "The conversation is too long for the model. Start a new thread, or reset this one and ask again."
        return ConversationTooLong(label, text, status=status)
    if status == 402 or said.codes & _QUOTA_CODES:
        text = f"{model} has no quota left. An operator has to check the plan and billing of its account."
        return ModelRejected(label, text, status=status)
    if status is None or status in _PASSING or status >= 500:
        return _passing(label, said, retry_after_s, clean)
    if 300 <= status < 400:
        text = f"{model} sent us to another address, which is not followed. An operator has to correct its api_url."
    elif status in (401, 403):
        text = f"{model} refused our key. An operator has to check its api_key."
    elif status in (404, 405):
        text = f"{model} was not found. An operator has to check its model_name, api_url and host_type."
    elif _NO_TOOLS.search(said.text):
        text = f"{model} does not support tools. An operator can set tools = false for it."
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
    return ModelUnavailable(label, text, retry_after_s=retry_after_s)


def garbled(label: str, why: str) -> ModelGarbled:
    """Give the error for something that is no completion; `why` is ours: "broken JSON", "a web page"."""
    text = f"The model {label!r} answered something unreadable ({why}). Try again; if it stays, check its api_url."
    return ModelGarbled(label, text)


def unavailable(label: str, what: str, then: str = "Please try again in a moment.") -> ModelUnavailable:
    return ModelUnavailable(label, f"The model {label!r} {what}. {then}")


def resting(label: str, rests_s: float) -> Resting:
    text = f"The model {label!r} has failed again and again, so I do not ask it for now. Please try again"
    return Resting(label, f"{text} {_when(rests_s)}.", retry_after_s=rests_s)


def _is_overflow(said: Complaint) -> bool:
    if said.codes & _OVERFLOW_CODES or said.status == 413:
        return True
    return said.status not in (401, 403, 404, 429) and bool(_OVERFLOW_TEXT.search(said.text))


def _said(value: object) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode() if isinstance(value, list | dict) and value else ""


def _status_in(codes: frozenset[str]) -> int | None:
    """Give the status an in-band error names as its code ("502")."""
    return next((int(code) for code in sorted(codes) if re.fullmatch("[45][0-9][0-9]", code)), _status_named(codes))


def _status_named(codes: frozenset[str]) -> int | None:
    if codes & {"invalid_request_error", "bad_request", "badrequesterror"}:
        return 400
    if codes & {"authentication_error", "invalid_api_key", "permission_error"}:
        return 401
    return 429 if codes & {"rate_limit_error", "rate_limit_exceeded"} else None


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
