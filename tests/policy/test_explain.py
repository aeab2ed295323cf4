"""Why something runs, asks or is denied: the verdict is the judge's, and what would change it is true."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.types import Actor, Place, Taint, ToolFacts, Use
from bot.policy.book import Book
from bot.policy.explain import MAX_CHANGES, Change, Considered, explain
from bot.policy.judge import judge
from bot.policy.types import ApproverRule, Grant, Kind, Link, Person, Rule

BOB = Actor("web", "", "bob", "Bob")
HERE = Place("web", "", "general", "t1")
DEPLOY = ToolFacts("deploy", confirm=True)
NOON_MS = 1_796_119_200_000  # 2026-12-01 10:00 UTC
STRANGERS = Taint(("fetch_url",))


def book(*rules: Rule, approvers: tuple[ApproverRule, ...] = (), groups: frozenset[str] = frozenset()) -> Book:
    return Book(rules=rules, approvers=approvers, people={"web:bob": Person("web:bob", "Bob", groups)})


def use(**arguments: object) -> Use:
    return Use(arguments, json.dumps(arguments), "run1", HERE)


def changes(book: Book, facts: ToolFacts = DEPLOY, use: Use | None = None, actor: Actor = BOB) -> list[tuple[str, str]]:
    return [(one.words, one.outcome) for one in explain(book, actor, HERE, facts, use, 0).would_change]


def considered(book: Book, use: Use | None, facts: ToolFacts = DEPLOY) -> list[tuple[str, bool | None]]:
    return [(one.text, one.applies) for one in explain(book, BOB, HERE, facts, use, 0).considered]


# --- the whole ----------------------------------------------------------------------------------------------------

SAID = book(
    Rule("web:bob", "role", "ops", set_by="web:root"),
    Rule("web:bob", "allow", "deploy", "where=test", set_by="web:root"),
    Rule("group:web:crew", "ask", "deploy", "where=live", NOON_MS, set_by="web:ann"),
    Rule("web:bob", "deny", "other"),
    Rule("web:eve", "deny", "deploy"),
    approvers=(ApproverRule("web:", "deploy", "2 of finance", set_by="web:root"),),
    groups=frozenset({"crew"}),
)


def test_an_explanation_is_the_verdict_what_was_said_and_what_would_change_it() -> None:
    found = explain(SAID, BOB, HERE, DEPLOY, use(where="live"), 0)

    assert found.as_data() == {
        "who": "web:bob",
        "tool": "deploy",
        "place": "web:general/t1",
        "roles": ["ops"],
        "verdict": "ask",
        "rule": "deploy always asks for group web:crew when where=live until 2026-12-01 10:00 UTC",
        "approver": "2 of finance",
        "asks": "2 of finance",
        "considered": [
            {"text": "role ops has deploy", "applies": True, "set_by": "web:root"},
            {
                "text": "ask group web:crew when where=live until 2026-12-01 10:00 UTC",
                "applies": True,
                "set_by": "web:ann",
            },
            {"text": "allow web:bob when where=test", "applies": False, "set_by": "web:root"},
            {"text": "approver 2 of finance in web:", "applies": True, "set_by": "web:root"},
        ],
        "would_change": [{"words": "deny web:bob deploy", "outcome": "deny"}],
    }
    assert json.loads(json.dumps(found.as_data())) == found.as_data()


def test_it_is_said_in_a_few_lines_with_the_verdict_first() -> None:
    assert explain(SAID, BOB, HERE, DEPLOY, use(where="live"), 0).in_words() == (
        "`deploy` **has to be approved** for `web:bob` in `web:general/t1`: "
        "`deploy always asks for group web:crew when where=live until 2026-12-01 10:00 UTC`\n"
        "\nWho approves: `2 of finance`\n"
        "\nWhat was considered:\n\n"
        "- `role ops has deploy`: applies (set by `web:root`)\n"
        "- `ask group web:crew when where=live until 2026-12-01 10:00 UTC`: applies (set by `web:ann`)\n"
        "- `allow web:bob when where=test`: does not apply (set by `web:root`)\n"
        "- `approver 2 of finance in web:`: applies (set by `web:root`)\n"
        "\nWhat would change it:\n\n"
        "- `/nod-admin deny web:bob deploy`: it would be denied"
    )


def test_where_nothing_would_change_it_that_is_said() -> None:
    twice = book(
        Rule("web:bob", "deny", "deploy"), Rule("group:web:crew", "deny", "deploy"), groups=frozenset({"crew"})
    )

    found = explain(twice, BOB, HERE, DEPLOY, None, 0)

    assert found.would_change == ()
    assert found.in_words() == (
        "`deploy` **is denied** for `web:bob` in `web:general/t1`: `deploy is denied for group web:crew`\n"
        "\nWhat was considered:\n\n"
        "- `role user has deploy`: applies\n"
        "- `deny group web:crew`: applies\n"
        "- `deny web:bob`: applies\n"
        "\nNo single word of an admin would change this."
    )


def test_who_approves_is_said_in_words() -> None:
    assert explain(Book(), BOB, HERE, DEPLOY, None, 0).asks == "Bob"
    assert explain(Book(default_approver="not_requester"), BOB, HERE, DEPLOY, None, 0).asks == "somebody else than Bob"
    assert explain(Book(), BOB, HERE, ToolFacts("free"), None, 0).asks == ""


def test_what_admins_wrote_cannot_become_markdown_or_another_line() -> None:
    rule = Rule("web:bob", "deny", "deploy", 'where="`**x**\\n# y"', set_by="web:`x`")

    text = explain(book(rule), BOB, HERE, DEPLOY, None, 0).in_words()

    assert "- `deny web:bob when where=\"'**x**\\n# y\"`: depends on the arguments (set by `web:'x'`)" in text


# --- what was considered ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "arguments", "applies"),
    [
        (Rule("web:bob", "deny", "deploy"), None, True),
        (Rule("web:bob", "deny", "deploy", "n>1"), None, None),
        (Rule("web:bob", "deny", "deploy", "n>1"), {"n": 2}, True),
        (Rule("web:bob", "deny", "deploy", "n>1"), {"n": 1}, False),
        (Rule("web:bob", "deny", "deploy", "n>1"), {}, True),
        (Rule("web:bob", "ask", "deploy", "n>1"), {}, True),
        (Rule("web:bob", "allow", "deploy", "n>1"), {}, False),
        (Rule("web:bob", "allow", "deploy", "n>1"), {"n": 2}, True),
        (Rule("channel:web:general", "allow", "deploy"), {}, True),
    ],
)
def test_a_rule_applies_where_the_judge_lets_it_speak(
    rule: Rule, arguments: Mapping[str, object] | None, applies: bool | None
) -> None:
    found = considered(book(rule), None if arguments is None else use(**arguments))

    assert [one for _, one in found[1:]] == [applies]


@pytest.mark.parametrize(
    ("rule", "arguments", "applies"),
    [
        (ApproverRule("", "deploy", "admin"), None, True),
        (ApproverRule("", "deploy", "admin", unless="n>1"), None, None),
        (ApproverRule("", "deploy", "admin", when="n>1"), {"n": 2}, True),
        (ApproverRule("", "deploy", "admin", when="n>1"), {}, True),
        (ApproverRule("", "deploy", "admin", unless="n>1"), {"n": 2}, False),
        (ApproverRule("", "deploy", "none"), {}, True),
        (ApproverRule("", "deploy", "none", when="n>1"), {}, False),
        (ApproverRule("", "deploy", "none", unless="n>1"), {"n": 1}, True),
    ],
)
def test_an_approver_rule_applies_where_the_judge_lets_it_speak(
    rule: ApproverRule, arguments: Mapping[str, object] | None, applies: bool | None
) -> None:
    found = considered(book(approvers=(rule,)), None if arguments is None else use(**arguments))

    assert [one for _, one in found[1:]] == [applies]


def test_rules_of_others_of_other_tools_and_of_the_past_are_not_considered() -> None:
    said = book(
        Rule("web:eve", "deny", "deploy"),
        Rule("web:bob", "deny", "other"),
        Rule("channel:web:random", "deny", "deploy"),
        Rule("web:bob", "deny", "deploy", expires_ms=0),
        Rule("web:bob", "role", "ops", expires_ms=0),
        approvers=(ApproverRule("slack:T1", "deploy", "admin"), ApproverRule("", "other", "admin")),
    )

    assert considered(said, use()) == [("role user has deploy", True)]


def test_the_role_is_said_with_those_who_gave_it() -> None:
    said = book(
        Rule("web:bob", "role", "ops", expires_ms=1, set_by="web:root"),
        Rule("channel:web:general", "role", "crew", set_by="web:ann"),
        Rule("web:bob", "role", "guests", expires_ms=0, set_by="web:eve"),
    )

    found = explain(said, BOB, HERE, ToolFacts("pay", roles=frozenset({"finance"})), None, 0)

    assert found.considered == (Considered("role crew and ops does not have pay", True, "web:ann, web:root"),)


def test_a_role_from_the_configuration_was_set_by_nobody() -> None:
    said = Book(frozenset({"web:bob"}), (Rule("web:bob", "role", "ops", set_by="web:root"),))

    assert explain(said, BOB, HERE, DEPLOY, None, 0).considered == (Considered("role admin has deploy", True, ""),)


def grant(**changed: object) -> Grant:
    given = Grant(
        "0123456789", "web:bob", "deploy", '{"n":1}', "", "requester", given_by="cli:operator", expires_ms=NOON_MS
    )
    return replace(given, **changed)  # type: ignore[arg-type]  # the fields are named by the tests


@pytest.mark.parametrize(
    ("granted", "arguments", "text", "applies"),
    [
        (grant(), {"n": 1}, 'granted (01234567): calls with exactly {"n":1} until 2026-12-01 10:00 UTC', True),
        (grant(), {"n": 2}, 'granted (01234567): calls with exactly {"n":1} until 2026-12-01 10:00 UTC', False),
        (grant(), None, 'granted (01234567): calls with exactly {"n":1} until 2026-12-01 10:00 UTC', None),
        (
            grant(pattern="n<=5", expires_ms=None),
            {"n": 2},
            'granted (01234567): calls with exactly {"n":1}, but for n<=5',
            True,
        ),
        (
            grant(run_id="run2", place="web:general/t1", expires_ms=None),
            {"n": 1},
            'granted (01234567): calls with exactly {"n":1} in one run in web:general/t1',
            False,
        ),
        (grant(approver="admin", expires_ms=None), {"n": 1}, 'granted (01234567): calls with exactly {"n":1}', False),
    ],
)
def test_grants_are_considered(
    granted: Grant, arguments: Mapping[str, object] | None, text: str, applies: bool | None
) -> None:
    said = Book(grants=(granted, grant(tool="other"), grant(person="web:eve")))

    found = explain(said, BOB, HERE, DEPLOY, None if arguments is None else use(**arguments), 0)

    assert found.considered[1:] == (Considered(text, applies, "cli:operator"),)


def test_a_grant_is_measured_by_who_would_approve_now() -> None:
    said = Book(approvers=(ApproverRule("", "deploy", "admin"),), grants=(grant(approver="admin"),))

    found = explain(said, BOB, HERE, DEPLOY, use(n=1), 0)

    assert found.verdict.outcome == "run"
    assert [one.applies for one in found.considered] == [True, True, True]


def test_what_strangers_wrote_is_considered() -> None:
    tainted = replace(use(n=1), taint=STRANGERS)
    text = "this run has read what strangers wrote (fetch_url)"

    assert considered(book(), tainted)[1:] == [(text, True)]
    assert considered(book(), tainted, ToolFacts("look", effect="read"))[1:] == [(text, False)]
    assert considered(Book(grants=(grant(),)), tainted)[-1] == (text, False)
    assert considered(book(), use(n=1))[1:] == []


# --- what would change it -----------------------------------------------------------------------------------------


def test_what_asks_could_be_allowed_denied_or_freed_of_approval() -> None:
    assert changes(book()) == [
        ("allow web:bob deploy", "run"),
        ("deny web:bob deploy", "deny"),
        ("approver deploy none", "run"),
    ]


def test_what_runs_could_be_asked_about_or_denied() -> None:
    assert changes(book(), ToolFacts("free")) == [("ask web:bob free", "ask"), ("deny web:bob free", "deny")]


def test_where_a_rule_denies_only_its_end_helps() -> None:
    assert changes(book(Rule("web:bob", "deny", "deploy", "n>1"), Rule("web:bob", "deny", "deploy"))) == [
        ("reset web:bob deploy", "ask")
    ]
    assert changes(book(Rule("channel:web:general", "deny", "deploy"))) == [("reset channel:web:general deploy", "ask")]


def test_a_tool_outside_the_role_is_had_by_the_role_and_never_by_allow() -> None:
    pay = ToolFacts("pay", roles=frozenset({"finance", "boss"}))

    assert changes(book(), pay) == [("role web:bob boss", "run"), ("role web:bob finance", "run")]


def test_a_guest_would_have_it_with_the_usual_role() -> None:
    guest = book(Rule("web:bob", "role", "guest"))

    assert changes(guest) == [("role web:bob user", "ask")]
    assert changes(replace(guest, default_role="guest")) == []


def test_a_reset_leaves_the_role_even_where_it_has_the_name_of_the_tool() -> None:
    said = book(Rule("web:bob", "role", "deploy"), Rule("web:bob", "deny", "deploy"))

    assert changes(said, ToolFacts("deploy", roles=frozenset({"deploy"}))) == [("reset web:bob deploy", "run")]


def test_an_approver_set_here_is_replaced_and_one_set_everywhere_is_not() -> None:
    here = book(approvers=(ApproverRule("web:", "deploy", "admin"),))
    everywhere = book(approvers=(ApproverRule("", "deploy", "admin"),))

    assert ("approver deploy none", "run") in changes(here)
    assert "approver deploy none" not in dict(changes(everywhere))


def test_after_reading_what_strangers_wrote_no_allow_is_suggested() -> None:
    tainted = replace(use(n=1), taint=STRANGERS)

    assert changes(book(), use=tainted) == [("deny web:bob deploy", "deny")]


def test_a_rule_that_an_admin_would_say_again_is_replaced() -> None:
    soon_over = book(Rule("web:bob", "ask", "free", expires_ms=1))

    assert changes(soon_over, ToolFacts("free")) == [("reset web:bob free", "run"), ("deny web:bob free", "deny")]


def test_names_with_blanks_are_one_word() -> None:
    assert changes(Book(), actor=Actor("web", "", "al ice"))[0] == ('allow "web:al ice" deploy', "run")


def test_no_more_than_six_changes_are_listed() -> None:
    pay = ToolFacts("pay", roles=frozenset("abcdefgh"))

    assert [words for words, _ in changes(book(), pay)] == [f"role web:bob {role}" for role in "abcdef"]


kinds: st.SearchStrategy[Kind] = st.sampled_from(["allow", "ask", "deny"])
subjects = st.sampled_from(["web:bob", "group:web:crew", "channel:web:general", "web:eve"])
conditions = st.sampled_from(["", "n>1", "n<=1", "m=1"])
tools = st.sampled_from(["deploy", "other"])
rules = st.one_of(
    st.builds(Rule, subjects, kinds, tools, conditions),
    st.builds(Rule, subjects, st.just("role"), st.sampled_from(["ops", "guest", "user", "admin"])),
)
approver_rules = st.builds(
    ApproverRule, st.sampled_from(["", "web:"]), tools, st.sampled_from(["none", "admin", "ops"]), conditions
)
books = st.builds(
    lambda rules, approvers, links: replace(
        book(*rules, approvers=tuple(approvers), groups=frozenset({"crew"})), links=tuple(links)
    ),
    st.lists(rules, max_size=5),
    st.lists(approver_rules, max_size=3),
    st.just([Link("web:bob", "web:eve", "")]),
)
facts = st.builds(
    ToolFacts,
    st.just("deploy"),
    st.booleans(),
    st.sampled_from(["read", "once"]),
    roles=st.none() | st.frozensets(st.sampled_from(["ops", "admin"]), min_size=1),
)
uses = st.none() | st.builds(
    lambda n, taint: replace(use(n=n), taint=taint), st.integers(0, 3), st.sampled_from([Taint(), STRANGERS])
)


@given(books, facts, uses)
def test_the_verdict_is_the_judges_and_every_change_makes_a_difference(
    said: Book, facts: ToolFacts, use: Use | None
) -> None:
    found = explain(said, BOB, HERE, facts, use, 0)

    assert found.verdict == judge(said.policy_of(BOB, HERE, 0), facts, use)
    assert (found.asks != "") is (found.verdict.outcome == "ask")
    assert len(found.would_change) <= MAX_CHANGES
    for change in found.would_change:
        assert change.outcome == judge(after(said, change).policy_of(BOB, HERE, 0), facts, use).outcome
        assert change.outcome != found.verdict.outcome


def after(said: Book, change: Change) -> Book:
    """The book after an admin has said these words, done here in another way than there."""
    word, who, *value = change.words.split()
    match word:
        case "reset":
            gone = [one for one in said.rules if one.subject == who and one.kind != "role" and one.value == value[0]]
            return replace(said, rules=tuple(one for one in said.rules if one not in gone))
        case "role":
            rules = [one for one in said.rules if one.subject != who or one.kind != "role"]
            return replace(said, rules=(*rules, Rule(who, "role", value[0])))
        case "approver":
            keeps = [one for one in said.approvers if one.scope != "web:" or one.tool != who or one.when or one.unless]
            return replace(said, approvers=(*keeps, ApproverRule("web:", who, "none")))
        case _:
            return replace(said, rules=(*said.rules, Rule(who, word, value[0])))  # type: ignore[arg-type]  # a kind
