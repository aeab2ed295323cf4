"""The first words in a workspace, and the one word strangers get."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from bot.engine.types import Place
from bot.policy.approvers import in_words, parse_approvers
from bot.tools.registry import ToolSpec
from bot.work import Parts

TOLD_AGAIN_AFTER_MS = 3_600_000
MAX_STRANGERS = 10_000


class Strangers:
    """Who was told that they may not talk here: once an hour is enough. What this process forgets is told again."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, int] = OrderedDict()

    def was_told(self, key: str, now_ms: int) -> bool:
        """Whether this person was told within the hour; they are from now on."""
        if now_ms - self._told.get(key, -TOLD_AGAIN_AFTER_MS) < TOLD_AGAIN_AFTER_MS:
            return True
        self._told[key] = now_ms
        self._told.move_to_end(key)
        while len(self._told) > MAX_STRANGERS:
            self._told.popitem(last=False)
        return False


def welcome(parts: Parts, place: Place, now_ms: int) -> str:
    """What the bot can do here, who approves, and what is missing, as Markdown."""
    tools = [spec for spec in parts.tools if spec.is_available(parts.services)]
    free = [spec for spec in tools if not spec.confirm and _is_for_members(spec)]
    gated = [spec for spec in tools if spec.confirm and _is_for_members(spec)]
    lines = [
        "Hello, I am Nod. Write to me, and I answer; where it helps, I use tools, and I ask before I do what matters.",
        f"- Without asking: {_names(free)}",
        f"- After somebody approved it: {_names(gated)}",
        f"- Who approves: {_approvers(parts, gated)}",
        "- `/nod help` lists what you can write to me; `/nod-admin help` what admins can.",
        *(f"- **Missing**: {one}" for one in missing(parts, place, now_ms)),
    ]
    return "\n".join(lines)


def missing(parts: Parts, place: Place, now_ms: int) -> list[str]:
    """What keeps the bot from its work in this workspace, each with what to do about it."""
    found = []
    if not parts.book.admins_in(place.scope, now_ms):
        who = f"{place.scope}{'' if place.scope.endswith(':') else '/'}<your id>"
        found.append(f"nobody is an admin here; the operator sets `ADMINS={who}` and restarts me.")
    if not parts.models.labels():
        found.append("no model is configured; the operator sets `MODEL_API_URL` and `MODEL_NAME`.")
    return found


def _approvers(parts: Parts, gated: Iterable[ToolSpec]) -> str:
    """The usual approver, and those of the tools that have their own."""
    usual = _in_words(parts.book.default_approver)
    own = [f"{spec.name}: {_in_words(spec.approver)}" for spec in gated if spec.approver]
    return "; ".join([usual, *own])


def _in_words(approver: str) -> str:
    return in_words(parse_approvers(approver), "whoever asked")


def _is_for_members(spec: ToolSpec) -> bool:
    return spec.roles is None or "user" in spec.roles


def _names(specs: Iterable[ToolSpec]) -> str:
    return ", ".join(f"`{spec.name}`" for spec in specs) or "nothing"
