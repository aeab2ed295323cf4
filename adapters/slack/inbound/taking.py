"""What is for the bot of what people write on Slack, where it belongs, and what becomes of it.

A message becomes an `Inbound` whose event id is made of its channel and time, so that it starts one run however often,
and as whatever event, it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from adapters.recent import Recent
from adapters.slack.directory.people import People
from adapters.slack.directory.talkers import Talkers
from adapters.slack.drawing.words import said_in_thread
from adapters.slack.inbound.events import Message
from adapters.slack.inbound.listening import Listening
from adapters.slack.inbound.messages import Names, calls, is_for_others, readable
from adapters.slack.inbound.naming import Naming
from adapters.slack.inbound.uploads import Uploads
from adapters.slack.places import PLATFORM, direct_place, place_in
from adapters.visible import is_blank
from bot.chat import Actor, ChatService, Heard, Inbound, Place
from bot.errors import BotError, Refused, SendError, StoreError

log = structlog.get_logger()

EMPTY = "I am listening. Write what you want after my name; `@Nod help` lists what else you can write."
FAILED = "Something went wrong inside the bot, so I did not take this. Write it again in a moment."
WORDS = frozenset({"stop", "help", "reset-thread"})
TITLE_CHARS = 80
BY_NAME = WORDS | {"show", "approvals", "grants", "model", "usage"}
"""What may be written as a message instead of after `/nod`, which Slack has not in threads; and what needs the bot's
name before it there, because it could be an answer to a question. The Messages tab suggests
`approvals`."""


class Answers(Protocol):
    """Says things to whoever wrote a message, to them alone where that can be. Raises nothing."""

    async def tell(self, to: Message, text: str) -> None:
        """Say a sentence of the bot's own."""

    async def answer(self, to: Message, text: str) -> None:
        """Say what a word gave, as Markdown."""


@dataclass(frozen=True, slots=True)
class Here:
    """Where a message was written, and by whom. `is_new`: it opens a thread of its own."""

    place: Place
    actor: Actor
    is_new: bool = False


