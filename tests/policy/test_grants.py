"""Grants: what was said about more than one call covers what was shown, and nothing else."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.types import Place, ToolFacts, Use
from bot.errors import PolicyError
from bot.policy.conditions import canonical, parse_condition
from bot.policy.grants import (
    GRANTS,
    MAX_OFFERS,
    check_pattern,
    covers,
    in_words,
    is_exact,
    narrowest,
    narrowest_of,
    offers,
    parse_grant,
)
from bot.policy.types import Grant

THREAD = Place("slack", "T1", "C1", "1.1")
FACTS = ToolFacts("fetch", confirm=True, definition="d1")
SHOWN: dict[str, object] = {"url": "https://docs.python.org/3/", "raw": False}
USE = Use(SHOWN, run_id="r1", place=THREAD)
EXACT = Grant("g1", "slack:T1/U1", "fetch", canonical(SHOWN), "d1", "requester")
WIDER = replace(EXACT, pattern="url.host=docs.python.org")


def covered(grant: Grant, use: Use = USE, facts: ToolFacts = FACTS, *, approver: str = "requester") -> bool:
    return covers(grant, facts, use, approver=approver, person="slack:T1/U1")


# --- how long


@pytest.mark.parametrize(
    ("text", "canonical_text"),
    [
        ("once", "once"),
        ("run", "run"),
        ("thread", "thread"),
        ("always", "always"),
        ("8h", "8h"),
        ("90m", "1h30m"),
        ("1m", "1m"),
        ("2w", "14d"),
        ("365d", "365d"),
    ],
)
def test_how_long_has_one_text(text: str, canonical_text: str) -> None:
    assert parse_grant(text) == canonical_text


@pytest.mark.parametrize("text", ["", "forever", "Run", "59s", "366d", "0s", "8", "run "])
def test_other_texts_are_refused_with_the_possible_ones(text: str) -> None:
    with pytest.raises(PolicyError, match="write once, run, thread, a duration from 1m to 365d such as 8h, or always"):
        parse_grant(text)


def test_what_is_offered_is_canonical_and_grows() -> None:
    assert [parse_grant(text) for text in GRANTS] == list(GRANTS)
    assert all(narrowest(pair) == pair[0] for pair in itertools.pairwise(GRANTS))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), "once"),
        (("always", "once"), "once"),
        (("always", ""), "once"),
        (("thread", "run", "8h"), "run"),
        (("thread", "1m"), "thread"),
        (("24h", "90m", "always"), "1h30m"),
        (("always", "365d"), "365d"),
        (("always",), "always"),
    ],
)
def test_the_narrowest_word_counts(texts: tuple[str, ...], expected: str) -> None:
    assert narrowest(texts) == expected


@given(st.lists(st.sampled_from(GRANTS), max_size=4), st.sampled_from(GRANTS), st.data())
def test_another_word_never_makes_it_wider(said: list[str], more: str, data: st.DataObject) -> None:
    order = {grant: place for place, grant in enumerate(GRANTS)}

    assert narrowest(data.draw(st.permutations(said))) == narrowest(said)
    if said:
        assert order[narrowest([*said, more])] <= order[narrowest(said)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], ("once", "")),
        ([("always", "a=1")], ("always", "a=1")),
        ([("always", "a=1"), ("8h", "a=1")], ("8h", "a=1")),
        ([("always", "a=1"), ("8h", "a=2")], ("8h", "")),
        ([("always", "a=1"), ("run", "")], ("run", "")),
    ],
)
def test_a_pattern_is_kept_only_where_all_said_the_same(said: list[tuple[str, str]], expected: tuple[str, str]) -> None:
    assert narrowest_of(said) == expected


# --- what is covered


def test_an_exact_grant_covers_the_same_arguments_in_any_order() -> None:
    assert is_exact(EXACT)
    assert covered(EXACT)
    assert covered(EXACT, replace(USE, arguments=dict(reversed(SHOWN.items())), run_id="r2", place=Place("web")))
    assert covered(replace(EXACT, arguments='{ "url": "https://docs.python.org/3/", "raw" : false }'))


def test_a_pattern_covers_what_meets_it_with_everything_else_as_shown() -> None:
    other_page = {**SHOWN, "url": "https://docs.python.org/2/"}

    assert not is_exact(WIDER)
    assert covered(WIDER)
    assert covered(WIDER, replace(USE, arguments=other_page))
    assert not covered(EXACT, replace(USE, arguments=other_page))


@pytest.mark.parametrize(
    "arguments",
    [
        {**SHOWN, "raw": True},
        {**SHOWN, "raw": 0},
        {**SHOWN, "raw": None},
        {**SHOWN, "more": None},
        {"url": "https://docs.python.org/3/"},
        {"raw": False},
        {},
        {**SHOWN, "url": "https://docs.python.org@evil.net/"},
        {**SHOWN, "url": "https://docs.python.org:8080/"},
        {**SHOWN, "url": "https://evil.net/"},
        {**SHOWN, "url": None},
        {**SHOWN, "url": ["https://docs.python.org/3/"]},
        {"URL": "https://docs.python.org/3/", "raw": False},
    ],
)
def test_other_arguments_are_not_covered(arguments: dict[str, object]) -> None:
    assert not covered(WIDER, replace(USE, arguments=arguments))
    assert not covered(EXACT, replace(USE, arguments=arguments))


@pytest.mark.parametrize("grant", [EXACT, WIDER])
@pytest.mark.parametrize(
    "change",
    [
        {"person": "slack:T1/U2"},
        {"tool": "fetch2"},
        {"tool": "Fetch"},
        {"definition": "d2"},
        {"definition": ""},
        {"approver": "admin"},
        {"run_id": "r2"},
        {"place": "slack:T1/C1/1.2"},
        {"place": "slack:T1/C1"},
        {"arguments": canonical({**SHOWN, "raw": True})},
        {"arguments": canonical({"url": SHOWN["url"]})},
        {"arguments": ""},
        {"arguments": "[]"},
        {"arguments": "{"},
        {"arguments": "[" * 100_000},
        {"pattern": "url.host=evil.net"},
        {"pattern": "other=1"},
        {"pattern": "url"},
    ],
)
def test_a_grant_that_differs_in_anything_or_is_damaged_covers_nothing(grant: Grant, change: dict[str, str]) -> None:
    assert not covered(replace(grant, **change))  # type: ignore[arg-type]  # mypy takes every field of it for a text


@pytest.mark.parametrize("grant", [EXACT, WIDER])
def test_another_use_is_not_covered(grant: Grant) -> None:
    here = replace(grant, run_id="r1", place=str(THREAD))

    assert covered(here)
    assert not covered(here, replace(USE, run_id="r2"))
    assert not covered(here, replace(USE, run_id=""))
    assert not covered(here, replace(USE, place=replace(THREAD, thread="")))
    assert not covered(here, facts=replace(FACTS, name="fetch2"))
    assert not covered(here, facts=replace(FACTS, definition="d2"))
    assert not covered(here, approver="requester and admin")
    assert not covers(here, FACTS, USE, approver="requester", person="slack:T1/U2")


def test_a_pattern_never_admits_an_argument_that_was_not_shown() -> None:
    grant = replace(EXACT, arguments="{}", pattern="amount<=5")

    assert not covered(grant, replace(USE, arguments={"amount": 1}))
    assert not covered(grant, replace(USE, arguments={}))


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 6),
    st.sampled_from([0.0, 1.0, 2.5]),
    st.sampled_from(["1", "true", "a", "https://x.org/1", "https://y.x.org/", "https://x.org@y.net/", "r/a", "r/../b"]),
    st.lists(st.integers(0, 1), max_size=2),
)
arguments = st.dictionaries(st.sampled_from(["a", "b", "c"]), values, max_size=3)
patterns = st.sampled_from(
    ["", "a=1", "a=true|a", "a<=2", "a.host=x.org", "b.host=.x.org", "a.under=r", "a<=2 and b=1", "a>1 and a<4"]
)


@given(arguments, arguments, patterns)
def test_a_grant_covers_only_what_was_shown_or_meets_the_shown_pattern(
    shown: dict[str, object], tried: dict[str, object], pattern: str
) -> None:
    condition = parse_condition(pattern)
    grant = replace(EXACT, arguments=canonical(shown), pattern=pattern)
    differing = {
        name
        for name in shown.keys() | tried.keys()
        if name not in shown or name not in tried or canonical({"": shown[name]}) != canonical({"": tried[name]})
    }

    is_covered = covered(grant, replace(USE, arguments=tried))

    meets = condition.holds(tried) is True
    same_names = shown.keys() == tried.keys()
    assert is_covered == (same_names and meets and differing <= condition.names)


@given(arguments)
def test_the_very_arguments_that_were_shown_are_covered(shown: dict[str, object]) -> None:
    for pattern in ["", *offers(shown)]:
        grant = replace(EXACT, arguments=canonical(shown), pattern=pattern)

        assert covered(grant, replace(USE, arguments=shown))


# --- patterns


def test_a_pattern_holds_for_the_arguments_it_is_given_with() -> None:
    assert check_pattern(" url.host = DOCS.python.org ", SHOWN) == "url.host=docs.python.org"
    assert check_pattern("", SHOWN) == ""


@pytest.mark.parametrize("pattern", ["url.host=evil.net", "other=1", "raw<=5"])
def test_a_pattern_for_other_arguments_is_refused(pattern: str) -> None:
    with pytest.raises(PolicyError, match="does not hold for the arguments shown: write one that these arguments meet"):
        check_pattern(pattern, SHOWN)


def test_what_is_no_pattern_is_refused() -> None:
    with pytest.raises(PolicyError, match="write tests such as"):
        check_pattern("everything", SHOWN)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (SHOWN, ["url.host=docs.python.org"]),
        ({"path": "reports/2026/a.csv"}, ["path.under=reports/2026"]),
        (
            {"url": "https://x.org/", "a": "r/a", "b": "r/s/a", "c": "t/a"},
            ["b.under=r/s", "a.under=r", "c.under=t"],
        ),
        ({"path": "*/a"}, ['path.under="*"']),
        ({"path": "a.csv"}, []),
        ({"path": "/etc/passwd"}, []),
        ({"path": "a/../b"}, []),
        ({"text": "this and/or that"}, []),
        ({"url": "https://x.org:8443/"}, []),
        ({"url": "https://me@x.org/"}, []),
        ({"url": ["https://x.org/"], "amount": 5}, []),
        ({"odd name": "https://x.org/", "a=1 and b": "r/a"}, []),
        ({"path": "x" * 1000 + "/a"}, []),
        ({}, []),
    ],
)
def test_patterns_are_offered_for_plain_urls_and_paths(shown: dict[str, object], expected: list[str]) -> None:
    assert offers(shown) == expected


@given(st.dictionaries(st.text(max_size=4), st.one_of(values, st.text(max_size=12)), max_size=5))
def test_every_offer_holds_for_the_arguments_and_is_canonical(shown: dict[str, object]) -> None:
    offered = offers(shown)

    assert len(offered) <= MAX_OFFERS
    assert [check_pattern(pattern, shown) for pattern in offered] == offered


@pytest.mark.parametrize(
    ("kind", "pattern", "words"),
    [
        ("once", "", "this one call of fetch"),
        ("run", "", "in this run, with exactly these arguments"),
        ("thread", "a=1", "in this thread, where a=1 and everything else as shown"),
        ("8h", "url.host=x.org", "for 8h, where url.host=x.org and everything else as shown"),
        ("always", "", "always, with exactly these arguments"),
    ],
)
def test_what_a_grant_covers_is_said_in_words(kind: str, pattern: str, words: str) -> None:
    assert in_words(kind, pattern, "fetch") == words
