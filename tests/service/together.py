"""Several calls of one reply, and the click that decides all of them."""

from __future__ import annotations

from bot import chat
from bot.chat import Actor, Card, Click
from tests.models.endpoint import calls
from tests.service.kit import ALICE, ROOT, Bench

THREE = calls(*(("deploy", {"version": str(number)}) for number in (1, 2, 3)))
MIXED = calls(("deploy", {"version": "1"}), ("pay", {"amount": 5}), ("pause", {}))


async def waiting(one: Bench) -> list[Card]:
    """What waits of the first reply, as it would be drawn now, in the order of the calls."""
    cards = {card.approval_id: card for card in await one.service.pending(ROOT)}
    if not cards:
        return []
    first = await one.app.approvals.approval(next(iter(cards)))
    assert first is not None
    return [cards[approval_id] for approval_id in first.together]


async def at_once(
    one: Bench, card: Card, verb: chat.Verb = "approve", *, actor: Actor = ALICE, reason: str = "", grant: str = "once"
) -> chat.Outcome:
    click = Click(card.approval_id, verb, actor, reason, grant=grant, together=card.together)
    outcome = await one.service.decide(click)
    await one.service.idle()
    return outcome


async def drawn(one: Bench) -> list[tuple[str, int]]:
    """What the cards offer that people see now, of what waits."""
    seen = [one.adapter.cards()[card.approval_id] for card in await waiting(one)]
    return [(card.together, card.together_count) for card in seen]


async def stored(one: Bench) -> list[tuple[str, int]]:
    return [(card.together, card.together_count) for card in await waiting(one)]
