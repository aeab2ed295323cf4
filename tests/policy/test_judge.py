"""The policy: default deny, exact names, order-free, and which rule decided."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.types import NO_TAINT, Place, Rights, Taint, ToolFacts, Use
from bot.policy.judge import judge, policy_of_rights
from bot.policy.types import ApproverRule, Grant, Policy, Rule

NAMES = ("free", "gated", "admin_only")
FACTS = {
    "free": ToolFacts("free"),
    "gated": ToolFacts("gated", confirm=True),
    "admin_only": ToolFacts("admin_only", roles=frozenset({"admin"})),
}
PAY = ToolFacts("pay", confirm=True, definition="d1")
READ_WEB = Taint(("fetch_url",))


def use(taint: Taint = NO_TAINT, run_id: str = "r1", **arguments: object) -> Use:
    return Use(arguments, json.dumps(arguments), run_id, Place("web", "", "general", "t1"), taint)


@pytest.mark.parametrize(
    ("role", "tool_list", "name", "allow", "ask", "deny"),
    list(
        itertools.product(
            ("user", "admin", "guest", "", "finance"),
            (None, (), ("free",), ("free", "gated", "admin_only")),
            NAMES,
            (frozenset(), frozenset({"gated"})),
            (frozenset(), frozenset({"free"}), frozenset({"gated"})),
            (frozenset(), frozenset({"free"})),
        )
    ),
)
def test_the_verdict_is_the_formula_of_the_contract(
    role: str,
    tool_list: tuple[str, ...] | None,
    name: str,
    allow: frozenset[str],
    ask: frozenset[str],
    deny: frozenset[str],
) -> None:
    """Written from the text: role's tools, narrowed by the list; (CONFIRM_REQUIRED - confirm_allow) | confirm_deny."""
    of_role = {"free", "gated"} if role in ("user", "finance") else set(NAMES) if role == "admin" else set()
    permitted = (of_role if tool_list is None else of_role & set(tool_list)) - deny
    asks = ({"gated"} - allow) | ask
    expected = "deny" if name not in permitted else "ask" if name in asks else "run"

    verdict = judge(policy_of_rights(Rights(role, tool_list, allow, ask, deny)), FACTS[name], use())

    assert verdict.outcome == expected
    assert verdict.rule


@pytest.mark.parametrize("name", ["Free", "free ", "fre", "ｆｒｅｅ", "*"])
def test_only_exact_names_match(name: str) -> None:
    assert judge(policy_of_rights(Rights("user", (name,))), FACTS["free"], use()).outcome == "deny"
    allowed = policy_of_rights(Rights("user", allow=frozenset({name})))
    assert judge(allowed, FACTS["gated"], use()).outcome == "ask"


names = st.frozensets(st.sampled_from(NAMES))


@given(allow=names, ask=names, deny=names, more=names, name=st.sampled_from(NAMES))
def test_more_in_deny_or_ask_never_permits_more(
    allow: frozenset[str], ask: frozenset[str], deny: frozenset[str], more: frozenset[str], name: str
) -> None:
    rank = {"deny": 0, "ask": 1, "run": 2}

    def outcome(ask: frozenset[str], deny: frozenset[str]) -> int:
        return rank[judge(policy_of_rights(Rights("user", None, allow, ask, deny)), FACTS[name], use()).outcome]

    assert outcome(ask, deny | more) <= outcome(ask, deny)
    assert outcome(ask | more, deny) <= outcome(ask, deny)


def test_a_tools_own_approver_is_taken_before_the_default() -> None:
    facts = replace(PAY, approver="admin")

    assert judge(Policy(), facts, use()).approver == "admin"
    assert judge(Policy(default_approver="not_requester"), PAY, use()).approver == "not_requester"


def test_an_approver_that_cannot_be_read_lets_nobody_decide_and_never_runs() -> None:
    assert judge(Policy(), replace(PAY, approver="2 of nobody of"), use()).outcome == "ask"


def test_admins_have_the_tools_of_every_role_and_others_those_of_each_of_theirs() -> None:
    facts = ToolFacts("deploy", roles=frozenset({"ops"}))

    assert judge(Policy(roles=frozenset({"admin"})), facts, use()).outcome == "run"
    assert judge(Policy(roles=frozenset({"finance", "ops"})), facts, use()).outcome == "run"
    assert judge(Policy(roles=frozenset({"user"})), facts, use()).outcome == "deny"


# --- conditions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "arguments", "outcome"),
    [
        ("allow", {"amount": 50}, "run"),
        ("allow", {"amount": 500}, "ask"),
        ("allow", {}, "ask"),
        ("ask", {"amount": 50}, "ask"),
        ("ask", {}, "ask"),
        ("deny", {"amount": 50}, "deny"),
        ("deny", {"amount": 500}, "ask"),
        ("deny", {"amount": "50"}, "deny"),
        ("deny", {}, "deny"),
    ],
)
def test_a_condition_that_cannot_be_told_is_read_the_strict_way(
    kind: str, arguments: dict[str, object], outcome: str
) -> None:
    policy = Policy(rules=(Rule("web:bob", kind, "pay", "amount<=100"),))  # type: ignore[arg-type]

    assert judge(policy, PAY, use(**arguments)).outcome == outcome


