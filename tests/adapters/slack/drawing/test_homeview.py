"""What somebody sees in the Home tab."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.drawing.homeview import Overview, approvals_modal, home_view
from tests.adapters.slack.drawing.test_cards import CARD
from tests.adapters.slack.hostile import HOSTILE, NAMES, TEXTS
from tests.adapters.slack.showing import alive, buttons, checked_view, lines

RIGHTS = "**slack:T1/U9**: user\n- without being asked: search\n- asked before: files_write, `x`"
USAGE = "- slack:T1/U9: 1,200 tokens (1,000 in, 200 out) in 2 runs, 3 tool calls"
OVERVIEW = Overview(RIGHTS, USAGE)


def test_the_tab_says_what_waits_what_one_may_do_and_what_one_used() -> None:
    view = home_view((CARD,), OVERVIEW)

    checked_view(view)
    assert lines(view["blocks"]) == [
        "plain_text: What waits for you",
        "`files_write`, asked for by *Ann*",
        "Writes a file.",
        "Expires <1700000000>",
        "---",
        "plain_text: What you may do",
        "*slack:T1/U9*: user",
        "- without being asked: search",
        "- asked before: files_write, `x`",
        "plain_text: What you used",
        "- slack:T1/U9: 1,200 tokens (1,000 in, 200 out) in 2 runs, 3 tool calls",
    ]
    assert buttons(view["blocks"]) == {"Look": "nod:look:a1"}


def test_people_of_this_workspace_are_mentions() -> None:
    view = home_view((), replace(OVERVIEW, team="T1"))
    of_others = home_view((), replace(OVERVIEW, team="T2"))

    checked_view(view)
    shown = lines(view["blocks"])
    assert "<@U9> (`slack:T1/U9`): user" in shown
    assert "- <@U9>: 1,200 tokens (1,000 in, 200 out) in 2 runs, 3 tool calls" in shown
    assert "*slack:T1/U9*: user" in lines(of_others["blocks"])


def test_where_nothing_waits_the_tab_says_so() -> None:
    assert "Nothing waits for you." in lines(home_view((), OVERVIEW)["blocks"])


def test_admins_have_forms() -> None:
    view = home_view((), replace(OVERVIEW, is_admin=True))

    checked_view(view)
    assert buttons(view["blocks"]) == {"Give a role…": "nod_role", "Allow, ask or deny tools…": "nod_lists"}


def test_who_may_not_talk_is_told_why_and_nothing_else() -> None:
    shown = lines(home_view((), Overview("Guests may not talk with me.", ""))["blocks"])

    assert shown[-1] == "Guests may not talk with me."
    assert "plain_text: What you used" not in shown


def test_a_card_of_the_tab_shows_nothing_of_the_arguments() -> None:
    view = home_view((replace(CARD, arguments="the secret", why="the secret", is_private=True),), OVERVIEW)

    assert "secret" not in str(view)


@pytest.mark.parametrize("count", [1, 25, 26, 300])
def test_however_much_waits_slack_takes_the_tab(count: int) -> None:
    cards = tuple(replace(CARD, approval_id=f"a{at}") for at in range(count))
    rights = RIGHTS + "\n- a line\nanother" * 500

    home, modal = home_view(cards, Overview(rights, rights, is_admin=True)), approvals_modal(cards)

    checked_view(home)
    checked_view(modal)
    more = [line for line in lines(modal["blocks"]) if line.startswith("small: ")]
    assert more == ([f"small: {count - 25} more: /nod approvals lists them all."] if count > 25 else [])
    assert "… and 963 more lines" in lines(home["blocks"])


def test_a_modal_says_that_nothing_waits() -> None:
    view = approvals_modal(())

    checked_view(view)
    assert lines(view["blocks"]) == ["Nothing waits for you."]


@pytest.mark.parametrize("text", [*HOSTILE, *NAMES])
def test_no_text_of_others_is_alive_in_the_tab(text: str) -> None:
    given_ = replace(CARD, tool=text, about=text, requester_name=text, requester=text)

    view = home_view((given_,), Overview(text, text, is_admin=True))

    checked_view(view)
    assert alive(view["blocks"]) == []


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.integers(1, 60))
def test_whatever_the_words_say_slack_takes_the_tab(text: str, times: int) -> None:
    view = home_view((), Overview(text * times, text))

    checked_view(view)
    assert alive(view["blocks"]) == []
