"""How words may go on: verbs first, then people, tools, roles, durations, in the order a word takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from bot.admin.asking import Asking
from bot.admin.changing import CHANGING, DEFAULT
from bot.admin.whom import known_subjects
from bot.chat import Completion
from bot.models.registry import USUAL
from bot.policy.judge import ADMIN
from bot.policy.types import NONE
from bot.work import roles_of

Slot = Literal[
    "who", "tool", "for", "role", "approver", "approval", "grant", "grant_id", "model", "filter", "verb", "file", "data"
]
Slots = tuple[Slot, ...]
MAX_COMPLETIONS = 20


def completions(words: Mapping[str, tuple[str, str, Slots]], typed: str, asking: Asking) -> list[Completion]:
    """The ways to go on from what was typed: each the whole line."""
    done = typed.split()
    begun = done.pop() if done and not typed.endswith(" ") else ""
    if not done:
        return [
            Completion(name, f"{usage}: {about}") for name, (usage, about, _) in words.items() if _fits(name, begun)
        ]
    if done[0] not in words:
        return []
    slots = words[done[0]][2]
    at = len(done) - 1
    if at >= len(slots):
        return []
    before = " ".join(done)
    found = (one for one in _candidates(slots[at], asking) if _fits(one, begun))
    return [Completion(f"{before} {one}") for one in found][:MAX_COMPLETIONS]


def _fits(candidate: str, begun: str) -> bool:
    return candidate.casefold().lstrip("@&#").startswith(begun.casefold().lstrip("@&#"))


def _candidates(slot: Slot, asking: Asking) -> Iterable[str]:
    parts = asking.parts
    match slot:
        case "who":
            return known_subjects(asking)
        case "tool":
            return [spec.name for spec in parts.tools]
        case "role":
            return [*_roles(asking), DEFAULT]
        case "approver":
            return ["requester", "admin", "not_requester", NONE, DEFAULT, *_roles(asking), *known_subjects(asking)]
        case "for":
            return ["for 2h", "for 1d", "for 7d"]
        case "grant":
            return ["for run", "for thread", "for 8h", "for always"]
        case "model":
            return [*(one.label for one in parts.models.open_to(roles_of(parts, asking.actor))), USUAL]
        case "grant_id":
            return [
                one.id[:8] for one in asking.book.grants if asking.actor.key in (one.person, *one.given_by.split(","))
            ]
        case "verb":
            return sorted(CHANGING - {"link", "unlink"})
        case "filter":
            return ["who=", "tool=", "decision=", "outcome=", "event=", "since=7d", "limit=50", "as=csv"]
        case "file":
            return ["export", "diff", "import"]
        case "data":
            return ["export", "erase"]
        case _:
            return []


def _roles(asking: Asking) -> list[str]:
    named = {role for spec in asking.parts.tools for role in spec.roles or ()}
    named |= {rule.value for rule in asking.book.rules if rule.kind == "role"}
    return sorted(named | {"user", "guest", ADMIN})
