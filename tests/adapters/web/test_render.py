"""Events as fragments."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.visible import exact_json
from adapters.web.render import Fragment, fragment
from bot.chat import Actor, Answered, Card, CardShown, Notice, Place, Said, TextSoFar, ToolLine, Working
from tests.adapters.web.test_markdown import seen

ALICE = Actor("web", "", "alice", "alice")
CARD = Card(
    approval_id="a1",
    run_id="r1",
    place=Place("web", "", "general", "t1"),
    tool="files_write",
    about="Writes a file.",
    arguments='{\n  "path": "x"\n}',
    requester="web:alice",
    requester_name="alice",
    approver="requester",
    rule="files_write needs confirmation",
    expires_ms=1_700_000_000_000,
)


def card(**changes: object) -> Fragment:
    return fragment(CardShown(replace(CARD, **changes)))  # type: ignore[arg-type]


def test_a_pending_card_says_everything_an_approver_needs() -> None:
    shown = card()
    text = seen(shown.html).text

    assert (shown.run, shown.id) == ("r1", "card-a1")
    for expected in (
        "files_write",
        "Writes a file.",
        '"path": "x"',
        "alice, who asked",
        "needs confirmation",
        "2023-11-14",
    ):
        assert expected in text
    assert ("data-verb", "approve") in seen(shown.html).attributes
    assert ("data-verb", "deny") in seen(shown.html).attributes


def test_what_came_with_a_message_is_named_and_nothing_in_a_name_hides() -> None:
    names = ("cat.png", "<img src=x onerror=alert(1)>.txt", "a\u202egpj.exe", '"><b>')
    shown = seen(fragment(Said("r1", ALICE, "look", 0, names)).html)

    assert shown.tags.isdisjoint({"img", "script", "a"})
    for name in ("cat.png", "<img src=x onerror=alert(1)>.txt", "a\\u{202e}gpj.exe", '"><b>'):
        assert name in shown.text
    assert "chips" not in fragment(Said("r1", ALICE, "look", 0)).html


@pytest.mark.parametrize("state", ["approved", "denied", "expired", "cancelled"])
def test_a_decided_card_has_no_buttons_and_says_who_and_why(state: str) -> None:
    shown = card(state=state, decided_by="bob", decided_ms=1, reason="because")
    found = seen(shown.html)

    assert "button" not in found.tags
    assert "input" not in found.tags
    assert "by bob" in found.text
    assert "“because”" in found.text


def test_a_decided_card_tells_the_outcome() -> None:
    assert "It ran and finished." in card(state="approved", outcome="done").html
    assert "check whether it happened" in card(state="approved", outcome="unknown").html
    assert "policy had changed" in card(state="approved", outcome="refused").html
    assert "It failed." in card(state="approved", outcome="failed").html
    assert "the run ended before it started" in card(state="approved", outcome="cancelled").html
    assert "It was not run." in card(state="denied").html


def test_an_approved_call_that_has_not_started_claims_nothing() -> None:
    assert "card-outcome" not in card(state="approved").html


@pytest.mark.parametrize(
    "arguments",
    [
        "</pre><button data-verb=approve>Fake</button>",
        "```\n@everyone <!channel>\n```",
        "</article><article class=card data-state=approved>Approved by root",
        "\n" * 500 + "tail",
        "\u202egnp.exe",
        '"><script>alert(1)</script>',
    ],
)
def test_arguments_cannot_leave_their_frame(arguments: str) -> None:
    plain, hostile = seen(card().html), seen(card(arguments=arguments).html)

    assert hostile.tags - {"span"} == plain.tags - {"span"}
    ours = {("class", "card-arguments is-tall"), ("class", "card-note"), ("class", "hidden-char")}
    ours.add(("data-arguments", exact_json(arguments)))
    assert hostile.attributes - ours <= plain.attributes
    assert "script" not in hostile.tags


def test_arguments_are_shown_to_the_last_character() -> None:
    assert seen(card(arguments="x" * 100_000 + "END").html).text.count("END") == 1
    assert "scroll to read all of it" in card(arguments="\n" * 400).html


def test_arguments_that_cannot_be_shown_cannot_be_approved() -> None:
    found = seen(card(arguments="a" * 200_001).html)

    assert ("data-verb", "approve") not in found.attributes
    assert ("data-verb", "deny") in found.attributes
    assert "200,001 characters" in found.text


@pytest.mark.parametrize(
    "field", ["tool", "about", "requester", "requester_name", "approver", "rule", "reason", "decided_by"]
)
def test_no_field_of_a_card_is_markup(field: str) -> None:
    hostile = '</p><img src=x onerror=alert(1)> " \u202e'

    for state in ("pending", "denied"):
        html = card(**{"state": state, field: hostile}).html
        assert "<img" not in html
        assert "\u202e" not in html


@given(st.text(), st.text(), st.text())
def test_no_text_of_people_is_markup(name: str, text: str, tool: str) -> None:
    said = fragment(Said("r1", replace(ALICE, name=name), text, 0))
    line = fragment(ToolLine("r1", "c1", tool, "done", by=name))

    assert seen(said.html).tags == {"div", "span", "p", "b", "time"}
    assert seen(line.html).tags <= {"p", "span", "code"}


@pytest.mark.parametrize(
    ("approver", "words"),
    [
        ("requester", "alice, who asked, or an admin"),
        ("not_requester", "anybody but alice"),
        ("admin", "an admin"),
        ("ops", "people with the role ops, or an admin"),
        ("web:root,slack:T1/U1", "root, slack:T1/U1, or an admin"),
        ("", "nobody"),
    ],
)
def test_who_may_decide_is_said_in_words(approver: str, words: str) -> None:
    assert f"<dd>{words}</dd>" in card(approver=approver).html


def test_a_display_name_never_stands_for_the_identity() -> None:
    assert "root (slack:T1/U9)" in card(requester="slack:T1/U9", requester_name="root").html


def test_line_breaks_of_people_stay() -> None:
    assert "one\ntwo &lt;b&gt;" in fragment(Said("r1", ALICE, "one\r\ntwo <b>", 0)).html


def test_a_tool_line_says_state_approver_and_time() -> None:
    shown = fragment(ToolLine("r1", "c1", "files_write", "done", by="alice", duration_ms=1234))

    assert (shown.id, seen(shown.html).text) == ("call-c1", "files_write done approved by alice 1.2 s")


@pytest.mark.parametrize(
    ("state", "by", "words"),
    [
        ("denied", "bob", "denied by bob"),
        ("denied", "", "refused by the policy"),
        ("cancelled", "bob", "cancelled, not run stopped by bob"),
        ("cancelled", "", "cancelled, not run"),
        ("expired", "", "expired, not run"),
        ("failed", "", "failed"),
    ],
)
def test_a_tool_line_names_a_person_only_for_what_that_person_did(state: str, by: str, words: str) -> None:
    assert seen(fragment(ToolLine("r1", "c1", "files_write", state, by=by)).html).text == f"files_write {words}"


def test_an_answer_takes_the_place_of_its_draft() -> None:
    draft, answer = fragment(TextSoFar("r1", "Hel")), fragment(Answered("r1", "Hello", 0))

    assert draft.id == answer.replaces == "draft-r1"
    assert answer.says == "Hello"


def test_posts_of_no_run_stand_by_themselves() -> None:
    one, two = fragment(Answered("", "one", 5)), fragment(Answered("", "two", 5))

    assert one.id != two.id
    assert one == fragment(Answered("", "one", 5))


def test_a_finished_run_shows_no_state() -> None:
    assert fragment(Working("r1", "done")) == Fragment("r1", "status-r1", "", status="done")
    assert "Working" in fragment(Working("r1", "running")).html


UNKNOWN = """It is not known whether files_write took effect. Please check. Its arguments: {
  "path": "plans/<b>.md\u202e",
  "text": "one"
}"""


def test_a_notice_shows_its_lines_and_hides_nothing() -> None:
    found = seen(fragment(Notice("r1", UNKNOWN, 0)).html)

    assert found.tags == {"div", "p", "span", "time"}
    assert ("role", "note") in found.attributes
    assert '{\n  "path": "plans/<b>.md\\u{202e}",\n  "text": "one"\n}' in found.text


@given(st.text())
def test_no_text_of_a_notice_is_markup(text: str) -> None:
    assert seen(fragment(Notice("r1", text, 0)).html).tags <= {"div", "p", "span", "time"}


def test_a_long_notice_scrolls_within_its_box() -> None:
    assert "is-tall" not in fragment(Notice("r1", UNKNOWN, 0)).html
    assert "is-tall" in fragment(Notice("r1", "\n" * 30, 0)).html
    assert 'tabindex="0"' in fragment(Notice("r1", "x" * 5_000, 0)).html


def test_notices_of_one_run_stand_beside_each_other() -> None:
    assert fragment(Notice("r1", "a", 1)).id != fragment(Notice("r1", "b", 1)).id


def test_a_notice_shown_again_takes_its_own_place() -> None:
    """Live it carries the time it was shown, in the transcript the time the call ended."""
    assert fragment(Notice("r1", "a", 1)).id == fragment(Notice("r1", "a", 2)).id


def test_an_impossible_time_is_drawn_all_the_same() -> None:
    assert "unknown time" in fragment(Notice("r1", "a", 10**30)).html
