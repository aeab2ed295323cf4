"""Is a request Slack's own? Told by its signature over the bytes, before anything in them is read.

Stricter than the check of Slack's SDK, which takes whatever Python reads as a number for a timestamp, and the same
request twice.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slack_sdk.signature import Clock, SignatureVerifier

SIGNATURE, TIMESTAMP = "X-Slack-Signature", "X-Slack-Request-Timestamp"
WINDOW_S = 300
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
_TIMESTAMP = re.compile(r"[1-9][0-9]{8,11}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The two headers, in a shape that could be right."""

    signature: str
    at_s: int


class Signatures:
    """Those of one app. Raises `ValueError` for an empty secret."""

    def __init__(self, secret: str, *, now_s: Callable[[], float] = time.time) -> None:
        self._verifier = SignatureVerifier(secret, _ClockOf(now_s))
        self._now_s = now_s
        self._seen: dict[int, set[str]] = {}

    def stamp(self, signatures: Sequence[str], timestamps: Sequence[str]) -> Stamp | str:
        """Look at all copies of the two headers, without the body: a stamp, or why it is refused."""
        if len(signatures) != 1 or len(timestamps) != 1:
            return "a header is missing or there twice"
        if not _SIGNATURE.fullmatch(signatures[0]):
            return "no signature of version v0"
        if not _TIMESTAMP.fullmatch(timestamps[0]):
            return "no timestamp"
        at_s = int(timestamps[0])
        return Stamp(signatures[0], at_s) if abs(self._now_s() - at_s) <= WINDOW_S else "too old, or from the future"

    def refusal(self, stamp: Stamp, body: bytes) -> str | None:
        """Why the request is not Slack's own, or is one that came before; None where it is new and signed. It counts as
        seen from then on, unless it is forgotten."""
        try:
            is_signed = self._verifier.is_valid(body, str(stamp.at_s), stamp.signature)
        except UnicodeDecodeError:
            return "not text"  # what Slack signs is UTF-8
        if not is_signed:
            return "signed otherwise"
        self._forget_old()
        seen = self._seen.setdefault(stamp.at_s, set())
        if stamp.signature in seen:
            return "seen before"
        seen.add(stamp.signature)
        return None

    def forget(self, stamp: Stamp) -> None:
        """It could not be taken: Slack may send it again within the same second, which is signed alike."""
        self._seen.get(stamp.at_s, set()).discard(stamp.signature)

    @property
    def remembered(self) -> int:
        """How many requests are known as seen."""
        return sum(map(len, self._seen.values()))

    def _forget_old(self) -> None:
        """Those are refused for their age."""
        oldest_s = self._now_s() - WINDOW_S
        for at_s in [at_s for at_s in self._seen if at_s < oldest_s]:
            del self._seen[at_s]


class _ClockOf(Clock):
    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s

    def now(self) -> float:
        return self._now_s()
