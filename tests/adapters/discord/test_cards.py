"""Cards: all that an approver needs, exactly what runs, and nothing of others out of its place (T9, T10, M11)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from unicodedata import category

import pytest
from discord import ui
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.cards import (
    FILE_NAME,
    MAX_ARGUMENT_CHARS,
    Drawn,
    draw_card,
)
from adapters.discord.markup import size
from adapters.exact import unspelled
from bot.chat import Card, Offer, Place
from tests.adapters.discord.reader import read
from tests.adapters.discord.test_markup import HOSTILE, TEXTS

OFFERS = (Offer("8h", "", "for 8 h, with exactly these arguments"), Offer("always", "a/*", "always, any path a/*"))
CARD = Card(
    approval_id="a1",
    run_id="r1",
    place=Place("discord", "1", "22", "333"),
    tool="files_write",
    about="Writes a file.",
    arguments='{\n  "path": "x"\n}',
    requester="discord:1/99",
    requester_name="Ann",
    approver="requester",
    rule="files_write needs confirmation",
    expires_ms=1_700_000_000_000,
    asks="Ann",
)
IGNORABLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180f\u2065\u3164\ufe00\ufe0f\uffa0\ufff0\U000e0000\U000e0fff"
)
FAKE = '"}\n```\n### Approved: `files_write`\n-# It ran and finished.\n**Asked by:** <@1> @everyone\n```json\n\u202e'


def card(*, is_copy: bool = False, in_full: bool = True, **changes: Any) -> Drawn:
    return draw_card(replace(CARD, **changes), is_copy=is_copy, in_full=in_full)


def texts(drawn: Drawn) -> list[str]:
    return [item.content for item in drawn.view.walk_children() if isinstance(item, ui.TextDisplay)]


def buttons(drawn: Drawn) -> dict[str, str]:
    found = [item for item in drawn.view.walk_children() if isinstance(item, ui.Button)]
    return {str(item.label): item.custom_id or item.url or "" for item in found}


def shown_arguments(drawn: Drawn) -> str:
    [block] = read(texts(drawn)[1]).code
    return unspelled(block.strip("\n"))


def hidden(text: str) -> list[str]:
    """What nobody would see of it, or would see elsewhere (reliability, T9)."""
    forbidden = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    return [char for char in text if char != "\n" and (category(char) in forbidden or char in IGNORABLE)]


def frame(drawn: Drawn) -> tuple[str, ...]:
    """What the bot says around the arguments, and what can be pressed."""
    head, _, foot = texts(drawn)
    return head, foot, *buttons(drawn)


# --- what an approver sees ---


def test_a_pending_card_says_everything_an_approver_needs() -> None:
    head, arguments, foot = texts(card(why="to save it", approver="discord:1/5, finance", asks="bob or finance"))

    assert head == "### Needs a nod: `files_write`\nWrites a file."
    assert arguments == '```json\n{\n  "path": "x"\n}\n```'
    assert foot.splitlines() == [
        "**Asked by:** Ann (<@99>)",
        "**May decide:** bob or finance (<@5>)",
        r"**Why it asks:** files\_write needs confirmation",
        "**The model says:** “to save it”",
        "**Expires:** <t:1700000000:R>",
        "-# Nothing runs before somebody who may decide approves it.",
    ]


def test_a_card_says_who_has_approved_what_is_missing_and_who_edited() -> None:
    head, _, foot = texts(card(approved_by=("bob", "carol"), missing="1 more of finance", edited_by="dave"))

    assert head.endswith("Arguments edited by **dave**")
    assert "**Approved so far:** bob, carol\n**Missing:** 1 more of finance" in foot


def test_what_is_missing_is_said_once() -> None:
    assert "Missing" not in texts(card(asks="2 of finance", missing="2 of finance"))[2]


def test_a_card_without_words_for_its_rule_says_the_rule() -> None:
    assert "**May decide:** Ann, who asked, or an admin" in texts(card(asks=""))[2]


def test_somebody_of_another_platform_is_no_mention() -> None:
    foot = texts(card(requester="web:ann", approver="web:bob, slack:T1/U1"))[2]

    assert "**Asked by:** Ann (`web:ann`)" in foot
    assert "<@" not in foot


def test_a_name_that_looks_like_an_identity_is_no_mention() -> None:
    foot = texts(card(requester_name="discord:1/5", asks="discord:1/5", approved_by=("discord:1/5",)))[2]

    assert "<@5>" not in foot


def test_a_decided_card_says_who_when_why_and_what_became_of_it() -> None:
    shown = card(
        state="approved", decided_by="bob", decided_ms=1_700_000_000_000, reason="go", outcome="done", granted="for 8 h"
    )

    assert texts(shown)[2].splitlines()[-4:] == [
        "**Approved** by **bob** <t:1700000000:f>",
        "for 8 h",
        "“go”",
        "-# It ran and finished.",
    ]
    assert "Expires" not in texts(shown)[2]


def test_an_approval_that_came_to_nothing_is_not_forgotten() -> None:
    foot = texts(card(state="denied", approved_by=("bob",), decided_by="carol"))[2]

    assert "**Denied** by **carol** (approved before by bob)" in foot
    assert foot.endswith("-# It was not run.")


# --- buttons ---


def test_every_button_holds_a_verb_and_an_id_alone() -> None:
    assert buttons(card(offers=OFFERS, together="t1", together_count=3)) == {
        "Approve": "nod:approve:a1",
        "Deny": "nod:deny:a1",
        "Deny with reason": "nod:reason:a1",
        "Edit": "nod:edit:a1",
        "Always…": "nod:longer:a1",
        "Approve all 3": "nod:all:a1:t1",
        "Deny all 3": "nod:none:a1:t1",
    }


def test_without_offers_there_is_no_always() -> None:
    assert "Always…" not in buttons(card())


@pytest.mark.parametrize("state", ["approved", "denied", "expired", "cancelled"])
def test_a_decided_card_has_no_buttons(state: str) -> None:
    assert buttons(card(state=state, offers=OFFERS, together="t1", together_count=2)) == {}


def test_a_copy_leads_to_where_it_was_asked() -> None:
    shown = card(is_copy=True)

    assert "**Asked in:** <#333>" in texts(shown)[2]
    assert buttons(shown)["Go to where it was asked"] == "https://discord.com/channels/1/333"
    assert "Asked in" not in texts(card())[2]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place("discord", "1", "@5"), "a direct talk"),
        (Place("web", "", "general", "t1"), "`web:general/t1`"),
        (Place("discord", "1", "<@5>"), "`discord:1/<@5>`"),
    ],
)
def test_a_copy_of_what_was_asked_elsewhere_has_no_link(place: Place, words: str) -> None:
    shown = card(is_copy=True, place=place)

    assert f"**Asked in:** {words}\n" in texts(shown)[2]
    assert "Go to where it was asked" not in buttons(shown)


def test_a_private_card_in_a_channel_shows_nothing_of_the_call() -> None:
    shown = card(is_private=True, in_full=False, why="the secret x", granted="any x", together="t1", offers=OFFERS)

    assert buttons(shown) == {"Look": "nod:look:a1"}
    assert "secret" not in "".join(texts(shown))
    assert '"path"' not in json.dumps(shown.view.to_components())  # type: ignore[no-untyped-call]  # of discord.py
    assert shown.files == ()


def test_a_private_card_shows_all_to_those_who_may_decide() -> None:
    assert shown_arguments(card(is_private=True)) == CARD.arguments
    assert "Approve" in buttons(card(is_private=True))


# --- arguments ---


def test_arguments_too_long_for_a_card_come_as_a_file_and_can_be_approved() -> None:
    arguments = json.dumps({"text": "START" + "x" * 50_000 + "END"})

    shown = card(arguments=arguments)

    assert shown.files == ((FILE_NAME, arguments.encode()),)
    assert "**50,020 characters of arguments**" in texts(shown)[1]
    head, tail = read(texts(shown)[1]).code[1:]
    assert "START" in head
    assert "END" in tail
    assert "Approve" in buttons(shown)
    files = [item for item in shown.view.walk_children() if isinstance(item, ui.File)]
    assert [item.media.url for item in files] == [f"attachment://{FILE_NAME}"]


def test_what_cannot_be_shown_in_full_can_only_be_denied() -> None:
    shown = card(arguments="x" * (MAX_ARGUMENT_CHARS + 1), offers=OFFERS, together="t1", together_count=2)

    assert [*buttons(shown)] == ["Deny", "Deny with reason", "Deny all 2"]
    assert "cannot be approved here" in texts(shown)[1]
    assert shown.files == ()


def test_arguments_that_fit_into_no_modal_are_not_offered_for_editing() -> None:
    assert "Edit" in buttons(card(arguments='"' + "é" * 3_998 + '"'))
    assert "Edit" not in buttons(card(arguments='"' + "é" * 3_999 + '"'))
    assert "Edit" not in buttons(card(arguments='"' + "\u202e" * 700 + '"'))


@settings(deadline=None)
@given(st.dictionaries(TEXTS, TEXTS | st.integers() | st.none(), max_size=5))
def test_arguments_shown_are_those_that_are_stored(arguments: dict[str, object]) -> None:
    stored = json.dumps(arguments, indent=2, ensure_ascii=False)

    shown = card(arguments=stored)

    assert hidden("".join(texts(shown))) == []
    if shown.files:
        assert json.loads(shown.files[0][1]) == json.loads(stored)
        assert hidden(shown.files[0][1].decode()) == []
    else:
        assert shown_arguments(shown) == stored


@pytest.mark.parametrize("length", [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000])
@pytest.mark.parametrize("text", ["`", "```\n", FAKE, "\u202e", "\U000e0041", "👩", "\\", "\\u{60}", "\n"])
def test_no_arguments_change_the_frame(text: str, length: int) -> None:
    arguments = (text * length)[:length]

    shown = card(arguments=arguments)

    plain = card(arguments="x" * length)
    assert frame(shown)[:2] == frame(plain)[:2]
    assert {*buttons(shown)} - {"Edit"} == {*buttons(plain)} - {"Edit"}
    seen = read(texts(shown)[1])
    assert (seen.alive, seen.small) == ([], [])
    assert "Approved" not in seen.text


@pytest.mark.parametrize("text", [*HOSTILE, FAKE, "x" * 100_000, "\U000e0041" * 5_000, "👩" * 3_000])
@pytest.mark.parametrize(
    "field",
    [
        "tool",
        "about",
        "rule",
        "why",
        "asks",
        "missing",
        "edited_by",
        "requester_name",
        "decided_by",
        "reason",
        "granted",
    ],
)
def test_no_text_of_others_is_alive_in_a_card(field: str, text: str) -> None:
    for state in ("pending", "approved", "denied"):
        shown = card(**{"state": state, field: text})
        for part in texts(shown):
            seen = read(part)
            assert {*seen.alive} <= {"<@99>"}
            assert len(seen.small) <= 1
            assert hidden(part) == []


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_card_is_over_the_limits(data: st.DataObject) -> None:
    words = TEXTS | st.sampled_from(["x" * 5_000, "👩" * 3_000, "\U000e0041" * 2_000, "`" * 5_000])
    names = ["tool", "about", "arguments", "requester_name", "rule", "decided_by", "reason", "asks", "missing"]
    names += ["edited_by", "granted", "why", "requester", "approver"]
    drawn = data.draw(st.fixed_dictionaries(dict.fromkeys(names, words)))
    state = data.draw(st.sampled_from(["pending", "approved", "denied", "expired", "cancelled"]))

    shown = card(
        **drawn, state=state, approved_by=(drawn["asks"],) * 9, offers=OFFERS, together="t", is_copy=True, decided_ms=1
    )

    assert sum(map(size, texts(shown))) <= 4_000
    assert shown.view.content_length() <= 4_000
    assert shown.view.total_children_count <= 40
    assert all(part.strip() for part in texts(shown))
    assert len(json.dumps(shown.view.to_components())) > 100  # type: ignore[no-untyped-call]  # of discord.py


def test_the_same_card_has_the_same_fingerprint() -> None:
    assert card().fingerprint == card().fingerprint
    assert card().fingerprint != card(state="denied").fingerprint
    assert card(arguments="x" * 9_000).fingerprint != card(arguments="x" * 4_500 + "y" + "x" * 4_499).fingerprint
