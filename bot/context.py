"""What a run is told at its beginning: what was said before, summed up where it does not fit, and the task."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import structlog

from bot.engine.compaction import budget_tokens
from bot.engine.types import Actor, Content, Message, Place, Run, Taint, TextPart, message, parse_actor
from bot.errors import BotError, ModelConfigError, ModelError
from bot.history import (
    SUMMARY_ASK,
    Turn,
    fit_history,
    history_bytes,
    seen_by,
    summary_message,
    summing_bytes,
    to_sum_up,
    written_out,
)
from bot.models.config import ModelConfig
from bot.opening import opening
from bot.policy.judge import ADMIN, GUEST
from bot.storage.context import Context, Summary
from bot.work import Parts, roles_of, toolbox_for

log = structlog.get_logger()

NOBODY_NAMED: Mapping[str, str] = MappingProxyType({})
NEWEST_TURNS = 400
SUMMARY_CHARS = 6000
MAX_PIECES = 5
PAUSE_S = 300.0


async def opened(parts: Parts, run: Run) -> Run:
    """Give a queued run its model and its first messages, with the history as it is now."""
    model = parts.models.for_person(roles_of(parts, run.requester), await parts.context.model_of(run.place))
    context = await parts.context.of(run.place, at_most=NEWEST_TURNS, run_id=run.id, with_images=bool(model.vision))
    run = replace(run, model=model.label, max_rounds=rounds_of(parts, model), taint=_taint(parts, run, context))
    history = fit_history(
        turns_of(context, _names(parts, context)),
        speaker=run.requester.key,
        waiting=await _waiting_in(parts, run.place),
        max_bytes=history_bytes(model.window_tokens),
        max_messages=model.history_messages,
        has_vision=bool(model.vision),
    )
    messages = opening(
        seen_by(_task(run, context), has_vision=bool(model.vision)),
        system_prompt=parts.persona,
        history=(*_summed_up(context.summary), *history),
        has_tools=bool(toolbox_for(parts, run, model).schemas),
    )
    return replace(run, messages=messages)


def _taint(parts: Parts, run: Run, context: Context) -> Taint:
    """What the history has read, and whether a guest has spoken in it: what they write is a stranger's word."""
    others = context.authors - {run.requester.key}
    known = (parts.book.known(parse_actor(author)) for author in others)
    has_guests = any(roles_of(parts, one) == {GUEST} for one in known if one.standing != "gone")
    return context.taint + Taint(("a guest's message",)) if has_guests else context.taint


def rounds_of(parts: Parts, model: ModelConfig) -> int:
    """How many replies with tool calls a run on this model may take."""
    return min(model.max_rounds or parts.settings.max_rounds, parts.settings.max_rounds)


def _task(run: Run, context: Context) -> Content:
    attached = context.attachments.get(run.id, ())
    return (TextPart(run.task), *attached) if attached else run.task


def _summed_up(summary: Summary) -> tuple[Message, ...]:
    return (summary_message(summary.text),) if summary.text else ()


async def _waiting_in(parts: Parts, place: Place) -> list[str]:
    waiting = [run_id for run_id, status, _ in await parts.reader.active_in(place) if status == "waiting"]
    approvals = [one for run_id in waiting for one in await parts.approvals.approvals_of_run(run_id)]
    return [f"{one.tool} (asked for by {one.requester.label})" for one in approvals if one.state == "pending"]


def _names(parts: Parts, context: Context) -> dict[str, str]:
    """What the people who spoke are called."""
    known = parts.book.people
    return {author: known[author].name for author in context.authors if author in known}


def turns_of(context: Context, names: Mapping[str, str] = NOBODY_NAMED) -> list[Turn]:
    """Settled messages, grouped as they settled; `names` by identity."""
    turns = []
    for run_id, group in itertools.groupby(context.turns, key=lambda turn: turn.run_id):
        for pair in [list(group)] if run_id else [[post] for post in group]:
            asked = next((turn for turn in pair if turn.role == "user"), None)
            answered = "\n".join(turn.text for turn in pair if turn.role == "assistant")
            attached = context.attachments.get(run_id or "", ())
            author, text = (asked.author, asked.text) if asked else ("", "")
            turns.append(Turn(author, text, answered, attached, pair[-1].id, names.get(author, "")))
    return turns


