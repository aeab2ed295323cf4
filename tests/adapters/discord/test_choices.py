"""What a person is asked privately after a button."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from discord import ui
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.choices import edit_modal, offers_view, reason_modal
from adapters.discord.markup import size
from adapters.offers import chosen
from bot.chat import Offer
from tests.adapters.discord.reader import read
from tests.adapters.discord.test_cards import CARD, OFFERS
from tests.adapters.discord.test_markup import TEXTS


def options(view: ui.LayoutView) -> list[Any]:
    return [option for item in view.walk_children() if isinstance(item, ui.Select) for option in item.options]


def test_the_menu_gives_back_the_offer_that_was_chosen() -> None:
    offered = replace(CARD, offers=OFFERS)

    shown = options(offers_view(offered))

    assert [option.label for option in shown] == [offer.text for offer in OFFERS]
    assert [chosen(offered, option.value) for option in shown] == list(OFFERS)
    assert chosen(CARD, shown[0].value) is None


def test_an_offer_too_long_for_an_option_is_said_in_full_above() -> None:
    offer = Offer("always", "x", "always, with " + "x" * 500)

    view = offers_view(replace(CARD, offers=(offer,)))

    [option] = options(view)
    [said] = [item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay)]
    assert len(option.label) == 100
    assert option.label.startswith("1. always, with xx")
    assert f"1. {offer.text}" in said


def test_an_offer_that_cannot_be_said_in_full_is_not_made() -> None:
    view = offers_view(replace(CARD, offers=(Offer("always", "x", "x" * 5_000), OFFERS[0])))

    assert [option.label for option in options(view)] == [OFFERS[0].text]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.builds(Offer, TEXTS, TEXTS, TEXTS), max_size=40))
def test_no_menu_is_over_the_limits_or_alive(offers: list[Offer]) -> None:
    offered = replace(CARD, offers=tuple(offers))

    view = offers_view(offered)

    assert view.content_length() <= 4_000
    assert len(options(view)) <= 25
    for option in options(view):
        assert 0 < size(option.label) <= 100
        assert chosen(offered, option.value) in offers
    for item in view.walk_children():
        if isinstance(item, ui.TextDisplay):
            assert read(item.content).alive == []


def test_a_modal_asks_for_a_reason() -> None:
    shown = reason_modal(CARD).to_dict()

    assert shown["custom_id"] == "nod:denied:a1"
    assert shown["components"][0]["component"]["custom_id"] == "reason"
    assert shown["components"][0]["component"]["max_length"] == 500


def test_what_is_edited_says_the_same_and_hides_nothing() -> None:
    shown = edit_modal(replace(CARD, arguments='{"a": "\u202e`"}')).to_dict()

    assert shown["custom_id"] == "nod:edited:a1"
    assert shown["components"][0]["component"]["value"] == '{"a": "\\u202e`"}'


def test_what_fits_into_no_modal_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        edit_modal(replace(CARD, arguments="x" * 4_001))
