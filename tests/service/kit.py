"""One bot over a real SQLite file and a model on a real socket, and the people who talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot import chat
from bot.app import App, open_app
from bot.chat import Actor, Click, Inbound, Place, Upload
from bot.config.settings import Settings
from bot.models.config import from_mapping
from bot.models.registry import Registry
from bot.storage.context import Context, ContextRows
from bot.storage.policies import Change, PolicyRows
from tests.fakes import RecordingAdapter
from tests.models.endpoint import ScriptedEndpoint

ALICE = Actor("web", "", "alice", "alice")

BOB = Actor("web", "", "bob", "bob")

ROOT = Actor("web", "", "root", "root")

PLACE = Place("web", "", "general", "t1")

numbers = itertools.count()


class Bench:
    """One bot over one data folder; opening it again is a restart."""

    def __init__(self, app: App, adapter: RecordingAdapter) -> None:
        self.app = app
        self.service = app.service
        self.adapter = adapter

    async def say(
        self, text: str, *files: Upload, actor: Actor = ALICE, place: Place = PLACE, event_id: str = ""
    ) -> chat.Receipt:
        receipt = await self.hand_in(text, *files, actor=actor, place=place, event_id=event_id)
        await self.service.idle()
        return receipt

    async def hand_in(
        self, text: str, *files: Upload, actor: Actor = ALICE, place: Place = PLACE, event_id: str = ""
    ) -> chat.Receipt:
        """Give the bot a message, and do not wait for what it makes of it."""
        event_id = event_id or f"e{next(numbers)}"
        return await self.service.receive(Inbound(event_id, place, actor, text, 1_000 + next(numbers), files))

    async def click(
        self, approval_id: str, verb: str = "approve", *, actor: Actor = ALICE, reason: str = ""
    ) -> chat.Outcome:
        is_operator = actor.platform == "cli"
        click = Click(approval_id, verb, actor, reason, is_operator=is_operator)  # type: ignore[arg-type]
        outcome = await self.service.decide(click)
        await self.service.idle()
        return outcome

    async def tamper(self, sql: str) -> None:
        """Change the database from outside, as nobody should."""

        def change() -> None:
            with contextlib.closing(sqlite3.connect(self.app.settings.data_dir / "nod.db")) as connection, connection:
                connection.execute(sql)

        await asyncio.to_thread(change)

    async def plain(self, sql: str) -> list[tuple[object, ...]]:
        """What plain SQL says, through a connection of its own."""

        def read() -> list[tuple[object, ...]]:
            with contextlib.closing(sqlite3.connect(self.app.settings.data_dir / "nod.db")) as connection:
                return connection.execute(sql).fetchall()

        return await asyncio.to_thread(read)

    async def admin(self, words: str, *, actor: Actor = ROOT, place: Place = PLACE) -> str:
        """What somebody is told who writes `/nod-admin ...`."""
        return await self.service.command(place, actor, words, is_admin=True)

    async def set_rule(self, subject: str, kind: str, value: str, *, expires_ms: int | None = None) -> None:
        """Change the policy behind the service's back, as another process would."""
        row = {"scope": "web:", "subject": subject, "kind": kind, "value": value, "condition": ""}
        change = Change("rule", "put", {**row, "expires_ms": expires_ms})
        rows = PolicyRows(self.app.database)
        await rows.change([change], actor="web:root", scope="web:", said=f"{kind} {subject}", check=lambda stored: None)

    async def only_card(self) -> chat.Card:
        (card,) = await self.service.pending(ROOT)
        return card

    async def context(self, place: Place = PLACE) -> Context:
        """What the next run of a conversation would be told of it."""
        return await ContextRows(self.app.database).of(place, at_most=100)

    def answers(self) -> list[str]:
        return [event.text for event in self.adapter.events(chat.Answered)]  # type: ignore[attr-defined]


@asynccontextmanager
async def opened(settings: Settings, endpoint: ScriptedEndpoint, **cfg: object) -> AsyncIterator[Bench]:
    row = from_mapping({"label": "m", "api_url": endpoint.url, "model_name": "m", "host_type": "generic", **cfg})
    async with opened_with(settings, Registry([row], default="m")) as one:
        yield one


@asynccontextmanager
async def opened_with(settings: Settings, models: Registry) -> AsyncIterator[Bench]:
    """The bot with these models."""
    async with open_app(settings, models=models) as app:
        adapter = RecordingAdapter()
        app.add_adapter(adapter)
        await app.service.recover()
        yield Bench(app, adapter)
