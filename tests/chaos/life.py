"""Lives of a bot as forks of this process, which has imported everything and owns neither loop nor thread.

A life takes messages, clicks what waits, and tells whoever aims at it where it is; it ends by a kill, or when nothing
is left to do.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import select
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import aiosqlite
import alembic.command
import openai

from bot import chat
from bot.app import App, open_app
from bot.errors import SendError
from bot.models import pool
from bot.storage import codec, migrate
from tests.chaos import records
from tests.chaos.box import ALICE, Box, Message
from tests.chaos.judge import UNSENT

DURABLE = (chat.Answered, chat.CardShown, chat.Notice)
OPEN_WORK = "SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'waiting')"
FINISH_S = 30.0
KILLED = -signal.SIGKILL


def prepare() -> None:
    """Fill what is the same for every life: lives inherit it."""
    pool._tls()
    codec._adapter()
    assert all((aiosqlite, alembic.command, migrate, openai)), "imported late by the bot, so imported here"
    gc.collect()
    gc.freeze()


@dataclass
class ChaosAdapter:
    """A platform that is a file: what it was given is there, even when whoever gave it died a moment later."""

    box: Box
    dice: random.Random = field(default_factory=random.Random)
    faulty: float = 0.0
    platform: str = "chaos"

    def is_watched(self, place: chat.Place) -> bool:
        return False

    def target(self, actor: chat.Actor, channel: str, key: str) -> chat.Place | str:
        return "This platform has no channels."

    async def send(self, delivery: chat.Delivery) -> str:
        """Take it; a faulty platform refuses, or says that it refused."""
        if self.dice.random() < self.faulty:
            raise SendError("The platform is busy.", retry_after_s=0.05)
        event = delivery.event
        run_id = event.card.run_id if isinstance(event, chat.CardShown) else event.run_id
        text = "" if isinstance(event, chat.CardShown) else event.text
        line = {"key": delivery.key, "kind": type(event).__name__, "run": run_id, "text": text}
        records.note(self.box.chat, receipt=delivery.receipt, **line)
        if self.dice.random() < self.faulty:
            raise SendError("The answer of the platform was lost.", retry_after_s=0.05)
        return delivery.receipt or f"r-{delivery.key}"

    async def show(self, place: chat.Place, event: chat.Event) -> None:
        assert not isinstance(event, DURABLE), "what is durable is sent"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one life does. `is_last`: it goes on until nothing is left to do, then ends by itself.
    `is_kept`: a message is kept in the inbox, acknowledged and taken from there; acknowledged, it never comes again.
    `faulty`: the share of deliveries the platform fails to take, and of those it takes and says it did not."""

    messages: tuple[Message, ...] = ()
    seed: int = 0
    is_last: bool = False
    deny_share: float = 0.25
    faulty: float = 0.0
    is_kept: bool = False
    environment: dict[str, str] = field(default_factory=dict)


async def live(box: Box, plan: Plan, *, at_end: Callable[[], Awaitable[None]] | None = None) -> None:
    """One life, to its end if nobody ends it; `at_end` is awaited while everything is still open."""
    dice = random.Random(plan.seed)
    async with open_app(box.settings(**plan.environment), models=box.models()) as app:
        app.add_adapter(ChaosAdapter(box, dice, plan.faulty))
        records.signal("r")
        await app.service.recover()
        records.signal("o")
        clicking = asyncio.create_task(click_on(app, box, dice, plan.deny_share))
        if plan.is_kept:
            await asyncio.gather(*(take(app, box, one) for one in await app.service.inbox.left("chaos")))
        bring = keep if plan.is_kept else deliver
        await asyncio.gather(*(bring(app, box, one) for one in plan.messages))
        while not (plan.is_last and is_done(box)):
            await asyncio.sleep(0.02)
            if clicking.done():
                clicking.result()
        clicking.cancel()
        if at_end is not None:
            await at_end()


async def deliver(app: App, box: Box, one: Message) -> None:
    """Hand a message in, and note that it was taken once it was."""
    receipt = await app.service.receive(one.inbound())
    records.note(box.acks, event=one.id, run=receipt.run_id)


