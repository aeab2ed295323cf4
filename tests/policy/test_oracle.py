"""The policy against an independent reading of its text (`tests/policy/oracle.py`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, combinations, product
from types import ModuleType
from typing import Any

import pytest

from bot.engine.types import Actor
from bot.policy import access, book, judge
from bot.policy.approvers import approvers_of, is_satisfied
from bot.policy.types import EVERYWHERE, ApproverRule, Policy
from tests.policy import grids, oracle
from tests.policy.grids import NOW, Cell
from tests.policy.oracle import Answer, Request, World


def book_of(world: World, books: ModuleType = book) -> book.Book:
    made: book.Book = books.Book(
        admins=world.admins,
        rules=world.rules,
        approvers=world.approvers,
        grants=world.grants,
        links=world.links,
        people=world.people,
        default_role=world.default_role,
        default_approver=world.default_approver,
        who_may_talk=world.who_may_talk,
    )
    return made


# --- tools ---------------------------------------------------------------------------------------------------------


def judged(
    cells: Iterable[Cell], *, books: ModuleType = book, judges: ModuleType = judge
) -> Iterator[tuple[Cell, Answer, Answer]]:
    """What the text says of each cell and what the code says; neighbours with one world share its policies."""
    of_world: World | None = None
    policies: dict[tuple[str, str, str], Any] = {}
    for cell in cells:
        if cell.world is not of_world:
            of_world, made, policies = cell.world, book_of(cell.world, books), {}
        who = (cell.actor.key, cell.actor.standing, str(cell.place))
        if who not in policies:
            policies[who] = made.policy_of(cell.actor, cell.place, NOW)
        verdict = judges.judge(policies[who], cell.facts, cell.use)
        approver = oracle.clauses_of([verdict.approver]) if verdict.approver else frozenset()
        expected = oracle.verdict(cell.world, cell.actor, cell.place, cell.facts, cell.use, NOW)
        yield cell, expected, Answer(verdict.outcome, approver)


def test_every_verdict_is_the_one_the_text_gives() -> None:
    outcomes: Counter[str] = Counter()
    seen: set[int] = set()
    names: dict[str, int] = {}
    wrong = []
    for grid in grids.grids():
        texts = {id(one): names.setdefault(repr(one), len(names)) for axis in grid.axes for one in axis}
        people = {(actor.key, actor.standing, place): pair for pair in grid.people for actor, place in [pair]}
        for cell, expected, found in judged(grid.cells()):
            pair = people[cell.actor.key, cell.actor.standing, cell.place]
            seen.add(hash((texts[id(cell.world)], texts[id(pair)], texts[id(cell.facts)], texts[id(cell.use)])))
            outcomes[expected.outcome] += 1
            if found != expected:
                wrong.append((cell, expected, found))

    print(f"{len(seen)} cells: {dict(outcomes)}, {len(wrong)} wrong")
    assert wrong[:3] == []
    assert len(seen) >= 100_000
    assert min(outcomes[outcome] for outcome in ("run", "ask", "deny")) > 0.1 * sum(outcomes.values())


@pytest.mark.parametrize("tool_list", [(), ("pay",), ("other", "pay"), ("other",)], ids=str)
def test_a_tool_list_narrows_and_never_widens(tool_list: tuple[str, ...]) -> None:
    wrong = []
    for cell in chain(grids.grids()[0].cells(), grids.grids()[5].cells()):
        policy = book_of(cell.world).policy_of(cell.actor, cell.place, NOW)
        found = judge.judge(replace(policy, tool_list=tool_list), cell.facts, cell.use).outcome
        said = oracle.verdict(
            cell.world, cell.actor, cell.place, cell.facts, cell.use, NOW, tool_list=tool_list
        ).outcome
        if found != said:
            wrong.append((cell, said, found))

    assert wrong[:3] == []


# --- deeds ---------------------------------------------------------------------------------------------------------

Deed = tuple[World, Actor, access.Deed, bool]


def talks() -> Iterator[Deed]:
    for words, default_role in product(grids.TALKERS, ("user", "guest", "finance")):
        world = grids.crew_world(words, default_role)
        for actor in grids.CREW:
            yield world, actor, access.Talk(actor.scope), oracle.may_talk(world, actor, NOW)


def administrations() -> Iterator[Deed]:
    world = grids.crew_world()
    for actor, scope in product(grids.CREW, ("slack:T1", "slack:T2", "web:", "cli:", EVERYWHERE, "discord:T1")):
        yield world, actor, access.Administer(scope), oracle.may_administer(world, actor, scope, NOW)


def requests() -> Iterator[Request]:
    for approver, place, requester, editor, age_s, is_operator in product(
        grids.APPROVERS,
        (grids.HERE, grids.ABROAD, grids.ON_WEB, grids.TERMINAL),
        grids.REQUESTERS,
        grids.EDITORS,
        grids.AGES_S[:1],
        (False, True),
    ):
        yield Request(approver, place, requester, editor, age_s, is_operator)
    for approver, requester, age_s in product(grids.APPROVERS, grids.REQUESTERS, grids.AGES_S[1:]):
        yield Request(approver, grids.HERE, requester, "", age_s)


def decisions() -> Iterator[Deed]:
    world = grids.crew_world()
    for request, actor in product(requests(), grids.CREW):
        yield world, actor, as_deed(request), oracle.may_decide(world, actor, request, NOW)


def as_deed(request: Request) -> access.Decide:
    return access.Decide(
        request.approver, request.place, request.requester, request.editor, request.age_s, request.is_operator
    )


def refused(deeds: Iterable[Deed], *, doors: ModuleType = access, books: ModuleType = book) -> list[Deed]:
    """The deeds of which the code says something else than the text."""
    wrong = []
    of_world: World | None = None
    made = book.Book()
    for world, actor, deed, may in deeds:
        if world is not of_world:
            of_world, made = world, book_of(world, books)
        if (doors.authorize(made, actor, deed, NOW) is None) != may:
            wrong.append((world, actor, deed, may))
    return wrong


@pytest.mark.parametrize(
    ("deeds", "at_least"),
    [(talks, 5_000), (administrations, 100), (decisions, 20_000)],
    ids=["talk", "administer", "decide"],
)
def test_every_deed_is_permitted_to_whom_the_text_says(deeds: Callable[[], Iterator[Deed]], at_least: int) -> None:
    done = list(deeds())
    wrong = list(refused(done))

    outcomes = Counter(may for _, _, _, may in done)
    print(f"{len(done)} cells: {dict(outcomes)}, {len(wrong)} wrong")
    assert [one[1:] for one in wrong[:3]] == []
    assert len({repr(one[:3]) for one in done}) == len(done) >= at_least
    assert min(outcomes[True], outcomes[False]) > 0.05 * len(done)


def test_votes_are_enough_when_the_text_says_so() -> None:
    world = grids.crew_world()
    made = book_of(world)
    votes = [votes for count in range(4) for votes in combinations(grids.CREW[:20:2] + grids.CREW[1:2], count)]
    outcomes: Counter[bool] = Counter()
    wrong = []

    for approver, requester, editor, (place, age_s) in product(
        grids.APPROVERS, grids.REQUESTERS[:2], grids.EDITORS[:2], ((grids.HERE, 0.0), (grids.ON_WEB, 7200.0))
    ):
        request = Request(approver, place, requester, editor, age_s)
        asked = access.asked_of(made, as_deed(request))
        for some in votes:
            voters = access.voters_of(made, tuple(one.key for one in some), place, NOW)
            found = is_satisfied(approvers_of(approver), voters, asked)
            said = oracle.is_enough(world, some, request, NOW)
            outcomes[said] += 1
            if found != said:
                wrong.append((request, [one.key for one in some], said))

    print(dict(outcomes), len(wrong))
    assert wrong[:3] == []
    assert min(outcomes.values()) > 1_000


# --- cases worth a test of their own -------------------------------------------------------------------------------


def test_a_program_is_a_guest_even_where_the_operator_named_it_an_admin() -> None:
    robot = grids.somebody("U1", standing="bot")
    world = World(admins=frozenset({robot.key}))

    verdict = judge.judge(book_of(world).policy_of(robot, grids.HERE, NOW), grids.tool(), None)

    assert oracle.verdict(world, robot, grids.HERE, grids.tool(), None, NOW).outcome == "deny"
    assert verdict.outcome == "deny"


def test_the_operator_may_decide_in_every_workspace() -> None:
    root = grids.somebody("root", scope="cli:")
    request = Request("requester", grids.HERE, grids.somebody("U1"))

    assert oracle.may_decide(World(), root, request, NOW)
    assert access.authorize(book_of(World()), root, as_deed(request), NOW) is None


def test_people_of_other_companies_are_no_guests() -> None:
    world = World(rules=(grids.role("slack:T1/U1", "guest"),), who_may_talk=frozenset({"guests"}))
    stranger = grids.somebody("U1", standing="external")

    assert not oracle.may_talk(world, stranger, NOW)
    assert access.authorize(book_of(world), stranger, access.Talk("slack:T1"), NOW) is not None


def test_the_role_guest_can_be_named_among_those_who_may_talk() -> None:
    world = World(rules=(grids.role("slack:T1/U1", "guest"),), who_may_talk=frozenset({"guest"}))

    assert oracle.may_talk(world, grids.somebody("U1"), NOW)
    assert access.authorize(book_of(world), grids.somebody("U1"), access.Talk("slack:T1"), NOW) is None


def test_a_role_that_is_called_members_makes_nobody_a_member() -> None:
    world = World(rules=(grids.role("slack:T1/U1", "members"),))
    stranger = grids.somebody("U1", standing="external")

    assert not oracle.may_talk(world, stranger, NOW)
    assert access.authorize(book_of(world), stranger, access.Talk("slack:T1"), NOW) is not None


def test_an_empty_approver_frees_nothing() -> None:
    rules = (ApproverRule("slack:T1", "pay", "finance"), ApproverRule("slack:T1", "pay", ""))

    for some in (rules, rules[1:]):
        verdict = judge.judge(Policy(approvers=some), grids.tool(confirm=True), grids.USES[0])
        assert verdict.outcome == "deny"


def test_whoever_is_somebody_in_another_workspace_is_nobody_here() -> None:
    chief = grids.somebody("U9", scope="slack:T2")
    world = World(admins=frozenset({chief.key}), who_may_talk=frozenset({"members", "external"}))
    found = book_of(world)

    assert found.policy_of(chief, grids.HERE, NOW).roles == {"guest"}
    assert access.authorize(found, chief, access.Talk("slack:T1"), NOW) is not None
    assert access.authorize(found, chief, access.Talk("slack:T2"), NOW) is None


@pytest.mark.parametrize("standing", ["bot", "gone"])
def test_who_has_left_has_no_rights_whatever_was_said(standing: str) -> None:
    left = grids.somebody("U1", standing=standing)
    found = book_of(World(admins=frozenset({left.key}), rules=(grids.role(left.key, "finance"),)))

    assert found.roles_of(left, NOW) == {"guest"}
    assert found.voter(left, NOW).is_bot
    for deed in (access.Talk("slack:T1"), access.Administer("slack:T1")):
        assert access.authorize(found, left, deed, NOW) is not None
