"""What was said in a channel or a thread since the bot last listened, read from Slack when a question comes.

One call for each question, more only for a long thread, and never for long: Slack allows some apps one call a minute
and fifteen messages (docs, "Rate limits"), and then it goes on without.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable

import structlog

from adapters.recent import Latest
from adapters.slack.api.rooms import Workspace, Workspaces
from adapters.slack.api.strict import items, part, text
from adapters.slack.api.web import Json
from adapters.slack.directory.people import People
from adapters.slack.inbound.events import Message, read_message
from adapters.slack.inbound.messages import named_in, readable
from adapters.slack.inbound.naming import Naming
from adapters.slack.places import PLATFORM
from adapters.spoken import MAX_HEARD, newest, with_files
from adapters.visible import is_blank
from bot.chat import Actor, Heard
from bot.errors import BotError

log = structlog.get_logger()

WITHIN_S = 2.0
"""How long a question waits for what was said before it."""
NOT_OLDER_THAN_S = 2 * 86_400.0
THREAD_PAGE, THREAD_PAGES = 200, 5
"""A thread comes oldest first: the newest of a long one are beyond its first page."""
MAX_KNOWN = 10_000
MAX_ASKED = 10
"""How many people Slack is asked about for one question; of more nobody knows what they are to the workspace."""


class Listening:
    """Remembers up to where it was told what was said. `clock` gives seconds since 1970."""

    def __init__(
        self,
        workspaces: Workspaces,
        people: People,
        naming: Naming,
        *,
        clock: Callable[[], float] = time.time,
        within_s: float = WITHIN_S,
    ) -> None:
        self._workspaces = workspaces
        self._people = people
        self._naming = naming
        self._clock = clock
        self._within_s = within_s
        self._told_upto: Latest[tuple[str, str, str], str] = Latest(MAX_KNOWN)

    async def before(self, message: Message, *, is_new: bool) -> tuple[Heard, ...]:
        """What was said before this message in its channel or thread, oldest first. What was told already is left out,
        unless a new conversation begins (`is_new`). In a direct talk all is said to the bot, so there is nothing."""
        if message.is_direct:
            return ()
        until = asyncio.get_running_loop().time() + self._within_s
        said: list[Message] = []
        try:
            async with asyncio.timeout_at(until):
                home = await self._workspaces.get(message.team)
                async for page in self._said(home, message, is_new=is_new):
                    said += page
        except (BotError, TimeoutError) as err:  # no right to read it, or not now: what was heard until then counts
            log.info("history.not_read", kind=type(err).__name__)
        return await self._as_heard(home, sorted(said, key=lambda one: one.ts), until) if said else ()

    def told(self, message: Message, *, is_new: bool) -> None:
        """All that was said there before this message is kept now."""
        rooms = [_room(message)] if not is_new else [(message.team, message.channel, message.ts)]
        for room in rooms:
            self._told_upto[room] = max(message.ts, self._told_upto.get(room, ""))

    # --- what was said ---

    async def _said(self, home: Workspace, message: Message, *, is_new: bool) -> AsyncIterator[list[Message]]:
        """Page by page what was said there before a message, and nobody was told of."""
        oldest = f"{float(message.ts) - NOT_OLDER_THAN_S:.6f}"
        last = "" if is_new else self._told_upto.get(_room(message), "")
        after, begun = max(oldest, last), message.thread if not last else ""
        seen: set[str] = set()
        async for page in self._pages(home, message, after):
            new = [one for one in self._read(page, home, message) if one.ts not in seen]
            # whatever its age, a thread is about its first message, which may come with each page
            yield [one for one in new if after < one.ts < message.ts or one.ts == begun]
            seen.update(one.ts for one in new)

    async def _pages(self, home: Workspace, message: Message, after: str) -> AsyncIterator[list[Json]]:
        method, where = "conversations.history", Json(limit=MAX_HEARD)
        if message.thread:
            method, where = "conversations.replies", Json(ts=message.thread, limit=THREAD_PAGE)
        cursor: str | None = None
        for _ in range(THREAD_PAGES if message.thread else 1):
            how = {**where, "oldest": after, "latest": message.ts, "cursor": cursor}
            answer = await home.client.call(method, patience_s=0.0, channel=message.channel, **how)
            yield items(answer, "messages")
            cursor = text(part(answer, "response_metadata"), "next_cursor") or None
            if cursor is None:
                return

    def _read(self, said: Iterable[Json], home: Workspace, message: Message) -> Iterable[Message]:
        for body in said:
            one = read_message(body, message.team, message.channel, now_s=self._clock(), also="thread_broadcast")
            if one is not None and one.user != home.bot_user:
                yield one

    # --- as the service takes it ---

    async def _as_heard(self, home: Workspace, said: list[Message], until: float) -> tuple[Heard, ...]:
        team = home.team
        kept = newest((one, with_files(one.text, [file.name for file in one.files])) for one in said)
        mentioned = (user for _, words in kept for user in named_in(words) if user != home.bot_user)
        users = list(dict.fromkeys([*(one.user for one, _ in reversed(kept)), *mentioned]))[:MAX_ASKED]
        actors = await self._speakers(team, users, until)
        names = self._naming.known(team)
        heard = []
        for one, words in kept:
            shown = readable(words, home.bot_user, names)
            if not is_blank(shown):
                actor = actors.get(one.user) or Actor(PLATFORM, team, one.user, standing="external")
                heard.append(Heard(one.event, actor, shown, one.at_ms))
        return tuple(heard)

    async def _speakers(self, team: str, users: list[str], until: float) -> dict[str, Actor]:
        """Who they are, as far as Slack says so in time; whoever else counts as somebody from outside."""
        asking = {user: asyncio.create_task(self._people.actor(team, user)) for user in users}
        if not asking:
            return {}
        left_s = max(0.0, until - asyncio.get_running_loop().time())
        await asyncio.wait(asking.values(), timeout=left_s)
        for task in asking.values():
            task.cancel()
        found = await asyncio.gather(*asking.values(), return_exceptions=True)
        return {user: one for user, one in zip(asking, found, strict=True) if isinstance(one, Actor)}


def _room(message: Message) -> tuple[str, str, str]:
    return message.team, message.channel, message.thread
