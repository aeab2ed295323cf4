"""Cards that several people decide, that are edited, and that are approved for longer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.visible import exact, exact_json
from bot.chat import Offer
from tests.adapters.web.test_markdown import seen
from tests.adapters.web.test_render import card

HOSTILE = '</p><img src=x onerror=alert(1)> " \u202e'
OFFERS = (Offer("8h", "", "for 8h, with exactly these arguments"), Offer("always", "path like a/*", "for any path a/*"))


def attribute_of(html: str, name: str) -> list[str]:
    return sorted(value for found, value in seen(html).attributes if found == name)


def test_who_may_decide_is_said_in_the_words_of_the_service() -> None:
    html = card(asks="2 of finance, but not alice").html

    assert "<dd>2 of finance, but not alice</dd>" in html
    assert "It waits for 2 of finance, but not alice." in html
    assert "who asked" not in html


def test_a_card_says_who_has_approved_and_what_is_missing() -> None:
    shown = card(asks="2 of finance", approved_by=("web:bob", "slack:T1/U1"), missing="1 more of finance")

    assert "Approved by bob, slack:T1/U1; 1 more of finance" in seen(shown.html).text
    assert shown.says == (
        "Approval needed: files_write, asked by alice. Approved by bob, slack:T1/U1; 1 more of finance."
    )


def test_what_is_missing_is_said_once() -> None:
    assert "Missing: 2 of finance" in seen(card(asks="finance", missing="2 of finance").html).text
    assert "card-votes" not in card(asks="2 of finance", missing="2 of finance").html
    assert "card-votes" not in card().html


def test_a_card_that_several_approved_names_them_all() -> None:
    text = seen(card(state="approved", approved_by=("bob", "carol"), decided_by="carol").html).text

    assert "Approved by bob, carol" in text
    assert "more of" not in text


def test_an_approval_that_came_to_nothing_is_not_forgotten() -> None:
    text = seen(card(state="denied", approved_by=("bob",), decided_by="carol").html).text

    assert "Denied by carol (approved before by bob)" in text


@pytest.mark.parametrize("state", ["pending", "approved", "denied"])
def test_a_card_says_who_edited_its_arguments(state: str) -> None:
    assert "Arguments edited by carol" in seen(card(state=state, edited_by="web:carol").html).text
    assert "edited" not in card(state=state).html


def test_an_edit_is_read_out() -> None:
    assert card(edited_by="carol").says.endswith("Arguments edited by carol.")


def test_a_decided_card_says_what_was_granted_beside_it() -> None:
    granted = "also for 8h, with exactly these arguments"

    assert granted in seen(card(state="approved", granted=granted).html).text
    assert "card-granted" not in card(state="approved").html


def test_the_ways_to_approve_for_longer_are_listed_by_their_text() -> None:
    html = card(offers=OFFERS).html

    assert "Approve for…" in html
    assert ">for 8h, with exactly these arguments</button>" in html
    assert [json.loads(value) for value in attribute_of(html, "data-offer")] == [
        {"grant": "8h", "pattern": ""},
        {"grant": "always", "pattern": "path like a/*"},
    ]


def test_without_offers_there_is_no_menu() -> None:
    assert "menu" not in card().html


@pytest.mark.parametrize("state", ["approved", "denied", "expired", "cancelled"])
def test_a_decided_card_offers_nothing(state: str) -> None:
    found = seen(card(state=state, offers=OFFERS).html)

    assert "button" not in found.tags
    assert "data-arguments" not in {name for name, _ in found.attributes}


def test_what_cannot_be_shown_in_full_cannot_be_approved_for_longer_or_edited() -> None:
    html = card(arguments='"' + "a" * 200_000 + '"', offers=OFFERS).html

    assert "data-offer" not in html
    assert "menu" not in html
    assert "data-arguments" not in html
    assert 'data-verb="deny"' in html


def test_arguments_too_long_to_be_saved_are_not_offered_for_editing() -> None:
    assert "data-arguments" in card(arguments='"' + "é" * 32_767 + '"').html
    assert "data-arguments" not in card(arguments='"' + "é" * 32_768 + '"').html


@pytest.mark.parametrize("field", ["asks", "missing", "edited_by", "granted"])
def test_no_new_field_of_a_card_is_markup(field: str) -> None:
    for state in ("pending", "approved", "denied"):
        shown = card(**{"state": state, field: HOSTILE})
        assert "<img" not in shown.html
        assert "\u202e" not in shown.html + shown.says


def test_nobody_who_approved_is_markup() -> None:
    for state in ("pending", "approved", "denied"):
        shown = card(state=state, approved_by=(HOSTILE, "bob"), missing="1 more")
        assert "<img" not in shown.html
        assert "\u202e" not in shown.html + shown.says
        assert attribute_of(shown.html, "data-voters") == [json.dumps([HOSTILE, "bob"])]


def test_no_offer_is_markup_and_its_pattern_comes_back_to_the_last_character() -> None:
    html = card(offers=(Offer(HOSTILE, HOSTILE + "\r\0\ud800", HOSTILE),)).html

    assert "<img" not in html
    assert "\u202e" not in html
    assert "\\u{202e}" in seen(html).text
    held = json.loads(attribute_of(html, "data-offer")[0])
    assert held == {"grant": HOSTILE, "pattern": HOSTILE + "\r\0\ud800"}


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_adds_an_element(asks: str, name: str, granted: str, pattern: str) -> None:
    offers = (Offer(granted, pattern, asks),)
    shown = card(asks=asks, approved_by=(name,), missing=granted, edited_by=name, offers=offers)

    expected = seen(card(asks="a", approved_by=("b",), missing="c", edited_by="d", offers=OFFERS).html).tags
    assert seen(shown.html).tags <= expected | {"span"}


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_what_is_edited_says_the_same_and_hides_nothing(arguments: dict[str, object]) -> None:
    shown = exact_json(json.dumps(arguments, indent=2, ensure_ascii=False))

    assert json.loads(shown) == arguments
    assert "\u202e" not in shown


def test_a_hidden_character_is_written_as_json_writes_it() -> None:
    arguments = '{"path": "a\u202eb", "tag": "\U000e0041"}'

    assert exact_json(arguments) == '{"path": "a\\u202eb", "tag": "\\udb40\\udc41"}'
    assert exact(exact_json(arguments)) == exact_json(arguments)
    assert attribute_of(card(arguments=arguments).html, "data-arguments") == [exact_json(arguments)]
