"""What the tests of the tools share: people, places, a policy from a dict, and a toolbox around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bot.engine.types import Actor, Effect, Permit, Place, Run, ToolCall, ToolFacts, Use, Verdict
from bot.tools.context import Services, ToolContext
from bot.tools.registry import spec_of
from bot.tools.toolbox import Toolbox

ALICE = Actor("web", "", "alice", "Alice")
RUN = Run("r1", "task", ())
ROOM = Place("web", "", "general")


def permit_from(outcomes: Mapping[str, str] | None = None) -> Permit:
    """Run everything but the tools named in `outcomes`."""

    def permit(facts: ToolFacts, use: Use | None) -> Verdict:
        outcome = (outcomes or {}).get(facts.name, "run")
        assert outcome in ("run", "ask", "deny")
        return Verdict(outcome, f"{outcome} by test", approver="requester")

    return permit


def box(
    functions: Iterable[Callable[..., object]],
    outcomes: Mapping[str, str] | None = None,
    *,
    services: Services | None = None,
    redact: Callable[[str], str] = str,
    max_result_chars: int = 16_000,
    only: frozenset[str] | None = None,
    place: Place = ROOM,
) -> Toolbox:
    return Toolbox(
        [spec_of(function) for function in functions],
        permit=permit_from(outcomes),
        actor=ALICE,
        place=place,
        services=services or Services(),
        redact=redact,
        max_result_chars=max_result_chars,
        only=only,
    )


def call(name: str, arguments: str = "", *, edited: str | None = None, definition: str = "") -> ToolCall:
    effect: Effect = "once"
    return ToolCall("c1", 1, "p1", "p1", name, arguments, effect=effect, edited=edited, definition=definition)


def context(services: Services | None = None, *, place: Place = ROOM, key: str = "r1:c1") -> ToolContext:
    return ToolContext(key, ALICE, place, services or Services())
