"""What a run is told at its beginning: what was said before, summed up where it does not fit, and the task."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.engine.types import Content, Message, Place, Run, TextPart, message
from bot.errors import BotError, ModelConfigError, ModelError
from bot.history import (
    SUMMARY_ASK,
    Turn,
    fit_history,
    history_bytes,
    seen_by,
    summary_message,
    to_sum_up,
    written_out,
)
from bot.models.config import ModelConfig
from bot.opening import opening
from bot.policy.judge import ADMIN
from bot.storage.context import NO_SUMMARY, Context, Summary
from bot.work import Parts, rights_of, role_of, toolbox_for

log = structlog.get_logger()

NEWEST_TURNS = 400
SUMMARY_CHARS = 6000


async def opened(parts: Parts, run: Run) -> Run:
    """Give a queued run its model and its first messages, with the history as it is now."""
    context = await parts.context.of(run.place, at_most=NEWEST_TURNS, run_id=run.id)
    model = parts.models.for_person(role_of(parts, run.requester), context.model)
    run = replace(run, model=model.label, max_rounds=rounds_of(parts, model))
    history = fit_history(
        turns_of(context),
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
    return replace(run, messages=messages, rights=rights_of(parts, run.requester))


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
    approvals = [one for run_id in waiting for one in await parts.reader.approvals_of_run(run_id)]
    return [f"{one.tool} (asked for by {one.requester.label})" for one in approvals if one.state == "pending"]


def turns_of(context: Context) -> list[Turn]:
    """Settled messages, grouped as they settled."""
    turns = []
    for run_id, group in itertools.groupby(context.turns, key=lambda turn: turn.run_id):
        for pair in [list(group)] if run_id else [[post] for post in group]:
            asked = next((turn for turn in pair if turn.role == "user"), None)
            answered = "\n".join(turn.text for turn in pair if turn.role == "assistant")
            attached = context.attachments.get(run_id or "", ())
            author, text = (asked.author, asked.text) if asked else ("", "")
            turns.append(Turn(author, text, answered, attached, upto=pair[-1].id))
    return turns


# --- summing up ----------------------------------------------------------------------------------------------------


async def sum_up(parts: Parts, place: Place) -> None:
    """Sum up the turns that will not fit any more, with what was summed up before, and keep that in their place.

    Where the model cannot, they stay as they are, and the next answer tries again.
    """
    context = await parts.context.of(place, at_most=NEWEST_TURNS)
    try:
        old = _falling_off(parts, context)
        if not old:
            return
        answering = parts.models.get(context.model) if context.model in parts.models.labels() else parts.models.default
        model = parts.models.for_summary(answering.label)
        text = await _summary(parts, model, context.summary, old)
    except (ModelError, BotError) as err:
        log.warning("summary.failed", place=str(place), why=err.user_message)
        return
    await parts.context.keep_summary(place, Summary(old[-1].upto, text), model=model.label)
    log.info("summary.kept", place=str(place), turns=len(old), model=model.label)


def _falling_off(parts: Parts, context: Context) -> Sequence[Turn]:
    """The turns that do not fit the smallest room of the models that may answer here."""
    turns = turns_of(context)
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
            model = models.for_person(role, chosen)
            labels[model.label] = model
    if chosen in models.labels():
        labels[chosen] = models.get(chosen)
    return list(labels.values())


async def _summary(parts: Parts, model: ModelConfig, before: Summary, old: Sequence[Turn]) -> str:
    """What the model makes of it. Raises `ModelError`, also for one that said nothing."""
    said = written_out(old, before.text if before is not NO_SUMMARY else "")
    messages = (message("system", SUMMARY_ASK), message("user", said))
    run = Run("summary", "", messages, model=model.label)
    reply = await parts.clients.for_turn(parts.models.chain(model.label)).reply(messages, run=run, tools=b"")
    text = reply.text.strip()
    if not text:
        raise ModelError(model.label, "it said nothing")
    return text[:SUMMARY_CHARS]
