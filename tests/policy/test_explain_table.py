"""An explanation is what is enforced, over a table of people, tools and uses; and what it advises works when done."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from types import SimpleNamespace
from typing import cast

from bot.admin.asking import Asking, Tools
from bot.admin.changing import applied, read_changes
from bot.engine.types import NO_TAINT, Actor, Place, Run, Use
from bot.policy.book import Book
from bot.policy.explain import Explanation, explain
from bot.policy.judge import judge, permit_for
from bot.policy.types import EVERYWHERE, NONE, ApproverRule, Grant, Person, Rule
from bot.tools.registry import ToolSpec, spec_of, tool
from bot.tools.toolbox import Toolbox
from tests.policy import grids
from tests.policy.grids import NOW
from tests.tools.boxes import call


@tool(confirm=True)
def pay(amount: float | None = None, to: str = "bob") -> str:
    """Pay somebody."""
    return "paid"


@tool(effect="read", roles=("finance", "ops"), marks=("untrusted",))
def look(amount: float | None = None, to: str = "bob") -> str:
    """Look at what was paid."""
    return "looked"


@tool(approver="finance", marks=("sends",), effect="read")
def send(amount: float | None = None, to: str = "bob") -> str:
    """Send the bill."""
    return "sent"


@tool(confirm=True, roles=("finance",))
def close(amount: float | None = None, to: str = "bob") -> str:
    """Close the books."""
    return "closed"


SPECS = tuple(spec_of(one) for one in (pay, look, send, close))
PEOPLE = tuple(
    (somebody, place)
    for somebody, place in (
        (grids.somebody("U1"), grids.HERE),
        (grids.somebody("U1"), grids.ASIDE),
        (grids.somebody("U2", groups=()), grids.HERE),
        (grids.somebody("U3", standing="guest"), grids.HERE),
        (grids.somebody("U4", standing="external", groups=()), grids.ASIDE),
        (grids.somebody("UA"), grids.HERE),
        (grids.somebody("U1", scope="slack:T2"), grids.ABROAD),
        (grids.somebody("bob", scope="web:"), grids.ON_WEB),
    )
)
ARGUMENTS = ('{"amount":5,"to":"bob"}', '{"amount":500,"to":"bob"}', '{"to":"bob"}')
RULES: tuple[tuple[Rule, ...], ...] = (
    (),
    *(
        (Rule(subject, kind, name, when),)
        for subject, kind, name, when in product(grids.MINE, grids.KINDS, ("pay", "close"), ("", grids.MET))
    ),
    *((Rule(grids.MINE[0], "allow", "pay"), Rule(subject, "deny", "pay")) for subject in grids.MINE),
    (Rule(grids.MINE[0], "ask", "send", grids.MET), Rule(grids.MINE[1], "allow", "send")),
    (grids.role("slack:T1/U1", "finance"), Rule("slack:T1/U1", "deny", "close", "amount>100")),
    (grids.role("slack:T1/U1", "guest"), Rule("slack:T1/U1", "allow", "pay")),
    (grids.role("group:slack:T1/S1", "finance"), grids.role("web:bob", "ops"), Rule("web:bob", "ask", "look")),
)
SETS: tuple[tuple[ApproverRule, ...], ...] = (
    (),
    (ApproverRule("slack:T1", "pay", "finance", unless=grids.MET),),
    (ApproverRule(EVERYWHERE, "send", "admin"), ApproverRule("slack:T1", "pay", NONE, when=grids.MET)),
)


def granted() -> tuple[Grant, ...]:
    fingerprint = SPECS[0].fingerprint
    return (
        Grant("g1", "slack:T1/U1", "pay", ARGUMENTS[0], fingerprint, "requester", given_by="slack:T1/U1"),
        Grant(
            "g2", "slack:T1/U2", "pay", ARGUMENTS[0], fingerprint, "requester", grids.MET, "r1", given_by="slack:T1/U2"
        ),
    )


@cache
def books() -> tuple[Book, ...]:
    people = {one.key: Person(one.key, one.name, one.groups, one.standing) for one, _ in PEOPLE}
    return tuple(
        Book(
            admins=frozenset({"slack:T1/UA", "slack:T2/UA", "web:root"}),
            rules=rules,
            approvers=approvers,
            grants=granted() if at % 2 else (),
            people=people,
        )
        for at, (rules, approvers) in enumerate(product(RULES, SETS))
    )


Row = tuple[Book, Actor, Place, ToolSpec, Use | None, Explanation]


@cache
def table() -> tuple[Row, ...]:
    return tuple(rows())


def rows() -> Iterator[Row]:
    for (at, book), (actor, place), spec in product(enumerate(books()), PEOPLE, SPECS):
        taint = grids.READ if at % 3 else NO_TAINT
        made = [Use(json.loads(text), text, "r1", place, taint) for text in ARGUMENTS]
        for use in (*made, None):
            yield book, actor, place, spec, use, explain(book, actor, place, spec.facts, use, NOW)


def run_at(place: Place, use: Use) -> Run:
    return Run("r1", "task", (), place=place, taint=use.taint)


def asking_for(book: Book, scope: str) -> Asking:
    """An admin of this workspace, at the words."""
    admin = next(key for key in sorted(book.admins) if key.startswith(scope))
    models = SimpleNamespace(labels=list)
    parts = SimpleNamespace(book=book, tools=SPECS, models=models, clock=lambda: NOW)
    platform, _, workspace = scope.partition(":")
    actor = Actor(platform, workspace, admin.removeprefix(f"{scope}/").removeprefix(scope))
    return Asking(Place(platform, workspace, "C1"), actor, "", cast("Tools", SimpleNamespace(parts=parts)))


def done(book: Book, words: str, scope: str) -> Book:
    verb, _, rest = words.partition(" ")
    asking = asking_for(book, scope)
    return applied(book, read_changes(verb, rest, asking), asking)


def test_the_verdict_is_the_one_that_is_enforced() -> None:
    outcomes: Counter[str] = Counter()
    for book, actor, place, spec, use, told in table():
        policy = book.policy_of(actor, place, NOW)
        outcomes[told.verdict.outcome] += 1

        assert told.verdict == judge(policy, spec.facts, use)
        assert bool(told.asks) == (told.verdict.outcome == "ask")

    print(len(table()), dict(outcomes))
    assert len(table()) > 5_000
    assert min(outcomes[outcome] for outcome in ("run", "ask", "deny")) > 0.1 * len(table())


def test_the_toolbox_does_what_the_explanation_says() -> None:
    for book, actor, place, spec, use, told in table():
        box = Toolbox(SPECS, permit=permit_for(book.policy_of(actor, place, NOW)), actor=actor, place=place)
        if use is None:
            assert (spec.name in box.names) == (told.verdict.outcome != "deny")
            continue

        found = box.judge(call(spec.name, use.text), run_at(place, use))

        assert (found.outcome, found.approver) == (told.verdict.outcome, told.verdict.approver)


def test_what_would_change_it_does_when_it_is_done() -> None:
    tried: Counter[str] = Counter()
    wrong = []
    for book, actor, place, spec, use, told in table():
        for one in told.would_change:
            after = judge(done(book, one.words, actor.scope).policy_of(actor, place, NOW), spec.facts, use)
            tried[one.words.partition(" ")[0]] += 1
            if after.outcome != one.outcome or one.outcome == told.verdict.outcome:
                wrong.append((str(place), actor.key, one, after.outcome))

    print(dict(tried))
    assert wrong[:3] == []
    assert set(tried) == {"allow", "ask", "deny", "reset", "role", "approver"}
    assert min(tried.values()) > 50


def test_the_operators_word_on_an_approver_is_for_everywhere_and_frees_less() -> None:
    """`approver pay none` replaces the rule of a workspace only where an admin of that workspace says it."""
    actor, place = PEOPLE[0]
    book = replace(books()[0], approvers=(ApproverRule("slack:T1", "pay", "finance"),))
    advice = [one.words for one in explain(book, actor, place, SPECS[0].facts, None, NOW).would_change]
    root = replace(asking_for(book, "slack:T1"), actor=Actor("cli", "", "root"))

    here = done(book, "approver pay none", "slack:T1").policy_of(actor, place, NOW)
    everywhere = applied(book, read_changes("approver", "pay none", root), root).policy_of(actor, place, NOW)

    assert "approver pay none" in advice
    assert judge(here, SPECS[0].facts, None).outcome == "run"
    assert judge(everywhere, SPECS[0].facts, None).outcome == "ask"


def test_nothing_is_advised_that_cannot_be_said_of_a_program() -> None:
    robot = grids.somebody("U9", standing="bot")
    book = replace(books()[0], people={robot.key: Person(robot.key, "U9", standing="bot")})
    facts = replace(SPECS[0].facts, roles=frozenset({"guest"}))

    for one in explain(book, robot, grids.HERE, facts, None, NOW).would_change:
        done(book, one.words, robot.scope)


def test_an_approver_that_cannot_be_read_is_explained_as_it_is_judged() -> None:
    actor, place = PEOPLE[0]
    facts = replace(SPECS[0].facts, approver="!!")

    assert judge(books()[0].policy_of(actor, place, NOW), facts, None).outcome == "ask"
    assert explain(books()[0], actor, place, facts, None, NOW).verdict.outcome == "ask"
