"""What goes wrong on demand, and the rate limits.

A route is named as Discord's documentation names it: "POST /channels/{channel_id}/messages".
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.adapters.discord.wire.world import Json

SEND = "POST /channels/{channel_id}/messages"
EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"
DELETE = "DELETE /channels/{channel_id}/messages/{message_id}"
HISTORY = "GET /channels/{channel_id}/messages"
FETCH = "GET /channels/{channel_id}/messages/{message_id}"
TYPING = "POST /channels/{channel_id}/typing"
OPEN_DM = "POST /users/@me/channels"
OPEN_THREAD = "POST /channels/{channel_id}/messages/{message_id}/threads"
CALLBACK = "POST /interactions/{interaction_id}/{token}/callback"
FOLLOWUP = "POST /webhooks/{application_id}/{token}"
EDIT_ANSWER = "PATCH /webhooks/{application_id}/{token}/messages/{message}"
"""Edits of `@original` and of followups alike."""
SYNC = "PUT /applications/{application_id}/commands"
MEMBER = "GET /guilds/{guild_id}/members/{user_id}"
FILE = "GET /cdn/attachments/{channel_id}/{attachment_id}/{filename}"

Kind = Literal["status", "hang", "slow", "lost", "cut"]


@dataclass(slots=True)
class Asked:
    """One request: the `route` it fell on (its own path if on none), what came with it, and the status it got; 0 while
    it is open, and for one whose connection was cut."""

    method: str
    path: str
    route: str
    json: Json | list[Json] | None = None
    files: list[str] = field(default_factory=list)
    query: dict[str, str] = field(default_factory=dict)
    at: float = field(default_factory=time.monotonic)
    status: int = 0
    code: int = 0


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests of a route."""

    route: str
    kind: Kind
    times: int = 1
    status: int = 500
    code: int = 0
    retry_after_s: float = 0.2
    is_global: bool = False
    seconds: float = 30.0
    where: Callable[[Asked], bool] = lambda _asked: True
    hits: list[Asked] = field(default_factory=list)


class Faults:
    """What was ordered and has not happened yet."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def fail(self, route: str, status: int, *, times: int = 1, code: int = 0, **options: Any) -> Fault:
        """Answer with a status and do nothing: 500, 502, 503, 403, ..."""
        return self._order(Fault(route, "status", times, status, code, **options))

    def limit(
        self, route: str, *, times: int = 1, retry_after_s: float = 0.2, is_global: bool = False, code: int = 0
    ) -> Fault:
        """Answer 429 and do nothing; `code` for those that have one, as 30046 for edits of old messages."""
        return self._order(Fault(route, "status", times, 429, code, retry_after_s, is_global))

    def lose(self, route: str, *, times: int = 1, **options: Any) -> Fault:
        """Do what is asked and cut the connection before the answer."""
        return self._order(Fault(route, "lost", times, **options))

    def cut(self, route: str, *, times: int = 1, **options: Any) -> Fault:
        """Cut the connection and do nothing."""
        return self._order(Fault(route, "cut", times, **options))

    def hang(self, route: str, *, times: int = 1, seconds: float = 30.0, **options: Any) -> Fault:
        """Do nothing, say nothing, and cut the connection in the end."""
        return self._order(Fault(route, "hang", times, seconds=seconds, **options))

    def slow(self, route: str, seconds: float, *, times: int = 1, **options: Any) -> Fault:
        """Do it, but only after some seconds."""
        return self._order(Fault(route, "slow", times, seconds=seconds, **options))

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, asked: Asked) -> Fault | None:
        """The fault that befalls a request, one time less left of it."""
        for fault in self._waiting:
            if fault.route in (asked.route, "*") and fault.where(asked):
                fault.hits.append(asked)
                if len(fault.hits) >= fault.times:
                    self._waiting.remove(fault)
                return fault
        return None

    def _order(self, fault: Fault) -> Fault:
        self._waiting.append(fault)
        return fault


@dataclass(slots=True)
class Limit:
    """So many requests in so many seconds, for each channel, server or webhook by itself."""

    requests: int
    per_s: float


REAL = {
    SEND: Limit(5, 5.0),
    EDIT: Limit(5, 5.0),
    DELETE: Limit(5, 1.0),
    TYPING: Limit(5, 5.0),
    CALLBACK: Limit(5, 5.0),
    FOLLOWUP: Limit(5, 5.0),
    EDIT_ANSWER: Limit(5, 5.0),
}
"""About what Discord allows, as libraries see it; the real numbers come by header only."""
_LOOSE = Limit(1000, 1.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a bucket stands after a request; `retry_after_s` is set when it was one too many."""

    headers: dict[str, str]
    retry_after_s: float | None = None
    is_global: bool = False


class Limits:
    """Counts requests. Loose until `enforce` is called; `hits` are the requests that got a 429, by any cause."""

    def __init__(self) -> None:
        self.hits: list[Asked] = []
        self.routes: dict[str, Limit] = {}
        self.global_limit: Limit | None = None
        self._seen: dict[tuple[str, str], deque[float]] = {}

    def enforce(self, routes: dict[str, Limit] | None = None, *, global_limit: Limit | None = None) -> None:
        """Hold the bot to limits from now on; to the real ones if none are given."""
        self.routes = dict(REAL if routes is None else routes)
        self.global_limit = Limit(50, 1.0) if routes is None else global_limit

    def count(self, asked: Asked, major: str) -> Standing:
        """Count a request. `major` is what the limit is kept for: the channel, server, or webhook and token."""
        now = time.monotonic()
        is_answer = asked.route.split()[1].startswith(("/interactions", "/webhooks"))
        if self.global_limit is not None and not is_answer:
            waits_s = self._waits(("*", ""), self.global_limit, now)
            if waits_s is not None:
                return Standing({"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}, waits_s, True)
        limit = self.routes.get(asked.route, _LOOSE)
        key = (asked.route, major)
        waits_s = self._waits(key, limit, now)
        seen = self._seen[key]
        reset_s = math.ceil(max(seen[0] + limit.per_s - now, 0.001) * 1000) / 1000  # never sooner than it is
        headers = {
            "X-RateLimit-Limit": str(limit.requests),
            "X-RateLimit-Remaining": str(max(limit.requests - len(seen), 0)),
            "X-RateLimit-Reset": f"{time.time() + reset_s:.3f}",
            "X-RateLimit-Reset-After": f"{reset_s:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(asked.route.encode(), usedforsecurity=False).hexdigest(),
        }
        return Standing(headers if waits_s is None else headers | {"X-RateLimit-Scope": "user"}, waits_s)

    def _waits(self, key: tuple[str, str], limit: Limit, now: float) -> float | None:
        """Seconds to wait when a window is full; a window starts with its first request and ends as a whole."""
        seen = self._seen.setdefault(key, deque())
        if seen and now - seen[0] >= limit.per_s:
            seen.clear()
        if len(seen) >= limit.requests:
            return seen[0] + limit.per_s - now
        seen.append(now)
        return None
