"""Slack's rates (docs, "Rate limits"): each method of each workspace by itself, posts for each channel besides."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass

from tests.adapters.slack.wire.faults import Call


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in so many seconds."""

    calls: int
    per_s: float = 60.0


TIER_2, TIER_3, TIER_4 = Limit(20), Limit(50), Limit(100)
REAL = {
    "agents.sessions.setStatus": TIER_3,
    "assistant.threads.setStatus": Limit(600),
    "chat.appendStream": TIER_4,
    "chat.delete": TIER_3,
    "chat.postEphemeral": TIER_4,
    "chat.startStream": TIER_2,
    "chat.stopStream": TIER_2,
    "chat.update": TIER_3,
    "conversations.history": TIER_3,
    "conversations.info": TIER_3,
    "conversations.members": TIER_4,
    "conversations.open": TIER_3,
    "conversations.replies": TIER_3,
    "files.completeUploadExternal": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "files.info": TIER_4,
    "reactions.add": TIER_3,
    "usergroups.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "users.info": TIER_4,
    "users.list": TIER_2,
    "views.open": TIER_4,
    "views.publish": TIER_4,
    "views.update": TIER_4,
}
PER_CHANNEL = Limit(1, 1.0)
"""Of `chat.postMessage` in one channel; Slack allows short bursts beyond it."""


class Limits:
    """Counts calls. Lets everything through until `enforce` is called."""

    def __init__(self) -> None:
        self.methods: dict[str, Limit] = {}
        self.per_channel: Limit | None = None
        self._seen: dict[tuple[str, ...], deque[float]] = {}

    def enforce(self, methods: dict[str, Limit] | None = None, *, per_channel: Limit | None = None) -> None:
        """Hold the bot to limits from now on; to Slack's own if none are given."""
        self.methods = dict(REAL if methods is None else methods)
        self.per_channel = PER_CHANNEL if methods is None else per_channel

    def count(self, call: Call) -> int | None:
        """Count a call, and give the whole seconds to wait when it is one too many."""
        keys: list[tuple[tuple[str, ...], Limit]] = []
        if limit := self.methods.get(call.method):
            keys.append(((call.token, call.method), limit))
        if self.per_channel is not None and call.method == "chat.postMessage":
            keys.append(((call.token, call.method, str(call.args.get("channel"))), self.per_channel))
        now = time.monotonic()
        waits = [wait for key, limit in keys if (wait := self._waits(key, limit, now)) is not None]
        if waits:
            return max(1, math.ceil(max(waits)))
        for key, _limit in keys:
            self._seen[key].append(now)
        return None

    def _waits(self, key: tuple[str, ...], limit: Limit, now: float) -> float | None:
        seen = self._seen.setdefault(key, deque())
        while seen and now - seen[0] >= limit.per_s:
            seen.popleft()
        return seen[0] + limit.per_s - now if len(seen) >= limit.calls else None
