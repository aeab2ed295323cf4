"""Cards: all an approver needs, exactly what runs, and nothing of others out of its place (T9, T10, M11, row 44)."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.exact import unspelled
from adapters.slack.drawing.blocks import weight
from adapters.slack.drawing.cards import FILE_NAME, MAX_ARGUMENT_CHARS, MAX_CARD, Drawn, draw_card, summary
from bot.chat import Card, Offer, Place
from tests.adapters.slack.hostile import HOSTILE, NAMES, TEXTS
from tests.adapters.slack.showing import alive, buttons, checked, code, lines

OFFERS = (Offer("8h", "", "for 8 h, with exactly these arguments"), Offer("always", "a/*", "always, any path a/*"))
CARD = Card(
    approval_id="a1",
    run_id="r1",
    place=Place("slack", "T1", "C1", "1700000000.000100"),
    tool="files_write",
    about="Writes a file.",
    arguments='{\n  "path": "x"\n}',
    requester="slack:T1/U9",
    requester_name="Ann",
    approver="requester",
    rule="files_write needs confirmation",
    expires_ms=1_700_000_000_000,
    asks="Ann",
)
STATES = ("pending", "approved", "denied", "expired", "cancelled")
IGNORABLE = frozenset("\u034f\u115f\u17b4\u180b\u2065\u3164\ufe00\ufe0f\uffa0\ufff0\U000e0000\U000e0fff")
FAKE = '"}\n```\n*Approved: files_write*\nIt ran and finished.\nAsked by: <@U1> <!channel> @here\n```json\n\u202e'
ORIGIN = "https://slack.com/app_redirect?team=T1&channel=C1"


def card(*, is_copy: bool = False, in_full: bool = True, team: str = "", origin: str = "", **changes: Any) -> Drawn:
    return draw_card(replace(CARD, **changes), is_copy=is_copy, in_full=in_full, team=team, origin=origin)


def hidden(text: str) -> list[str]:
    """What nobody would see of it, or would see elsewhere (reliability, T9)."""
    forbidden = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    return [char for char in text if char != "\n" and (category(char) in forbidden or char in IGNORABLE)]


def frame(drawn: Drawn) -> list[str]:
    """What the bot says around the arguments, and what can be pressed."""
    said = [line for line in lines(drawn.blocks) if "characters of arguments" not in line]
    in_code = {line for block in code(drawn.blocks) for line in ["```", "…", *block.split("\n")]}
    return [*(line for line in said if line not in in_code), *(one for one in buttons(drawn.blocks) if one != "Edit")]


# --- what an approver sees ---


def test_a_pending_card_says_everything_an_approver_needs() -> None:
    shown = card(why="to save it", approver="slack:T1/U5, finance", asks="bob or finance")

    checked(shown.blocks)
    assert lines(shown.blocks) == [
        "*Needs a nod: *`files_write`",
        "Writes a file.",
        "```",
        "{",
        '  "path": "x"',
        "}",
        "```",
        "*Asked by: *Ann (<@U9>)",
        "*May decide: *bob or finance",
        "*Why it asks: *files_write needs confirmation",
        "*The model says: *“to save it”",
        "*Expires: *<1700000000>",
        "mrkdwn: <@U5>",
        "small: Nothing runs before somebody who may decide approves it.",
    ]
    assert shown.text == "Needs a nod: files_write, asked for by Ann"
    assert shown.files == ()


def test_a_card_says_who_has_approved_what_is_missing_and_who_edited() -> None:
    shown = lines(card(approved_by=("bob", "carol"), missing="1 more of finance", edited_by="dave").blocks)

    assert "Arguments edited by *dave*" in shown
    assert "*Approved so far: *bob, carol" in shown
    assert "*Missing: *1 more of finance" in shown


def test_whom_a_rule_names_is_mentioned_where_it_says_who_may_decide() -> None:
    approver = "2 of slack:T1/U5, group:slack:T1/S7, slack:T2/U8"
    asks = "2 of slack:T1/U5, somebody of group:slack:T1/S7 or slack:T2/U8"
    shown = card(approver=approver, asks=asks, missing="1 more of group:slack:T1/S7 or slack:T1/U6")

    checked(shown.blocks)
    said = lines(shown.blocks)
    assert "*May decide: *2 of <@U5>, somebody of <!subteam^S7> or slack:T2/U8" in said
    assert "*Missing: *1 more of <!subteam^S7> or slack:T1/U6" in said
    assert [line for line in said if line.startswith("mrkdwn")] == []


def test_what_is_missing_is_said_once() -> None:
    assert "Missing" not in str(card(asks="2 of finance", missing="2 of finance").blocks)


def test_a_card_without_words_for_its_rule_says_the_rule() -> None:
    assert "*May decide: *Ann, who asked, or an admin" in lines(card(asks="").blocks)


def test_those_a_rule_names_are_pinged_once_each_while_it_waits() -> None:
    approver = "2 of slack:T1/U5, slack:T1/U5, group:slack:T1/S7, slack:T2/U8, group:slack:T2/S8, web:U6, slack:T1/S1"

    assert "mrkdwn: <@U5> <!subteam^S7>" in lines(card(approver=approver).blocks)
    assert "mrkdwn: <@U8> <!subteam^S8>" in lines(card(approver=approver, team="T2").blocks)
    for state in STATES[1:]:
        assert "mrkdwn" not in str(card(approver=approver, state=state).blocks)


@pytest.mark.parametrize("approver", ["xslack:T1/U5", "slack:T1/U5>", "slack:T1/U5x", "slack:T1/u5", "slack:/U5"])
def test_what_is_no_identity_of_slack_pings_nobody(approver: str) -> None:
    assert [one for one in alive(card(approver=approver).blocks) if one not in ("<@U9>", "<@U5>")] == []


@pytest.mark.parametrize("requester", ["web:ann", "discord:1/99", "slack:T2/U9", "slack:T1/U9 <!here>"])
def test_who_asked_from_elsewhere_is_no_mention(requester: str) -> None:
    shown = card(requester=requester)

    assert f"*Asked by: *Ann (`{requester}`)" in lines(shown.blocks)
    assert alive(shown.blocks) == []


def test_a_name_that_looks_like_an_identity_is_no_mention() -> None:
    shown = card(requester_name="slack:T1/U5", asks="slack:T1/U5", approved_by=("<@U5>",))

    assert alive(shown.blocks) == ["<@U9>"]


def test_a_decided_card_says_who_when_why_and_what_became_of_it() -> None:
    shown = card(
        state="approved", decided_by="bob", decided_ms=1_700_000_000_000, reason="go", outcome="done", granted="for 8 h"
    )

    assert lines(shown.blocks)[-4:] == [
        "*Approved* by *bob* <1700000000>",
        "for 8 h",
        "“go”",
        "small: It ran and finished.",
    ]
    assert "Expires" not in str(shown.blocks)
    assert shown.text == "Approved by bob: files_write, asked for by Ann"


def test_several_who_approved_are_all_named() -> None:
    shown = lines(card(state="approved", decided_by="carol", approved_by=tuple("abcdefg")).blocks)

    assert "*Approved* by *a, b, c, d, e, 2 more*" in shown
    assert shown[-1] == "small: It has not started yet."


def test_an_approval_that_came_to_nothing_is_not_forgotten() -> None:
    shown = lines(card(state="denied", approved_by=("bob",), decided_by="carol").blocks)

    assert "*Denied* by *carol* (approved before by bob)" in shown
    assert shown[-1] == "small: It was not run."


@pytest.mark.parametrize("at_ms", [-1, 10**18, 253_402_300_800_000])
def test_a_time_no_calendar_has_is_said_to_be_unknown(at_ms: int) -> None:
    shown = card(expires_ms=at_ms)

    checked(shown.blocks)
    assert "*Expires: *at an unknown time" in lines(shown.blocks)


# --- buttons ---


def test_every_button_holds_a_verb_and_an_id_alone() -> None:
    shown = card(offers=OFFERS, together="t1", together_count=3)

    checked(shown.blocks)
    assert buttons(shown.blocks) == {
        "Approve": "nod:approve:a1",
        "Deny": "nod:deny:a1",
        "Deny with reason": "nod:reason:a1",
        "Edit": "nod:edit:a1",
        "Always…": "nod:longer:a1",
        "Approve all 3": "nod:all:a1:t1",
        "Deny all 3": "nod:none:a1:t1",
    }
    assert not any(word in json.dumps(shown.blocks) for word in ('"value"', '"confirm"'))


def test_without_offers_there_is_no_always() -> None:
    assert "Always…" not in buttons(card().blocks)


@pytest.mark.parametrize("state", STATES[1:])
def test_a_decided_card_has_no_buttons(state: str) -> None:
    assert buttons(card(state=state, offers=OFFERS, together="t1", together_count=2).blocks) == {}


def test_a_copy_leads_to_where_it_was_asked() -> None:
    assert f"*Asked in: *<#C1> [Go to where it was asked]({ORIGIN})" in lines(card(is_copy=True).blocks)
    known = card(is_copy=True, origin="https://e.slack.com/archives/C1/p17")
    assert "*Asked in: *<#C1> [Go to where it was asked](https://e.slack.com/archives/C1/p17)" in lines(known.blocks)
    assert "Asked in" not in str(card().blocks)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place("slack", "T1", "@U5", "1.2"), "a direct talk"),
        (
            Place("slack", "T2", "C1", "1.2"),
            f"`slack:T2/C1/1.2` [Go to where it was asked]({ORIGIN.replace('T1', 'T2')})",
        ),
        (Place("web", "", "general", "t1"), "`web:general/t1`"),
        (Place("discord", "1", "22"), "`discord:1/22`"),
        (Place("slack", "T1", "<!here>"), "`slack:T1/<!here>`"),
    ],
)
def test_a_copy_says_where_else_it_was_asked(place: Place, words: str) -> None:
    shown = card(is_copy=True, place=place, team="T1")

    checked(shown.blocks)
    assert f"*Asked in: *{words}" in lines(shown.blocks)


def test_a_private_card_in_a_channel_shows_nothing_of_the_call() -> None:
    shown = card(is_private=True, in_full=False, why="the secret x", granted="any x", together="t1", offers=OFFERS)

    checked(shown.blocks)
    assert buttons(shown.blocks) == {"Look": "nod:look:a1"}
    assert "secret" not in str(shown)
    assert '"path"' not in json.dumps(shown.blocks)
    assert shown.files == ()
    assert lines(shown.blocks)[-1] == "small: Press Look to see what it would do, and to decide."


def test_a_private_card_shows_all_to_those_who_may_decide() -> None:
    shown = card(is_private=True)

    assert code(shown.blocks) == [CARD.arguments]
    assert "Approve" in buttons(shown.blocks)


# --- arguments ---


def test_arguments_too_long_for_a_card_come_as_a_file_and_can_be_approved() -> None:
    arguments = json.dumps({"text": "START" + "x" * 50_000 + "END"})

    shown = card(arguments=arguments)

    checked(shown.blocks)
    assert shown.files == ((FILE_NAME, arguments.encode()),)
    [note] = [line for line in lines(shown.blocks) if "characters of arguments" in line]
    assert note.startswith("*50,020 characters of arguments*, all of them are in `arguments.json` below: read it")
    head, tail = code(shown.blocks)
    assert "START" in head
    assert "END" in tail
    assert "Approve" in buttons(shown.blocks)


def test_what_cannot_be_shown_in_full_can_only_be_denied() -> None:
    shown = card(arguments="x" * (MAX_ARGUMENT_CHARS + 1), offers=OFFERS, together="t1", together_count=2)

    checked(shown.blocks)
    assert [*buttons(shown.blocks)] == ["Deny", "Deny with reason", "Deny all 2"]
    assert "cannot be approved here" in str(shown.blocks)
    assert shown.files == ()


def test_most_arguments_fit_into_a_card() -> None:
    arguments = json.dumps({"lines": ["a line of text"] * 330}, indent=2)

    shown = card(arguments=arguments)

    assert len(arguments) > 7_000
    assert code(shown.blocks) == [arguments]
    assert shown.files == ()


def test_arguments_that_fit_into_no_input_are_not_offered_for_editing() -> None:
    assert "Edit" in buttons(card(arguments='"' + "é" * 2_998 + '"').blocks)
    assert "Edit" not in buttons(card(arguments='"' + "é" * 2_999 + '"').blocks)
    assert "Edit" not in buttons(card(arguments='"' + "\u202e" * 600 + '"').blocks)


@settings(deadline=None)
@given(st.dictionaries(TEXTS, TEXTS | st.integers() | st.none(), max_size=5))
def test_arguments_shown_are_those_that_are_stored(arguments: dict[str, object]) -> None:
    stored = json.dumps(arguments, indent=2, ensure_ascii=False)

    shown = card(arguments=stored)

    [block] = code(shown.blocks)
    assert unspelled(block) == stored
    assert hidden(block) == []


@pytest.mark.parametrize("length", [1, 100, 1_000, 10_000, 1_000_000])
@pytest.mark.parametrize(
    "text", ["`", "```\n", FAKE, "\u202e", "👩", "\\", "\\u{60}", "\n", "&lt;", "<!here> ", "k" * 99]
)
def test_no_arguments_change_the_frame(text: str, length: int) -> None:
    arguments = (text * (length // len(text) + 1))[:length]

    shown = card(arguments=arguments)

    checked(shown.blocks)
    assert alive(shown.blocks) == ["<@U9>"]
    assert frame(shown) == frame(card(arguments="x" * length))


FIELDS = ("tool", "about", "rule", "why", "asks", "missing", "edited_by", "requester_name", "decided_by", "reason")


@pytest.mark.parametrize("text", [*HOSTILE, *NAMES, FAKE, "", " ", "\n"])
def test_no_text_of_others_is_alive_in_a_card(text: str) -> None:
    for field, state in itertools.product((*FIELDS, "granted"), ("pending", "approved", "denied")):
        shown = card(**{"state": state, field: text})
        checked(shown.blocks)
        assert alive(shown.blocks) == ["<@U9>"]
        assert hidden("\n".join(lines(shown.blocks))) == []
        assert not re.search(r"[<>`\n]|&(?!amp;|lt;|gt;)|@(?:here|channel|everyone)", shown.text)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("text", ["x" * 5_000, "👩" * 450, "\U000e0041" * 90, "`" * 5_000, '"\n' * 450])
@pytest.mark.parametrize("arguments", [CARD.arguments, "x" * 300_000])
def test_every_card_is_within_the_limits(text: str, arguments: str, state: str) -> None:
    many = dict.fromkeys((*FIELDS, "granted", "requester", "approver"), text)
    for is_copy, in_full, together in itertools.product((True, False), (True, False), ("", "t" * 20)):
        shown = card(
            **many,
            arguments=arguments,
            state=state,
            is_copy=is_copy,
            in_full=in_full,
            is_private=not in_full,
            together=together,
            together_count=500,
            offers=OFFERS,
            approved_by=(text,) * 9,
            decided_ms=1,
        )
        checked(shown.blocks)
        assert weight(shown.blocks) <= MAX_CARD
        assert len(shown.text) <= 3_000


def test_the_same_card_has_the_same_fingerprint() -> None:
    assert card().fingerprint == card().fingerprint
    assert card().fingerprint != card(state="denied").fingerprint
    assert card(arguments="x" * 19_000).fingerprint != card(arguments="x" * 9_500 + "y" + "x" * 9_499).fingerprint


@pytest.mark.parametrize("name", NAMES)
def test_a_notification_is_one_line_of_a_readable_length(name: str) -> None:
    said = summary(replace(CARD, requester_name=name, tool=name))

    assert "\n" not in said
    assert len(said) <= 2_000
