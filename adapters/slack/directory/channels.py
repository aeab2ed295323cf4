"""Channels the bot may be asked to post into: public ones it is in, which every full member may read and write in.

What people may write in a private channel Slack tells only by its list of members, so nothing is posted there for them
from elsewhere. The list is read beforehand and now and then, because whoever asks cannot wait for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from adapters.slack.api.rooms import Workspaces
from adapters.slack.places import PLATFORM, place_in
from bot.chat import Actor, Place
from bot.errors import BotError

log = structlog.get_logger()

FRESH_S = 300.0
PAGE, PAGES = 200, 25
ELSEWHERE = "Only members of a Slack workspace can have something posted there."
NOT_A_MEMBER = "Only full members of this workspace can have something posted into another channel."


@dataclass(frozen=True, slots=True)
class _Known:
    names: dict[str, str]
    """The ids of public channels the bot is in, by name and by id."""
    at_s: float


class Channels:
    """`clock` is monotonic, in seconds."""

    def __init__(self, workspaces: Workspaces, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._workspaces = workspaces
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}

    def target(self, actor: Actor, channel: str) -> Place | str:
        """The place of a channel by its name or id, or a sentence that says why not."""
        if actor.platform != PLATFORM:
            return ELSEWHERE
        if actor.standing != "member":
            return NOT_A_MEMBER
        known = self._known.get(actor.workspace)
        if known is None or self._clock() - known.at_s > FRESH_S:
            self.refresh(actor.workspace)
        if known is None:
            return "I do not know the channels of this workspace yet; try it again in a moment."
        found = known.names.get(channel.strip("<#>").partition("|")[0])
        if found is None:
            return f"There is no public channel {channel[:100]!r} here that I am in."
        return place_in(actor.workspace, found)

    def refresh(self, team: str) -> None:
        """Read the list of a workspace again, soon."""
        if team not in self._reading:
            self._reading[team] = asyncio.create_task(self._read(team))

    async def aclose(self) -> None:
        reading = list(self._reading.values())
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    async def _read(self, team: str) -> None:
        try:
            self._known[team] = _Known(await self._names(team), self._clock())
        except BotError as err:
            log.info("channels.not_read", team=team, why=err.user_message)
        finally:
            del self._reading[team]

    async def _names(self, team: str) -> dict[str, str]:
        """Docs, "users.conversations": what the bot is a member of."""
        client = (await self._workspaces.get(team)).client
        names: dict[str, str] = {}
        cursor = ""
        for _ in range(PAGES):
            answer = await client.call(
                "users.conversations", types="public_channel", exclude_archived=True, limit=PAGE, cursor=cursor or None
            )
            for one in answer.get("channels") or ():
                key = str(one.get("id", ""))
                names |= {key: key, str(one.get("name", "")): key}
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return names
