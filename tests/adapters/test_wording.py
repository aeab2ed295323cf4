"""The words that every platform's drawing shares."""

from __future__ import annotations

import pytest

from adapters.wording import approver, call_state, duration, outcome


@pytest.mark.parametrize(
    ("ms", "words"), [(0, "under 0.1 s"), (412, "0.4 s"), (12_000, "12 s"), (125_000, "2 min 5 s")]
)
def test_durations_read_as_people_say_them(ms: int, words: str) -> None:
    assert duration(ms) == words


def test_a_state_nobody_knows_is_an_unknown_outcome() -> None:
    assert [call_state("done"), call_state("sideways")] == ["done", "unknown"]


def test_only_what_was_approved_can_have_run() -> None:
    assert outcome("approved", "done") == "It ran and finished."
    assert outcome("approved", "") == ""
    assert outcome("expired", "done") == "It was not run."


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("requester", "Ann, who asked, or an admin"),
        ("not_requester", "anybody but Ann"),
        ("admin", "an admin"),
        ("", "nobody"),
        ("web:bob, slack:T1/U1", "BOB, T1/U1, or an admin"),
        ("finance", "people with the role finance, or an admin"),
    ],
)
def test_an_approver_rule_is_said_in_words(rule: str, words: str) -> None:
    assert approver(rule, "Ann", lambda key: key.removeprefix("slack:").replace("web:bob", "BOB")) == words
