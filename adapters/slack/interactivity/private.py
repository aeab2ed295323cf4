"""Answers to one person alone: ephemeral where they are, over the address Slack sent along, or else directly.

What cannot be said to them in any of these ways is not said: it belongs nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import structlog

from adapters.slack.api.rooms import Rooms, Workspaces
from adapters.slack.api.web import SlackRefused
from adapters.slack.drawing.words import Words, answer_of, sentence
from adapters.slack.interactivity.interactions import Interaction
from adapters.slack.interactivity.modals import Modals, TooLate
from adapters.slack.interactivity.responding import Responder
from adapters.slack.outbound.filing import share
from bot.errors import SendError

log = structlog.get_logger()

LOST = (SlackRefused, SendError, TooLate)
Way = Callable[[Interaction, Words], Awaitable[bool]]
PATIENCE_S = 5.0
"""How long a word waits for its turn: whoever pressed something is waiting too."""
LOOK_BACK_S = 60.0
SENT = "I sent you `{name}` directly."
NOT_SENT = "I could not send you `{name}`: Slack does not take it from me now."


class Private:
    def __init__(self, workspaces: Workspaces, rooms: Rooms, responder: Responder, modals: Modals) -> None:
        self._workspaces = workspaces
        self._rooms = rooms
        self._responder = responder
        self._modals = modals

    async def tell(self, to: Interaction, text: str) -> None:
        """Say a sentence of the bot's own: nothing in it is markup."""
        await self._say(to, sentence(text, to.team))

    async def answer(self, to: Interaction, text: str) -> None:
        """Say what a word gave, as Markdown. What is a file, or too long for a message, comes as one, directly."""
        words, file = answer_of(text, to.team)
        if file is not None:
            words = words.with_note(await self._sent(to, *file))
        await self._say(to, words)

    # --- ways ---

    async def _say(self, to: Interaction, words: Words) -> None:
        for way in self._ways(to):
            try:
                if await way(to, words):
                    return
            except LOST as err:
                log.info("private.way_closed", way=way.__name__, why=getattr(err, "code", type(err).__name__))
        log.info("private.not_told", team=to.team, user=to.user)

    def _ways(self, to: Interaction) -> tuple[Way, ...]:
        """How to reach somebody, the best first: a command may be used where the bot is not."""
        if to.view:
            return (self._above, self._directly)
        if to.message:
            return (self._ephemeral, self._by_address, self._directly)
        return (self._by_address, self._ephemeral, self._directly)

    async def _ephemeral(self, to: Interaction, words: Words) -> bool:
        if not to.channel:
            return False
        client = (await self._workspaces.get(to.team)).client
        where = {"channel": to.channel, "user": to.user, "thread_ts": to.thread or None}
        await client.call("chat.postEphemeral", patience_s=PATIENCE_S, **where, **words.message)
        return True

    async def _by_address(self, to: Interaction, words: Words) -> bool:
        return await self._responder.answer(to.response_url, words.message)

    async def _above(self, to: Interaction, words: Words) -> bool:
        return bool(to.trigger) and await self._modals.show(to, words.view)

    async def _directly(self, to: Interaction, words: Words) -> bool:
        room = await self._rooms.open(to.direct)
        thread = to.thread if to.channel in ("", room.channel) else ""
        how = {"channel": room.channel, "thread_ts": thread or None, "unfurl_links": False, "unfurl_media": False}
        await room.client.call("chat.postMessage", patience_s=PATIENCE_S, **how, **words.message)
        return True

    async def _sent(self, to: Interaction, name: str, content: bytes) -> str:
        """Send a file directly; gives what to say of it."""
        try:
            await share(await self._rooms.open(to.direct), name, content, since_s=time.time() - LOOK_BACK_S)
        except LOST as err:
            log.info("private.file_not_sent", why=getattr(err, "code", type(err).__name__))
            return NOT_SENT.format(name=name)
        return SENT.format(name=name)
