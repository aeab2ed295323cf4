"""Read what an endpoint says about a failure, in all the shapes there are. Pure.

{"error": {"message", "code", "type"}}      OpenAI, and most
[{"error": {"code", "status", "details"}}]  Gemini
{"error": {"metadata": {"raw": "..."}}}     OpenRouter: what the provider behind it said
{"error": {"n_ctx": 4096}}                  llama.cpp
{"error": "..."}                            Ollama, LM Studio
{"object": "error", "message": "..."}       vLLM as it was
{"detail": "..."}                           Open WebUI
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import orjson

MIN_WAIT_S = 1.0
MAX_TEXT = 4000
MAX_DEPTH = 5

Kind = Literal["overflow", "quota", "filter", "no_tools", "template", ""]

_OVERFLOW_CODES = frozenset(
    {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length", "contextwindowexceedederror"}
)
_OVERFLOW_TEXT = re.compile(
    r"context[ _](?:length|window|size)|ContextWindowExceeded|maximum context|exceeds the (?:available )?context"
    r"|(?:prompt|input) is too long|too many (?:input )?tokens|input tokens? (?:exceed|is too)|reduce the length"
    r"|(?:input|prompt) token count|context the overflows|n_keep \(?\d+\)? >= n_ctx",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"request too large", re.IGNORECASE)
"""OpenAI and Groq: one request holds more than the tokens of a minute; waiting does not make it smaller."""

_QUOTA_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "budget_exceeded", "exceededbudget"}
)
_QUOTA_TEXT = re.compile(
    r"insufficient[ _](?:quota|balance|credits)|exceeded your current quota|credit balance is too low"
    r"|budget has been exceeded|key limit exceeded|requires more credits",
    re.IGNORECASE,
)
_PER_DAY = re.compile(r"per_?day", re.IGNORECASE)

_FILTER_CODES = frozenset(
    {"content_filter", "content_policy_violation", "contentpolicyviolationerror", "responsibleaipolicyviolation"}
)
_FILTER_TEXT = re.compile(
    r"content management policy|ContentPolicyViolation|content[ _]policy[ _]violation|PROHIBITED_CONTENT"
    r"|Content Exists Risk|flagged (?:for|as|by)|input was flagged|violat\w+ (?:our|the) usage polic",
    re.IGNORECASE,
)
_NO_TOOLS = re.compile(
    r"does not support (?:tools|tool use|tool calling|function)|tools?`? (?:is|are) not supported"
    r"|tool calling is not supported|function calling is not (?:enabled|supported)"
    r"|no endpoints found that support tool use|requires --jinja|requires --enable-auto-tool-choice",
    re.IGNORECASE,
)
_NO_SUCH_PATH = re.compile(r"unexpected endpoint or method", re.IGNORECASE)
"""LM Studio says so with status 200 (lmstudio-bug-tracker#618)."""
_TEMPLATE = re.compile(r"raise_exception|roles must alternate|Tool call IDs should|jinja", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an endpoint said about a failure: HTTP status where there is one, codes in lower case, its text, and how
    long it wants us to wait."""

    status: int | None
    codes: frozenset[str]
    text: str
    retry_after_s: float | None = None

    @property
    def kind(self) -> Kind:
        """What it is about, "" when only the status tells."""
        if _is_overflow(self):
            return "overflow"
        if self.codes & _FILTER_CODES or _FILTER_TEXT.search(self.text):
            return "filter"
        if _is_quota(self):
            return "quota"
        if self.status not in (401, 403) and _NO_TOOLS.search(self.text):
            return "no_tools"
        if self.status in (400, 422, 500) and _TEMPLATE.search(self.text):
            return "template"
        return ""


def complaint(status: int | None, error: object) -> Complaint:
    """Read an error of any known shape."""
    layers = list(_layers(error))
    codes = frozenset(str(value).lower() for layer in layers for value in _codes(layer))
    texts = [text for layer in layers if (text := _text(layer))]
    if not layers and isinstance(error, str):
        texts = [error]
    text = ": ".join(dict.fromkeys(texts))[:MAX_TEXT]
    in_band = 404 if _NO_SUCH_PATH.search(text) else _status_in(codes)
    return Complaint(status or in_band, codes, text, retry_after_of_body(error))


def complaint_of_body(status: int, body: bytes) -> Complaint:
    try:
        return complaint(status, orjson.loads(body))
    except orjson.JSONDecodeError:
        return complaint(status, body[:MAX_TEXT].decode("utf-8", "replace"))


def retry_after_of_body(error: object) -> float | None:
    """Read how long an error's body wants us to wait, in seconds and at least 1; None when it says nothing readable.

    Gemini says it in a detail ("retryDelay": "34s"), OpenAI, Groq and Azure in words ("try again in 1m2.5s").
    """
    layers = list(_layers(error))
    details = [detail for layer in layers for detail in _listed(layer.get("details"))]
    said = [delay for detail in details if isinstance(delay := detail.get("retryDelay"), str)]
    said += [match[1] for text in _texts(error, layers) if (match := _TRY_AGAIN.search(text))]
    waits = [wait for text in said if (wait := _seconds(text)) is not None]
    return max(MIN_WAIT_S, waits[0]) if waits else None


# --- what it is about --------------------------------------------------------------------------------------------


def _is_overflow(said: Complaint) -> bool:
    if said.codes & _OVERFLOW_CODES or said.status == 413:
        return True
    if said.status == 429:
        return bool(_TOO_LARGE.search(said.text))
    return said.status not in (401, 403, 404) and bool(_OVERFLOW_TEXT.search(said.text))


def _is_quota(said: Complaint) -> bool:
    """Whether only an operator helps: not where the words are Gemini's for the limit of a minute."""
    if said.status == 402 or said.codes & _QUOTA_CODES:
        return True
    is_passing = said.retry_after_s is not None and not _PER_DAY.search(" ".join(said.codes))
    return not is_passing and bool(_QUOTA_TEXT.search(said.text))


def _status_in(codes: frozenset[str]) -> int | None:
    """Give the status an in-band error names as its code ("502")."""
    return next((int(code) for code in sorted(codes) if re.fullmatch("[45][0-9][0-9]", code)), _status_named(codes))


def _status_named(codes: frozenset[str]) -> int | None:
    if codes & {"invalid_request_error", "bad_request", "badrequesterror", "invalid_argument"}:
        return 400
    if codes & {"authentication_error", "invalid_api_key", "permission_error", "unauthenticated"}:
        return 401
    if codes & {"not_found_error", "notfounderror", "model_not_found", "not_found"}:
        return 404
    return 429 if codes & {"rate_limit_error", "rate_limit_exceeded", "resource_exhausted"} else None


# --- the shapes --------------------------------------------------------------------------------------------------


def _layers(error: object, depth: int = 0) -> Iterator[dict[str, object]]:
    """Give the tables that say something, from the one that was asked to the one it asked, and so on."""
    if isinstance(error, str) and error.lstrip()[:1] in ("{", "["):
        error = _parsed(error)
    if isinstance(error, list) and error:
        error = error[0]
    if not isinstance(error, dict) or depth > MAX_DEPTH:
        return
    inner = error.get("error")
    if isinstance(inner, dict | list):
        yield from _layers(inner, depth + 1)
        return
    yield error
    metadata = error.get("metadata")
    if isinstance(metadata, dict):
        yield from _upstream(metadata, depth)
    for key in ("message", "error", "detail", "innererror"):
        if not isinstance(error.get(key), list):
            yield from _layers(error.get(key), depth + 1)


def _upstream(metadata: dict[str, object], depth: int) -> Iterator[dict[str, object]]:
    """Give OpenRouter's `metadata`: who was asked, and what they said."""
    yield {"message": metadata.get("provider_name"), "error_type": metadata.get("error_type")}
    if "flagged_input" in metadata:
        yield {"code": "content_filter"}
    raw = metadata.get("raw")
    yield from _layers(raw, depth + 1) if _has_layers(raw) else ({"message": raw},)


def _has_layers(raw: object) -> bool:
    return next(_layers(raw), None) is not None


def _parsed(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _codes(layer: dict[str, object]) -> Iterator[object]:
    yield from (layer[key] for key in ("code", "type", "status", "error_type") if layer.get(key))
    for detail in _listed(layer.get("details")):
        yield from (one["quotaId"] for one in _listed(detail.get("violations")) if one.get("quotaId"))


def _text(layer: dict[str, object]) -> str:
    """Give the words of one layer; what is JSON again is a layer of its own."""
    for key in ("message", "error", "detail"):
        said = _said(layer.get(key))
        if said:
            return "" if _has_layers(layer.get(key)) and not isinstance(layer.get(key), list) else said
    return ""


def _texts(error: object, layers: list[dict[str, object]]) -> list[str]:
    return [error] if isinstance(error, str) and not layers else [_text(layer) for layer in layers]


def _said(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode() if isinstance(value, list | dict) and value else ""
    except orjson.JSONEncodeError:  # nested too deeply
        return ""


def _listed(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# --- how long to wait --------------------------------------------------------------------------------------------

_AMOUNT = r"\d+(?:\.\d+)?\s*(?:ms|milliseconds?|h(?:ours?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)(?![a-z])\s*"
_TRY_AGAIN = re.compile(rf"(?:try again|retry)(?: your request)? (?:in|after) ((?:{_AMOUNT})+)", re.IGNORECASE)
_ONE_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|mil|h|m|s)", re.IGNORECASE)
_UNITS = {"ms": 0.001, "mil": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _seconds(text: str) -> float | None:
    """Read "34s", "1m2.5s", "850ms", "20 seconds"."""
    parts = _ONE_AMOUNT.findall(text)
    total = sum(float(number) * _UNITS[unit.lower()] for number, unit in parts)
    return total if parts and math.isfinite(total) else None
