"""Whom a delivery is for, and what they may see of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.addressed import instead, is_copy, may_see_all, member_of, named_by
from bot.chat import Answered, Card, CardShown, Delivery, Event, Notice, Place

ROOM = Place("slack", "T1", "C1")
DIRECT = Place("slack", "T1", "@U2")
CARD = Card(
    "a1",
    "r1",
    ROOM,
    tool="pay",
    about="",
    arguments="{}",
    requester="slack:T1/U1",
    requester_name="anna",
    approver="requester, slack:T1/U2, slack:T2/U3",
    rule="",
    expires_ms=0,
)


@pytest.mark.parametrize(
    ("key", "user"), [("slack:T1/U1", "U1"), ("slack:T2/U1", ""), ("discord:T1/U1", ""), ("U1", ""), ("", "")]
)
def test_only_members_of_the_same_workspace_are_known_there(key: str, user: str) -> None:
    assert member_of(ROOM, key) == user


def test_who_asked_is_named_where_that_is_who_decides() -> None:
    assert named_by(CARD) == ("slack:T1/U1", "slack:T1/U2", "slack:T2/U3")


@pytest.mark.parametrize(
    ("where", "card_at", "person", "sees"),
    [
        (ROOM, ROOM, None, False),
        (DIRECT, ROOM, "U2", True),
        (DIRECT, DIRECT, "U2", True),
        (DIRECT, DIRECT, "U9", False),
    ],
)
def test_what_is_private_is_shown_to_one_person_alone_who_decides(
    where: Place, card_at: Place, person: str | None, sees: bool
) -> None:
    card = replace(CARD, place=card_at, is_private=True)

    assert may_see_all(card, where, person) is sees
    assert may_see_all(replace(card, is_private=False), where, person)


def test_a_card_in_another_place_is_a_copy() -> None:
    assert not is_copy(Delivery("k", ROOM, CardShown(CARD)))
    assert is_copy(Delivery("k", DIRECT, CardShown(CARD)))
    assert not is_copy(Delivery("k", DIRECT, Answered("r1", "Yes.", 0)))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Answered("r1", "*Yes.*", 0), "*Yes.*"),
        (Notice("r1", "*No.*", 0), "plain *No.*"),
        (CardShown(CARD), "plain pay waits for approval: `/nod approvals` lists it."),
    ],
)
def test_what_cannot_be_shown_in_its_place_is_said(event: Event, said: str) -> None:
    assert instead(Delivery("k", ROOM, event), "plain {}".format) == said  # type: ignore[arg-type]  # what lasts
