"""Whom a delivery is for, what they may see of it, and what they are told where its place is gone. Pure."""

from __future__ import annotations

from collections.abc import Callable

from bot.chat import Answered, Card, CardShown, Delivery, Notice, Place


def member_of(place: Place, key: str) -> str:
    """The id of somebody of this place's own workspace, by their identity; "" for all others."""
    user = key.removeprefix(f"{place.platform}:{place.workspace}/")
    return user if user != key else ""


def named_by(card: Card) -> tuple[str, ...]:
    """The identities of those the rule of a card names, with who asked where that is who decides."""
    words = card.approver.replace(",", " ").split()
    return tuple(dict.fromkeys(card.requester if word == "requester" else word for word in words))


def may_see_all(card: Card, place: Place, person: str | None) -> bool:
    """Whether a card may show a private call's arguments there: to one person alone, who is asked for a decision.
    `person` is whom a direct talk is with; None for any other place."""
    if not card.is_private:
        return True
    return person is not None and (place != card.place or person in {member_of(place, one) for one in named_by(card)})


def is_copy(delivery: Delivery) -> bool:
    """Whether a card is shown there besides its own place."""
    return isinstance(delivery.event, CardShown) and delivery.event.card.place != delivery.place


def instead(delivery: Delivery, plain: Callable[[str], str]) -> str:
    """What is said to who asked, where it cannot be shown in its place, as Markdown. `plain` shows a sentence as it
    is."""
    match delivery.event:
        case Answered(_, text):
            return text
        case Notice(_, text):
            return plain(text)
        case CardShown(card):
            return f"{plain(card.tool)} waits for approval: `/nod approvals` lists it."
