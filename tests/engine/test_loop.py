"""The loop itself: what is durable before it is shown, what is streamed, and where it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from bot.engine.loop import Crew, drive
from bot.engine.machine import Limits, apply
from bot.engine.ports import TextListener
from bot.engine.steps import Decided, Fact, Replied, Steered
from bot.engine.types import CallState, Decision, Run, ToolCall, ToolResult, Verdict, message
from bot.errors import ModelUnavailable
from tests.fakes import PlainBox, ScriptedModel, asks_for, says

READ = Verdict("run", "free", effect="read")
WRITE = Verdict("run", "free", effect="once")
GATED = Verdict("ask", "gated", effect="once", approver="requester", definition="d1")


def fresh(**change: object) -> Run:
    return Run(id="r", task="go", messages=(message("user", "go"),), **change)  # type: ignore[arg-type]


@dataclass
class Recorded:
    """A store that remembers what was durable when."""

    commits: list[list[str]] = field(default_factory=list)

    @property
    def facts(self) -> list[str]:
        return [fact for commit in self.commits for fact in commit]

    async def commit(self, before: Run, facts: Sequence[Fact], after: Run) -> None:
        self.commits.append([type(fact).__name__ for fact in facts])


@dataclass
class Watching:
    """Somebody who watches everything; told of an effect only what is durable."""

    store: Recorded
    texts: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    async def on_fact(self, run: Run, fact: Fact) -> None:
        self.facts.append(type(fact).__name__)
        if not isinstance(fact, Replied):
            assert self.store.facts[: len(self.facts)] == self.facts

    def text_listener(self, run: Run) -> TextListener:
        async def on_text(text: str) -> None:
            self.texts.append(text)

        return on_text


async def test_every_fact_of_an_effect_is_stored_before_it_is_shown() -> None:
    store = Recorded()
    watcher = Watching(store)
    model = ScriptedModel([asks_for(("write", "{}")), says("done")])

    await drive(fresh(), Crew(model, PlainBox({"write": WRITE}), store, watcher))

    assert watcher.facts == ["Replied", "Started", "Returned", "Replied", "Answered"]
    assert store.commits == [["Replied", "Started"], ["Returned"], ["Replied", "Answered"]]


async def test_a_round_of_reads_is_one_commit_and_the_end_another() -> None:
    store = Recorded()
    model = ScriptedModel([asks_for(("look", "{}"), ("look", "{}")), asks_for(("look", "{}")), says("done")])

    await drive(fresh(), Crew(model, PlainBox({"look": READ}), store))

    assert store.commits == [
        ["Replied", "Started", "Returned", "Started", "Returned"],
        ["Replied", "Started", "Returned"],
        ["Replied", "Answered"],
    ]


async def test_asking_is_one_commit_with_the_reply_that_asked() -> None:
    store = Recorded()
    model = ScriptedModel([asks_for(("pay", "{}"), ("look", "{}"))])

    await drive(fresh(), Crew(model, PlainBox({"pay": GATED, "look": READ}), store))

    assert store.commits == [["Replied", "Started", "Returned", "Asked", "Worded"]]


async def test_what_was_read_is_kept_when_the_drive_is_cancelled() -> None:
    store = Recorded()
    asked = asyncio.Event()

    async def hangs(call: ToolCall) -> ToolResult:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    model = ScriptedModel([asks_for(("look", "{}"))])
    drive_task = asyncio.create_task(drive(fresh(), Crew(model, PlainBox({"look": READ}, work=hangs), store)))
    await asked.wait()
    drive_task.cancel()
    await asyncio.wait([drive_task])

    assert drive_task.cancelled()
    assert store.commits == [["Replied", "Started"]]


# --- what a crash cut off -------------------------------------------------------------------------------------------


def cut_off() -> Run:
    """A run whose approved call had started when the process ended."""
    call = ToolCall("c1", 1, "p1", "p1", "pay", "{}", CallState.STARTED, decision="approve")
    reply = message("assistant", "")
    return replace(fresh(calls=(call,), replies=1, rounds=1), messages=(message("user", "go"), reply))


async def test_a_started_call_is_unknown_and_never_repeated() -> None:
    box = PlainBox({"pay": GATED})

    run = await drive(cut_off(), Crew(ScriptedModel([says("oh")]), box))

    assert (run.calls[0].state, box.ran, box.asked_about) == (CallState.UNKNOWN, [], ["pay"])


@pytest.mark.parametrize(
    ("found", "state"),
    [(ToolResult("paid"), CallState.DONE), (ToolResult("nothing was paid", is_error=True), CallState.FAILED)],
)
async def test_a_tool_that_can_tell_what_became_of_it_is_believed(found: ToolResult, state: CallState) -> None:
    box = PlainBox({"pay": GATED}, found={"pay": found})

    run = await drive(cut_off(), Crew(ScriptedModel([says("oh")]), box))

    assert (run.calls[0].state, run.calls[0].result, box.ran) == (state, found, [])


# --- what waits while the world changes ------------------------------------------------------------------------------


async def waits_for_pay() -> Run:
    return await drive(fresh(), Crew(ScriptedModel([asks_for(("pay", "{}"))]), PlainBox({"pay": GATED})))


async def test_a_tightened_policy_ends_what_waits_with_a_clear_refusal() -> None:
    deny = Verdict("deny", "pay is denied for this person", definition="d1")

    run = await drive(await waits_for_pay(), Crew(ScriptedModel([says("oh")]), PlainBox({"pay": deny})))

    assert run.calls[0].state is CallState.DENIED
    assert run.calls[0].result == ToolResult(
        "Not run: while it waited for approval, the policy stopped permitting it (pay is denied for this person).", True
    )


async def test_a_loosened_policy_never_releases_what_waits() -> None:
    box = PlainBox({"pay": replace(GATED, outcome="run")})

    run = await drive(await waits_for_pay(), Crew(ScriptedModel([]), box))

    assert (run.status, box.ran) == ("waiting", [])


async def test_a_tool_that_changed_while_it_waited_is_asked_for_anew() -> None:
    store = Recorded()
    box = PlainBox({"pay": replace(GATED, definition="d2", approver="admin")})

    run = await drive(await waits_for_pay(), Crew(ScriptedModel([]), box, store))

    assert store.commits == [["Asked", "Worded"]]
    assert (run.calls[0].state, run.calls[0].definition, run.calls[0].approver) == (CallState.WAITING, "d2", "admin")


async def test_a_tool_that_is_gone_ends_what_waits_for_it() -> None:
    run = await drive(await waits_for_pay(), Crew(ScriptedModel([says("oh")]), PlainBox({})))

    assert run.calls[0].state is CallState.FAILED
    assert run.calls[0].result is not None
    assert run.calls[0].result.text.startswith("Not run: the tool changed while this waited for approval.")


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


# --- steering ---


@dataclass
class Talking:
    """Somebody who says one thing after the other, each when the run asks."""

    said: list[Steered | None]
    asked_of: list[int] = field(default_factory=list)

    async def __call__(self, run: Run) -> Steered | None:
        self.asked_of.append(run.replies)
        return self.said.pop(0) if self.said else None


async def test_what_is_said_meanwhile_is_stored_by_itself_before_the_model_is_told() -> None:
    store, talking = Recorded(), Talking([Steered(("and that",)), None, Steered(("and this",))])
    model = ScriptedModel([asks_for(("look", "{}")), asks_for(("look", "{}")), says("done")])

    ended = await drive(fresh(), Crew(model, PlainBox({"look": READ}), store, steering=talking))

    round_of_reads = ["Replied", "Started", "Returned"]
    assert store.commits == [round_of_reads, ["Steered"], round_of_reads, ["Steered"], ["Replied", "Answered"]]
    assert [one["content"] for one in model.asked[1].messages][-1] == "and that"
    assert [one["content"] for one in model.asked[2].messages][-1] == "and this"
    assert (ended.answer, talking.asked_of) == ("done", [1, 1, 2, 2])


async def test_nobody_is_listened_to_before_the_first_reply_nor_before_the_closing_call() -> None:
    talking = Talking([None])
    model = ScriptedModel([asks_for(("pay", "{}")), says("closing")])
    crew = Crew(model, PlainBox({"pay": GATED}), steering=talking)
    waiting = await drive(fresh(max_rounds=1), crew)
    approved = apply(waiting, Decided(waiting.calls[0].id, Decision("approve", "alice")))

    ended = await drive(approved, crew)

    assert (ended.answer, talking.asked_of) == ("closing", [])


async def test_what_would_not_fit_any_more_is_left_for_later() -> None:
    talking = Talking([Steered(("z" * 500_000,))])
    model = ScriptedModel([asks_for(("look", "{}")), says("done")])
    crew = Crew(model, PlainBox({"look": READ}), limits=Limits(window_tokens=8000), steering=talking)

    ended = await drive(fresh(), crew)

    assert (ended.answer, ended.task) == ("done", "go")


async def test_a_run_that_has_worked_too_long_takes_nothing_more() -> None:
    talking, ticks = Talking([Steered(("more",))]), iter([0.0, 0.0, *[1000.0] * 10])
    model = ScriptedModel([asks_for(("look", "{}"))])
    crew = Crew(model, PlainBox({"look": READ}), steering=talking, clock=lambda: next(ticks))

    ended = await drive(fresh(), crew)

    assert (ended.status, talking.asked_of) == ("failed", [])
