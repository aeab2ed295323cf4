"""What holds of every policy, whatever was said: order is nothing, what forbids never opens, the model sees enough."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.types import Actor, Place, ToolFacts, Use
from bot.policy.book import Book
from bot.policy.judge import judge
from bot.policy.types import NONE, ApproverRule, Rule
from tests.policy import grids, oracle
from tests.policy.grids import NOW
from tests.policy.oracle import World
from tests.policy.test_oracle import book_of

WIDTH = {"deny": 0, "ask": 1, "run": 2}

rules = st.sampled_from([*grids.SAID, *grids.PAIRED, *(rule for roles in grids.OWN_ROLES for rule in roles)])
approvers = st.sampled_from([*grids.SET, *grids.SET_ELSEWHERE])
grants = st.sampled_from([one for one in grids.GRANTS if one.person == "slack:T1/U1" and one.definition == "d1"])
tools = st.sampled_from([*grids.BY_ROLE, *grids.GATED])
uses = st.sampled_from([*grids.TAINTED, *grids.GRANTED])
people = st.sampled_from(grids.STANDINGS)
worlds = st.builds(
    lambda rules, approvers, grants: World(rules=tuple(rules), approvers=tuple(approvers), grants=tuple(grants)),
    st.lists(rules, max_size=5),
    st.lists(approvers, max_size=4),
    st.lists(grants, max_size=4),
)


def says(book: Book, who: tuple[Actor, Place], facts: ToolFacts, use: Use | None) -> tuple[str, str]:
    verdict = judge(book.policy_of(*who, NOW), facts, use)
    return verdict.outcome, verdict.approver


def width(world: World, who: tuple[Actor, Place], facts: ToolFacts, use: Use | None) -> int:
    return WIDTH[says(book_of(world), who, facts, use)[0]]


@given(worlds, people, tools, uses, st.data())
def test_the_order_in_which_things_were_said_never_matters(
    world: World, who: tuple[Actor, Place], facts: ToolFacts, use: Use | None, data: st.DataObject
) -> None:
    shuffled = replace(
        world,
        rules=tuple(data.draw(st.permutations(world.rules))),
        approvers=tuple(data.draw(st.permutations(world.approvers))),
        grants=tuple(data.draw(st.permutations(world.grants))),
    )

    before = judge(book_of(world).policy_of(*who, NOW), facts, use)
    after = judge(book_of(shuffled).policy_of(*who, NOW), facts, use)

    assert (before.outcome, before.approver) == (after.outcome, after.approver)


@given(worlds, people, tools, uses, rules.filter(lambda rule: rule.kind in ("deny", "ask")))
def test_one_more_deny_or_ask_never_opens_anything(
    world: World, who: tuple[Actor, Place], facts: ToolFacts, use: Use | None, more: Rule
) -> None:
    stricter = replace(world, rules=(*world.rules, more))

    assert width(stricter, who, facts, use) <= width(world, who, facts, use)


@given(worlds, people, tools, uses, approvers.filter(lambda rule: rule.approver != NONE))
def test_one_more_approver_never_opens_anything_that_was_not_granted(
    world: World, who: tuple[Actor, Place], facts: ToolFacts, use: Use | None, more: ApproverRule
) -> None:
    ungranted = replace(world, grants=())
    stricter = replace(ungranted, approvers=(*ungranted.approvers, more))

    assert width(stricter, who, facts, use) <= width(ungranted, who, facts, use)


def test_an_approver_that_is_set_wakes_what_they_granted_before() -> None:
    """A grant holds while the approver is who it was: set again, they have approved it already."""
    who = (grids.somebody("U1"), grids.HERE)
    granted = next(one for one in grids.GRANTS if one.approver == "finance" and not one.run_id and not one.place)
    asleep = World(grants=(granted,))
    awake = replace(asleep, approvers=(ApproverRule("slack:T1", "pay", "finance"),))

    assert says(book_of(asleep), who, grids.tool(confirm=True), grids.USES[0]) == ("ask", "requester")
    assert says(book_of(awake), who, grids.tool(confirm=True), grids.USES[0])[0] == "run"


@given(worlds, people, tools, uses, st.data())
def test_an_allow_or_a_grant_that_is_taken_back_never_opens_anything(
    world: World, who: tuple[Actor, Place], facts: ToolFacts, use: Use | None, data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.sampled_from(range(10))))
    rules = tuple(rule for at, rule in enumerate(world.rules) if rule.kind != "allow" or at not in gone)
    grants = tuple(one for at, one in enumerate(world.grants) if at not in gone)

    assert width(replace(world, rules=rules, grants=grants), who, facts, use) <= width(world, who, facts, use)


@given(worlds, people, tools, uses, rules)
def test_whoever_has_no_tools_gets_none_by_any_rule(
    world: World, who: tuple[Actor, Place], facts: ToolFacts, use: Use | None, more: Rule
) -> None:
    policy = book_of(replace(world, rules=(*world.rules, more))).policy_of(*who, NOW)

    assert judge(replace(policy, tool_list=()), facts, use).outcome == "deny"


@given(worlds, people, tools, uses)
def test_what_was_said_of_other_tools_is_nothing_to_this_one(
    world: World, who: tuple[Actor, Place], facts: ToolFacts, use: Use | None
) -> None:
    only = replace(
        world,
        rules=tuple(rule for rule in world.rules if rule.kind == "role" or rule.value == facts.name),
        approvers=tuple(rule for rule in world.approvers if rule.tool == facts.name),
    )

    assert says(book_of(only), who, facts, use) == says(book_of(world), who, facts, use)


@settings(max_examples=300)
@given(worlds, people, tools)
def test_the_model_is_shown_what_could_run_and_nothing_that_never_can(
    world: World, who: tuple[Actor, Place], facts: ToolFacts
) -> None:
    actor, place = who
    policy = book_of(world).policy_of(actor, place, NOW)

    is_shown = judge(policy, facts, None).outcome != "deny"
    can_run = any(judge(policy, facts, use).outcome != "deny" for use in (*grids.TAINTED, *grids.GRANTED) if use)
    said = oracle.said_of(world, actor, place, NOW)
    never = any(rule.kind == "deny" and rule.value == facts.name and not rule.when for rule in said)
    is_theirs = oracle.has_tool(oracle.roles(world, actor, place, NOW), facts, None)

    assert is_shown or not can_run
    assert is_shown == (is_theirs and not never)


@settings(max_examples=500)
@given(worlds, people, tools, uses)
def test_whatever_is_said_together_the_text_gives_the_same_verdict(
    world: World, who: tuple[Actor, Place], facts: ToolFacts, use: Use | None
) -> None:
    outcome, approver = says(book_of(world), who, facts, use)
    expected = oracle.verdict(world, *who, facts, use, NOW)

    assert outcome == expected.outcome
    assert (oracle.clauses_of([approver]) if approver else frozenset()) == expected.approver