async def keep(app: App, box: Box, one: Message) -> None:
    """Keep a message before it is acknowledged, if it was not yet, then take it."""
    if one.id in {line["event"] for line in records.read(box.kept)}:
        return
    envelope = await app.service.inbox.keep("chaos", (one.id, f"also {one.id}"), json.dumps(asdict(one)))
    records.note(box.kept, event=one.id)
    if envelope is not None:
        await take(app, box, envelope)


async def take(app: App, box: Box, envelope: chat.Envelope) -> None:
    await deliver(app, box, Message(**json.loads(envelope.body)))
    await app.service.inbox.settled(envelope)


async def click_on(app: App, box: Box, dice: random.Random, deny_share: float) -> None:
    """Decide whatever waits, sometimes both ways at once."""
    while True:
        for card in await app.service.pending(ALICE):
            verbs = ["deny" if dice.random() < deny_share else "approve"]
            if dice.random() < 0.2:
                verbs.append("deny" if dice.random() < deny_share else "approve")
            await asyncio.gather(*(click(app, box, card.approval_id, verb) for verb in verbs))
        await asyncio.sleep(0.005)


async def click(app: App, box: Box, approval_id: str, verb: Any) -> None:
    """Click once, and note what the clicker was told."""
    records.note(box.clicks, event="pressed", approval=approval_id, verb=verb, by=ALICE.key)
    outcome = await app.service.decide(chat.Click(approval_id, verb, ALICE))
    told = {"accepted": outcome.is_accepted, "message": outcome.message}
    records.note(box.clicks, event="answered", approval=approval_id, verb=verb, by=ALICE.key, **told)


def is_done(box: Box) -> bool:
    """Whether every run is over and everything was sent: asked of the file, by a reader of its own."""
    rows = sqlite3.connect(f"file:{box.data / 'nod.db'}?mode=ro", uri=True, timeout=10)
    try:
        return not any(rows.execute(query).fetchone()[0] for query in (OPEN_WORK, UNSENT))
    finally:
        rows.close()


# --- the parent's side -----------------------------------------------------------------------------------------------


@dataclass
class Life:
    """A forked life, seen by its parent. `code`: as of `waitpid`, negative for a signal, None while it lives."""

    pid: int
    signals: int
    code: int | None = None
    seen: str = ""

    def listen(self, *, until_s: float) -> str:
        """What it says next; "" when the time (of `time.monotonic`) is over or it has died."""
        wait_s = max(0.0, until_s - time.monotonic())
        if not select.select([self.signals], [], [], wait_s)[0]:
            return ""
        said = os.read(self.signals, 1).decode()
        self.seen += said
        return said

    def heard(self, letter: str, *, times: int = 1, within_s: float) -> bool:
        """Wait until it has said this so often."""
        until_s = time.monotonic() + within_s
        while self.seen.count(letter) < times:
            if not self.listen(until_s=until_s):
                return False
        return True

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.wait(within_s=10)

    def wait(self, *, within_s: float) -> int | None:
        """Its exit code, None when it still lives after this time."""
        until_s = time.monotonic() + within_s
        while self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                self.seen += os.read(self.signals, 1 << 16).decode()
                os.close(self.signals)
            elif time.monotonic() > until_s:
                return None
            else:
                time.sleep(0.002)
        return self.code


def begin(box: Box, plan: Plan, *, work: Callable[[Box, Plan], Awaitable[None]] = live) -> Life:
    """Fork a life."""
    assert threading.active_count() == 1, "a fork takes one thread along only"
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Life(pid, reading)
    code = 1
    try:
        os.close(reading)
        handle = os.open(box.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.environ.update({records.FOLDER: str(box.folder), records.SIGNALS: str(writing), **plan.environment})
        asyncio.run(work(box, plan))
        code = 0
    except BaseException:  # the rim of a life: its parent reads the log
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def finish(box: Box, plan: Plan) -> float | None:
    """The last life: everything comes to its end; gives the seconds it took, None when it hung or failed."""
    started = time.monotonic()
    life = begin(box, replace(plan, is_last=True))
    code = life.wait(within_s=FINISH_S + 5)
    if code != 0:
        life.kill()
        return None
    return time.monotonic() - started
