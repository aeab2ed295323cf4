"""The one loop: ask `decide`, do it with an ordinary `await`, record the fact, again.

Every caller comes through `drive`: a message, a click, a restart, a script.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bot.engine import words
from bot.engine.compaction import DOWN_TO_SHARE, budget_tokens
from bot.engine.machine import Limits, apply, decide, interrupted, may_be_steered
from bot.engine.ports import ChatModel, Listener, RunStore, Steering, TextListener, ToolBox
from bot.engine.request import cuts_down_to, request_messages, request_weight
from bot.engine.steps import (
    Answer,
    Answered,
    AskApproval,
    Asked,
    CallModel,
    Compact,
    Compacted,
    Fact,
    Finish,
    Reconcile,
    Refuse,
    Replied,
    Returned,
    RunTools,
    Started,
    Steered,
    Wait,
    Worded,
    may_wait,
)
from bot.engine.types import CallState, Message, Reply, Run, ToolCall, ToolResult, Verdict, message
from bot.errors import BotError, ConversationTooLong, ModelError


class NoStore:
    """Keeps nothing: for scripts, where the checkpoint in the caller's hands is the only copy."""

    async def commit(self, before: Run, facts: Sequence[Fact], after: Run) -> None:
        return None


class NoListener:
    """Nobody watches."""

    async def on_fact(self, run: Run, fact: Fact) -> None:
        return None

    def text_listener(self, run: Run) -> TextListener | None:
        return None


@dataclass(frozen=True, slots=True)
class Crew:
    """Who does the work of a drive.

    `confirm_text` chooses who words the question at the gate; `changed` is set when somebody decided meanwhile: then
    nobody waits for words any more. `steering` None: nobody says anything to a run that works.
    """

    model: ChatModel
    toolbox: ToolBox
    store: RunStore = field(default_factory=NoStore)
    listener: Listener = field(default_factory=NoListener)
    limits: Limits = field(default_factory=Limits)
    confirm_text: Literal["template", "model"] = "template"
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    clock: Callable[[], float] = time.monotonic
    steering: Steering | None = None


async def drive(run: Run, crew: Crew) -> Run:
    """Take the run as far as it goes now: to its end, or to where only people can move it.

    Raises `StaleRun` when another driver moved the run; nothing is lost then, reload it.
    """
    return await _Drive(run, crew).to_rest()


