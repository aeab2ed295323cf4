"""What a person is shown in a modal after a button of a card: how much to approve, why not, other arguments, all of a
private card. Pure.

Each has one input at most; what was typed or chosen comes with the modal's callback id, which names the approval.
"""

from __future__ import annotations

from adapters.ids import Verb, custom_id
from adapters.offers import value_of
from adapters.slack.drawing.blocks import code, plain, rich, section, words
from adapters.slack.drawing.cards import MAX_EDIT_CHARS, can_edit, in_full
from adapters.slack.handlers import Body
from adapters.text import cut, size
from adapters.visible import exact, exact_json
from adapters.wording import CARD_WORDS
from bot.chat import Card, Offer

MAX_REASON_CHARS = 500
MAX_OPTIONS, MAX_LABEL = 10, 75
"""Slack: radio buttons, and the text of one (docs, "Radio button group", "Option object")."""
MAX_MENU_CHARS = 12_000
REASON_INPUT, ARGUMENTS_INPUT, OFFER_INPUT = "reason", "arguments", "offer"


def reason_modal(card: Card) -> Body:
    """Ask why something is denied. The answer comes as `denied`."""
    words_ = {"type": "plain_text_input", "multiline": True, "max_length": MAX_REASON_CHARS, "focus_on_load": True}
    asked = _input(REASON_INPUT, "Reason", words_, hint="The person who asked and the model are told.")
    return _modal("denied", card, "Deny with a reason", "Deny", [asked])


def edit_modal(card: Card) -> Body:
    """Offer the arguments for changing. The answer comes as `edited`. Raises ValueError when they do not fit."""
    if not can_edit(card):
        raise ValueError("the arguments are too long for a modal")
    given = {
        "type": "plain_text_input",
        "multiline": True,
        "initial_value": exact_json(card.arguments),
        "max_length": MAX_EDIT_CHARS,
    }
    asked = _input(ARGUMENTS_INPUT, "Arguments", given, hint="A JSON object. A change voids votes.")
    return _modal("edited", card, "Edit the arguments", "Run this instead", [asked])


def offers_modal(card: Card) -> Body:
    """The card's offers. The answer comes as `grant`. What an option is too short for is said in full above it; an
    offer that cannot be said in full is not made."""
    lines, room = [_question(card)], MAX_MENU_CHARS
    options: dict[str, Body] = {}
    for number, offer in enumerate(card.offers[:MAX_OPTIONS], 1):
        label = exact(offer.text.replace("\n", " "))
        if size(label) > MAX_LABEL:
            full = f"{number}. {label}"
            if size(full) > room:
                continue
            room -= size(full)
            lines.append([words(full)])
            label = _cut(full)
        options.setdefault(value_of(offer), _option(offer, label or "…"))
    blocks = [rich(section(lines))]
    if options:
        blocks.append(_input(OFFER_INPUT, "Approve", {"type": "radio_buttons", "options": [*options.values()]}))
    return _modal("grant", card, "Approve for longer", "Approve" if options else "", blocks)


def look_modal(card: Card, *, team: str = "") -> Body:
    """The card for one person alone who may see all of it, to be decided there. `team` is their workspace, where that
    is not the card's."""
    return {
        "type": "modal",
        "title": plain(CARD_WORDS[card.state]),
        "close": plain("Close"),
        "blocks": [*in_full(card, team=team)],
    }


def _question(card: Card) -> list[Body]:
    shown, note = cut(card.tool, MAX_LABEL, lambda part: exact(part.replace("\n", " ")))
    return [code(shown or " "), words(f"{note}: for how long, and for what?", is_bold=True)]


def _option(offer: Offer, label: str) -> Body:
    return {"text": plain(label), "value": value_of(offer)}


def _cut(label: str) -> str:
    shown = label[: MAX_LABEL - 1]
    while size(shown) > MAX_LABEL - 1:
        shown = shown[:-1]
    return f"{shown}…"


def _input(name: str, label: str, element: Body, *, hint: str = "") -> Body:
    shown = {"type": "input", "block_id": name, "label": plain(label), "element": {**element, "action_id": name}}
    return {**shown, "hint": plain(hint)} if hint else shown


def _modal(verb: Verb, card: Card, title: str, submit: str, blocks: list[Body]) -> Body:
    shown: Body = {
        "type": "modal",
        "callback_id": custom_id(verb, card.approval_id),
        "title": plain(title),
        "close": plain("Cancel"),
        "blocks": blocks,
    }
    return {**shown, "submit": plain(submit)} if submit else shown
