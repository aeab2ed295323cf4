"""The past through another policy: what would have changed, and what the past suggests."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.types import Place, ToolFacts, Use, parse_actor
from bot.policy.book import Book
from bot.policy.conditions import parse_condition
from bot.policy.judge import judge
from bot.policy.simulate import Past, Simulation, Suggestion, in_words, simulate, suggestions
from bot.policy.types import ApproverRule, Grant, Person, Rule

HERE = Place("web", "", "general", "t1")
NOON_MS = 1_796_119_200_000  # 2026-12-01 10:00 UTC
PAST = Past(NOON_MS, "c1", "web:bob", "Bob", HERE, "look", "{}", "run", "", "done")
FACTS = {
    "look": ToolFacts("look", effect="read"),
    "deploy": ToolFacts("deploy", confirm=True),
    "files_delete": ToolFacts("files_delete", confirm=True),
}


def call(tool: str = "look", requester: str = "web:bob", decision: str = "", **arguments: object) -> Past:
    return replace(PAST, tool=tool, requester=requester, decision=decision, arguments=json.dumps(arguments))


def approved(*all_arguments: Mapping[str, object], tool: str = "files_delete") -> list[Past]:
    run = replace(PAST, tool=tool, decision="approve")
    return [replace(run, arguments=json.dumps(arguments)) for arguments in all_arguments]


# --- simulating ---------------------------------------------------------------------------------------------------


def test_only_calls_that_are_treated_differently_have_changed() -> None:
    past = [call(), call(requester="web:eve"), call("deploy"), call(path="b")]
    after = Book(rules=(Rule("web:bob", "ask", "look", "path=b"),))

    found = simulate(past, Book(), after, FACTS, 0)

    assert (found.total, found.unreadable) == (4, 0)
    # without `path` it cannot be told, so that it asks as well
    assert [(one.past, one.before.outcome, one.after.outcome) for one in found.changed] == [
        (past[0], "run", "ask"),
        (past[3], "run", "ask"),
    ]


@pytest.mark.parametrize(
    ("after", "tool", "what"),
    [
        (Book(rules=(Rule("web:bob", "ask", "look"),)), "look", "stopped"),
        (Book(rules=(Rule("web:bob", "deny", "look"),)), "look", "refused"),
        (Book(rules=(Rule("web:bob", "deny", "deploy"),)), "deploy", "refused"),
        (Book(rules=(Rule("web:bob", "allow", "deploy"),)), "deploy", "freed"),
        (Book(default_approver="admin"), "deploy", "moved"),
    ],
)
def test_a_change_stops_refuses_frees_or_asks_somebody_else(after: Book, tool: str, what: str) -> None:
    (changed,) = simulate([call(tool)], Book(), after, FACTS, 0).changed

    assert changed.what == what


def test_what_was_denied_and_would_have_been_asked_has_stopped() -> None:
    (changed,) = simulate([call("deploy")], Book(rules=(Rule("web:bob", "deny", "deploy"),)), Book(), FACTS, 0).changed

    assert changed.what == "stopped"


@pytest.mark.parametrize("arguments", ["[erased]", "sha256:12ab", "[1]", '"x"', "{", "[" * 100_000, "null"])
def test_what_cannot_be_read_is_counted_and_not_judged(arguments: str) -> None:
    after = Book(rules=(Rule("web:bob", "deny", "look"),))

    found = simulate([replace(PAST, arguments=arguments), replace(PAST, tool="gone")], Book(), after, FACTS, 0)

    assert found == Simulation(2, (), 2)


def test_no_arguments_at_all_can_be_read() -> None:
    after = Book(rules=(Rule("web:bob", "deny", "look"),))

    assert len(simulate([replace(PAST, arguments="")], Book(), after, FACTS, 0).changed) == 1


def test_each_call_is_judged_where_it_was_made_and_by_what_is_known_of_its_person() -> None:
    after = Book(
        rules=(Rule("channel:web:random", "deny", "look"), Rule("group:slack:T1/S1", "ask", "look")),
        people={"slack:T1/U1": Person("slack:T1/U1", groups=frozenset({"S1"}))},
    )
    past = [
        call(),
        replace(PAST, place=Place("web", "", "random")),
        replace(PAST, requester="slack:T1/U1", place=Place("slack", "T1", "C1")),
        replace(PAST, requester="slack:T1/U2", place=Place("slack", "T1", "C1")),
    ]

    assert [one.past for one in simulate(past, Book(), after, FACTS, 0).changed] == past[1:3]


def test_rules_that_are_over_change_nothing() -> None:
    after = Book(rules=(Rule("web:bob", "deny", "look", expires_ms=10),))

    assert simulate([call()], Book(), after, FACTS, 10).changed == ()
    assert len(simulate([call()], Book(), after, FACTS, 9).changed) == 1


def test_grants_count_as_they_are() -> None:
    granted = Grant("g", "web:bob", "deploy", '{"n": 1}', "", "requester", given_by="web:bob")

    changed = simulate([call("deploy", n=1), call("deploy", n=2)], Book(), Book(grants=(granted,)), FACTS, 0).changed

    assert [(one.past.arguments, one.what) for one in changed] == [('{"n": 1}', "freed")]


people = st.sampled_from(["web:bob", "web:eve"])
names = st.sampled_from(["look", "deploy"])
rules = st.builds(Rule, people, st.sampled_from(["allow", "ask", "deny"]), names, st.sampled_from(["", "n>1", "n=1"]))
books = st.builds(
    lambda rules, approvers: Book(rules=tuple(rules), approvers=tuple(approvers)),
    st.lists(rules, max_size=4),
    st.lists(st.builds(ApproverRule, st.just(""), names, st.sampled_from(["none", "admin"])), max_size=2),
)
calls = st.lists(st.builds(lambda tool, who, n: call(tool, who, n=n), names, people, st.integers(0, 2)), max_size=8)


@given(calls, books, books)
def test_a_simulation_says_what_judging_each_call_by_itself_says(past: list[Past], before: Book, after: Book) -> None:
    found = simulate(past, before, after, FACTS, 0)

    def judged(book: Book, one: Past) -> tuple[str, str]:
        use = Use(json.loads(one.arguments), one.arguments, place=one.place)
        verdict = judge(book.policy_of(parse_actor(one.requester), one.place, 0), FACTS[one.tool], use)
        return verdict.outcome, verdict.approver

    assert [one.past for one in found.changed] == [one for one in past if judged(before, one) != judged(after, one)]
    assert simulate(past, before, before, FACTS, 0) == Simulation(len(past), (), 0)


def test_twenty_thousand_calls_take_no_time_that_anybody_notices() -> None:
    some = [call("deploy", f"web:user{number % 500}", where="test", n=number % 7) for number in range(2_000)]
    before = Book(approvers=(ApproverRule("", "deploy", "admin", "n>3 and where=test"),))
    after = replace(before, rules=tuple(Rule(f"web:user{number}", "deny", "deploy", "n=1") for number in range(500)))
    started_s = time.process_time()

    found = simulate(some * 10, before, after, FACTS, 0)

    assert len(found.changed) == 2860
    assert time.process_time() - started_s < 5


# --- in words -----------------------------------------------------------------------------------------------------


def test_nothing_to_look_at_is_said() -> None:
    assert in_words(Simulation(0, (), 0), what="deny web:bob look", days="30d") == (
        "`deny web:bob look`: there are no calls in the last 30d to look at."
    )


def test_no_difference_is_said() -> None:
    assert in_words(Simulation(1240, (), 0), what="deny web:bob look", days="30d") == (
        "`deny web:bob look`: none of 1,240 calls of the last 30d would have been treated differently."
    )
    assert in_words(Simulation(1, (), 1), what="x", days="7d") == (
        "`x`: none of 1 call of the last 7d would have been treated differently. "
        "1 could not be judged: the tool is gone, or the arguments cannot be read any more."
    )


def test_differences_are_counted_and_listed() -> None:
    past = [call(), call(path="a`b\n"), call("deploy"), call("files_delete", n=1), replace(PAST, name="", tool="gone")]
    before = Book(rules=(Rule("web:bob", "deny", "deploy"),))
    after = Book(
        rules=(Rule("web:bob", "ask", "look"), Rule("web:bob", "allow", "files_delete")), default_approver="admin"
    )

    assert in_words(simulate(past, before, after, FACTS, 0), what="policy import", days="30d") == (
        "`policy import`: 3 of 5 calls of the last 30d would have stopped. 1 would have run without asking. "
        "1 could not be judged: the tool is gone, or the arguments cannot be read any more.\n"
        "- 2026-12-01 10:00 UTC `Bob` `look` `{}`: run → ask `admin`\n"
        '- 2026-12-01 10:00 UTC `Bob` `look` `{"path": "a\'b\\n"}`: run → ask `admin`\n'
        "- 2026-12-01 10:00 UTC `Bob` `deploy` `{}`: deny → ask `admin`\n"
        '- 2026-12-01 10:00 UTC `Bob` `files_delete` `{"n": 1}`: ask `requester` → run'
    )


def test_where_none_would_have_stopped_the_next_count_comes_first() -> None:
    found = simulate([call(), call("deploy")], Book(), Book(rules=(Rule("web:bob", "deny", "look"),)), FACTS, 0)
    moved = simulate([call("deploy")], Book(), Book(default_approver="admin"), FACTS, 0)

    assert in_words(found, what="x", days="1d").startswith(
        "`x`: 1 of 2 calls of the last 1d would have been refused.\n"
    )
    assert in_words(moved, what="x", days="1d").startswith("`x`: 1 of 1 call of the last 1d would have asked somebody")


def test_no_more_than_twenty_calls_are_listed_and_each_in_one_short_line() -> None:
    past = [call(text="x" * 500)] * 25
    text = in_words(
        simulate(past, Book(), Book(rules=(Rule("web:bob", "deny", "look"),)), FACTS, 0), what="x", days="30d"
    )

    lines = text.splitlines()
    assert len(lines) == 22
    assert lines[-1] == "and 5 more"
    assert lines[1].endswith("xxx…`: run → deny")
    assert all(len(line) < 220 for line in lines)


# --- what the past suggests ---------------------------------------------------------------------------------------


def suggested(past: Sequence[Past], book: Book | None = None) -> list[str]:
    return [one.words for one in suggestions(past, book or Book(), FACTS, 0, at_least=3)]


@pytest.mark.parametrize(
    ("all_arguments", "when"),
    [
        ([{"path": "tmp.txt"}] * 3, "path=tmp.txt"),
        ([{"path": "x", "force": True, "n": 1.5, "why": None}] * 3, "path=x and force=true and n=1.5 and why=null"),
        ([{"path": "a b|c", "n": "5"}] * 3, 'path="a b|c" and n="5"'),
        ([{"n": 1}, {"n": 1.0}, {"n": 1}], "n=1"),
        ([{"path": "x", "n": 1}, {"path": "x", "n": 2}, {"path": "x"}], "path=x"),
        ([{"n": 1, "tags": ["a"]}] * 3, "n=1"),
        ([{"n": 1, "an odd name": 1}] * 3, "n=1"),
        ([{"n": 1, "text": "x" * 2000}] * 3, "n=1"),
        ([{"n": 1, "text": "\ud800"}] * 3, "n=1"),
        (
            [{"url": f"https://docs.python.org/{page}"} for page in "abc"],
            "url.host=docs.python.org",
        ),
        ([{"path": f"tmp/a/{name}.txt"} for name in "abc"], "path.under=tmp/a"),
        ([{"path": "tmp/a/x"}, {"path": "tmp/a/b/x"}, {"path": "tmp/c/x"}], "path.under=tmp"),
        ([{"path": f"my-tmp/{name}"} for name in ("a", "b/c", "d")], "path.under=my-tmp"),
    ],
)  # fmt: skip
def test_the_narrowest_allow_that_covers_what_was_approved_is_suggested(
    all_arguments: list[dict[str, object]], when: str
) -> None:
    assert suggested(approved(*all_arguments)) == [f"allow web:bob files_delete when {when} for 30d"]


@pytest.mark.parametrize(
    "all_arguments",
    [
        [{}] * 3,
        [{"path": "a"}, {"path": "b"}, {"path": "c"}],
        [{"path": "a/x"}, {"path": "b/x"}, {"path": "c/x"}],
        [{"path": "a/x"}, {"path": "a/x y"}, {"path": "a/z"}],
        [{"path": "/a/x"}, {"path": "/a/y"}, {"path": "/a/z"}],
        [{"path": "a/../x"}, {"path": "a/../y"}, {"path": "a/z"}],
        [{"url": "https://a.org/x"}, {"url": "https://b.org/x"}, {"url": "https://a.org/y"}],
        [{"url": "https://a.org:80/x"}, {"url": "https://a.org:80/y"}, {"url": "https://a.org:80/z"}],
        [{"n": 1}, {"n": 2}, {"n": "1"}],
        [{"n": True}, {"n": 1}, {"n": 1}],
        [{"n": None}, {}, {}],
        [{"tags": ["a"]}] * 3,
        [{"n": float("nan")}] * 3,
    ],
)
def test_where_nothing_can_be_pinned_nothing_is_suggested(all_arguments: list[dict[str, object]]) -> None:
    assert suggested(approved(*all_arguments)) == []


def test_one_denial_is_enough_to_suggest_nothing() -> None:
    past = approved(*[{"path": "tmp.txt"}] * 9)

    assert suggested([*past, call("files_delete", decision="deny", path="other")]) == []
    assert suggested([*past, replace(PAST, tool="files_delete", decision="deny", arguments="[erased]")]) == []
    assert len(suggested([*past, call("files_delete", "web:eve", "deny"), call("deploy", decision="deny")])) == 1


def test_fewer_approvals_than_wanted_suggest_nothing() -> None:
    past = approved(*[{"path": "tmp.txt"}] * 4)
    others = [call("files_delete", decision=verb, path="tmp.txt") for verb in ("", "expire", "cancel")]
    unreadable = replace(past[0], arguments="[erased]")

    assert suggestions([*past, *others, unreadable], Book(), FACTS, 0) == []
    assert suggestions([*past, past[0], *others, unreadable], Book(), FACTS, 0) == [
        Suggestion("allow web:bob files_delete when path=tmp.txt for 30d", 5)
    ]


def test_what_was_edited_was_approved_as_it_ran() -> None:
    past = [replace(one, decision="edit") for one in approved(*[{"path": "tmp.txt"}] * 3)]

    assert suggested(past) == ["allow web:bob files_delete when path=tmp.txt for 30d"]


def test_calls_of_tools_that_are_gone_suggest_nothing() -> None:
    assert suggested(approved(*[{"path": "tmp.txt"}] * 3, tool="gone")) == []


def test_what_would_not_run_even_then_is_not_suggested() -> None:
    past = approved(*[{"path": "tmp.txt"}] * 3)

    assert suggested(past, Book(rules=(Rule("web:bob", "ask", "files_delete"),))) == []
    assert suggested(past, Book(rules=(Rule("web:bob", "role", "guest"),))) == []
    assert suggested(past, Book(rules=(Rule("channel:web:general", "deny", "files_delete"),))) == []


def test_what_runs_already_is_not_suggested() -> None:
    past = approved(*[{"path": "tmp.txt"}] * 3)

    assert suggested(past, Book(rules=(Rule("web:bob", "allow", "files_delete"),))) == []
    assert suggested(past, Book(approvers=(ApproverRule("", "files_delete", "none"),))) == []


def test_the_most_often_approved_comes_first() -> None:
    past = [
        *approved(*[{"path": "a"}] * 3),
        *approved(*[{"n": 1}] * 4, tool="deploy"),
        *[call("deploy", "web:al ice", "approve", n=1)] * 3,
    ]

    assert suggestions(past, Book(), FACTS, 0, at_least=3) == [
        Suggestion("allow web:bob deploy when n=1 for 30d", 4),
        Suggestion('allow "web:al ice" deploy when n=1 for 30d', 3),
        Suggestion("allow web:bob files_delete when path=a for 30d", 3),
    ]


def test_a_condition_that_would_be_too_long_pins_what_fits() -> None:
    (words,) = suggested(approved(*[{f"n{number}": number for number in range(25)}] * 3))

    condition = parse_condition(words.removeprefix("allow web:bob files_delete when ").removesuffix(" for 30d"))
    assert len(condition.tests) == 20


values = st.sampled_from(["a/b", "a/c", "x", "https://a.org/1", "https://a.org/2", 1, True, None, "a b", "1"])
pasts = st.lists(
    st.builds(
        lambda arguments, verb: call("files_delete", decision=verb, **arguments),
        st.dictionaries(st.sampled_from(["p", "q"]), values),
        st.sampled_from(["approve", "approve", "approve", "approve", "edit", "expire", "", "deny"]),
    ),
    max_size=6,
)


@given(pasts)
def test_with_what_is_suggested_every_approved_call_would_have_run(past: list[Past]) -> None:
    for words in suggested(past):
        when = words.removeprefix("allow web:bob files_delete when ").removesuffix(" for 30d")
        after = Book(rules=(Rule("web:bob", "allow", "files_delete", when),))
        freed = [one.past for one in simulate(past, Book(), after, FACTS, 0).changed]

        assert str(parse_condition(when)) == when != ""
        assert all(one in freed for one in past if one.decision in ("approve", "edit"))
        assert all(one.decision != "deny" for one in past)
