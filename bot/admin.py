"""The words after `/nod`, once for all doors: read them, do what they say, answer with a sentence for that person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from difflib import get_close_matches

from bot.engine.types import Actor, Place
from bot.models.config import ModelConfig
from bot.models.registry import USUAL
from bot.storage.audit import AuditRows
from bot.work import Parts, refresh_book, role_of

HELP = {
    "help": "what you can write here",
    "model": "which models may answer here; `/nod model LABEL` chooses one, `/nod model usual` lets it go",
    "stop": "stop what I am working on for you here",
}
Stop = Callable[[Place, Actor], Awaitable[str]]


class Words:
    """Does what people write after `/nod`. Who asks is who the platform verified; what they write grants nothing."""

    def __init__(self, parts: Parts, audit: AuditRows, stop: Stop) -> None:
        self._parts = parts
        self._audit = audit
        self._stop = stop

    async def do(self, place: Place, actor: Actor, words: str) -> str:
        """Do it, and give the sentence to show to this person alone."""
        await refresh_book(self._parts)
        word, *rest = words.split() or ["help"]
        match word.lower():
            case "help":
                return self._help()
            case "model":
                return await self._model(place, actor, rest)
            case "stop":
                return await self._stop(place, actor)
            case unknown:
                close = get_close_matches(unknown, HELP, n=1)
                hint = f"Did you mean `/nod {close[0]}`?" if close else "`/nod help` lists them."
                return f"There is no word {unknown[:40]!r} after `/nod`. {hint}"

    def _help(self) -> str:
        return "\n".join(f"- `/nod {word}`: {what}" for word, what in HELP.items())

    async def _model(self, place: Place, actor: Actor, rest: list[str]) -> str:
        role = role_of(self._parts, actor)
        models = self._parts.models
        if not rest:
            answers = models.for_person(role, await self._parts.context.model_of(place))
            return "\n".join(_line(one, answers.label, models.default.label) for one in models.open_to(role))
        label = rest[0]
        if label == USUAL:
            await self._choose(place, actor, "")
            return f"From your next message on, {models.for_person(role).label} answers here as usual."
        if label not in {one.label for one in models.open_to(role)}:
            open_to = ", ".join(one.label for one in models.open_to(role)) or "none"
            return f"There is no model {label[:60]!r} for you. Models: {open_to}."
        await self._choose(place, actor, label)
        return f"From the next message on, {label} answers here."

    async def _choose(self, place: Place, actor: Actor, label: str) -> None:
        await self._parts.context.choose_model(place, label)
        await self._audit.note_choice(actor=actor.key, place=str(place), model=label or USUAL)


def _line(model: ModelConfig, answering: str, usual: str) -> str:
    """One model of the list: its label, what it is, and what is special about it."""
    facts = [model.model_name]
    if model.context_k is not None:
        facts.append(f"{model.context_k:g}k tokens")
    if model.vision:
        facts.append("sees images")
    if model.tools is False:
        facts.append("no tools")
    if model.prices is not None:
        facts.append(f"${model.prices.input:g} / ${model.prices.output:g} per million tokens")
    marks = {answering: ["answers here"]}.get(model.label, []) + {usual: ["usual"]}.get(model.label, [])
    label = f"**{model.label}** ({', '.join(marks)})" if marks else model.label
    return f"- {label}: {', '.join(facts)}"
