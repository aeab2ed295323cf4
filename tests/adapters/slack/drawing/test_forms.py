"""What a person is shown in a modal after a button of a card."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.exact import unspelled
from adapters.offers import chosen
from adapters.slack.drawing.forms import edit_modal, look_modal, offers_modal, reason_modal
from adapters.text import size
from bot.chat import Offer
from tests.adapters.slack.drawing.test_cards import CARD, FAKE, OFFERS
from tests.adapters.slack.hostile import HOSTILE, NAMES, TEXTS
from tests.adapters.slack.showing import alive, buttons, checked_view, code, lines


def element(view: dict[str, Any]) -> dict[str, Any]:
    [found] = [block["element"] for block in view["blocks"] if block["type"] == "input"]
    return dict(found)


def test_a_modal_asks_for_a_reason() -> None:
    view = reason_modal(CARD)

    checked_view(view)
    assert view["callback_id"] == "nod:denied:a1"
    assert (element(view)["action_id"], element(view)["max_length"]) == ("reason", 500)
    assert lines(view["blocks"]) == ["Reason (The person who asked and the model are told.)"]


def test_what_is_edited_says_the_same_and_hides_nothing() -> None:
    view = edit_modal(replace(CARD, arguments='{"a": "\u202e`<!here>"}'))

    checked_view(view)
    assert view["callback_id"] == "nod:edited:a1"
    assert (element(view)["action_id"], element(view)["max_length"]) == ("arguments", 3_000)
    assert element(view)["initial_value"] == '{"a": "\\u202e`<!here>"}'


def test_what_fits_into_no_input_is_refused() -> None:
    checked_view(edit_modal(replace(CARD, arguments="x" * 3_000)))
    with pytest.raises(ValueError, match="too long"):
        edit_modal(replace(CARD, arguments="x" * 3_001))


# --- for how long ---


def options(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for block in view["blocks"] if block["type"] == "input" for one in block["element"]["options"]]


def test_the_menu_gives_back_the_offer_that_was_chosen() -> None:
    offered = replace(CARD, offers=OFFERS)

    view = offers_modal(offered)

    checked_view(view)
    assert view["callback_id"] == "nod:grant:a1"
    assert [one["text"]["text"] for one in options(view)] == [offer.text for offer in OFFERS]
    assert [chosen(offered, one["value"]) for one in options(view)] == list(OFFERS)
    assert lines(view["blocks"])[0] == "`files_write`*: for how long, and for what?*"


def test_an_offer_too_long_for_an_option_is_said_in_full_above() -> None:
    offer = Offer("always", "x", "always, with " + "x" * 500)

    view = offers_modal(replace(CARD, offers=(offer,)))

    checked_view(view)
    [option] = options(view)
    assert option["text"]["text"] == "1. always, with " + "x" * 58 + "…"
    assert f"1. {offer.text}" in lines(view["blocks"])


def test_an_offer_that_cannot_be_said_in_full_is_not_made() -> None:
    view = offers_modal(replace(CARD, offers=(Offer("always", "x", "x" * 13_000), OFFERS[0])))

    assert [one["text"]["text"] for one in options(view)] == [OFFERS[0].text]


def test_where_no_offer_can_be_made_nothing_can_be_sent() -> None:
    view = offers_modal(replace(CARD, offers=(Offer("always", "x", "x" * 13_000),)))

    checked_view(view)
    assert options(view) == []
    assert "submit" not in view


@settings(deadline=None, max_examples=60)
@given(st.lists(st.builds(Offer, TEXTS, TEXTS, TEXTS), max_size=20), TEXTS)
def test_no_menu_is_over_the_limits_or_alive(offers: list[Offer], tool: str) -> None:
    offered = replace(CARD, offers=tuple(offers), tool=tool)

    view = offers_modal(offered)

    checked_view(view)
    assert alive(view["blocks"]) == []
    assert len({one["value"] for one in options(view)}) == len(options(view)) <= 10
    for option in options(view):
        assert 0 < size(option["text"]["text"]) <= 75
        assert chosen(offered, option["value"]) in offers


# --- all of a private card ---


def test_a_private_card_is_shown_in_full_and_can_be_decided() -> None:
    view = look_modal(replace(CARD, is_private=True, offers=OFFERS, together="t1", together_count=2))

    checked_view(view)
    assert view["title"]["text"] == "Needs a nod"
    assert code(view["blocks"]) == [CARD.arguments]
    assert [*buttons(view["blocks"])] == [
        *("Approve", "Deny", "Deny with reason", "Edit", "Always…", "Approve all 2", "Deny all 2")
    ]


@pytest.mark.parametrize("text", ["x", "x" * 99 + "\n", "é👩", "\u202e", "`\n", '"\\'])
@pytest.mark.parametrize("length", [0, 1, 11_999, 12_001, 20_000])
def test_a_view_shows_long_arguments_to_the_last_character(text: str, length: int) -> None:
    arguments = (text * (length // len(text) + 1))[:length]

    view = look_modal(replace(CARD, arguments=arguments))

    checked_view(view)
    blocks = [part for part in view["blocks"] if part["type"] == "rich_text"]
    parts = [(code([one]), lines([one])) for one in blocks[1:-1]]
    shown = "".join(found[0] if found else said[0] for found, said in parts).replace("_The same line goes on:_", "")
    assert unspelled(shown).replace("\n", "") == (arguments.replace("\n", "") or " ")
    assert "Approve" in buttons(view["blocks"])


@pytest.mark.parametrize("arguments", ["x" * 200_001, "👩" * 30_000, "\u202e" * 60_000])
def test_what_no_view_can_show_in_full_can_only_be_denied(arguments: str) -> None:
    view = look_modal(replace(CARD, arguments=arguments))

    checked_view(view)
    assert [*buttons(view["blocks"])] == ["Deny", "Deny with reason"]
    assert "cannot be approved here" in json.dumps(view)


@pytest.mark.parametrize("state", ["approved", "denied", "expired", "cancelled"])
def test_a_decided_card_is_only_looked_at(state: Any) -> None:
    view = look_modal(replace(CARD, state=state))

    checked_view(view)
    assert buttons(view["blocks"]) == {}


@pytest.mark.parametrize("text", [*HOSTILE, *NAMES, FAKE])
def test_no_text_of_others_is_alive_in_a_modal(text: str) -> None:
    given_ = replace(CARD, tool=text, about=text, why=text, rule=text, asks=text, requester_name=text, offers=OFFERS)

    for view in (look_modal(given_), offers_modal(given_), reason_modal(given_), edit_modal(given_)):
        checked_view(view)
        assert [one for one in alive(view["blocks"]) if "app_redirect" not in one] in ([], ["<@U9>", "<#C1>"])
