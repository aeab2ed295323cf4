"""What Slack sends to the app, over whichever door, and how often (docs, "Events API", "Socket Mode").

An event that is not acknowledged within three seconds is sent again, up to three times; an interaction is sent once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from tests.adapters.slack.wire.faults import Call
from tests.adapters.slack.wire.messages import Json
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.world import Channel, Install, World

Envelope = Literal["events_api", "interactive", "slash_commands"]


@dataclass(slots=True, eq=False)
class Attempt:
    """One try: its number (0 the first), and what came of it: `acked`, or why it is tried again (`timeout`,
    `http_error`, `connection_failed`)."""

    number: int
    reason: str = ""
    at: float = field(default_factory=time.monotonic)
    outcome: str = ""
    after_s: float = 0.0
    answer: Any = None


@dataclass(slots=True, eq=False)
class Sent:
    """Something sent to the app; `teams` are the workspaces that see it. `answer` is what it was acknowledged with."""

    kind: Envelope
    body: Json
    teams: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    is_acked: bool = False
    is_given_up: bool = False
    answer: Any = None
    acked_after_s: float = 0.0
    on_ack: Callable[[Any], None] = lambda _answer: None

    @property
    def event(self) -> Json:
        """The event in it; empty for an interaction."""
        return dict(self.body.get("event", {}))

    @property
    def type(self) -> str:
        return str(self.event.get("type", self.body.get("type", "")))


class Door(Protocol):
    async def attempt(self, sent: Sent, attempt: Attempt) -> None:
        """Send it, and note in `attempt` the outcome and the answer. Takes no longer than the time for an answer."""


class Delivery:
    """Everything that was sent, and what still is to be."""

    def __init__(self, world: World, door: Door) -> None:
        self._world = world
        self.door = door
        self.sent: list[Sent] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self._held: list[Sent] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def events(self) -> list[Sent]:
        """The events, oldest first."""
        return [one for one in self.sent if one.kind == "events_api"]

    def emit(self, event: Json, *, channel: Channel | None = None, teams: Iterable[str] | None = None) -> list[Sent]:
        """Send an event to the app, once for all its workspaces that see it. `teams` are those it is for, where it is
        not the channel that decides."""
        if not self._is_wanted(event):
            return []
        seen = [team for team in self._seeing(channel, teams) if not self._world.installs[team].refusal]
        if not seen:
            return []
        sent = Sent("events_api", self._enveloped(event, seen, channel), seen)
        return [self._send(sent)]

    def tell(
        self, event: Json, *, channel: Channel | None = None, teams: Iterable[str] | None = None, **envelope: Any
    ) -> Sent:
        """Send an event whatever the app is subscribed to; `envelope` replaces fields around it, as `event_id`."""
        seen = self._seeing(channel, teams)
        return self._send(Sent("events_api", self._enveloped(event, seen, channel) | envelope, seen))

    def send(self, kind: Envelope, body: Json) -> Sent:
        return self._send(Sent(kind, body))

    def _send(self, sent: Sent) -> Sent:
        self.sent.append(sent)
        if sent.kind == "events_api" and self._held is not None:
            self._held.append(sent)
        else:
            self._start(sent)
        return sent

    def again(self, sent: Sent) -> Sent:
        """Send an event once more as a retry, as Slack does when it lost the acknowledgement."""
        self._start(sent, first=max(len(sent.attempts), 1))
        return sent

    def hold(self) -> None:
        """Keep events back from now on."""
        self._held = []

    def release(self, order: Callable[[list[Sent]], Iterable[Sent]] = list) -> list[Sent]:
        """Send what was kept back, in the order given: `reversed`, or a function of your own, which may also leave
        out or repeat."""
        held, self._held = self._held or [], None
        for sent in order(held):
            self._start(sent)
        return held

    def authorizations(self, _world: World, call: Call) -> Json:
        """apps.event.authorizations.list: all workspaces that see an event. Raises Refused."""
        wanted = call.args.get("event_context")
        found = next((one for one in self.sent if one.body.get("event_context") == wanted), None)
        if found is None:
            raise Refused("invalid_event_context")
        return {"authorizations": [_authorization(self._world.installs[team]) for team in found.teams]}

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, sent: Sent, first: int = 0) -> None:
        assert self.loop is not None
        task = self.loop.create_task(self._deliver(sent, first))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, sent: Sent, first: int) -> None:
        delays = self._world.rules.retry_delays_s if sent.kind == "events_api" else ()
        last = max(len(delays), first)
        for number in range(first, last + 1):
            reason = sent.attempts[-1].outcome if sent.attempts and number else ""
            if number and number > first:
                await asyncio.sleep(delays[number - 1])
            attempt = Attempt(number, "timeout" if reason in ("acked", "") and number else reason)
            sent.attempts.append(attempt)
            await self.door.attempt(sent, attempt)
            attempt.after_s = time.monotonic() - attempt.at
            if attempt.outcome == "acked":
                if not sent.is_acked:
                    sent.is_acked, sent.answer, sent.acked_after_s = True, attempt.answer, attempt.after_s
                    sent.on_ack(attempt.answer)
                return
            if attempt.outcome == "no_retry":
                break
        sent.is_given_up = True

    def _is_wanted(self, event: Json) -> bool:
        kind = event["type"]
        if kind == "message":
            plural = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}
            kind = f"message.{plural[event['channel_type']]}"
        return kind in self._world.app.events

    def _seeing(self, channel: Channel | None, teams: Iterable[str] | None) -> list[str]:
        if teams is not None:
            return [team for team in teams if team in self._world.installs]
        if channel is None:
            return list(self._world.installs)
        return [one.team for one in self._world.installs.values() if one.user in channel.members]

    def _enveloped(self, event: Json, seen: list[str], channel: Channel | None) -> Json:
        """The envelope of an event: `authorizations` names one of the workspaces that see it."""
        install = self._world.installs[seen[0]]
        return {
            "token": "verification-token-of-the-stand-in",
            "team_id": event.get("team") or install.team,
            "context_team_id": install.team,
            "context_enterprise_id": None,
            "api_app_id": self._world.app.id,
            "event": event,
            "type": "event_callback",
            "event_id": self._world.new_id("Ev"),
            "event_time": int(time.time()),
            "authorizations": [_authorization(install)],
            "is_ext_shared_channel": bool(channel and channel.is_shared),
            "event_context": f"4-{self._world.new_id('ctx')}",
        }


def _authorization(install: Install) -> Json:
    return {
        "enterprise_id": None,
        "team_id": install.team,
        "user_id": install.user,
        "is_bot": True,
        "is_enterprise_install": False,
    }