class _Drive:
    """One drive: the run as it stands now, the run as it is stored, and the facts in between.

    Facts that may wait are stored together with the next one, at the latest before the model is asked again: one round
    of reads is one transaction.
    """

    def __init__(self, run: Run, crew: Crew) -> None:
        self.run = run
        self.crew = crew
        self._limits = replace(crew.limits, tools_weight=len(crew.toolbox.schemas))
        self._shortened_at: int | None = None
        self._stored = run
        self._unstored: list[Fact] = []
        self._recording = asyncio.Lock()

    async def to_rest(self) -> Run:
        try:
            return await self._to_rest()
        finally:
            await self._store()  # what a cancellation would lose; nothing is left here after a rest

    async def _to_rest(self) -> Run:
        started = self.crew.clock()
        while True:
            action = decide(self.run, self.crew.toolbox.judge, self._limits)
            match action:
                case CallModel(with_tools):
                    await self._store()
                    if self.crew.clock() - started > self.crew.limits.max_seconds:
                        await self._record(self._too_slow())
                    elif with_tools and (steered := await self._said_meanwhile()):
                        await self._record(steered)
                    else:
                        await self._record(await self._reply(with_tools=with_tools))
                case RunTools(calls):
                    await self._run_tools(calls)
                case Refuse(returned):
                    for fact in returned:
                        await self._record(fact)
                case Reconcile(calls):
                    for call in calls:
                        await self._record(interrupted(call, await self._found(call)))
                case AskApproval(calls):
                    await self._ask(calls)
                case Compact(cuts):
                    await self._record(Compacted(cuts))
                case Answer(text, status):
                    await self._record(Answered(text, status))
                case Wait() | Finish():
                    return self.run

    async def _record(self, *facts: Fact) -> None:
        """Durable first, then visible; what may wait is visible at once. Reads end side by side, so one at a time."""
        async with self._recording:
            may_all_wait = True
            after = self.run
            for fact in facts:
                may_all_wait = may_all_wait and may_wait(_call_of(after, fact), fact)
                after = apply(after, fact)
            self._unstored += facts
            self.run = after
            if not may_all_wait:
                await self._store()
            for fact in facts:
                await self.crew.listener.on_fact(after, fact)

    async def _store(self) -> None:
        """Make durable what is not yet."""
        facts, self._unstored = self._unstored, []
        if facts:
            before, self._stored = self._stored, self.run
            await self.crew.store.commit(before, facts, self.run)

    def _too_slow(self) -> Answered:
        minutes = round(self.crew.limits.max_seconds / 60)
        return Answered(words.with_gathered(f"I stopped: this took longer than {minutes} minutes.", self.run), "failed")

    # --- the model ---

    async def _said_meanwhile(self) -> Steered | None:
        """What this run takes up before it goes on; what would not fit any more is left to be answered by itself."""
        if self.crew.steering is None or not may_be_steered(self.run):
            return None
        said = await self.crew.steering(self.run)
        if said is None:
            return None
        follows = decide(apply(self.run, said), self.crew.toolbox.judge, self._limits)
        return said if isinstance(follows, CallModel | Compact) else None

    async def _reply(self, *, with_tools: bool) -> Replied | Compacted | Answered:
        run = self.run
        on_text = self.crew.listener.text_listener(run) if run.with_final else None
        tools = self.crew.toolbox.schemas if with_tools else b""
        try:
            reply = await self.crew.model.reply(request_messages(run), run=run, tools=tools, on_text=on_text)
        except ConversationTooLong as err:
            return self._shortened(err.window_tokens) or Answered(words.with_gathered(err.user_message, run), "failed")
        except ModelError as err:
            return Answered(words.with_gathered(err.user_message, run), "failed")
        return Replied(reply if with_tools else _without_calls(reply), request_weight(run, len(tools)))

    def _shortened(self, window_tokens: int | None) -> Compacted | None:
        """Half of what was found too long, or what fits the window where it is told, once for each reply; None when
        that was done, or nothing can be cut."""
        run = self.run
        if self._shortened_at == run.replies:
            return None
        self._shortened_at = run.replies
        to_weight = request_weight(run, 0) // 2
        if window_tokens is not None:
            to_weight = int(budget_tokens(window_tokens) * DOWN_TO_SHARE / run.tokens_per_weight)
        cuts = cuts_down_to(run, to_weight)
        return Compacted(cuts) if cuts else None

    # --- tools ---

    async def _run_tools(self, calls: tuple[tuple[ToolCall, Verdict], ...]) -> None:
        """Reads side by side first, then the effects one after the other, in the order given."""
        reads = [(call, verdict) for call, verdict in calls if verdict.effect == "read"]
        effects = [(call, verdict) for call, verdict in calls if verdict.effect != "read"]
        if len(reads) == 1:
            await self._run_tool(*reads[0])
        elif reads:
            await self._side_by_side(reads)
        for call, verdict in effects:
            await self._run_tool(call, verdict)

    async def _side_by_side(self, reads: list[tuple[ToolCall, Verdict]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for call, verdict in reads:
                    group.create_task(self._run_tool(call, verdict))
        except* BotError as group_err:  # the store refused: one reason is enough
            raise group_err.exceptions[0] from group_err

    async def _run_tool(self, call: ToolCall, verdict: Verdict) -> None:
        await self._record(Started(call.id, verdict, resumed=call.state is CallState.STARTED))
        started = self.crew.clock()
        result, is_known = await self.crew.toolbox.run(call, self.run, key=f"{self.run.id}:{call.id}")
        duration_ms = round((self.crew.clock() - started) * 1000)
        state = CallState.UNKNOWN if not is_known else CallState.FAILED if result.is_error else CallState.DONE
        await self._record(Returned(call.id, state, result, duration_ms))

    async def _found(self, call: ToolCall) -> ToolResult | None:
        return await self.crew.toolbox.reconcile(call, key=f"{self.run.id}:{call.id}")

    # --- the gate ---

    async def _ask(self, calls: tuple[tuple[ToolCall, Verdict], ...]) -> None:
        """Stored and shown first, worded then: a slow model never delays the buttons. What everybody reads says nothing
        of private arguments, so the model does not word it."""
        asked = Asked(tuple((call.id, verdict) for call, verdict in calls))
        if self.crew.confirm_text == "template" or any("private" in verdict.marks for _, verdict in calls):
            await self._record(asked, Worded(words.question(apply(self.run, asked))))
            return
        await self._record(asked)
        worded = await self._unless_changed(self._worded_by_model())
        await self._record(worded or Worded(words.question(self.run)))

    async def _unless_changed(self, work: Coroutine[Any, Any, Worded]) -> Worded | None:
        """What `work` gives, None when somebody decides before it is done: an approved call starts at its click."""
        wording = asyncio.create_task(work)
        changed = asyncio.create_task(self.crew.changed.wait())
        try:
            await asyncio.wait([wording, changed], return_when=asyncio.FIRST_COMPLETED)
            return wording.result() if wording.done() else None
        finally:
            for task in (wording, changed):
                task.cancel()
            await asyncio.wait([wording, changed])

    async def _worded_by_model(self) -> Worded:
        """Let the model word the question; whatever it calls is discarded, and nothing of this enters the run."""
        placeholders = tuple(_placeholder(call) for call in self.run.batch)
        try:
            reply = await self.crew.model.reply(
                (*self.run.messages, *placeholders),
                run=self.run,
                tools=self.crew.toolbox.schemas,
                tool_choice="none",
            )
        except ModelError:
            return Worded(words.ASK_FALLBACK, by_model=True)
        return Worded(reply.text.strip() or words.ASK_FALLBACK, reply.usage, by_model=True)


def _call_of(run: Run, fact: Fact) -> ToolCall | None:
    call_id = getattr(fact, "call_id", None)
    return next((call for call in run.batch if call.id == call_id), None)


def _without_calls(reply: Reply) -> Reply:
    """The closing call was sent without tools: calls in its reply are discarded, its words stay."""
    if not reply.calls:
        return reply
    said = message("assistant", reply.text)
    return replace(reply, calls=(), message=said, finish="stop" if reply.finish == "tool_calls" else reply.finish)


def _placeholder(call: ToolCall) -> Message:
    if call.result is not None:
        return message("tool", call.result.text, tool_call_id=call.wire_id)
    text = f"{words.AWAITING} This was not run yet. Ask the user to confirm exactly this action, in one short sentence."
    return message("tool", text, tool_call_id=call.wire_id)
