"""Words on a conversation: which model answers in it, and beginning it anew."""

from __future__ import annotations

from bot.admin.asking import Asking
from bot.models.config import ModelConfig
from bot.models.registry import USUAL
from bot.work import roles_of


async def model(asking: Asking) -> str:
    """List the models this person may choose from, or choose one for this conversation."""
    parts = asking.parts
    roles = roles_of(parts, asking.actor)
    models = parts.models
    if not asking.rest:
        answers = models.for_person(roles, await parts.context.model_of(asking.place))
        return "\n".join(_line(one, answers.label, models.default.label) for one in models.open_to(roles))
    label = asking.rest.split()[0]
    if label == USUAL:
        await _choose(asking, "")
        return f"From your next message on, {models.for_person(roles).label} answers here as usual."
    if label not in {one.label for one in models.open_to(roles)}:
        open_to = ", ".join(one.label for one in models.open_to(roles)) or "none"
        return f"There is no model {label[:60]!r} for you. Models: {open_to}."
    await _choose(asking, label)
    return f"From the next message on, {label} answers here."


async def _choose(asking: Asking, label: str) -> None:
    await asking.parts.context.choose_model(asking.place, label)
    await asking.tools.audit.note_choice(actor=asking.actor.key, place=str(asking.place), model=label or USUAL)


def _line(one: ModelConfig, answering: str, usual: str) -> str:
    """One model of the list: its label, what it is, and what is special about it."""
    facts = [one.model_name]
    if one.context_k is not None:
        facts.append(f"{one.context_k:g}k tokens")
    if one.vision:
        facts.append("sees images")
    if one.tools is False:
        facts.append("no tools")
    if one.prices is not None:
        facts.append(f"${one.prices.input:g} / ${one.prices.output:g} per million tokens")
    marks = {answering: ["answers here"]}.get(one.label, []) + {usual: ["usual"]}.get(one.label, [])
    label = f"**{one.label}** ({', '.join(marks)})" if marks else one.label
    return f"- {label}: {', '.join(facts)}"


async def reset_thread(asking: Asking) -> str:
    """Let the next message begin without what was said before."""
    await asking.parts.context.forget(asking.place)
    return "Forgotten: from your next message on I begin anew here. What was said stays to be read by people."
