"""Conditions on arguments: exact names and values, and one canonical text."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.errors import PolicyError
from bot.policy.conditions import (
    Bound,
    Condition,
    Equals,
    Host,
    Test,
    Under,
    Value,
    canonical,
    check_fits,
    parse_condition,
)


def holds(text: str, **arguments: object) -> bool | None:
    return parse_condition(text).holds(arguments)


# --- equality


@pytest.mark.parametrize(
    ("text", "argument", "met"),
    [
        ("a=draft", "draft", True),
        ("a=draft", "Draft", False),
        ("a=draft", "draft ", False),
        ("a=draft|final", "final", True),
        ("a=e\u0301", "\u00e9", False),
        ("a=ｄraft", "draft", False),
        ('a="hello world"', "hello world", True),
        ('a="a|b"|c', "a|b", True),
        ('a="a|b"|c', "a", False),
        (r'a="say \"hi\""', 'say "hi"', True),
        ('a="x and b=1"', "x and b=1", True),
        ('a=""', "", True),
        ("a=x=y", "x=y", True),
        ("a=5", 5, True),
        ("a=5", 5.0, True),
        ("a=5.0", 5, True),
        ("a=5e0", 5, True),
        ("a=-5", -5, True),
        ("a=0.1", 0.1, True),
        ("a=5", "5", True),
        ("a=5", "5.0", False),
        ("a=5.0", "5", False),
        ("a=05", 5, False),
        ("a=05", "05", True),
        ('a="5"', "5", True),
        ('a="5"', 5, False),
        ("a=1", True, False),
        ("a=0", False, False),
        ("a=true", True, True),
        ("a=true", False, False),
        ("a=true", "true", True),
        ("a=true", 1, False),
        ("a=false", 0, False),
        ('a="true"', True, False),
        ("a=null", None, True),
        ("a=null", "null", True),
        ("a=None", None, False),
        ("a=5", None, False),
        ("a=9007199254740993", 9007199254740993, True),
        ("a=9007199254740993", 9007199254740992, False),
        ("a=5", [5], None),
        ("a=5", {"a": 5}, None),
        ("a=5", math.nan, None),
        ("a=5", math.inf, None),
    ],
)
def test_a_value_equals_text_exactly_and_numbers_by_value(text: str, argument: object, met: bool | None) -> None:
    assert holds(text, a=argument) is met


# --- bounds


@pytest.mark.parametrize(
    ("text", "argument", "met"),
    [
        ("a<=100", 100, True),
        ("a<=100", 100.5, False),
        ("a<100", 100, False),
        ("a<100", 99, True),
        ("a>=1.5", 1.5, True),
        ("a>=1.5", 1, False),
        ("a>-1", 0, True),
        ("a>0", 0, False),
        ("a<=1e3", 1000, True),
        ("a<=100", 10**400, False),
        ("a<=100", "50", None),
        ("a<=100", True, None),
        ("a<=100", None, None),
        ("a<=100", [1], None),
        ("a<=100", math.nan, None),
        ("a<=100", -math.inf, None),
    ],
)
def test_a_bound_holds_for_finite_numbers_only(text: str, argument: object, met: bool | None) -> None:
    assert holds(text, a=argument) is met


# --- the whole


def test_false_wins_over_what_cannot_be_told_and_that_over_true() -> None:
    text = "a=1 and b=2 and c=3"

    assert holds(text, a=1, b=2, c=3) is True
    assert holds(text, a=1, b=2) is None
    assert holds(text, a=1, b=2, c=[3]) is None
    assert holds(text, a=1, b=5) is False
    assert holds(text) is None


def test_two_tests_on_one_name_must_both_hold() -> None:
    assert holds("a>1 and a<5", a=3) is True
    assert holds("a>1 and a<5", a=7) is False


def test_no_test_at_all_always_holds() -> None:
    assert parse_condition("") == Condition()
    assert holds("", a=1) is True
    assert str(parse_condition("  ")) == ""


def test_a_condition_names_its_parameters() -> None:
    assert parse_condition("url.host=x.org and amount<=5 and url=a").names == {"url", "amount"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  amount <= 100  and   mode = draft | final ", "amount<=100 and mode=draft|final"),
        ("url.host = docs.python.org", "url.host=docs.python.org"),
        ('mode="draft"', "mode=draft"),
        ('a="5"', 'a="5"'),
        ('a="1e999"', 'a="1e999"'),
        ('a="true"|true', 'a="true"|true'),
        ("a=x|x and a=x", "a=x"),
        ('a="and"', 'a="and"'),
        ('url.host="and"', 'url.host="and"'),
        ('path.under="my files/x"', 'path.under="my files/x"'),
        ('a="=5"', 'a="=5"'),
        ('a="*"', 'a="*"'),
        ('a="it\'s"', 'a="it\'s"'),
        (r'a="\u202e"', r'a="\u202e"'),
        (r'a="\ud83d\ude00"', "a=😀"),
        (r'a="\u0061"', "a=a"),
    ],
)
def test_a_condition_has_one_canonical_text(text: str, expected: str) -> None:
    assert str(parse_condition(text)) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("amount", "cannot be read at 'amount': write tests such as"),
        ("a!=5", "cannot be read"),
        ("a.host~x", "cannot be read"),
        ("a.host<=5", "cannot be read"),
        ("a .host=x.org", "cannot be read"),
        ("1a=5", "cannot be read"),
        ("é=5", "cannot be read"),
        ("a.b=5", "cannot be read"),
        ("a=1 AND b=2", "cannot be read at 'AND b=2'"),
        ("a=1,b=2 c", "cannot be read at 'c'"),
        ("a=1 and", "cannot be read at 'and'"),
        ("and a=1", "cannot be read"),
        ('a="x"and b=1', "cannot be read"),
        ("a=", "cannot stand as a value"),
        ("a=x|", "cannot stand as a value"),
        ("a=|x", "cannot stand as a value"),
        ("a= and b=1", "cannot stand as a value"),
        ("a==5", "cannot stand as a value"),
        ("a=>5", "cannot stand as a value"),
        ("a=<5", "cannot stand as a value"),
        ("a=*", "no wildcards"),
        ("a=x*", "no wildcards"),
        ('a=x"y"', "straight double quotes"),
        ("a='x'", "straight double quotes"),
        ("a=“x”", "straight double quotes"),
        ("a=x\u200by", "straight double quotes"),
        ("a=\ud800", "straight double quotes"),
        ('a="x', "write it as a JSON string"),
        ('a="x\ny"', "write it as a JSON string"),
        (r'a="\ud800"', "write it as a JSON string"),
        ("a=1e999", "too large a number"),
        ("a<=1e999", "too large a number"),
        ("a<=x", "compares numbers: write one such as a<=100"),
        ("a<=true", "compares numbers"),
        ('a<="5"', "compares numbers"),
        ("a<=NaN", "compares numbers"),
        ("a<=1|2", "takes one value"),
        ("a.under=x|y", "takes one value"),
        (" and ".join(f"a{n}=1" for n in range(21)), "at most 20 tests"),
        ("a=" + "x" * 999, "1,000 characters"),
        ('a="' + "\u202e" * 200 + '"', "1,000 characters"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        parse_condition(text)


def test_twenty_tests_and_a_thousand_characters_are_taken() -> None:
    assert len(parse_condition(" and ".join(f"a{n}=1" for n in range(20))).tests) == 20
    assert holds("a=" + "x" * 998, a="x" * 998) is True


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
numbers = st.one_of(st.integers().map(str), st.floats(allow_nan=False, allow_infinity=False).map(json.dumps))
texts = st.text(max_size=8)
values = st.one_of(
    texts.map(Value),
    numbers.map(Value),
    st.one_of(numbers, st.sampled_from(["true", "null"])).map(lambda n: Value(n, False)),
)
hosts = st.sampled_from(["docs.python.org", ".example.org", "xn--bcher-kva.example", "10.0.0.5", "and"])
folders = st.sampled_from(["reports", "a/b", "my files", "and", "=x", "5"])
tests: st.SearchStrategy[Test] = st.one_of(
    st.builds(Equals, names, st.lists(values, min_size=1, max_size=3, unique=True).map(tuple)),
    st.builds(Host, names, st.lists(hosts, min_size=1, max_size=3, unique=True).map(tuple)),
    st.builds(Under, names, folders),
    st.builds(Bound, names, st.sampled_from(["<=", ">=", "<", ">"]), numbers),
)
conditions = st.lists(tests, max_size=4, unique=True).map(lambda some: Condition(tuple(some)))


@given(conditions)
def test_every_condition_is_read_back_from_its_text(condition: Condition) -> None:
    assume(len(str(condition)) <= 1000)

    assert parse_condition(str(condition)) == condition


@given(st.text(alphabet=st.sampled_from('ab=<>|". \\*andu5-tre'), max_size=25))
def test_any_text_is_refused_or_read_the_same_again(text: str) -> None:
    try:
        condition = parse_condition(text)
    except PolicyError:
        return

    assert parse_condition(str(condition)) == condition


arguments = st.one_of(texts, st.integers(), st.floats(), st.booleans(), st.none())


@given(texts, arguments)
def test_quoted_text_is_met_by_that_text_alone(text: str, argument: object) -> None:
    condition = Condition((Equals("a", (Value(text),)),))

    assert condition.holds({"a": text}) is True
    assert (condition.holds({"a": argument}) is True) == (argument == text)


# --- fitting a tool

SCHEMA = {
    "type": "object",
    "properties": {
        "url": {"type": "string"},
        "amount": {"type": "number"},
        "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "path": {"type": ["string", "null"]},
        "rows": {"type": "array"},
        "any": {},
        "odd": True,
        "mixed": {"oneOf": [{"type": "array"}, {"$ref": "#/x"}]},
    },
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "url.host=x.org and amount<=5 and count>=1",
        "path.under=reports and url=x and amount=5 and count=null",
        "any<=5 and any.host=x.org and odd.under=x and mixed=5",
    ],
)
def test_a_condition_fits_parameters_that_its_tests_can_read(text: str) -> None:
    check_fits(parse_condition(text), SCHEMA, "pay")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("url<=5", "url<=5 needs a parameter that is integer or number, but url of pay is string."),
        ("amount.host=x.org", "needs a parameter that is string, but amount of pay is number."),
        ("count.under=x", "needs a parameter that is string, but count of pay is integer or null."),
        ("rows=5", "but rows of pay is array."),
        ("url=x and amont<=5", "pay has no parameter amont: write one of amount, "),
    ],
)
def test_a_condition_that_can_never_be_met_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        check_fits(parse_condition(text), SCHEMA, "pay")


@pytest.mark.parametrize("schema", [{}, {"properties": {}}, {"properties": None}])
def test_a_tool_without_parameters_takes_no_condition(schema: dict[str, object]) -> None:
    with pytest.raises(PolicyError, match="clock has no parameters"):
        check_fits(parse_condition("a=1"), schema, "clock")


# --- canonical arguments


def test_arguments_have_one_text_whatever_their_order() -> None:
    assert canonical({"b": [1, {"d": None, "c": "ü"}], "a": True}) == '{"a":true,"b":[1,{"c":"ü","d":null}]}'


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=2), json_values, max_size=3), st.data())
def test_the_same_arguments_have_the_same_text_and_it_gives_them_back(
    arguments: dict[str, object], data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(arguments.items()))))

    assert canonical(shuffled) == canonical(arguments)
    assert canonical(json.loads(canonical(arguments))) == canonical(arguments)
