"""Answers to one person alone: ephemeral where they are, over the address Slack sent along, or else directly.

What cannot be said to them in any of these ways is not said: it belongs nowhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from adapters.slack.interactions import Interaction
from adapters.slack.modals import Modals
from adapters.slack.responding import Responder
from adapters.slack.web import SlackClient, SlackRefused
from adapters.slack.words import Words, answer_of, sentence
from bot.errors import SendError

log = structlog.get_logger()

ClientOf = Callable[[str], Awaitable[SlackClient]]
"""The client of a workspace, by its id. Raises `SendError` where it is not one of ours, or cannot be reached."""
LOST = (SlackRefused, SendError)
PATIENCE_S = 5.0
"""How long a word waits for its turn: whoever pressed something is waiting too."""
SENT_AS_FILE = "That is too long for here, so I sent it to you as a file: `{name}`."
NOT_SENT_AS_FILE = "That is too long for here, and Slack does not let me send you a file ({code})."


class Private:
    def __init__(self, client_of: ClientOf, responder: Responder, modals: Modals) -> None:
        self._client_of = client_of
        self._responder = responder
        self._modals = modals

    async def tell(self, to: Interaction, text: str) -> None:
        """Say a sentence of the bot's own: nothing in it is markup."""
        await self._say(to, sentence(text))

    async def answer(self, to: Interaction, text: str) -> None:
        """Say what a word gave, as Markdown; what is a file, or too long for a message, comes as a file, directly."""
        words, file = answer_of(text)
        if file is not None:
            words = sentence(await self._sent(to, *file))
        await self._say(to, words)

    # --- ways ---

    async def _say(self, to: Interaction, words: Words) -> None:
        ways: tuple[Callable[[Interaction, Words], Awaitable[bool]], ...]
        if to.view:
            ways = (self._modal, self._directly)
        elif to.message:
            ways = (self._ephemeral, self._by_address, self._directly)
        else:
            ways = (self._by_address, self._ephemeral, self._directly)
        for way in ways:
            if await self._worked(to, way, words):
                return
        log.info("private.not_told", team=to.team, user=to.user)

    async def _worked(
        self, to: Interaction, way: Callable[[Interaction, Words], Awaitable[bool]], words: Words
    ) -> bool:
        try:
            return await way(to, words)
        except LOST as err:
            log.info("private.way_closed", way=way.__name__.strip("_"), why=getattr(err, "code", type(err).__name__))
            return False

    async def _ephemeral(self, to: Interaction, words: Words) -> bool:
        if not to.channel:
            return False
        thread = {"thread_ts": to.thread} if to.thread else {}
        await self._call(to, "chat.postEphemeral", channel=to.channel, user=to.user, **thread, **words.message)
        return True

    async def _by_address(self, to: Interaction, words: Words) -> bool:
        return await self._responder.answer(to.response_url, words.message)

    async def _modal(self, to: Interaction, words: Words) -> bool:
        return bool(to.trigger) and await self._modals.show(to, words.view)

    async def _directly(self, to: Interaction, words: Words) -> bool:
        channel = await self._direct_channel(to)
        await self._call(
            to, "chat.postMessage", channel=channel, **words.message, unfurl_links=False, unfurl_media=False
        )
        return True

    # --- files ---

    async def _sent(self, to: Interaction, name: str, content: bytes) -> str:
        """Send a file directly; gives what to say of it."""
        try:
            client = await self._client_of(to.team)
            where = await client.call("files.getUploadURLExternal", filename=name, length=len(content))
            await client.upload(str(where["upload_url"]), content)
            files = [{"id": where["file_id"], "title": name}]
            channel = await self._direct_channel(to)
            await client.call("files.completeUploadExternal", files=files, channel_id=channel)
        except LOST as err:
            log.info("private.file_not_sent", why=getattr(err, "code", type(err).__name__))
            return NOT_SENT_AS_FILE.format(code=getattr(err, "code", "it does not answer"))
        return SENT_AS_FILE.format(name=name)

    async def _direct_channel(self, to: Interaction) -> str:
        opened = await self._call(to, "conversations.open", users=to.user)
        return str(opened["channel"]["id"])

    async def _call(self, to: Interaction, method: str, **args: Any) -> dict[str, Any]:
        client = await self._client_of(to.team)
        return await client.call(method, patience_s=PATIENCE_S, **args)
