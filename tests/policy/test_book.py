"""The book: whose rules speak where, who is who, and when things end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.engine.types import Actor, Place
from bot.policy.book import Book, channel_of, effective_links, group_key, scope_of
from bot.policy.types import ApproverRule, Grant, Link, Person, Rule

ALICE = Actor("web", "", "alice", "Alice")
BOB = Actor("slack", "T1", "U2", "Bob", frozenset({"S1"}))
HERE = Place("slack", "T1", "C1", "17.5")
ELSEWHERE = Place("slack", "T1", "C2")


def allow(subject: str, tool: str = "deploy", expires_ms: int | None = None) -> Rule:
    return Rule(subject, "allow", tool, expires_ms=expires_ms)


def test_the_rules_of_a_person_their_groups_and_the_channel_speak() -> None:
    mine, groups, channel = allow("slack:T1/U2"), allow("group:slack:T1/S1"), allow("channel:slack:T1/C1")
    others = (allow("slack:T1/U3"), allow("group:slack:T1/S2"), allow("slack:T2/U2"), allow("group:slack:T2/S1"))
    book = Book(rules=(mine, groups, channel, *others))

    assert set(book.policy_of(BOB, HERE, 0).rules) == {mine, groups, channel}
    assert set(book.policy_of(BOB, ELSEWHERE, 0).rules) == {mine, groups}


def test_rules_grants_and_approvers_end_when_they_expire() -> None:
    grant = Grant("g", "web:alice", "pay", "{}", "d", "requester", expires_ms=200, given_by="web:alice")
    approver = ApproverRule("web:", "pay", "admin", expires_ms=200)
    book = Book(rules=(allow("web:alice", expires_ms=100),), grants=(grant,), approvers=(approver,))
    place = Place("web", "", "general")

    assert len(book.policy_of(ALICE, place, 99).rules) == 1
    assert book.policy_of(ALICE, place, 100).rules == ()
    assert book.policy_of(ALICE, place, 199).grants == (grant,)
    assert (book.policy_of(ALICE, place, 200).grants, book.policy_of(ALICE, place, 200).approvers) == ((), ())
    assert [book.ends_next(now) for now in (0, 100, 200)] == [100, 200, 1 << 62]


def test_an_admin_of_one_workspace_is_nobody_in_another() -> None:
    book = Book(frozenset({"slack:T1/U1"}), rules=(Rule("slack:T1/U2", "role", "admin"),))

    assert book.is_admin(Actor("slack", "T1", "U1"), 0)
    assert book.is_admin(Actor("slack", "T1", "U2"), 0)
    for other in (Actor("slack", "T2", "U1"), Actor("discord", "T1", "U1"), Actor("web", "", "U1")):
        assert not book.is_admin(other, 0)


def test_roles_of_a_person_and_their_groups_add_up_and_guest_wins() -> None:
    rules = (Rule("slack:T1/U2", "role", "ops"), Rule("group:slack:T1/S1", "role", "finance"))

    assert Book(rules=rules).roles_of(BOB, 0) == {"ops", "finance"}
    assert Book(rules=(*rules, Rule("slack:T1/U2", "role", "guest"))).roles_of(BOB, 0) == {"guest"}
    assert Book().roles_of(BOB, 0) == {"user"}


def test_a_channel_gives_its_role_there_only_and_never_for_deciding() -> None:
    book = Book(rules=(Rule("channel:slack:T1/C1", "role", "ops"),))

    assert book.policy_of(BOB, HERE, 0).roles == {"ops"}
    assert book.policy_of(BOB, ELSEWHERE, 0).roles == {"user"}
    assert book.voter(BOB, 0).roles == {"user"}


@pytest.mark.parametrize(("standing", "roles"), [("guest", {"guest"}), ("external", {"guest"}), ("bot", {"guest"})])
def test_who_is_no_member_gets_nothing(standing: str, roles: set[str]) -> None:
    assert Book().roles_of(replace(BOB, standing=standing), 0) == roles  # type: ignore[arg-type]


def test_an_admin_can_give_a_guest_a_role_but_never_a_bot() -> None:
    book = Book(rules=(Rule("slack:T1/U2", "role", "ops"),))

    assert book.roles_of(replace(BOB, standing="guest"), 0) == {"ops"}
    assert book.roles_of(replace(BOB, standing="bot"), 0) == {"guest"}


def test_an_identity_read_back_has_what_its_platform_last_said() -> None:
    person = Person("slack:T1/U2", "Bob", frozenset({"S9"}), "guest")

    known = Book(people={person.key: person}).known(Actor("slack", "T1", "U2"))

    assert (known.name, known.groups, known.standing) == ("Bob", frozenset({"S9"}), "guest")


# --- one human behind several identities -----------------------------------------------------------------------------


def test_a_link_between_workspaces_needs_a_word_from_each_or_the_operators() -> None:
    one = Link("slack:T1/U1", "web:bob", "slack:T1")

    assert effective_links([one]) == []
    assert effective_links([one, replace(one, said_in="web:")]) == [("slack:T1/U1", "web:bob")]
    assert effective_links([Link("web:bob", "slack:T1/U1", "")]) == [("slack:T1/U1", "web:bob")]
    assert effective_links([Link("web:bob", "web:bobby", "web:")]) == [("web:bob", "web:bobby")]


def test_linked_identities_are_one_human_also_over_a_third() -> None:
    book = Book(links=(Link("web:b", "slack:T1/U1", ""), Link("slack:T1/U1", "discord:G1/7", "")))

    assert {book.human_of(key) for key in ("web:b", "slack:T1/U1", "discord:G1/7")} == {"discord:G1/7"}
    assert book.human_of("web:other") == "web:other"


def test_a_linked_person_is_known_in_the_other_workspace_and_others_are_not() -> None:
    book = Book(links=(Link("web:b", "slack:T1/U1", ""),))

    found = book.identity_in(Actor("web", "", "b"), "slack:T1")

    assert found == Actor("slack", "T1", "U1")
    assert book.identity_in(Actor("web", "", "c"), "slack:T1") is None
    assert book.identity_in(Actor("cli", "", "operator"), "slack:T1") == Actor("cli", "", "operator")


def test_subjects_know_their_workspace() -> None:
    assert group_key("web:", "ops") == "group:web:ops"
    assert group_key("slack:T1", "S1") == "group:slack:T1/S1"
    assert channel_of(HERE) == "channel:slack:T1/C1"
    assert [scope_of(one) for one in ("web:a", "slack:T1/U1", "group:slack:T1/S1", "channel:web:general")] == [
        "web:",
        "slack:T1",
        "slack:T1",
        "web:",
    ]
