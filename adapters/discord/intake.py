"""Messages in: which of them are for the bot, where they belong, and what came before them.

A message becomes an `Inbound` whose event id is Discord's own, so that it starts one run however often, and by
whichever way, it comes.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from weakref import WeakValueDictionary

import aiohttp
import discord
import structlog

from adapters.discord.homes import NO_SERVER, Homes
from adapters.discord.listening import Listening
from adapters.discord.markup import plain, private_answer, shortened
from adapters.discord.messages import calls, event_id, is_program, is_sound, readable
from adapters.discord.options import Options
from adapters.discord.people import actor_of
from adapters.discord.places import PLATFORM, direct_place, place_in, thread_of
from adapters.discord.rooms import Rooms
from adapters.discord.uploads import fetch_uploads
from adapters.recent import Recent
from adapters.visible import is_blank
from bot.chat import Actor, ChatService, Heard, Inbound, Place
from bot.errors import BotError, Refused

log = structlog.get_logger()

EMPTY = "I am listening. Write what you want after my name; `/nod help` lists what else you can write."
FAILED = "Something went wrong inside the bot, so I did not take this. Write it again in a moment."
WORDS = frozenset({"stop", "help", "reset-thread"})
"""What may be written as a message instead of after `/nod`."""
MAX_PROGRAMS_IN_A_ROW = 3
"""How often programs may answer each other before a person has to say something again."""
MAX_LABEL_CHARS, MAX_SHOWN_CHARS = 200, 1_990
ESCAPE = "\\"
_TALK = frozenset({discord.MessageType.default, discord.MessageType.reply})
_MAY_OPEN = ("create_public_threads", "send_messages_in_threads")


@dataclass(frozen=True, slots=True)
class Here:
    """Where a message was written, and by whom. `is_new`: it opens a thread of its own."""

    place: Place
    actor: Actor
    is_new: bool = False


class Intake:
    """`talkers` are, by place, the ids of those who talked with the bot there: in threads they need not mention it."""

    def __init__(
        self,
        client: discord.Client,
        service: Callable[[], ChatService],
        options: Options,
        *,
        rooms: Rooms,
        homes: Homes,
        listening: Listening,
        http: Callable[[], aiohttp.ClientSession],
        hosts: frozenset[str],
    ) -> None:
        self._client = client
        self._service = service
        self._options = options
        self._rooms = rooms
        self._homes = homes
        self._listening = listening
        self._http = http
        self._hosts = hosts
        self.talkers: dict[Place, set[str]] = {}
        self._programs: dict[int, int] = {}
        self._turns: WeakValueDictionary[tuple[int, int], asyncio.Lock] = WeakValueDictionary()
        self._answered: Recent[int] = Recent()
        self._deleted: Recent[int] = Recent()

    # --- messages ---

    async def take(self, message: discord.Message, *, is_late: bool = False) -> None:
        """Take a message in, if it is for the bot. A late one was missed: whatever else than a question it was is
        forgotten, and nobody is told what it was refused for."""
        async with self._turn(message):
            try:
                await self._take(message, is_late=is_late)
            except Refused as err:
                if not err.is_repeated:
                    await self._answer(message, err.user_message, is_late=is_late)
            except BotError as err:
                await self._answer(message, err.user_message, is_late=is_late)
            except Exception:  # the rim of an event
                log.exception("message.failed", message=message.id)
                await self._answer(message, FAILED, is_late=is_late)

    def _turn(self, message: discord.Message) -> asyncio.Lock:
        """What somebody writes in a channel is taken in the order they wrote it, though one thing has files and the
        next has none."""
        return self._turns.setdefault((message.channel.id, message.author.id), asyncio.Lock())

    async def _take(self, message: discord.Message, *, is_late: bool) -> None:
        if not self._is_from_somebody(message):
            return
        if not is_program(message):
            self._programs.pop(message.channel.id, None)
        if not self._is_for_us(message) or not self._may_go_on(message):
            return
        text = readable(message, self._own_ids(message.guild))
        word = text.lower() if text.lower() in WORDS and not message.attachments else ""
        is_question = not word and not (is_blank(text) and not message.attachments)
        if not is_question and (is_late or not self._answered.is_first(message.id)):
            return
        here = await self._here(message)
        if here is None:
            await self._answer(message, NO_SERVER, is_late=is_late)
        elif is_question:
            await self._receive(message, here, text)
        elif word:
            place = here.place.room if here.is_new else here.place
            await self._say_long(message, await self._service().command(place, here.actor, word))
        else:
            await self.say(message, EMPTY)

    async def _receive(self, message: discord.Message, here: Here, text: str) -> None:
        heard = await self._listening.before(message, self._own_ids(message.guild), is_new=here.is_new)
        inbound = await self._inbound(message, here, text, heard=heard)
        if message.id in self._deleted:
            return
        if here.is_new:
            self._rooms.expect(message.id, text, message.author.id)
        await self._service().receive(inbound)
        self._listening.told(message.channel.id, message.id)
        self.note(here.place, here.actor)
        if message.id in self._deleted:  # while it was being taken
            await self._service().deleted(inbound.event_id)

    async def _inbound(
        self, message: discord.Message, here: Here, text: str, *, suffix: str = "", heard: tuple[Heard, ...] = ()
    ) -> Inbound:
        uploads = await fetch_uploads(message.attachments, self._http(), self._hosts) if message.attachments else ()
        at_ms = int(message.created_at.timestamp() * 1000)
        return Inbound(f"{event_id(message.id)}{suffix}", here.place, here.actor, text, at_ms, uploads, heard)

    def note(self, place: Place, actor: Actor) -> None:
        """This person talks with the bot here."""
        self.talkers.setdefault(place, set()).add(actor.key)

    async def _say_long(self, message: discord.Message, text: str) -> None:
        """Answer what may be too long for a message: then it comes as a file."""
        shown, file = private_answer(text)
        await self.say(message, shown, *([] if file is None else [file]))

    async def say(self, message: discord.Message, text: str, *files: tuple[str, bytes]) -> None:
        """Answer in a word that need not arrive."""
        try:
            await message.channel.send(
                text,
                files=[discord.File(io.BytesIO(data), name) for name, data in files],
                reference=message.to_reference(fail_if_not_exists=False),
                mention_author=False,
                suppress_embeds=True,
            )
        except (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError) as err:
            log.info("word.not_sent", kind=type(err).__name__)

    async def _answer(self, message: discord.Message, text: str, *, is_late: bool) -> None:
        if not is_late:
            await self.say(message, plain(text))

    # --- whose, and where ---

    def _is_from_somebody(self, message: discord.Message) -> bool:
        """Whether a person wrote this, or a program that the operator listed, and Discord says so in earnest."""
        if message.type not in _TALK or not is_sound(message, datetime.now(UTC)):
            return False
        if self._client.user is not None and message.author.id == self._client.user.id:
            return False
        return not is_program(message) or message.author.id in self._options.bots

    def _may_go_on(self, message: discord.Message) -> bool:
        """Whether a program may have another answer, before a person says something here again."""
        if not is_program(message):
            return True
        in_a_row = self._programs[message.channel.id] = self._programs.get(message.channel.id, 0) + 1
        return in_a_row <= MAX_PROGRAMS_IN_A_ROW

    def _is_for_us(self, message: discord.Message) -> bool:
        if message.guild is None:
            return isinstance(message.channel, discord.DMChannel)
        own = self._own_ids(message.guild)
        if calls(message.content, own) or self._is_reply_to_us(message):
            return True
        return self._is_followed(message) and not self._is_for_others(message)

    def _is_reply_to_us(self, message: discord.Message) -> bool:
        me, reference = self._client.user, message.reference
        if me is None or reference is None or not (message.content or message.attachments):
            return False
        resolved = reference.resolved or reference.cached_message
        if isinstance(resolved, discord.Message):
            return resolved.author.id == me.id
        return any(one.id == me.id for one in message.mentions)

    def _is_followed(self, message: discord.Message) -> bool:
        """In a thread the bot opened everybody is heard, in others those who talked with it there before."""
        channel, me = message.channel, self._client.user
        if not isinstance(channel, discord.Thread) or message.guild is None or me is None:
            return False
        if not message.content and not message.attachments:
            return False
        place = place_in(message.guild.id, channel)
        talkers = self.talkers.get(place, set())
        key = f"{PLATFORM}:{message.guild.id}/{message.author.id}"
        return bool(talkers) and (channel.owner_id == me.id or key in talkers)

    def _is_for_others(self, message: discord.Message) -> bool:
        """Whether people talk to each other: some are mentioned, or somebody is replied to."""
        if message.mentions or message.role_mentions or message.mention_everyone:
            return True
        resolved = message.reference.resolved if message.reference is not None else None
        is_own = isinstance(resolved, discord.Message) and resolved.author.id == message.author.id
        return message.reference is not None and not is_own

    def _own_ids(self, guild: discord.Guild | None) -> frozenset[int]:
        """The bot's id, and that of the role Discord made for it in a server."""
        me = self._client.user
        role = guild.self_role if guild is not None else None
        return frozenset(one.id for one in (me, role) if one is not None)

    async def _here(self, message: discord.Message) -> Here | None:
        """Where this belongs, and its author; None for a direct message of somebody who is in no server of ours."""
        if message.guild is None:
            actor = await self._homes.actor(message.author)
            return None if actor is None else Here(direct_place(actor.workspace, message.author.id), actor)
        actor = await self._author(message, message.guild)
        room = place_in(message.guild.id, message.channel)
        if room.thread or isinstance(message.channel, discord.Thread) or not self._opens_threads(message.channel):
            return Here(room, actor)
        return Here(thread_of(room, message.id), actor, is_new=True)

    async def _author(self, message: discord.Message, guild: discord.Guild) -> Actor:
        """Who wrote this. What was read from the history does not say what they are to the server: that is asked."""
        author = message.author
        if not isinstance(author, discord.Member) and not author.bot and message.webhook_id is None:
            found = await self._homes.actor(author, str(guild.id))
            if found is not None:
                return found
        return actor_of(author, guild.id, listed=self._options.bots)

    def _opens_threads(self, channel: discord.abc.MessageableChannel | discord.interactions.InteractionChannel) -> bool:
        """Whether a question here is given a thread: as the operator wants it, where the bot may."""
        if self._options.answers == "place" or not isinstance(channel, discord.TextChannel):
            return False
        allowed = channel.permissions_for(channel.guild.me)
        return all(getattr(allowed, name) for name in _MAY_OPEN)

    # --- what becomes of a message ---

    async def edited(self, payload: discord.RawMessageUpdateEvent) -> None:
        """A question that reads differently now begins anew, if nothing of it has started. An update without a new text
        (a preview that was loaded) is none."""
        message, before = payload.message, payload.cached_message
        if message.edited_at is None or (before is not None and before.content == message.content):
            return
        async with self._turn(message):  # it may still be on its way in as it was
            await self._edited(message, message.edited_at)

    async def _edited(self, message: discord.Message, at: datetime) -> None:
        if not self._is_from_somebody(message) or not self._is_for_us(message):
            return
        text = readable(message, self._own_ids(message.guild))
        here = await self._here(message)
        if here is None or is_blank(text):
            return
        inbound = await self._inbound(message, here, text, suffix=f":{_stamp(at)}")
        await self._service().edited(inbound, was=event_id(message.id))

    async def deleted(self, message_ids: Sequence[int]) -> None:
        """Questions that were deleted are answered no more."""
        for one in message_ids:
            self._deleted.is_first(one)
            await self._service().deleted(event_id(one))

    # --- /ask ---

    async def ask(
        self, interaction: discord.Interaction, text: str, attachments: tuple[discord.Attachment, ...]
    ) -> None:
        """Take a question that came as a command. Everybody sees it, at once: Discord waits three seconds. Where it
        opens a thread, that hangs on it. Raises `BotError` with a sentence for the person; then nobody sees it."""
        if is_blank(text):
            raise Refused("empty", "There is nothing in that question to answer.")
        shown = f"**{shortened(interaction.user.display_name, MAX_LABEL_CHARS)}** asks: {plain(text)}"
        said = await interaction.response.send_message(
            shown if len(shown) <= MAX_SHOWN_CHARS else f"{shown[:MAX_SHOWN_CHARS].rstrip(ESCAPE)} …",
            suppress_embeds=True,
        )
        try:
            await self._receive_asked(interaction, text, attachments, said.message_id)
        except BotError:
            await _take_back(interaction)
            raise
        except Exception as err:  # the rim of an event
            log.exception("question.failed", interaction=interaction.id)
            await _take_back(interaction)
            raise BotError(FAILED) from err

    async def _receive_asked(
        self,
        interaction: discord.Interaction,
        text: str,
        attachments: tuple[discord.Attachment, ...],
        shown_id: int | None,
    ) -> None:
        place, actor = await self.where(interaction)
        channel = interaction.channel
        heard: tuple[Heard, ...] = ()
        is_new = channel is not None and interaction.guild is not None and self._opens_threads(channel)
        if channel is not None and interaction.guild is not None:
            own = self._own_ids(interaction.guild)
            heard = await self._listening.before_command(channel, interaction.id, own, is_new=is_new)
        uploads = await fetch_uploads(attachments, self._http(), self._hosts) if attachments else ()
        if is_new and shown_id is not None:
            place = thread_of(place, shown_id)
            self._rooms.expect(shown_id, text, interaction.user.id)
        at_ms = int(interaction.created_at.timestamp() * 1000)
        await self._service().receive(Inbound(event_id(interaction.id), place, actor, text, at_ms, uploads, heard))
        if channel is not None:
            self._listening.told(channel.id, interaction.id)
        self.note(place, actor)

    async def where(self, interaction: discord.Interaction) -> tuple[Place, Actor]:
        """Where somebody used a command or a button, and as whom. Raises `Refused` where nobody knows who they are."""
        if interaction.guild_id is not None:
            if not isinstance(interaction.user, discord.Member) or interaction.channel is None:
                raise Refused("not_allowed", "Discord did not say who you are in this server; try it again.")
            actor = actor_of(interaction.user, interaction.guild_id, listed=self._options.bots)
            return place_in(interaction.guild_id, interaction.channel), actor
        return await self.where_direct(interaction.user)

    async def look_at(self, person: Actor) -> None:
        """Tell the service what somebody is to their server, or that they have left it: as Discord said within the last
        minute. Where it cannot say, what was known of them counts."""
        is_a_member = person.platform == PLATFORM and int(person.user) not in self._options.bots
        if not is_a_member or self._client.get_guild(int(person.workspace)) is None:
            return
        try:
            now = await self._homes.actor(discord.Object(int(person.user)), person.workspace)
        except (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError, TimeoutError) as err:
            log.info("person.not_looked_at", kind=type(err).__name__)
            return
        await self._service().met(now or replace(person, standing="gone"))

    async def where_direct(
        self, user: discord.abc.User, workspace: str = "", *, is_fresh: bool = False
    ) -> tuple[Place, Actor]:
        """The direct talk with somebody, and who they are in this server, with `is_fresh` as Discord says it now.
        Raises `Refused` where they are nobody."""
        actor = await self._homes.actor(user, workspace, is_fresh=is_fresh)
        if actor is None:
            raise Refused("not_allowed", NO_SERVER)
        return direct_place(actor.workspace, user.id), actor


async def _take_back(interaction: discord.Interaction) -> None:
    """Remove a question that was not taken."""
    try:
        await interaction.delete_original_response()
    except (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError) as err:
        log.info("question.not_removed", kind=type(err).__name__)


def _stamp(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