# --- summing up ----------------------------------------------------------------------------------------------------


class Memory:
    """Sums up the turns that will not fit any more, with what was summed up before, and keeps that in their place.

    Where the model cannot, they stay as they are, and an answer later than `PAUSE_S` tries again.
    """

    def __init__(self, parts: Parts, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._clock = clock
        self._paused: dict[Place, float] = {}

    async def sum_up(self, place: Place, asker: Actor) -> None:
        """Sum up what does not fit here any more, for somebody of this person's role: the oldest first, a few pieces at
        once, each kept as soon as it is there."""
        now = self._clock()
        self._paused = {one: until for one, until in self._paused.items() if until > now}
        if place in self._paused:
            return
        try:
            for _ in range(MAX_PIECES):
                if not await _sum_up_piece(self._parts, place, roles_of(self._parts, asker)):
                    return
        except (ModelError, BotError) as err:
            self._paused[place] = self._clock() + PAUSE_S
            log.warning("summary.failed", place=str(place), why=err.user_message)


async def _sum_up_piece(parts: Parts, place: Place, roles: frozenset[str]) -> bool:
    """Sum up as many of the oldest turns as a model takes at once; False = everything fits."""
    context = await parts.context.of(place, at_most=NEWEST_TURNS, from_oldest=True)
    old = _falling_off(parts, context)
    if not old:
        return False
    chain = _summing_chain(parts, roles, context.model)
    count, said = written_out(old, context.summary.text, max_bytes=summing_bytes(_smallest_window(chain)))
    text = await _summary(parts, chain, said)
    await parts.context.keep_summary(place, Summary(old[count - 1].upto, text), model=chain[0].label)
    log.info("summary.kept", place=str(place), turns=count, model=chain[0].label)
    return True


def _summing_chain(parts: Parts, roles: frozenset[str], chosen: str) -> tuple[ModelConfig, ...]:
    """The model that sums up, where it is open to these roles, else the one that answers them; and what takes over."""
    answering = parts.models.for_person(roles, chosen)
    model = parts.models.for_summary(answering.label)
    return parts.models.chain(model.label if model.is_for(roles) else answering.label, roles)


def _smallest_window(chain: Sequence[ModelConfig]) -> int | None:
    return min((model.window_tokens for model in chain), key=budget_tokens)


def _falling_off(parts: Parts, context: Context) -> Sequence[Turn]:
    """The turns that do not fit the smallest room of the models that may answer here."""
    turns = turns_of(context, _names(parts, context))
    if len(context.turns) == NEWEST_TURNS:
        return turns[: len(turns) // 2]  # there may be more than a run is told
    fallen = (
        to_sum_up(
            turns,
            max_bytes=history_bytes(model.window_tokens),
            max_messages=model.history_messages,
            has_vision=bool(model.vision),
        )
        for model in _may_answer(parts, context.model)
    )
    return max(fallen, key=len)


def _may_answer(parts: Parts, chosen: str) -> list[ModelConfig]:
    """The orchestrator, and what was chosen or answers the usual roles in its place. Raises `ModelConfigError` when no
    model is configured."""
    models = parts.models
    labels = {models.default.label: models.default}
    for role in (parts.book.default_role, ADMIN):
        with contextlib.suppress(ModelConfigError):  # none is open to this role
            model = models.for_person(frozenset({role}), chosen)
            labels[model.label] = model
    if chosen in models.labels():
        labels[chosen] = models.get(chosen)
    return list(labels.values())


async def _summary(parts: Parts, chain: Sequence[ModelConfig], said: str) -> str:
    """What the first of these models that works makes of it. Raises `ModelError`, also when it is not whole."""
    messages = (message("system", SUMMARY_ASK), message("user", said))
    run = Run("summary", "", messages, model=chain[0].label)
    reply = await parts.clients.for_turn(chain).reply(messages, run=run, tools=b"")
    text = reply.text.strip()
    if not text or reply.is_cut or reply.finish not in ("stop", None):
        raise ModelError(chain[0].label, "it gave no whole summary")
    return text[:SUMMARY_CHARS]
