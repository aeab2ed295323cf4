"""The policy: default deny, exact names, and which rule decided."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.types import Actor, Rights, ToolFacts
from bot.policy.book import Book, Rule
from bot.policy.judge import judge, may_decide

ALICE, BOB, ROOT = (Actor("web", "", name, name) for name in ("alice", "bob", "root"))
NAMES = ("free", "gated", "admin_only")
FACTS = {
    "free": ToolFacts("free"),
    "gated": ToolFacts("gated", confirm=True),
    "admin_only": ToolFacts("admin_only", roles=frozenset({"admin"})),
}


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

    verdict = judge(Rights(role, tool_list, allow, ask, deny), FACTS[name])

    assert verdict.outcome == expected
    assert verdict.rule


@pytest.mark.parametrize("name", ["Free", "free ", "fre", "ｆｒｅｅ", "*"])
def test_only_exact_names_match(name: str) -> None:
    assert judge(Rights("user", (name,)), FACTS["free"]).outcome == "deny"
    assert judge(Rights("user", allow=frozenset({name})), FACTS["gated"]).outcome == "ask"


names = st.frozensets(st.sampled_from(NAMES))


@given(allow=names, ask=names, deny=names, more=names, name=st.sampled_from(NAMES))
def test_more_in_deny_or_ask_never_permits_more(
    allow: frozenset[str], ask: frozenset[str], deny: frozenset[str], more: frozenset[str], name: str
) -> None:
    rank = {"deny": 0, "ask": 1, "run": 2}
    before = judge(Rights("user", None, allow, ask, deny), FACTS[name])
    denied = judge(Rights("user", None, allow, ask, deny | more), FACTS[name])
    asked = judge(Rights("user", None, allow, ask | more, deny), FACTS[name])

    assert rank[denied.outcome] <= rank[before.outcome]
    assert rank[asked.outcome] <= rank[before.outcome]


def test_a_tools_own_approver_is_taken_before_the_default() -> None:
    facts = ToolFacts("pay", confirm=True, approver="admin")

    assert judge(Rights(), facts, default_approver="requester").approver == "admin"
    assert judge(Rights(), FACTS["gated"], default_approver="not_requester").approver == "not_requester"


@pytest.mark.parametrize(
    ("rule", "actor", "role", "may"),
    [
        ("requester", ALICE, "user", True),
        ("requester", BOB, "user", False),
        ("requester", ROOT, "admin", True),
        ("admin", ALICE, "user", False),
        ("admin", ROOT, "admin", True),
        ("not_requester", ALICE, "user", False),
        ("not_requester", ALICE, "admin", False),
        ("not_requester", BOB, "user", True),
        ("not_requester", BOB, "guest", False),
        ("finance", BOB, "finance", True),
        ("finance", BOB, "user", False),
        ("web:bob,slack:T1/U2", BOB, "user", True),
        ("web:bob", ALICE, "user", False),
        ("web:BOB", BOB, "user", False),
        ("", ALICE, "user", False),
        ("", ROOT, "admin", False),
    ],
)
def test_who_may_decide(rule: str, actor: Actor, role: str, may: bool) -> None:
    assert (may_decide(rule, actor=actor, role=role, requester=ALICE) is None) is may


def test_admins_have_the_tools_of_every_role() -> None:
    facts = ToolFacts("deploy", roles=frozenset({"ops"}))

    assert judge(Rights("admin"), facts).outcome == "run"
    assert judge(Rights("ops"), facts).outcome == "run"
    assert judge(Rights("user"), facts).outcome == "deny"


def test_names_never_decide_only_identities() -> None:
    impostor = Actor("web", "", "mallory", "alice")

    assert may_decide("requester", actor=impostor, role="user", requester=ALICE) is not None


def test_an_admin_of_one_workspace_is_nobody_in_another() -> None:
    book = Book(frozenset({"slack:T1/U1"}))

    assert book.role_of(Actor("slack", "T1", "U1"), 0) == "admin"
    assert book.role_of(Actor("slack", "T2", "U1"), 0) == "user"
    assert book.role_of(Actor("discord", "T1", "U1"), 0) == "user"


def test_rules_end_when_they_expire() -> None:
    book = Book(rules=(Rule("web:alice", "role", "admin", 100), Rule("web:alice", "deny", "free", 200)))

    assert book.rights_of(ALICE, 99) == Rights("admin", deny=frozenset({"free"}))
    assert book.rights_of(ALICE, 100) == Rights("user", deny=frozenset({"free"}))
    assert book.rights_of(ALICE, 200) == Rights("user")
    assert book.rights_of(BOB, 0) == Rights("user")
