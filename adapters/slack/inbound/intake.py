"""Events in: kept before they are acknowledged, because Slack never sends them again after that; then taken from there,
what each person does in a channel in its order.

Most of what is said in channels does not concern the bot: nothing of it is kept.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping

import structlog

from adapters.recent import Latest
from adapters.slack.api.rooms import Workspace, Workspaces
from adapters.slack.api.strict import USER, fit, part, text
from adapters.slack.api.web import SlackRefused
from adapters.slack.directory.groups import Groups
from adapters.slack.directory.people import People
from adapters.slack.directory.talkers import Talkers
from adapters.slack.handlers import Body
from adapters.slack.inbound.events import (
    Arrived,
    Deleted,
    Edited,
    GroupsChanged,
    Joined,
    Other,
    PersonChanged,
    Said,
    author_of,
    keys_of,
    message_key,
    read_event,
    trimmed,
)
from adapters.slack.inbound.messages import calls
from adapters.slack.inbound.queues import Pauses, Queues
from adapters.slack.inbound.taking import Taking
from adapters.slack.places import PLATFORM, direct_place, place_in
from bot.chat import ChatService, Envelope, Place
from bot.errors import PlaceGone

log = structlog.get_logger()

LATE = "late:"
"""Before the id of an event that did not come, but was found by looking for it."""
CLOSE_S = 3.0
MAX_KINDS, MAX_DIRECT = 100, 10_000
Handle = Callable[[str, Body], Awaitable[None]]
"""Does what an event of another kind asks for, given the workspace and what came with the event. Raises `SendError` or
`StoreError` where it is to be asked again."""


class Intake:
    """`others` are for events that are not about messages, by type. `ignored` counts those that nobody knows."""

    def __init__(
        self,
        service: Callable[[], ChatService],
        workspaces: Workspaces,
        taking: Taking,
        talkers: Talkers,
        people: People,
        groups: Groups,
        *,
        others: Mapping[str, Handle] | None = None,
        pauses: Pauses | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._workspaces = workspaces
        self._taking = taking
        self._talkers = talkers
        self._people = people
        self._groups = groups
        self._others = dict(others or {})
        self._clock = clock
        self._direct: Latest[tuple[str, str], str] = Latest(MAX_DIRECT)
        self._queues = Queues(
            lambda: service().inbox, take=self._take, give_up=self._give_up, pauses=pauses or Pauses()
        )
        self.ignored: Counter[str] = Counter()

    # --- life ---

    async def recover(self) -> int:
        """Take what an earlier process kept and did not take; gives how much. Raises `StoreError`."""
        left = await self._service().inbox.left(PLATFORM)
        for envelope in left:
            self._queues.add(_line(self._read(envelope)), envelope)
        return len(left)

    def stop_taking(self) -> None:
        """Begin nothing more. What comes is still kept: the next process takes it."""
        self._queues.stop()

    async def aclose(self) -> None:
        """Let what is being taken end, for a moment."""
        await self._queues.aclose(within_s=CLOSE_S)

    @property
    def is_busy(self) -> bool:
        """Whether something that was kept is still to be taken."""
        return self._queues.is_busy

    # --- before the acknowledgement ---

    async def keep(self, body: Body, *, retry: int = 0) -> None:
        """Make an event durable, if it may concern the bot. Raises `BotError` where that cannot be: then Slack sends it
        again."""
        arrived = read_event(body, now_s=self._clock())
        match arrived.event if arrived else None:
            case None:
                self._ignore(body)
            case PersonChanged(team, user):
                self._people.changed(team, user)
            case GroupsChanged(team):
                self._groups.changed(team)
            case Other(_, kind) if kind not in self._others:
                self._ignore(body)
            case _:
                assert arrived is not None
                await self._talkers.know()
                if self._may_concern(arrived):
                    await self._keep(arrived, body, retry)

    def _ignore(self, body: Body) -> None:
        """Row 50: what is new to us is no fault."""
        event = part(body, "event")
        kind = f"{text(event, 'type')[:40]}/{text(event, 'subtype')[:40]}".rstrip("/")
        if kind in self.ignored or len(self.ignored) < MAX_KINDS:
            self.ignored[kind] += 1
        log.debug("slack.event_ignored", kind=kind)

    async def _keep(self, arrived: Arrived, body: Body, retry: int) -> None:
        event, kept = arrived.event, json.dumps(trimmed(body), separators=(",", ":"))
        if isinstance(event, Said):
            self._taking.expect(event.message, arrived.bot)
        envelope = await self._service().inbox.keep(PLATFORM, keys_of(arrived), kept, author=author_of(event))
        log.info("slack.event_kept", kind=arrived.kind, retry=retry, is_known=envelope is None)
        if envelope is not None:
            self._queues.add(_line(arrived), envelope)
        elif isinstance(event, Said):
            self._taking.unexpect(event.message)

    def _may_concern(self, arrived: Arrived) -> bool:
        """Whether it is worth keeping; where Slack does not say who the bot is, anything is."""
        own = arrived.bot
        if not own:
            return True
        match arrived.event:
            case Said(message) | Edited(message):
                return self._taking.is_for_us(message, own)
            case Deleted() as gone:
                is_direct, is_ours = gone.channel.startswith("D"), gone.user in ("", own)
                place = place_in(gone.team, gone.channel, gone.thread or gone.ts)
                return is_direct or is_ours or calls(gone.text, own) or self._talkers.are_in(place)
            case Joined(_, _, user):
                return user == own
            case _:
                return True

    # --- afterwards ---

    def _read(self, envelope: Envelope) -> Arrived | None:
        """What was kept; None for what a newer or a broken process left."""
        try:
            body = json.loads(envelope.body)
        except ValueError:
            return None
        return read_event(body, now_s=self._clock()) if isinstance(body, dict) else None

    async def _take(self, envelope: Envelope) -> None:
        arrived = self._read(envelope)
        if arrived is None:
            log.warning("event.unreadable", number=envelope.number)
            return
        try:
            if isinstance(arrived.event, Other):  # the end of an installation, too, which is none any more
                await self._do_other(arrived, envelope)
            else:
                await self._do(arrived, await self._workspaces.get(arrived.team))
        except PlaceGone as err:  # there is nowhere to answer
            log.info("event.of_no_place", team=arrived.team, why=err.user_message)

    async def _do(self, arrived: Arrived, home: Workspace) -> None:
        match arrived.event:
            case Said(message):
                await self._taking.said(message, home.bot_user, is_late=arrived.id.startswith(LATE))
            case Edited(message):
                await self._taking.edited(message, home.bot_user)
            case Deleted() as gone:
                await self._deleted(gone, home)
            case Joined(team, channel, user):
                if user == home.bot_user:
                    await self._service().joined(place_in(team, channel))
            case _:
                pass

    async def _do_other(self, arrived: Arrived, envelope: Envelope) -> None:
        if (handle := self._others.get(arrived.kind)) is not None:
            await handle(arrived.team, json.loads(envelope.body))

    async def _give_up(self, envelope: Envelope) -> None:
        """Tell whoever waits for an answer that there will be none."""
        arrived = self._read(envelope)
        if arrived is None or not isinstance(arrived.event, Said) or arrived.id.startswith(LATE):
            return
        try:
            home = await self._workspaces.get(arrived.team)
            await self._taking.give_up(arrived.event.message, home.bot_user)
        except Exception:  # the rim of what has failed already
            log.exception("event.not_answered")

    # --- what is gone ---

    async def _deleted(self, gone: Deleted, home: Workspace) -> None:
        """A question that is gone is answered no more; a card that is gone is still needed."""
        await self._service().inbox.withdrawn(PLATFORM, message_key(gone.team, gone.channel, gone.ts))
        if gone.user != home.bot_user:
            await self._taking.deleted(gone.event)
        if gone.user in ("", home.bot_user):
            for place in await self._places_of(gone, home):
                await self._service().vanished(place, gone.ts)

    async def _places_of(self, gone: Deleted, home: Workspace) -> list[Place]:
        """Where a message of the bot's may have belonged: at the top, or in the thread it stood in or began."""
        threads = [gone.thread] if gone.thread else ["", gone.ts]
        if not gone.channel.startswith("D"):
            return [place_in(gone.team, gone.channel, thread) for thread in threads]
        user = await self._talks_with(gone.channel, home)
        return [direct_place(gone.team, user, thread) for thread in threads] if user else []

    async def _talks_with(self, channel: str, home: Workspace) -> str:
        """Who a direct talk is with, "" where Slack does not say."""
        key = (home.team, channel)
        if key not in self._direct:
            try:
                answer = await home.client.call("conversations.info", channel=channel)
            except SlackRefused as err:
                log.info("talk.not_known", code=err.code)
                return ""
            self._direct[key] = fit(USER, part(answer, "channel").get("user"))
        return self._direct[key]


def _line(arrived: Arrived | None) -> Hashable:
    """What is taken one after the other: what one person does in one channel."""
    match arrived.event if arrived else None:
        case Said(message) | Edited(message):
            return message.team, message.channel, message.user
        case Deleted() as gone:
            return gone.team, gone.channel, gone.user
        case Joined(team, channel, user):
            return team, channel, user
        case Other(team, kind):
            return team, kind
        case _:
            return None
