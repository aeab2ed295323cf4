"""What must arrive: sent with a nonce that is the same at every attempt, and looked for where time has passed.

Discord gives the first message back when the same nonce comes again within a few minutes (docs, "Create Message",
`enforce_nonce`); later, the channel itself says what arrived.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import discord

from adapters.discord.rooms import Open, Rooms
from adapters.recent import Latest
from bot.chat import Place
from bot.errors import PlaceGone, SendError

NONCE_CHARS = 25
SURE_FOR_S = 60.0
"""How long a nonce is relied on alone. Discord says "the past few minutes"."""
LOOK_BACK = timedelta(seconds=10)
LOOK_AT = 200
MAX_KNOWN = 10_000
GONE = frozenset({10003, 10004, 40001, 50001, 50007, 50013, 50083, 50278, 160005, 160006, 200000, 240000})
"""Unknown channel or server, not authorized, missing access, cannot write to this person, missing permissions, thread
archived, no server shared with this person, thread locked, too many threads, blocked by the server's AutoMod, a link
that is blocked (docs, "JSON Error Codes")."""
UNKNOWN_MESSAGE, TOO_OLD_TO_EDIT = 10008, 30046
NO_REPLIES = 160002
"""Cannot reply without permission to read message history."""
File = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Post:
    """One message to send: text, or a view; who it may ping; and how it is known again in the channel."""

    text: str | None = None
    view: discord.ui.LayoutView | discord.ui.View | None = None
    files: tuple[File, ...] = ()
    pings: tuple[int, ...] = ()
    is_it: Callable[[discord.Message], bool] = field(default=lambda _: False)


def nonce_of(key: str) -> str:
    """A word of at most 25 characters for a key, always the same one."""
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()).decode()[:NONCE_CHARS]


def says(text: str) -> Callable[[discord.Message], bool]:
    """Whether a message says exactly this."""
    return lambda message: message.content == text


def holds(part: str) -> Callable[[discord.Message], bool]:
    """Whether a message has a button or menu whose custom_id has this in it."""
    return lambda message: any(part in one for one in custom_ids(message.components))


def custom_ids(components: Sequence[object]) -> list[str]:
    """The custom_ids of these components and of all that is in them."""
    found = []
    for one in components:
        if isinstance(own := getattr(one, "custom_id", None), str):
            found.append(own)
        found += custom_ids(getattr(one, "children", ()))
        if (accessory := getattr(one, "accessory", None)) is not None:
            found += custom_ids([accessory])
    return found


class Sender:
    """Sends into places. Raises `SendError` and `PlaceGone`, like the adapter it works for."""

    def __init__(self, client: discord.Client, rooms: Rooms, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._rooms = rooms
        self._clock = clock
        self._sent: Latest[int, str] = Latest(MAX_KNOWN)
        """What was sent as what: a message that says the same is not this one."""

    async def post(
        self,
        place: Place,
        posts: Sequence[Post],
        *,
        key: str,
        since_ms: int,
        attempts: int,
        reply_to: int | None = None,
    ) -> list[discord.Message]:
        """Send these messages in order, each once, and give them. The first answers `reply_to`."""
        with translated():
            channel = await self._rooms.open(place)
            there = await self._arrived(channel, since_ms, attempts)
            sent = []
            for at, one in enumerate(posts):
                nonce, first = nonce_of(f"{key}:{at}"), reply_to if at == 0 else None
                found = next((message for message in there if self._is(message, one, nonce, reply_to=first)), None)
                if found is not None:
                    there.remove(found)
                message = found or await self._reply(channel, one, nonce=nonce, reply_to=first)
                self._note(message.id, nonce)
                sent.append(message)
            return sent

    async def edit(self, place: Place, message_id: int, post: Post) -> bool:
        """Let a message show something else; False where it is not there any more, or too old to be edited."""
        with translated():
            channel = await self._rooms.open(place)
            try:
                message = channel.get_partial_message(message_id)
                silent = discord.AllowedMentions.none()
                if post.view is not None:
                    await message.edit(view=post.view, attachments=_files(post), allowed_mentions=silent)
                else:
                    await message.edit(content=post.text, attachments=_files(post), allowed_mentions=silent)
            except discord.HTTPException as err:
                if err.code in (UNKNOWN_MESSAGE, TOO_OLD_TO_EDIT):
                    return False
                raise
        return True

    def _is(self, message: discord.Message, post: Post, nonce: str, *, reply_to: int | None) -> bool:
        """Whether this is the message; one that answers somebody else, or was sent as another, only says the same."""
        answered = message.reference.message_id if message.reference is not None else None
        is_for_others = answered is not None and answered != reply_to
        return not is_for_others and self._sent.get(message.id, nonce) == nonce and post.is_it(message)

    def _note(self, message_id: int, nonce: str) -> None:
        self._sent[message_id] = nonce

    async def _arrived(self, channel: Open, since_ms: int, attempts: int) -> list[discord.Message]:
        """Our own messages since then, where some may have arrived that nobody noted."""
        waited_s = self._clock() - since_ms / 1000
        if waited_s < SURE_FOR_S and not attempts:
            return []
        after = datetime.fromtimestamp(since_ms / 1000, UTC) - LOOK_BACK
        me = self._client.user
        history = channel.history(limit=LOOK_AT, after=after, oldest_first=True)
        return [one async for one in history if me is not None and one.author.id == me.id]

    async def _reply(self, channel: Open, post: Post, *, nonce: str, reply_to: int | None) -> discord.Message:
        """Send it as a reply; where the bot may not read what was asked, as a message that answers nothing."""
        try:
            return await self._send(channel, post, nonce=nonce, reply_to=reply_to)
        except discord.HTTPException as err:
            if reply_to is None or err.code != NO_REPLIES:
                raise
            return await self._send(channel, post, nonce=nonce, reply_to=None)

    async def _send(self, channel: Open, post: Post, *, nonce: str, reply_to: int | None) -> discord.Message:
        answered = None
        if reply_to is not None:
            answered = discord.MessageReference(message_id=reply_to, channel_id=channel.id, fail_if_not_exists=False)
        pings = discord.AllowedMentions(
            everyone=False, roles=False, users=[discord.Object(one) for one in post.pings], replied_user=False
        )
        how: dict[str, Any] = {"files": _files(post), "nonce": nonce, "allowed_mentions": pings, "reference": answered}
        if isinstance(post.view, discord.ui.LayoutView):
            return await channel.send(view=post.view, **how)
        if post.view is not None:
            return await channel.send(post.text, view=post.view, suppress_embeds=True, **how)
        return await channel.send(post.text, suppress_embeds=True, **how)


def _files(post: Post) -> list[discord.File]:
    return [discord.File(io.BytesIO(data), name) for name, data in post.files]


class translated:  # a context manager, used as a word
    """Say what Discord refused in the words of deliveries: gone, or later."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, err: BaseException | None, trace: object) -> None:
        if err is None:
            return
        if isinstance(err, discord.RateLimited):
            raise SendError("Discord asks to wait.", retry_after_s=err.retry_after) from err
        if isinstance(err, discord.HTTPException) and err.code in GONE:
            raise PlaceGone(f"Discord does not let me write there ({err.text or err.status}).") from err
        if isinstance(err, discord.HTTPException) and (err.status >= 500 or err.status in (401, 408, 429)):
            raise SendError(f"Discord is in trouble (HTTP {err.status}).") from err
        if isinstance(err, (aiohttp.ClientError, OSError, asyncio.TimeoutError)):
            raise SendError("Discord cannot be reached.") from err
