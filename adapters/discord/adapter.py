"""Discord as an adapter: what the service shows goes into its channels, threads and direct messages."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import aiohttp
import discord
import structlog

from adapters.addressed import instead, is_copy, may_see_all, member_of, named_by
from adapters.discord.cards import draw_card
from adapters.discord.client import allows_reading_along
from adapters.discord.markup import answer_of, notice_parts, plain
from adapters.discord.messages import message_id_of
from adapters.discord.options import Options, addressed
from adapters.discord.places import PLATFORM, direct_place, direct_user, link
from adapters.discord.postable import postable
from adapters.discord.sending import Post, holds, says
from adapters.discord.site import Site
from bot.chat import Actor, Answered, Card, CardShown, ChatService, Delivery, Event, Notice, Place
from bot.errors import BotError, ConfigError, PlaceGone, SendError

log = structlog.get_logger()

NO_CONNECTION = "I am not connected to Discord."
RETRY_S, LONGEST_RETRY_S = 2.0, 120.0
START_S = 20.0
"""How long a start waits for Discord before it goes on without: work that a stop left open waits for the start."""
AUTHENTICATION_FAILED, DISALLOWED_INTENTS = 4004, 4014
_TROUBLE = (
    discord.HTTPException,
    discord.RateLimited,
    discord.GatewayNotFound,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
)
_REFUSED = ConfigError("DISCORD_TOKEN", "Discord refuses it; copy it anew from Bot > Token in the developer portal")
_NO_INTENT = ConfigError(
    "DISCORD_MESSAGE_CONTENT",
    "the developer portal does not allow it: switch on Message Content Intent under Bot, or set it to auto",
)


class DiscordAdapter:
    """One bot account. `failed` is told once when Discord will never let it in again."""

    def __init__(self, options: Options, *, failed: Callable[[ConfigError], None], start_s: float = START_S) -> None:
        self._options = options
        self._failed = failed
        self._start_s = start_s
        self._service: ChatService | None = None
        self._site: Site | None = None
        self._life: asyncio.Task[None] | None = None
        self._open = contextlib.ExitStack()

    @property
    def platform(self) -> str:
        return PLATFORM

    def attach(self, service: ChatService) -> None:
        self._service = service

    def _attached(self) -> ChatService:
        assert self._service is not None, "an adapter is attached before it is started"
        return self._service

    # --- life ---

    async def start(self) -> None:
        """Log in, then stay connected in the background. Where Discord cannot be reached it goes on trying. Raises
        `ConfigError` for a token or an intent that Discord refuses."""
        self._open.enter_context(addressed(self._options))
        try:
            async with asyncio.timeout(self._start_s):
                await self._log_in()
        except _TROUBLE as err:
            log.warning("discord.unreachable", kind=type(err).__name__)
        self._life = asyncio.create_task(self._live())

    async def _log_in(self) -> None:
        reads_along = self._options.reads_along == "on"
        try:
            if self._options.reads_along == "auto":
                reads_along = await allows_reading_along(self._options.token)
            site = Site(self._options, self._attached, reads_along=reads_along)
            try:
                await site.client.login(self._options.token)
            except BaseException:
                await site.aclose()
                raise
        except discord.LoginFailure as err:
            raise _REFUSED from err
        self.serve(site)

    def serve(self, site: Site) -> None:
        """Work through this bot from now on. Whoever did not `start` connects it themselves; `close` ends it too."""
        self._site = site

    async def _live(self) -> None:
        """Be connected, whatever happens, until Discord says that it will never be again."""
        pause_s = RETRY_S
        while True:
            began_s = time.monotonic()
            try:
                if self._site is None:
                    await self._log_in()
                assert self._site is not None, "logged in"
                await self._site.client.connect()
                log.warning("discord.closed", why="it ended by itself")  # ours is cancelled before it is closed
            except (ConfigError, discord.PrivilegedIntentsRequired, discord.ConnectionClosed) as err:
                if (why := _for_good(err)) is not None:
                    self._failed(why)
                    return
                log.warning("discord.closed", why=str(err))
            except _TROUBLE as err:
                log.warning("discord.unreachable", kind=type(err).__name__)
            except Exception:  # the rim of a worker's loop
                log.exception("discord.failed")
            await self._start_over()
            pause_s = RETRY_S if time.monotonic() - began_s > LONGEST_RETRY_S else pause_s
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_RETRY_S)

    async def _start_over(self) -> None:
        """A client that has ended is not used again."""
        if self._site is not None:
            site, self._site = self._site, None
            await site.aclose()

    def stop_taking(self) -> None:
        """Take nothing new; what is being worked on can still be shown."""
        if self._site is not None:
            self._site.is_stopping = True

    async def close(self) -> None:
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])
        await self._start_over()
        self._open.close()

    def state(self) -> str:
        """ "ok", or what is not ready."""
        is_connected = self._site is not None and self._site.client.is_connected()
        return "ok" if is_connected else "not connected"

    # --- what the service asks ---

    def is_watched(self, place: Place) -> bool:
        """Anybody may be looking at a channel."""
        return self._site is not None and self._site.client.is_ready()

    def target(self, actor: Actor, channel: str, key: str) -> Place | str:
        """A channel of the server this person is in, by its name or id, where they may write themselves."""
        if actor.platform != PLATFORM:
            return "Only members of a Discord server can have something posted there."
        guild = None if self._site is None else self._site.client.get_guild(int(actor.workspace or 0))
        return NO_CONNECTION if guild is None else postable(guild, actor, channel)

    async def show(self, place: Place, event: Event) -> None:
        if self._site is not None:
            self._site.live.show(place, event)

    async def send(self, delivery: Delivery) -> str:
        """Send it once. Where its place is gone, the person who asked is told directly."""
        try:
            return await self._send(delivery)
        except PlaceGone as gone:
            return await self._send_directly(delivery, gone)

    # --- sending ---

    async def _send(self, delivery: Delivery) -> str:
        site = self._ready()
        match delivery.event:
            case Answered(run_id, text):
                await site.live.hush(run_id)
                parts, file = answer_of(text)
                posts = [Post(part, is_it=says(part)) for part in parts]
                if file is not None:
                    posts[-1] = Post(parts[-1], files=(file,), is_it=says(parts[-1]))
                return await self._post(delivery, posts)
            case Notice(_, text, _, addressed):
                pings = _of_discord(addressed, delivery.place)
                parts = notice_parts(text, pings)
                return await self._post(delivery, [Post(part, pings=pings, is_it=says(part)) for part in parts])
            case CardShown(card):
                return await self._send_card(delivery, card)

    async def _send_card(self, delivery: Delivery, card: Card) -> str:
        site = self._ready()
        person = direct_user(delivery.place)
        in_full = may_see_all(card, delivery.place, None if person is None else str(person))
        drawn = draw_card(card, is_copy=is_copy(delivery), in_full=in_full)
        post = Post(
            view=drawn.view,
            files=tuple(drawn.files),
            pings=_deciders(card, delivery.place),
            is_it=holds(card.approval_id),
        )
        is_here = delivery.receipt.isdigit()
        if is_here and await site.sender.edit(delivery.place, int(delivery.receipt), post):
            return delivery.receipt
        if delivery.receipt and card.state != "pending":
            return delivery.receipt  # somebody deleted it, or it was never here, and it is decided
        return await self._post(delivery, [post], again=bool(delivery.receipt))

    async def _post(self, delivery: Delivery, posts: list[Post], *, again: bool = False) -> str:
        sent = await self._ready().sender.post(
            delivery.place,
            posts,
            key=f"{delivery.key}:again:{delivery.receipt}" if again else delivery.key,
            since_ms=delivery.since_ms,
            attempts=delivery.attempts,
            reply_to=self._question(delivery),
        )
        return str(sent[0].id)

    def _question(self, delivery: Delivery) -> int | None:
        """The message that is answered, where it stands in the same channel."""
        asked = message_id_of(delivery.in_reply_to)
        is_here = not delivery.place.thread or delivery.place.thread != str(asked)
        is_first = isinstance(delivery.event, Answered | CardShown) and not delivery.receipt
        return asked if is_here and is_first else None

    async def _send_directly(self, delivery: Delivery, gone: PlaceGone) -> str:
        """Tell the person who asked what could not be said where they asked. Raises what they were gone for."""
        user = _user(delivery.asked_by, delivery.place)
        if user is None or direct_user(delivery.place) is not None or delivery.receipt or is_copy(delivery):
            raise gone
        said = instead(delivery, plain)
        parts, file = answer_of(f"I cannot write this in {link(delivery.place)}, so I say it here.\n\n{said}")
        posts = [Post(part, files=(file,) if file and part is parts[-1] else (), is_it=says(part)) for part in parts]
        place = direct_place(delivery.place.workspace, user)
        try:
            sent = await self._ready().sender.post(
                place, posts, key=f"{delivery.key}:direct", since_ms=delivery.since_ms, attempts=delivery.attempts
            )
        except BotError:
            raise gone from None
        return f"direct {sent[0].id}"

    def _ready(self) -> Site:
        if self._site is None:
            raise SendError(NO_CONNECTION)
        return self._site


def _for_good(err: Exception) -> ConfigError | None:
    """Why Discord will never let this bot in as it is configured; None where it may."""
    code = err.code if isinstance(err, discord.ConnectionClosed) else 0
    if isinstance(err, discord.PrivilegedIntentsRequired) or code == DISALLOWED_INTENTS:
        return _NO_INTENT
    return _REFUSED if code == AUTHENTICATION_FAILED else err if isinstance(err, ConfigError) else None


def _of_discord(addressed: tuple[str, ...], place: Place) -> tuple[int, ...]:
    """Who of these can be pinged here."""
    found = (_user(key, place) for key in addressed)
    return tuple(one for one in found if one is not None)


def _user(key: str, place: Place) -> int | None:
    """The id of somebody of the same server, by their identity."""
    number = member_of(place, key)
    return int(number) if number.isdigit() else None


def _deciders(card: Card, place: Place) -> tuple[int, ...]:
    """Whom a card that waits may ping: the people its rule names, and who asked where that is who decides."""
    return _of_discord(named_by(card), place) if card.state == "pending" else ()
