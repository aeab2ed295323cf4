"""Chance on the stand-in Slack: people who ask and decide, calls that fail in every way, sockets that drop, and bots
that are stopped; then quiet, and a look at what is there."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from bot.config.settings import Settings
from tests.adapters.slack.kit import Team
from tests.adapters.slack.wire import Channel, Message, User
from tests.models.endpoint import Answer, Recorded, ScriptedEndpoint, Stream, calls, delta, says

METHODS = (
    "agents.sessions.setStatus",
    "apps.connections.open",
    "assistant.threads.setStatus",
    "auth.test",
    "chat.appendStream",
    "chat.delete",
    "chat.getPermalink",
    "chat.postEphemeral",
    "chat.postMessage",
    "chat.startStream",
    "chat.stopStream",
    "chat.update",
    "conversations.history",
    "conversations.info",
    "conversations.open",
    "conversations.replies",
    "users.info",
    "views.publish",
)
QUIET_S = 120.0
SLOW_S = 0.3


def answer_to(request: Recorded) -> Answer:
    """A model that deploys what it is asked to deploy, and answers everything else at once."""
    messages = request.body["messages"]
    at = max(number for number, one in enumerate(messages) if one["role"] == "user")
    asked = str(messages[at]["content"])
    found = re.findall(r"question (\d+)\b( deploy)?( look)?", asked)
    if not found:
        return says("No question.")
    number, deploys, looks = found[-1]
    has_called = any(one["role"] == "tool" for one in messages[at:])
    if deploys and not has_called:
        return calls(("deploy", {"version": number}), text=f"I will deploy {number}.")
    if looks and not has_called:
        return calls(("look", {"n": 1}), ("look", {"n": 2}))
    words = [f"Answer to {number}. ", *["word "] * (int(number) % 40)]
    if int(number) % 3:
        return says("".join(words))
    pieces: list[bytes | dict[str, object] | float | str] = []
    for word in words:
        pieces += [delta(content=word), 0.05]
    return Stream([*pieces, delta(finish="stop")])


Life = Callable[[], contextlib.AbstractAsyncContextManager[Callable[[], Awaitable[None]]]]
"""A life of the bot, from when it is there; gives what ends it before its time, perhaps."""


@dataclass
class Soak:
    """One stretch of chance. `figures` counts what was done."""

    team: Team
    settings: Settings
    endpoint: ScriptedEndpoint
    ledger: Callable[[], list[str]]
    dice: random.Random
    life: Life
    figures: Counter[str] = field(default_factory=Counter)
    asked: dict[int, Message] = field(default_factory=dict)
    gated: set[int] = field(default_factory=set)
    people: list[User] = field(default_factory=list)
    threads: list[Message] = field(default_factory=list)
    rooms: list[Channel] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.endpoint.script = [answer_to] * 100_000
        self.team.server.world.rules.retry_delays_s = (0.05, 0.5, *[3.0] * 10)  # Slack goes on for longer than a gap
        self.people = [self.team.anna, self.team.ben, self.team.admin]
        self.rooms = [self.team.room, self.team.server.create_channel("second", members=self.people)]

    async def run(self, steps: int, *, lives: int) -> list[str]:
        """Do so much in so many lives of the bot; gives what is wrong afterwards."""
        async with self.life():
            await self._begin()
        for _ in range(lives):
            async with self.life() as end:
                for _ in range(steps // lives):
                    self._step()
                    await asyncio.sleep(self.dice.choice((0, 0, 0.01, 0.05)))
                await end()
            self.figures["lives"] += 1
            self.team.server.faults.clear()
            await asyncio.sleep(SLOW_S)  # what Slack still does is done: a process takes longer to start
        async with self.life():
            return await self._quiet()

    async def _begin(self) -> None:
        """Talk everywhere once: what is missed is looked for in places it already talks in."""
        for room in self.rooms:
            self._ask(where=room)
        for person in self.people:
            self._ask_directly(person)
        await self.team.server.until(lambda: not self._unanswered())

    def _unanswered(self) -> list[int]:
        counts = self._counts()
        return [number for number in self.asked if number not in self.gated and not counts[number]]

    def _step(self) -> None:
        what = self.dice.choices(
            (self._ask, self._go_on, self._ask_directly, self._decide, self._fail, self._drop),
            (4, 3, 2, 5, 4, 0.5),
        )[0]
        self.figures[what.__name__.strip("_")] += 1
        what()

    def _words(self) -> tuple[int, str]:
        number = len(self.asked) + 1
        kind = self.dice.choice(("", " deploy", " look", ""))
        if kind == " deploy":
            self.gated.add(number)
        return number, f"question {number}{kind}"

    def _ask(self, where: Channel | None = None) -> None:
        number, words = self._words()
        room = where or self.dice.choice(self.rooms)
        message = self.team.ask(words, by=self.dice.choice(self.people), where=room)
        self.asked[number] = message
        self.threads.append(message)

    def _go_on(self) -> None:
        if not self.threads:
            return
        root = self.dice.choice(self.threads[-5:])
        number, words = self._words()
        channel = next(one for one in self.rooms if one.id == root.channel)
        self.asked[number] = self.team.ask(words, by=self.dice.choice(self.people), where=channel, thread=root)

    def _ask_directly(self, person: User | None = None) -> None:
        number, words = self._words()
        self.asked[number] = self.team.server.direct(person or self.dice.choice(self.people), words)

    def _decide(self) -> None:
        """Somebody presses a button, several at the same time do, or the same one twice."""
        cards = [one for one in self.team.server.said() if "Approve" in one.labels]
        if not cards:
            return
        card = self.dice.choice(cards)
        for _ in range(self.dice.choice((1, 1, 2, 3))):
            person = self.dice.choice(self.people)
            with contextlib.suppress(LookupError):  # decided meanwhile
                self.team.server.press(person, card, self.dice.choice(("Approve", "Approve", "Deny")))

    def _fail(self) -> None:
        faults, method = self.team.server.faults, self.dice.choice(METHODS)
        match self.dice.randrange(6):
            case 0 | 1:
                faults.lose(method, times=self.dice.choice((1, 1, 2, 4)))
            case 2:
                faults.cut(method, times=self.dice.choice((1, 2, 5)))
            case 3:
                faults.limit(method, times=self.dice.choice((1, 2)))
            case 4:
                faults.fail(method, self.dice.choice((500, 503, "internal_error", "fatal_error")))
            case _:
                faults.slow(method, self.dice.choice((0.05, SLOW_S)))

    def _drop(self) -> None:
        socket = self.team.server.socket
        if self.dice.random() < 0.5:
            socket.drop()
        else:
            socket.disconnect(self.dice.choice(("warning", "refresh_requested")))

    # --- afterwards ---

    async def _quiet(self) -> list[str]:
        """Decide all that waits until nothing does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                while True:
                    if not self.wrong():
                        break
                    for card in [one for one in self.team.server.said() if "Approve" in one.labels]:
                        with contextlib.suppress(TimeoutError, LookupError):
                            await self.team.server.press(self._asker(card), card, "Approve").acked()
                    await asyncio.sleep(0.1)
        return self.wrong()

    def _asker(self, card: Message) -> User:
        """Who asked for what a card shows."""
        text = f"{card.text} {card.blocks}"
        return next((one for one in self.people if one.id in text), self.team.admin)

    def _counts(self) -> Counter[int]:
        found: Counter[int] = Counter()
        for text in self.team.answers():
            for number in re.findall(r"Answer to (\d+)", text):
                found[int(number)] += 1
        return found

    def wrong(self) -> list[str]:
        """What is not as it has to be, in sentences."""
        return [*self._wrong_answers(), *self._wrong_messages(), *self._unfinished()]

    def _wrong_answers(self) -> Iterator[str]:
        counts, effects = self._counts(), Counter(self.ledger())
        yield from (f"question {one} was answered {counts[one]} times" for one in self.asked if counts[one] != 1)
        yield from (f"effect {one} happened {times} times" for one, times in effects.items() if times != 1)
        yield from (f"effect {one} was not asked for" for one in effects if int(one) not in self.gated)

    def _wrong_messages(self) -> Iterator[str]:
        server = self.team.server
        for one in server.said():
            if {"Approve", "Deny"} & set(one.labels):
                yield f"a card is live: {one.shown}"
            if one.stream is not None and one.stream.is_open:
                yield f"a stream is open: {one.shown}"
        yield from map(str, server.errors)

    def _unfinished(self) -> Iterator[str]:
        with contextlib.closing(sqlite3.connect(self.settings.data_dir / "nod.db")) as rows:
            for table, done in (
                ("outbox", "state = 'sent'"),
                ("inbox", "state != 'waiting'"),
                ("runs", "status = 'done'"),
            ):
                for row in rows.execute(f"SELECT * FROM {table} WHERE NOT ({done}) LIMIT 5"):
                    yield f"{table}: {row}"
