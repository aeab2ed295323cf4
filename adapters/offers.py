"""How an offer of a card is known again when it is chosen from a menu. Pure."""

from __future__ import annotations

import hashlib
import json

from bot.chat import Card, Offer


def value_of(offer: Offer) -> str:
    """A short word that stands for an offer."""
    return hashlib.sha256(json.dumps([offer.grant, offer.pattern]).encode()).hexdigest()[:16]


def chosen(card: Card, value: str) -> Offer | None:
    """The offer that an option of the menu stands for; None when the card makes it no more."""
    return next((offer for offer in card.offers if value_of(offer) == value), None)
