"""A run on a stand-in Slack as the service tells of it, with the times of the real thing made short."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from adapters.slack.api.rooms import Rooms
from adapters.slack.api.web import Json
from adapters.slack.outbound.answers import Answers
from adapters.slack.outbound.live import Live
from adapters.slack.outbound.sending import Sender
from adapters.slack.outbound.sessions import Sessions
from bot.chat import Answered, Delivery, Place, TextSoFar, ToolLine, Working
from tests.adapters.slack.homes import direct_to, homes_of, place_of
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.messages import Message
from tests.adapters.slack.wire.world import Channel, User

RUN = "run-1"
SHORT_S = 0.02


def below(run_id: str) -> Json:
    """What stands below an answer."""
    button = {"type": "button", "text": {"type": "plain_text", "text": "Good"}, "action_id": f"rate:{run_id}"}
    return {"type": "actions", "elements": [button]}


@dataclass
class Stage:
    """One process of the bot, and a question in a thread that it works on."""

    slack: SlackServer
    place: Place
    thread: str
    live: Live
    sender: Sender
    answers: Answers
    rooms: Rooms
    anna: User
    since_ms: int = field(default_factory=lambda: round(time.time() * 1000))

    def begin(self, run_id: str = RUN, *, is_told: bool = True, status: str = "running") -> None:
        if is_told:
            self.live.asked_by(run_id, self.anna.id, self.anna.team, "a question")
        self.live.show(self.place, Working(run_id, status))  # type: ignore[arg-type]

    def write(self, text: str, run_id: str = RUN) -> None:
        """The model has written this, all in all."""
        self.live.show(self.place, TextSoFar(run_id, text))

    def call(self, call_id: str, state: str, *, run_id: str = RUN, tool: str = "look", by: str = "") -> None:
        took = 2_100 if state in ("done", "failed") else None
        self.live.show(self.place, ToolLine(run_id, call_id, tool, state, by, took))

    def end(self, status: str = "done", run_id: str = RUN) -> None:
        self.live.show(self.place, Working(run_id, status))  # type: ignore[arg-type]

    async def answer(self, text: str, run_id: str = RUN, *, attempts: int = 0) -> str:
        """Deliver the answer as the outbox does, and end."""
        answered = Answered(run_id, text, self.since_ms)
        delivery = Delivery(f"answer:{run_id}", self.place, answered, since_ms=self.since_ms, attempts=attempts)
        receipt = await self.answers.send(delivery, run_id, text)
        self.end(run_id=run_id)
        return receipt

    def said(self) -> list[Message]:
        """What stands in the thread of the bot's, oldest first."""
        return self.slack.said(thread=self.thread)

    async def drawn(self, words: str, thread: str = "") -> Message:
        """Wait until something that is shown in the thread says this."""

        def found() -> Message | None:
            return next((one for one in self.slack.said(thread=thread or self.thread) if words in one.shown), None)

        return await self.slack.until(found)

    async def ended(self, run_id: str = RUN) -> None:
        await self.slack.until(lambda: not self.live.is_live(run_id))

    @property
    def status(self) -> str:
        """What Slack shows of the bot's work in this thread."""
        found = next((one for (_, thread), one in self.slack.world.sessions.items() if thread == self.thread), None)
        return found.status if found else ""

    @property
    def statuses(self) -> list[str]:
        found = next((one for (_, thread), one in self.slack.world.sessions.items() if thread == self.thread), None)
        return found.history if found else []


@asynccontextmanager
async def stage_on(
    slack: SlackServer, place: Place, anna: User, *, began_s: float = 0.0, stream_s: float = 60.0
) -> AsyncIterator[Stage]:
    """A process that works on a thread; by default it began long before the question."""
    started: Iterator[float] = iter([began_s])
    async with homes_of(slack) as homes:
        rooms = Rooms(homes)
        sender = Sender(rooms, clock=lambda: next(started, time.time()))
        live = Live(rooms, Sessions(), first_s=SHORT_S, every_s=SHORT_S, stream_s=stream_s)
        answers = Answers(rooms, sender, live, below=below)
        try:
            yield Stage(slack, place, place.thread, live, sender, answers, rooms, anna)
        finally:
            await live.aclose()


def asked(slack: SlackServer, anna: User, room: Channel | None) -> Place:
    """A thread with a question, in a channel or a direct talk."""
    if room is None:
        return direct_to(anna, slack.direct(anna, "a question").ts)
    return place_of(room, slack.say(anna, room, "a question").ts)
