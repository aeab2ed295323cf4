"""The loop itself: what is durable before it is shown, what is streamed, and where it stops."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.engine.loop import Crew, drive
from bot.engine.machine import Limits
from bot.engine.ports import TextListener
from bot.engine.steps import Fact
from bot.engine.types import Run, Verdict, message
from bot.errors import ModelUnavailable
from tests.fakes import PlainBox, ScriptedModel, asks_for, says

READ = Verdict("run", "free", effect="read")


def fresh(**change: object) -> Run:
    return Run(id="r", task="go", messages=(message("user", "go"),), **change)  # type: ignore[arg-type]


@dataclass
class Recorded:
    """A store that remembers what was durable when."""

    facts: list[str] = field(default_factory=list)

    async def commit(self, before: Run, fact: Fact, after: Run) -> None:
        self.facts.append(type(fact).__name__)


@dataclass
class Watching:
    """Somebody who watches everything; told only what is durable."""

    store: Recorded
    texts: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    async def on_fact(self, run: Run, fact: Fact) -> None:
        self.facts.append(type(fact).__name__)
        assert self.store.facts == self.facts

    def text_listener(self, run: Run) -> TextListener:
        async def on_text(text: str) -> None:
            self.texts.append(text)

        return on_text


async def test_every_fact_is_stored_before_it_is_shown() -> None:
    store = Recorded()
    watcher = Watching(store)
    model = ScriptedModel([asks_for(("look", "{}")), says("done")])

    await drive(fresh(), Crew(model, PlainBox({"look": READ}), store, watcher))

    assert watcher.facts == ["Replied", "Started", "Returned", "Replied", "Answered"]


async def test_scheduled_work_is_not_streamed_even_when_somebody_watches() -> None:
    store = Recorded()
    watcher = Watching(store)
    model = ScriptedModel([says("one"), says("two")])

    await drive(fresh(with_final=False), Crew(model, PlainBox({}), store, watcher))
    await drive(fresh(), Crew(model, PlainBox({}), store, watcher))

    assert watcher.texts == ["two"]


async def test_a_run_that_takes_too_long_stops_with_what_was_gathered() -> None:
    now = iter([0.0, 0.0, 10.0, 20.0, 2000.0])
    model = ScriptedModel([asks_for(("look", "{}"))])
    crew = Crew(model, PlainBox({"look": READ}), limits=Limits(max_seconds=900), clock=lambda: next(now))

    run = await drive(fresh(), crew)

    assert run.status == "failed"
    assert run.answer == (
        "I stopped: this took longer than 15 minutes.\n\nHere is what was gathered:\n**look**: result of look"
    )


async def test_a_model_that_is_down_ends_the_run_with_its_sentence() -> None:
    model = ScriptedModel([ModelUnavailable("m", "The model is asleep.")])

    run = await drive(fresh(), Crew(model, PlainBox({})))

    assert (run.status, run.answer) == ("failed", "The model is asleep.")


async def test_driving_a_run_that_waits_changes_nothing() -> None:
    ask = Verdict("ask", "gated", approver="requester")
    crew = Crew(ScriptedModel([asks_for(("pay", "{}"))]), PlainBox({"pay": ask}))

    paused = await drive(fresh(), crew)

    assert paused.status == "waiting"
    assert await drive(paused, crew) is paused
