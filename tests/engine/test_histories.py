"""Random histories: batches of calls, crashes at any await, clicks repeated and contradicting each other, and people
who say more while the run works.

The judge is a ledger outside of the run: what really began, by the idempotency key of the call.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.engine import words
from bot.engine.loop import Crew, drive
from bot.engine.machine import apply
from bot.engine.ports import TextListener
from bot.engine.request import request_messages
from bot.engine.steps import Decided, Fact, Steered
from bot.engine.types import CallState, Decision, Message, Reply, Run, ToolCall, ToolResult, Verdict, message
from bot.errors import StaleRun
from bot.storage.codec import from_checkpoint, to_checkpoint
from tests.fakes import asks_for, says

VERDICTS = {
    "read": Verdict("run", "free", effect="read"),
    "once": Verdict("run", "free", effect="once"),
    "repeatable": Verdict("run", "free", effect="idempotent"),
    "gated": Verdict("ask", "gated", effect="once", approver="requester", definition="d"),
    "forbidden": Verdict("deny", "not in the list", "There is no such tool."),
    "broken": Verdict("invalid", "invalid arguments", "Correct them."),
}


class Crash(BaseException):
    """The process died here."""


@dataclass
class World:
    """What survives a crash (the stored checkpoint, the ledger, the queue) and when the next crash comes, counted in
    awaits. `talk`: how often the model has been asked when more is said."""

    replies: list[list[str]]
    crash_after: list[int]
    stored: str = ""
    began: Counter[str] = field(default_factory=Counter)
    tool_of: dict[str, str] = field(default_factory=dict)
    left: int = 10**9
    sent: list[tuple[Message, ...]] = field(default_factory=list)
    talk: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)

    def tick(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash

    def speak(self) -> None:
        for _ in range(self.talk.count(len(self.sent))):
            text = f"more {len(self.said)}"
            self.said.append(text)
            self.queue.append(text)

    def next_life(self) -> None:
        self.left = self.crash_after.pop(0) if self.crash_after else 10**9


@dataclass
class Everything:
    """Model, toolbox and store of one life, all of them dying with it."""

    world: World
    label: str = "m"
    schemas: bytes = b"[]"

    async def reply(
        self,
        messages: tuple[Message, ...],
        *,
        run: Run,
        tools: bytes,
        tool_choice: str = "auto",
        on_text: TextListener | None = None,
    ) -> Reply:
        self.world.tick()
        await asyncio.sleep(0)
        self.world.sent.append(messages)
        self.world.speak()
        self.world.tick()
        if run.replies >= len(self.world.replies):
            return says("the end")
        wanted = self.world.replies[run.replies]
        asked = asks_for(*((name, json.dumps({"n": at, "r": run.replies})) for at, name in enumerate(wanted)))
        number = run.replies + 1
        calls = tuple(
            ToolCall(f"{number}.{at}", number, f"p{number}.{at}", f"p{number}.{at}", one.name, one.arguments)
            for at, one in enumerate(asked.calls)
        )
        return Reply(message("assistant", json.dumps([one.id for one in calls])), "", calls)

    def judge(self, call: ToolCall, run: Run) -> Verdict:
        return VERDICTS[call.name]

    async def run(self, call: ToolCall, run: Run, *, key: str) -> tuple[ToolResult, bool]:
        self.world.tick()
        self.world.began[key] += 1
        self.world.tool_of[key] = call.name
        await asyncio.sleep(0)
        self.world.tick()
        return ToolResult(f"result of {call.id}"), True

    async def reconcile(self, call: ToolCall, *, key: str) -> ToolResult | None:
        return None

    async def commit(self, before: Run, facts: Sequence[Fact], after: Run) -> None:
        self.world.tick()
        await asyncio.sleep(0)
        for fact in facts:
            if isinstance(fact, Steered):
                assert tuple(self.world.queue) == fact.texts
                self.world.queue.clear()
        self.world.stored = json.dumps(to_checkpoint(after))
        self.world.tick()

    async def steering(self, run: Run) -> Steered | None:
        self.world.tick()
        await asyncio.sleep(0)
        return Steered(tuple(self.world.queue)) if self.world.queue else None


async def live(world: World) -> Run:
    """One life of the process: load, drive, perhaps die."""
    everything = Everything(world)
    world.next_life()
    run = from_checkpoint(json.loads(world.stored))
    try:
        return await drive(run, Crew(everything, everything, everything, steering=everything.steering))
    except (Crash, BaseExceptionGroup) as died:
        if isinstance(died, BaseExceptionGroup) and died.split(Crash)[1] is not None:
            raise
        return from_checkpoint(json.loads(world.stored))


def click(world: World, call_id: str, verb: str) -> bool:
    """One click as the service does it: load, apply, store; the first one wins."""
    run = from_checkpoint(json.loads(world.stored))
    try:
        after = apply(run, Decided(call_id, Decision(verb, "alice")))  # type: ignore[arg-type]
    except StaleRun:
        return False
    world.stored = json.dumps(to_checkpoint(after))
    return True


batches = st.lists(st.lists(st.sampled_from(sorted(VERDICTS)), min_size=1, max_size=5), min_size=1, max_size=4)
crashes = st.lists(st.integers(0, 12), max_size=6)
verbs = st.sampled_from(["approve", "approve", "deny", "expire", "cancel"])


@settings(max_examples=2500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    replies=batches,
    crash_after=crashes,
    clicks=st.lists(st.tuples(st.integers(0, 7), verbs), max_size=40),
    talk=st.lists(st.integers(1, 6), max_size=4),
)
def test_every_history_keeps_the_promises(
    replies: list[list[str]], crash_after: list[int], clicks: list[tuple[int, str]], talk: list[int]
) -> None:
    world = World(replies, crash_after, talk=talk)
    first = Run(id="r", task="go", messages=(message("user", "go"),), max_rounds=50)
    world.stored = json.dumps(to_checkpoint(first))
    accepted: Counter[str] = Counter()
    said: dict[str, str] = {}

    run = asyncio.run(live(world))
    for _ in range(200):
        if run.is_over:
            break
        if run.waiting:
            waiting = [call.id for call in run.waiting]
            at, verb = clicks.pop(0) if clicks else (0, "approve")
            for repeat in (verb, "approve", "deny"):  # the same card again and again
                call_id = waiting[at % len(waiting)]
                if click(world, call_id, repeat):
                    accepted[call_id] += 1
                    said[call_id] = repeat
        run = asyncio.run(live(world))

    assert run.is_over, "every run comes to its end"
    by_id = {call.id: call for call in run.calls}
    for key, times in world.began.items():
        call = by_id[key.removeprefix("r:")]
        assert call.name not in ("forbidden", "broken"), "nothing denied runs"
        if call.effect == "once":
            assert times == 1, "an effect starts at most once"
        if call.name == "gated":
            assert said[call.id] == "approve", "a gated call runs only after an approval"
    for call in run.calls:
        assert call.is_final
        assert call.result is not None
        if call.name == "gated":
            assert accepted[call.id] == 1, "every card accepts exactly one decision"
            if call.state is CallState.DONE:
                assert world.began[f"r:{call.id}"] == 1
    heard = check_results(run)
    assert heard + world.queue == world.said, "nothing that was said is lost, or heard twice"
    assert run.task == "\n\n".join(["go", *heard])
    assert run.weight == sum(one.weight for one in run.messages)


def check_results(run: Run) -> list[str]:
    """Every call of every reply has exactly one result, in the order of the calls, before the next reply; gives what
    was said in between."""
    heard = []
    messages = [json.loads(one.body) for one in request_messages(run)][1:]
    while messages:
        said = messages.pop(0)
        if said["content"] == "the end":
            break
        for call_id in json.loads(said["content"]):
            answer = messages.pop(0)
            assert (answer["role"], answer["tool_call_id"]) == ("tool", f"p{call_id}")
        while messages and messages[0]["content"] == words.HEARD:
            messages.pop(0)
            while messages[0]["role"] == "user":
                heard.append(messages.pop(0)["content"])
    assert messages == []
    return heard