class Taking:
    """What is asked for a message: `own` is always the bot's id in its workspace. `received` is told of every question
    that became a run: its id, who asked and of which workspace they are, and its first words. All of it raises
    `SendError` and `StoreError` where Slack or the database refuses for now: then it is to be asked again."""

    def __init__(
        self,
        service: Callable[[], ChatService],
        people: People,
        naming: Naming,
        talkers: Talkers,
        *,
        listening: Listening,
        uploads: Uploads,
        answers: Answers,
        where: Literal["thread", "place"],
        received: Callable[[str, str, str, str], None] = lambda _run_id, _user, _team, _title: None,
    ) -> None:
        self._service = service
        self._people = people
        self._naming = naming
        self._talkers = talkers
        self._listening = listening
        self._uploads = uploads
        self._answers = answers
        self._where = where
        self._received = received
        self._deleted: Recent[str] = Recent()
        self._expected: Recent[str] = Recent()

    # --- whose, and where ---

    def is_for_us(self, message: Message, own: str) -> bool:
        """Whether this is said to the bot: directly, by its name, or in a thread with it."""
        if message.user == own:
            return False
        if message.is_direct or calls(message.text, own):
            return True
        return self.is_followed(message, own) and not is_for_others(message.text, own)

    def is_followed(self, message: Message, own: str) -> bool:
        """Whether it stands in a thread in which its author talks with the bot: in one that the bot began everybody
        does, once somebody has."""
        if not message.thread or not (message.text or message.files or message.hides_files):
            return False
        place = place_in(message.team, message.channel, message.thread)
        is_ours = bool(own) and message.thread_user == own
        return self._talkers.has(place, _key(message)) or (is_ours and self._talkers.are_in(place))

    def expect(self, message: Message, own: str) -> None:
        """A message has come that may be taken: where it is a question, its author talks with the bot from now on, so
        that what they add at once, without a mention, is taken too."""
        place, key = self._place(message), _key(message)
        if own and not message.is_direct and self._is_question(message, own) and not self._talkers.has(place, key):
            self._talkers.note(place, key)
            self._expected.is_first(message.event)

    def unexpect(self, message: Message) -> None:
        """It was not taken: if its author talks with the bot only since then, they do not."""
        if message.event in self._expected:
            self._talkers.drop(self._place(message), _key(message))

    def _place(self, message: Message) -> Place:
        if message.is_direct:
            return direct_place(message.team, message.user, message.thread or message.ts)
        return place_in(message.team, message.channel, message.ts if self._is_new(message) else message.thread)

    def _is_new(self, message: Message) -> bool:
        """Whether it opens a thread of its own."""
        return not message.thread and not message.is_direct and self._where == "thread"

    def _is_question(self, message: Message, own: str) -> bool:
        text = readable(message.text, own, Names())
        words = BY_NAME if calls(message.text, own) else WORDS | ({"approvals"} if message.is_direct else set())
        return bool(message.files) or message.hides_files or not (is_blank(text) or text.lower() in words)

    async def _here(self, message: Message) -> Here:
        actor = await self._people.actor(message.team, message.user, user_team=message.user_team)
        return Here(self._place(message), actor, self._is_new(message))

    # --- what becomes of a message ---

    async def said(self, message: Message, own: str, *, is_late: bool = False) -> None:
        """Take a message in, if it is for the bot. A late one was missed: whatever else than a question it was is
        forgotten, and nobody is told what it was refused for."""
        if not self.is_for_us(message, own) or message.event in self._deleted:
            return
        try:
            await self._said(message, own, is_late=is_late)
        except (SendError, StoreError):
            raise
        except BotError as err:
            self.unexpect(message)
            is_repeated = isinstance(err, Refused) and err.is_repeated
            if not is_repeated and not is_late:
                await self._answers.tell(message, err.user_message)

    async def _said(self, message: Message, own: str, *, is_late: bool) -> None:
        text = readable(message.text, own, await self._naming.of(message.team, message.text, own))
        if self._is_question(message, own):
            await self._ask(message, text)
        elif is_late:
            log.info("message.too_late", kind="word")
        elif is_blank(text):
            await self._answers.answer(message, EMPTY)
        else:
            await self._do(message, text.lower())

    async def _do(self, message: Message, word: str) -> None:
        here = await self._here(message)
        place = here.place.room if here.is_new else here.place
        told = await self._service().command(place, here.actor, word)
        await self._answers.answer(message, said_in_thread(told) if message.thread else told)

    async def _ask(self, message: Message, text: str) -> None:
        here = await self._here(message)
        heard = await self._listening.before(message, is_new=here.is_new)
        inbound = await self._inbound(message, here, text, heard=heard)
        if message.event in self._deleted:
            return
        receipt = await self._service().receive(inbound)
        if not receipt.is_duplicate:  # an earlier process may have shown that run
            self._note_run(receipt.run_id, message, text)
        self._listening.told(message, is_new=here.is_new)
        self._talkers.note(here.place, here.actor.key)
        self._expected.forget(message.event)
        if message.event in self._deleted:  # while it was being taken
            await self._service().deleted(message.event)

    async def _inbound(
        self, message: Message, here: Here, text: str, *, suffix: str = "", heard: tuple[Heard, ...] = ()
    ) -> Inbound:
        uploads = await self._uploads.of(message)
        return Inbound(f"{message.event}{suffix}", here.place, here.actor, text, message.at_ms, uploads, heard)

    async def edited(self, message: Message, own: str) -> None:
        """A question that reads differently now begins anew, if nothing of it has started."""
        if not self.is_for_us(message, own):
            return
        text = readable(message.text, own, await self._naming.of(message.team, message.text, own))
        if is_blank(text):
            return
        try:
            here = await self._here(message)
            inbound = await self._inbound(message, here, text, suffix=f":{message.edited}")
            receipt = await self._service().edited(inbound, was=message.event)
        except Refused as err:
            log.info("edit.refused", why=err.user_message)
            return
        if receipt is not None:
            self._note_run(receipt.run_id, message, text)

    def _note_run(self, run_id: str, message: Message, text: str) -> None:
        self._received(run_id, message.user, message.user_team or message.team, text[:TITLE_CHARS])

    async def deleted(self, event: str) -> None:
        """A question that was deleted is answered no more."""
        self._deleted.is_first(event)
        await self._service().deleted(event)

    async def give_up(self, message: Message, own: str) -> None:
        """This could not be taken, however often it was tried."""
        if self.is_for_us(message, own):
            await self._answers.tell(message, FAILED)


def _key(message: Message) -> str:
    """The identity of whoever wrote it."""
    return f"{PLATFORM}:{message.team}/{message.user}"
