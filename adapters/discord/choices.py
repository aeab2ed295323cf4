"""What a person is asked privately after a button: how much to approve, why not, other arguments. Pure.

What was typed is read by whoever handles the submission, by the inputs' custom ids below.
"""

from __future__ import annotations

import discord
from discord import ui

from adapters import ids
from adapters.discord.markup import one_line, short_code, size
from adapters.offers import value_of
from adapters.visible import exact, exact_json
from bot.chat import Card

MAX_EDIT_CHARS = 4_000
"""Discord: the text input of a modal."""
MAX_REASON_CHARS = 500
MAX_OPTIONS, MAX_LABEL, MAX_TITLE = 25, 100, 45
MAX_MENU_CHARS = 3_500
REASON_INPUT = "reason"
ARGUMENTS_INPUT = "arguments"


def can_edit(card: Card) -> bool:
    """Do the arguments fit into a modal?"""
    return len(card.arguments) <= MAX_EDIT_CHARS and size(exact_json(card.arguments)) <= MAX_EDIT_CHARS


def offers_view(card: Card) -> ui.LayoutView:
    """The menu of the card's offers. What an option is too short for is said in full above it; an offer that cannot be
    said in full is not made."""
    texts = [f"**{short_code(card.tool, 80)}: for how long, and for what?**"]
    options: list[discord.SelectOption] = []
    for number, offer in enumerate(card.offers[:MAX_OPTIONS], 1):
        label = exact(offer.text).replace("\n", "\\u{a}")
        if size(label) > MAX_LABEL:
            full = f"{number}. {one_line(offer.text)}" if len(offer.text) <= MAX_MENU_CHARS else ""
            if not full or size("\n".join([*texts, full])) > MAX_MENU_CHARS:
                continue
            texts.append(full)
            label = _cut(f"{number}. {label}")
        options.append(discord.SelectOption(label=label or "…", value=value_of(offer)))
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay("\n".join(texts)))
    if options:
        view.add_item(ui.ActionRow(_menu(card, options)))
    return view


def _menu(card: Card, options: list[discord.SelectOption]) -> ui.Select[ui.LayoutView]:
    unique = list({option.value: option for option in options}.values())
    return ui.Select(custom_id=ids.custom_id("grant", card.approval_id), placeholder="Approve for…", options=unique)


def _cut(label: str) -> str:
    shown = label[: MAX_LABEL - 1]
    while size(shown) > MAX_LABEL - 1:
        shown = shown[:-1]
    return f"{shown}…"


def reason_modal(card: Card) -> ui.Modal:
    """Ask why something is denied. The answer comes as `denied`."""
    modal = ui.Modal(title="Deny with a reason", custom_id=ids.custom_id("denied", card.approval_id))
    words: ui.TextInput[ui.Modal] = ui.TextInput(
        style=discord.TextStyle.paragraph, custom_id=REASON_INPUT, max_length=MAX_REASON_CHARS
    )
    modal.add_item(ui.Label(text="Reason", description="The person who asked and the model are told.", component=words))
    return modal


def edit_modal(card: Card) -> ui.Modal:
    """Offer the arguments for changing. The answer comes as `edited`. Raises ValueError when they do not fit."""
    if not can_edit(card):
        raise ValueError("the arguments are too long for a modal")
    modal = ui.Modal(title="Edit the arguments", custom_id=ids.custom_id("edited", card.approval_id))
    words: ui.TextInput[ui.Modal] = ui.TextInput(
        style=discord.TextStyle.paragraph,
        custom_id=ARGUMENTS_INPUT,
        default=exact_json(card.arguments),
        max_length=MAX_EDIT_CHARS,
    )
    modal.add_item(ui.Label(text="Arguments", description="A JSON object. A change voids votes.", component=words))
    return modal