def test_a_tool_with_some_permitted_use_is_shown_to_the_model_and_one_with_none_is_not() -> None:
    some = Policy(rules=(Rule("web:bob", "deny", "pay", "amount>100"),))
    none = Policy(rules=(Rule("web:bob", "deny", "pay"),))

    assert judge(some, PAY, None).outcome != "deny"
    assert judge(none, PAY, None).outcome == "deny"


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("https://docs.python.org/3/", "run"),
        ("https://docs.python.org.evil.net/", "ask"),
        ("https://evil.net/?u=docs.python.org", "ask"),
        ("https://docs.python.org@evil.net/", "ask"),
        ("not a url", "ask"),
    ],
)
def test_the_listed_hosts_run_and_others_ask(url: str, outcome: str) -> None:
    fetch = ToolFacts("fetch_url", effect="read")
    policy = Policy(approvers=(ApproverRule("web:", "fetch_url", "admin", unless="url.host=docs.python.org"),))

    verdict = judge(policy, fetch, use(url=url))

    assert verdict.outcome == outcome
    assert verdict.approver == ("admin" if outcome == "ask" else "")


# --- what is set for a tool -----------------------------------------------------------------------------------------


def test_every_rule_that_speaks_has_to_be_satisfied() -> None:
    policy = Policy(
        approvers=(
            ApproverRule("", "pay", "requester"),
            ApproverRule("web:", "pay", "2 of finance", when="amount>1000"),
        )
    )

    assert judge(policy, PAY, use(amount=5)).approver == "requester"
    assert judge(policy, PAY, use(amount=5000)).approver == "2 of finance and requester"
    assert judge(policy, PAY, use()).approver == "2 of finance and requester"


def test_nobody_has_to_approve_where_that_is_said_and_nothing_stricter_is() -> None:
    free = ApproverRule("web:", "pay", "none", when="amount<=10")
    strict = ApproverRule("web:", "pay", "admin", when="amount>5")

    assert judge(Policy(approvers=(free,)), PAY, use(amount=3)).outcome == "run"
    assert judge(Policy(approvers=(free,)), PAY, use(amount=30)).outcome == "ask"
    assert judge(Policy(approvers=(free, strict)), PAY, use(amount=7)).approver == "admin"
    assert judge(Policy(approvers=(free,)), PAY, use()).outcome == "ask"


def test_a_rule_for_a_tool_makes_it_ask_that_would_run() -> None:
    policy = Policy(approvers=(ApproverRule("web:", "free", "admin"),))

    assert judge(policy, FACTS["free"], use()).outcome == "ask"


# --- grants --------------------------------------------------------------------------------------------------------

GRANT = Grant("g1", "web:bob", "pay", '{"amount":5}', "d1", "requester")


def granted(*grants: Grant) -> Policy:
    return Policy("web:bob", grants=grants)


def test_a_grant_is_for_exactly_what_was_shown() -> None:
    assert judge(granted(GRANT), PAY, use(amount=5)).outcome == "run"
    assert judge(granted(GRANT), PAY, use(amount=6)).outcome == "ask"
    assert judge(granted(GRANT), PAY, use(amount=5, to="eve")).outcome == "ask"


@pytest.mark.parametrize(
    "other",
    [
        replace(GRANT, person="web:alice"),
        replace(GRANT, tool="pay2"),
        replace(GRANT, definition="d2"),
        replace(GRANT, approver="admin"),
        replace(GRANT, run_id="another"),
        replace(GRANT, place="web:general/t2"),
        replace(GRANT, arguments="not json"),
    ],
    ids=lambda grant: str(grant),
)
def test_a_grant_of_anything_else_does_not_count(other: Grant) -> None:
    assert judge(granted(other), PAY, use(amount=5)).outcome == "ask"


def test_ask_and_deny_win_over_a_grant() -> None:
    for kind, outcome in (("ask", "ask"), ("deny", "deny")):
        policy = replace(granted(GRANT), rules=(Rule("web:bob", kind, "pay"),))  # type: ignore[arg-type]
        assert judge(policy, PAY, use(amount=5)).outcome == outcome


# --- what strangers wrote --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        (ToolFacts("look", effect="read"), "run"),
        (ToolFacts("send", effect="read", marks=frozenset({"sends"})), "ask"),
        (ToolFacts("note", effect="idempotent"), "ask"),
        (ToolFacts("do", effect="once"), "ask"),
    ],
)
def test_after_reading_what_strangers_wrote_whatever_sends_or_changes_asks(facts: ToolFacts, outcome: str) -> None:
    allowed = Policy(rules=(Rule("web:bob", "allow", facts.name),))

    assert judge(allowed, facts, use(READ_WEB)).outcome == outcome
    assert judge(allowed, facts, use()).outcome == "run"


def test_the_rule_says_what_was_read() -> None:
    verdict = judge(Policy(), ToolFacts("do"), use(Taint(("fetch_url",), ("notes_search",))))

    assert verdict.rule == (
        "do changes something after this run has read what strangers wrote (fetch_url); it has also read what is "
        "private (notes_search)"
    )


def test_of_grants_only_those_for_exactly_this_or_of_this_run_hold_then() -> None:
    pattern = replace(GRANT, pattern="amount<=9")
    facts = replace(PAY, confirm=False)

    assert judge(granted(GRANT), facts, use(READ_WEB, amount=5)).outcome == "run"
    assert judge(granted(pattern), facts, use(READ_WEB, amount=5)).outcome == "ask"
    assert judge(granted(pattern), facts, use(amount=7)).outcome == "run"
    assert judge(granted(replace(pattern, run_id="r1")), facts, use(READ_WEB, amount=7)).outcome == "run"
