"""What is outside the bot and outlives it: the platform, what people saw and did there, and the scripted runs."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bot import chat
from bot.app import App
from bot.chat import Actor, Inbound, Place
from bot.errors import BotError
from tests.chaos.speaker import MARK

ALICE = Actor("chaos", "", "alice", "alice")
PLACE = Place("chaos", "", "general", "t")
PAD = "," * 3000
IDLE_S = 4.0
STUCK_S = 0.6
ROUNDS = 12

Verbs = dict[int, str]


@dataclass(frozen=True, slots=True)
class Script:
    """A run: the calls of each reply, and what people decide by a call's number; what they leave out expires.

    `is_cut`: the bot was already stopped once in its first effect, so that the failures meet its recovery.
    """

    name: str
    calls: list[list[str]]
    verbs: Verbs = field(default_factory=dict)
    is_cut: bool = False


SCRIPTS = (
    Script("plain", []),
    Script("reads", [["free", "free", "put"]]),
    Script("gated", [["gated"]], {0: "approve"}),
    Script("mixed", [["free", "gated", "gated"]], {1: "approve", 2: "deny"}),
    Script("late", [["gated", "breaks"], ["gated"]], {1: "approve", 100: "approve"}),
    Script("again", [["free", "gated"], ["gated"]], {1: "approve", 100: "approve"}, is_cut=True),
)


def event_of(script: Script, event_id: str = "e1") -> Inbound:
    task = MARK + json.dumps({"id": event_id, "calls": script.calls, "pad": PAD})
    return Inbound(event_id, PLACE, ALICE, task, 1)


@dataclass
class Platform:
    """A `ChatAdapter` over what people see. A key that was taken is suppressed, as by Discord's nonce.

    `before` may fail an operation before it arrives, `after` once it has.
    """

    visible: dict[str, chat.Answered | chat.CardShown | chat.Notice] = field(default_factory=dict)
    passing: list[str] = field(default_factory=list)
    is_streamed: bool = False
    before: Callable[[str, str], Awaitable[None]] | None = None
    after: Callable[[str, str], Awaitable[None]] | None = None
    platform: str = "chaos"

    def is_watched(self, place: Place) -> bool:
        return self.is_streamed

    def target(self, actor: Actor, channel: str, key: str) -> Place | str:
        return "This platform has no channels."

    async def send(self, delivery: chat.Delivery) -> str:
        if self.before:
            await self.before("send", type(delivery.event).__name__)
        await asyncio.sleep(0)
        if delivery.receipt or delivery.key not in self.visible:
            self.visible[delivery.key] = delivery.event
        if self.after:
            await self.after("send", type(delivery.event).__name__)
        return f"m:{delivery.key}"

    async def show(self, place: Place, event: chat.Event) -> None:
        if self.before:
            await self.before("show", type(event).__name__)
        await asyncio.sleep(0)
        self.passing.append(repr(event))
        if self.after:
            await self.after("show", type(event).__name__)

    def cards(self) -> list[chat.Card]:
        return [event.card for event in self.visible.values() if isinstance(event, chat.CardShown)]


@dataclass
class World:
    """One case: a script, a platform, a data folder, and what was acknowledged."""

    script: Script
    folder: Path
    platform: Platform
    inbounds: list[Inbound]
    acks: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    """The verb that a clicker was told of, by approval."""
    told: list[str] = field(default_factory=list)
    """Sentences shown to a clicker or a writer alone."""
    raised: list[BaseException] = field(default_factory=list)
    clicked: set[str] = field(default_factory=set)
    """Pressed in this life: nobody presses again before the bot has been started anew."""
    patience_s: float = IDLE_S
    given_up: int = 0
    """How often somebody waited in vain."""

    @property
    def file(self) -> Path:
        return self.folder / "data" / "nod.db"

    async def attempt(self, work: Awaitable[object]) -> object | None:
        """What the rim of an adapter does: an error of the bot is told, and nothing more."""
        task = asyncio.ensure_future(work)
        await asyncio.wait([task], timeout=self.patience_s)
        if not task.done():  # whoever waits for it gives up
            self.given_up += 1
            task.cancel()
            await asyncio.wait([task])
        if task.cancelled():
            return None
        if (err := task.exception()) is not None:
            self.raised.append(err)
            self.told.append(err.user_message if isinstance(err, BotError) else "")
            return None
        return task.result()

    # --- people ---

    async def write(self, app: App) -> None:
        """Deliver each message that was not acknowledged."""
        for inbound in self.inbounds:
            if inbound.event_id not in self.acks:
                receipt = await self.attempt(app.service.receive(inbound))
                if isinstance(receipt, chat.Receipt):
                    self.acks[inbound.event_id] = receipt.run_id

    async def click(self, app: App) -> bool:
        """Press every button that can be seen and was not pressed; whether there was one."""
        waiting = [one for one in self.platform.cards() if one.state == "pending"]
        mine = [one for one in waiting if one.approval_id not in {*self.accepted, *self.clicked} and self._verb(one)]
        for card in mine:
            verb = self._verb(card)
            self.clicked.add(card.approval_id)
            outcome = await self.attempt(app.service.decide(chat.Click(card.approval_id, verb, ALICE)))  # type: ignore[arg-type]
            if isinstance(outcome, chat.Outcome):
                self.told.append(outcome.message)
                if outcome.is_accepted:
                    self.accepted[card.approval_id] = verb
        return bool(mine)

    def _verb(self, card: chat.Card) -> str:
        return self.script.verbs.get(json.loads(card.arguments)["n"], "")

    # --- time ---

    def expire(self) -> int:
        """Let the time of what nobody decides be over."""
        left_out = [one.approval_id for one in self.platform.cards() if one.state == "pending" and not self._verb(one)]
        mark = ",".join("?" * len(left_out))
        late = f"UPDATE approvals SET expires_ms = 1 WHERE state = 'pending' AND expires_ms > 1 AND id IN ({mark})"
        return self._written(late, left_out) if left_out else 0

    def hours_pass(self) -> None:
        """While the bot is down: what waits for its next attempt is due."""
        self._written("UPDATE outbox SET due_ms = 0")

    def _written(self, change: str, values: list[str] | None = None) -> int:
        """How many rows it changed: none while the bot lets nobody else write, which its probe has noted."""
        with closing(sqlite3.connect(self.file, timeout=1, isolation_level=None)) as rows:
            try:
                return rows.execute(change, values or []).rowcount
            except sqlite3.OperationalError:
                return 0

    def number(self, query: str) -> int:
        """What a stranger reads in the file."""
        with closing(sqlite3.connect(self.file, timeout=5, isolation_level=None)) as rows:
            return int(rows.execute(query).fetchone()[0])

    # --- a life ---

    async def play(self, app: App, *, sweeps: int, within_s: float) -> bool:
        """Write, click, let time pass, until nothing moves any more; False when the bot hung."""
        self.clicked, self.patience_s, self.given_up = set(), within_s, 0
        await self.write(app)
        for _ in range(ROUNDS):
            if not await rested(app, within_s=within_s):
                return False
            if await self.click(app):
                continue
            if self.expire():
                await self.attempt(app.service.sweep())
                continue
            if sweeps:
                sweeps -= 1
                await self.attempt(app.service.sweep())
                continue
            return not self.given_up
        return False

    async def be_cut(self, app: App) -> bool:
        """Write and click until an effect has begun; whether one has."""
        await self.write(app)
        await rested(app, within_s=IDLE_S)
        await self.click(app)
        for _ in range(200):
            if (self.folder / "ledger").exists():
                return True
            await asyncio.sleep(0.005)
        return False


async def rested(app: App, *, within_s: float) -> bool:
    """Wait until the bot has nothing to do, also not in a moment."""
    try:
        async with asyncio.timeout(within_s):
            await app.service.idle()
            await asyncio.sleep(0.004)
            await app.service.idle()
    except TimeoutError:
        return False
    return True
