"""Who has to approve: the grammar, whose vote counts, and what is still missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import PolicyError
from bot.policy.approvers import (
    RESERVED,
    Approvers,
    Asked,
    Clause,
    Voter,
    fallback_due_s,
    in_words,
    is_satisfied,
    joined,
    may_vote,
    missing,
    named,
    parse_approvers,
)


def voter(key: str, *roles: str, human: str = "", is_guest: bool = False, is_bot: bool = False) -> Voter:
    return Voter(key, human or key, frozenset(roles), is_guest=is_guest, is_bot=is_bot)


ALICE, BOB, EVE = voter("web:alice", "user"), voter("web:bob", "user"), voter("web:eve", "user")
ROOT = voter("web:root", "admin")
FIN_1, FIN_2 = voter("web:fin1", "finance"), voter("web:fin2", "finance")
ALICE_FIN = voter("web:alice", "finance")
ALICE_SLACK = voter("slack:T1/A", "finance", human="web:alice")
GUEST = voter("web:guest", "finance", is_guest=True)
BOT = voter("web:bot", "admin", is_bot=True)
ONCALL = replace(EVE, groups=frozenset({"group:slack:T1/S1"}))
ASKED = Asked("web:alice", "Alice", "web:alice", age_s=0)


def may(text: str, who: Voter, asked: Asked = ASKED) -> bool:
    return may_vote(parse_approvers(text), who, asked) is None


def enough(text: str, *voters: Voter, asked: Asked = ASKED) -> bool:
    return is_satisfied(parse_approvers(text), voters, asked)


# --- the grammar


@pytest.mark.parametrize(
    "text",
    [
        "",
        "requester",
        "admin",
        "not_requester",
        "finance",
        "finance-2_b",
        "web:root,slack:T1/U2",
        "group:slack:T1/S1",
        "2 of finance not_requester then admin after 2h",
        "requester and 2 of finance",
        "2 of not_requester",
        "not_requester then web:bob,admin after 1h30m",
        "finance not_requester then not_requester after 14d",
        "20 of finance,web:bob",
        "2 of web:bob,requester",
    ],
)
def test_a_canonical_text_is_printed_as_it_was_read(text: str) -> None:
    assert str(parse_approvers(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("  ", ""),
        ("1 of finance", "finance"),
        ("web:root , slack:T1/U2", "web:root,slack:T1/U2"),
        ("finance,finance", "finance"),
        ("finance  and\tfinance", "finance"),
        ("finance then admin after 120m", "finance then admin after 2h"),
    ],
)
def test_other_ways_to_write_it_have_the_same_text(text: str, canonical: str) -> None:
    assert str(parse_approvers(text)) == canonical


def test_a_text_is_read_into_its_parts() -> None:
    expected = Clause(("finance", "web:bob"), 2, True, ("admin",), 7200)

    read = parse_approvers("2 of finance,web:bob not_requester then admin after 2h")

    assert read == Approvers((expected,))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Finance", "is nobody who can approve: write it like"),
        ("none", "is nobody who can approve"),
        ("everyone", "is nobody who can approve"),
        ("guest", "is nobody who can approve"),
        ("bot", "is nobody who can approve"),
        ("a" * 41, "is nobody who can approve"),
        ("channel:slack:T1/C1", "is nobody who can approve"),
        ("group:slack", "is nobody who can approve"),
        ("web:", "is nobody who can approve"),
        ("web:b\u200bob", "is nobody who can approve"),
        ("finance,", "is nobody who can approve"),
        ("of finance", "is nobody who can approve"),
        ("then admin after 2h", "is nobody who can approve"),
        ("0 of finance", "write a number from 1 to 20"),
        ("21 of finance", "write a number from 1 to 20"),
        ("-1 of finance", "write a number from 1 to 20"),
        ("two of finance", "write a number from 1 to 20"),
        ("２ of finance", "write a number from 1 to 20"),
        ("2 of", "does not say who"),
        ("finance and", "does not say who"),
        ("and finance", "does not say who"),
        ("finance and and ops", "does not say who"),
        ("2 of web:bob", "Only 1 can be counted there"),
        ("2 of requester", "Only 1 can be counted there"),
        ("3 of web:bob,web:eve,web:bob", "Only 2 can be counted there"),
        ("finance ops", "cannot stand there"),
        ("finance not_requester not_requester", "cannot stand there"),
        ("finance,not_requester", "stands alone"),
        ("not_requester not_requester", "said twice"),
        ("requester not_requester", "exclude each other"),
        ("not_requester then requester after 1h", "exclude each other"),
        ("finance then admin", "write 'then admin after 2h'"),
        ("finance then admin after", "write 'then admin after 2h'"),
        ("finance then admin not_requester after 2h", "write 'then admin after 2h'"),
        ("finance then admin after 2h not_requester", "write 'then admin after 2h'"),
        ("finance then", "does not say who"),
        ("finance then admin after soon", "is no duration"),
        ("finance then admin after 0s", "between 1 second"),
    ],
)
def test_what_is_outside_the_grammar_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        parse_approvers(text)


def test_joining_says_each_clause_once_and_sorted() -> None:
    assert joined(["requester and finance", "1 of finance", "admin"]) == "admin and finance and requester"
    assert joined(["finance", ""]) == ""
    assert joined([]) == ""


# --- whose vote counts


@pytest.mark.parametrize(
    ("rule", "who", "role", "expected"),
    [
        ("requester", "alice", "user", True),
        ("requester", "bob", "user", False),
        ("requester", "root", "admin", True),
        ("admin", "alice", "user", False),
        ("admin", "root", "admin", True),
        ("not_requester", "alice", "user", False),
        ("not_requester", "alice", "admin", False),
        ("not_requester", "bob", "user", True),
        ("not_requester", "bob", "guest", False),
        ("finance", "bob", "finance", True),
        ("finance", "bob", "user", False),
        ("web:bob,slack:T1/U2", "bob", "user", True),
        ("web:bob", "alice", "user", False),
        ("web:BOB", "bob", "user", False),
        ("", "alice", "user", False),
        ("", "root", "admin", False),
    ],
)
def test_old_texts_mean_what_they_meant(rule: str, who: str, role: str, expected: bool) -> None:
    one = voter(f"web:{who}", role, is_guest=role == "guest")

    assert may(rule, one) is expected
    assert enough(rule, one) is expected


@pytest.mark.parametrize(
    ("text", "who", "expected"),
    [
        ("requester", ALICE_SLACK, True),
        ("requester", replace(ALICE, is_guest=True), True),
        ("requester", GUEST, False),
        ("finance", GUEST, False),
        ("web:guest", GUEST, True),
        ("admin", replace(ROOT, is_guest=True), False),
        ("group:slack:T1/S1", replace(ONCALL, is_guest=True), False),
        ("group:slack:T1/S1", ONCALL, True),
        ("group:slack:T1/S1", EVE, False),
        ("group:slack:T1/S1", ROOT, True),
        ("finance", ROOT, True),
        ("web:bob", ROOT, True),
        ("web:alice", ALICE_SLACK, False),
        ("not_requester", ALICE_SLACK, False),
        ("finance not_requester", ALICE_FIN, False),
        ("finance not_requester", ALICE_SLACK, False),
        ("finance not_requester", replace(ROOT, human="web:alice"), False),
        ("finance not_requester", FIN_1, True),
        ("finance", ALICE_FIN, True),
        ("web:bot", BOT, False),
        ("admin", BOT, False),
        ("not_requester", BOT, False),
        ("requester", replace(ALICE, is_bot=True), False),
        ("requester and 2 of finance", ALICE, True),
        ("requester and 2 of finance", FIN_1, True),
        ("requester and 2 of finance", BOB, False),
        ("web:alice", voter("web:alice", human="somebody"), True),
    ],
)
def test_whose_vote_counts(text: str, who: Voter, expected: bool) -> None:
    assert may(text, who) is expected


def test_words_that_mean_somebody_are_never_roles() -> None:
    impostor = voter("web:mallory", *RESERVED - {"admin"}, "web:bob", "group:slack:T1/S1")

    assert not may("requester", impostor)
    assert not may("web:bob", impostor)
    assert not may("group:slack:T1/S1", impostor)


def test_an_editor_counts_like_anybody_unless_others_are_asked_for() -> None:
    edited = replace(ASKED, editor_human="web:root")

    assert enough("finance", ROOT, asked=edited)
    assert not may("not_requester", ROOT, edited)
    assert not may("finance not_requester", replace(ROOT, key="slack:T1/R"), edited)
    assert may("not_requester", BOB, edited)


def test_a_fallback_counts_once_it_is_due() -> None:
    text = "2 of finance then ops after 2h"
    ops = voter("web:ops", "ops")

    assert not may(text, ops, replace(ASKED, age_s=7199.9))
    assert not enough(text, ops, asked=replace(ASKED, age_s=7199.9))
    assert may(text, ops, replace(ASKED, age_s=7200))
    assert enough(text, ops, asked=replace(ASKED, age_s=7200))
    assert enough(text, ops, asked=replace(ASKED, age_s=None))
    assert enough(text, FIN_1, FIN_2, asked=replace(ASKED, age_s=0))
    assert not enough(text, FIN_1, asked=replace(ASKED, age_s=None))


def test_a_fallback_too_is_for_others_where_the_clause_is() -> None:
    late = replace(ASKED, age_s=None)

    assert not enough("finance not_requester then admin after 1h", replace(ROOT, human="web:alice"), asked=late)
    assert not enough("not_requester then admin after 1h", replace(ALICE, roles=frozenset({"admin"})), asked=late)
    assert not enough("finance then not_requester after 1h", ALICE, asked=late)
    assert enough("finance then not_requester after 1h", ALICE_FIN, asked=late)
    assert enough("finance then not_requester after 1h", BOB, asked=late)


def test_every_clause_has_to_be_satisfied() -> None:
    text = "requester and 2 of finance"

    assert not enough(text, ALICE, FIN_1)
    assert not enough(text, FIN_1, FIN_2)
    assert enough(text, ALICE, FIN_1, FIN_2)
    assert enough(text, ALICE_FIN, FIN_1)
    assert not enough("", ALICE, ROOT)


def test_one_human_counts_once_with_all_identities() -> None:
    assert not enough("2 of finance", ALICE_FIN, ALICE_SLACK)
    assert not enough("2 of finance", FIN_1, FIN_1)
    assert enough("2 of finance", FIN_1, ALICE_SLACK)


# --- words


@pytest.mark.parametrize(
    ("text", "who", "says"),
    [
        ("", ROOT, "Nobody is allowed to decide this."),
        ("requester", BOB, "Only Alice or an admin can decide this."),
        ("admin", BOB, "Only people with the role admin can decide this."),
        ("finance", BOB, "Only people with the role finance can decide this."),
        ("finance,ops", BOB, "Only people with the role finance or ops can decide this."),
        ("web:bob", EVE, "Only web:bob or an admin can decide this."),
        ("web:bob,slack:T1/U1", EVE, "Only web:bob, slack:T1/U1 or an admin can decide this."),
        ("web:bob,admin", EVE, "Only web:bob or an admin can decide this."),
        (
            "requester and 2 of finance,group:slack:T1/S1",
            BOB,
            "Only Alice, group:slack:T1/S1, people with the role finance or an admin can decide this.",
        ),
        ("not_requester", ALICE, "Somebody else than the person who asked for this has to decide it."),
        ("not_requester", ALICE_SLACK, "Somebody else than the person who asked for this has to decide it."),
        ("finance not_requester", ALICE_FIN, "Somebody else than the person who asked for this has to decide it."),
        ("finance not_requester", ALICE, "Only people with the role finance can decide this."),
        ("not_requester", GUEST, "Guests cannot decide this."),
        ("admin", BOT, "Bots cannot decide this."),
        ("finance then ops after 2h", BOB, "Only people with the role finance can decide this."),
    ],
)
def test_who_may_not_vote_is_told_who_may(text: str, who: Voter, says: str) -> None:
    assert may_vote(parse_approvers(text), who, ASKED) == says


def test_an_editor_is_told_why() -> None:
    said = may_vote(parse_approvers("not_requester"), BOB, replace(ASKED, editor_human="web:bob"))

    assert said == "Somebody else than the person who edited this has to decide it."


def test_a_fallback_that_is_due_is_among_those_who_may() -> None:
    said = may_vote(parse_approvers("finance then ops after 2h"), BOB, replace(ASKED, age_s=7200))

    assert said == "Only people with the role finance or ops can decide this."


@pytest.mark.parametrize(
    ("text", "voters", "age_s", "says"),
    [
        ("2 of finance", (FIN_1,), 0, "1 more of finance"),
        ("2 of finance", (), 0, "2 more of finance"),
        ("2 of finance", (FIN_1, FIN_2), 0, ""),
        ("2 of finance not_requester", (FIN_1, ALICE_FIN), 0, "1 more of finance, not Alice"),
        ("requester and 2 of finance", (FIN_1,), 0, "Alice and 1 more of finance"),
        ("requester and 2 of finance", (ALICE,), 0, "2 more of finance"),
        ("finance", (), 0, "somebody of finance"),
        ("admin", (BOB,), 0, "an admin"),
        ("2 of finance then admin after 2h", (FIN_1,), 7200, "1 more of finance, or an admin"),
        ("2 of finance then admin after 2h", (FIN_1,), 0, "1 more of finance"),
        ("2 of not_requester", (BOB,), 0, "1 more of those who are not Alice"),
        ("", (ROOT,), 0, "somebody who may decide, but nobody may"),
    ],
)
def test_what_is_still_missing_is_said_in_words(text: str, voters: tuple[Voter, ...], age_s: int, says: str) -> None:
    assert missing(parse_approvers(text), voters, replace(ASKED, age_s=age_s)) == says


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nobody"),
        ("requester", "Alice"),
        ("admin", "an admin"),
        ("not_requester", "somebody else than Alice"),
        ("finance", "somebody of finance"),
        ("group:slack:T1/S1", "somebody of group:slack:T1/S1"),
        ("web:bob,slack:T1/U1,requester", "web:bob, slack:T1/U1 or Alice"),
        ("2 of finance not_requester then admin after 2h", "2 of finance, not Alice; after 2h also an admin"),
        ("2 of admin,finance", "2 of the admins or finance"),
        ("requester and 2 of finance", "Alice and 2 of finance"),
        ("finance then admin after 2h and requester", "somebody of finance; after 2h also an admin; and Alice"),
    ],
)
def test_who_has_to_approve_is_said_in_words(text: str, words: str) -> None:
    assert in_words(parse_approvers(text), "Alice") == words


# --- reminders

ADMINS = ("web:root", "slack:T1/R", "slack:T1/Q", "slack:T2/R")


@pytest.mark.parametrize(
    ("text", "scope", "age_s", "expected"),
    [
        ("requester", "web:", 0, ["web:alice"]),
        ("admin", "web:", 0, ["web:root"]),
        ("admin", "slack:T1", 0, ["slack:T1/Q", "slack:T1/R"]),
        ("admin", "slack:", 0, []),
        ("web:bob,slack:T1/U1", "web:", 0, ["web:bob", "slack:T1/U1"]),
        ("finance,group:slack:T1/S1", "web:", 0, []),
        ("not_requester", "web:", 0, []),
        ("", "web:", 0, []),
        ("finance then admin,web:bob after 2h", "web:", 7199, []),
        ("finance then admin,web:bob after 2h", "web:", 7200, ["web:root", "web:bob"]),
        ("requester and web:alice,web:bob", "web:", 0, ["web:alice", "web:bob"]),
        ("web:alice,web:bob not_requester", "web:", 0, ["web:bob"]),
    ],
)
def test_a_reminder_goes_to_those_who_are_named_now(text: str, scope: str, age_s: float, expected: list[str]) -> None:
    found = named(parse_approvers(text), requester="web:alice", admins=ADMINS, scope=scope, age_s=age_s)

    assert found == expected


def test_fallbacks_become_due_in_order() -> None:
    text = "finance then admin after 2h and ops then admin after 30m and requester and web:bob then ops after 2h"

    assert fallback_due_s(parse_approvers(text)) == (1800, 7200)
    assert fallback_due_s(parse_approvers("finance")) == ()
