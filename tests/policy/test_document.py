"""The policy as a file: what is written is read back, small changes are small, and nothing odd gets in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import PolicyError
from bot.policy.book import Book
from bot.policy.document import HEAD, MAX_ENTRIES, Document, check_tools, difference, document_of, read, write
from bot.policy.types import ApproverRule, Grant, Link, Rule

NOON_MS = 1_796_119_200_000  # 2026-12-01 10:00 UTC
POLICY = Document(
    (
        Rule("group:slack:T1/S1", "ask", "files_write", "path.under=reports"),
        Rule("web:bob", "deny", "files_write", expires_ms=NOON_MS),
        Rule("web:bob", "role", "ops"),
    ),
    (
        ApproverRule("", "pay", "admin", unless="amount<100"),
        ApproverRule("slack:T1", "pay", "2 of finance", when="amount>1000"),
    ),
    (Link("slack:T1/U1", "web:bob", ""),),
    7,
)
TEXT = """
version = 7

[[rule]]
who = "group:slack:T1/S1"
kind = "ask"
tool = "files_write"
when = "path.under=reports"

[[rule]]
who = "web:bob"
kind = "deny"
tool = "files_write"
until = 2026-12-01T10:00:00Z

[[rule]]
who = "web:bob"
kind = "role"
role = "ops"

[[approver]]
tool = "pay"
approver = "admin"
unless = "amount<100"

[[approver]]
scope = "slack:T1"
tool = "pay"
approver = "2 of finance"
when = "amount>1000"

[[link]]
first = "slack:T1/U1"
second = "web:bob"
"""
RULE = '[[rule]]\nwho = "web:bob"\nkind = "deny"\ntool = "pay"\n'
APPROVER = '[[approver]]\ntool = "pay"\napprover = "admin"\n'

spoiled = st.builds(lambda at, junk: TEXT[:at] + junk + TEXT[at + 1 :], st.integers(0, len(TEXT)), st.text(max_size=9))
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
hostile = st.text(max_size=12) | st.sampled_from(['"', "\\", "\n", "'''", "\u202e", "\x7f", "\U000e0041", "a b", "]]"])
people = st.sampled_from(["web:bob", "web:al ice", "slack:T1/U1", "slack:T1/U2", 'web:"x"', "web:\u202ebob"])
subjects = people | st.sampled_from(["group:slack:T1/S1", "channel:slack:T1/C1", "group:web:ops", "channel:web:a/b"])
conditions = st.sampled_from(["", "amount<=100", "path.under=reports", 'mode=draft|"a b"', "url.host=x.org and a=1"])
moments = st.none() | st.integers(0, 253_402_300_799_999)
rules = st.one_of(
    st.builds(Rule, subjects, st.sampled_from(["allow", "ask", "deny"]), names, conditions, moments),
    st.builds(Rule, subjects, st.just("role"), names, st.just(""), moments),
)
scopes = st.sampled_from(["", "web:", "slack:T1"])
approver_texts = st.sampled_from(["none", "admin", "2 of finance not_requester", "web:bob", "ops then admin after 2h"])
limits = st.tuples(conditions, st.just("")) | st.tuples(st.just(""), conditions)
approvers = st.builds(
    lambda scope, tool, approver, limit, until: ApproverRule(scope, tool, approver, limit[0], limit[1], until),
    scopes,
    names,
    approver_texts,
    limits,
    moments,
)
links = st.builds(Link, people, people, scopes).filter(lambda link: link.first != link.second)
books = st.builds(
    lambda rules, approvers, links: Book(rules=tuple(rules), approvers=tuple(approvers), links=tuple(links)),
    st.lists(rules, max_size=6),
    st.lists(approvers, max_size=6),
    st.lists(links, max_size=6),
)


def read_or_sentence(text: Callable[[], str]) -> Document | str:
    try:
        return read(text())
    except PolicyError as err:
        return err.user_message


# --- writing ------------------------------------------------------------------------------------------------------


def test_a_policy_is_written_as_a_file_that_explains_itself() -> None:
    assert write(POLICY) == HEAD + TEXT
    assert all(line.startswith("#") for line in HEAD.splitlines())


def test_an_empty_policy_is_a_file_too() -> None:
    assert write(Document()) == f"{HEAD}\nversion = 0\n"
    assert read(write(Document())) == Document()
    assert read("") == Document()


def test_the_order_in_which_things_were_said_does_not_show() -> None:
    turned = Document(POLICY.rules[::-1], POLICY.approvers[::-1], (Link("web:bob", "slack:T1/U1", ""),), 7)

    assert write(turned) == write(POLICY)


def test_who_said_it_and_when_is_not_in_the_file() -> None:
    said = Rule("web:bob", "role", "ops", set_by="web:root", set_ms=5)

    assert "root" not in write(Document((said,)))


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\u2028", "\x7f", "\U000e0041"])
def test_what_a_reviewer_would_not_see_is_escaped(hidden: str) -> None:
    document = Document((Rule(f"web:b{hidden}b", "role", "ops"),))

    assert hidden not in write(document)
    assert all(char.isprintable() for char in write(document).replace("\n", ""))
    assert read(write(document)) == document


def test_what_no_file_can_hold_is_refused_with_a_sentence() -> None:
    with pytest.raises(PolicyError, match="not text that a file can hold"):
        write(Document((Rule("web:\ud800", "role", "ops"),)))
    with pytest.raises(PolicyError, match="in no year that a file can hold"):
        write(Document((Rule("web:bob", "role", "ops", expires_ms=10**18),)))


@given(books)
def test_what_is_written_is_read_back(book: Book) -> None:
    document = document_of(book, None, -1)

    assert read(write(document)) == document
    assert write(read(write(document))) == write(document)


@given(hostile, hostile)
@example("x\n[[rule]]", 'y"\nkind = "allow"')
def test_a_hostile_name_survives_or_is_refused(who: str, tool: str) -> None:
    document = Document((Rule(f"web:{who}", "deny", tool),))

    found = read_or_sentence(lambda: write(document))

    assert found == document or isinstance(found, str)


# --- what is in force ---------------------------------------------------------------------------------------------

BOOK = Book(
    rules=(
        Rule("web:bob", "deny", "pay", set_by="web:root", set_ms=3),
        Rule("slack:T1/U1", "allow", "pay"),
        Rule("channel:slack:T1/C1", "ask", "pay"),
        Rule("group:slack:T2/S1", "role", "ops"),
        Rule("web:bob", "ask", "pay", expires_ms=100),
        Rule("web:bob", "allow", "pay", expires_ms=101),
    ),
    approvers=(
        ApproverRule("", "pay", "admin", set_by="cli:root"),
        ApproverRule("slack:T1", "pay", "finance"),
        ApproverRule("slack:T1", "deploy", "finance", expires_ms=100),
    ),
    grants=(Grant("g", "web:bob", "pay", "{}", "", ""),),
    links=(Link("web:bob", "slack:T1/U1", ""), Link("discord:G/1", "web:bob", "web:")),
    version=9,
)


def test_the_operator_sees_all_that_is_in_force() -> None:
    document = document_of(BOOK, None, 100)

    assert document == Document(
        (
            Rule("channel:slack:T1/C1", "ask", "pay"),
            Rule("group:slack:T2/S1", "role", "ops"),
            Rule("slack:T1/U1", "allow", "pay"),
            Rule("web:bob", "allow", "pay", expires_ms=101),
            Rule("web:bob", "deny", "pay"),
        ),
        (ApproverRule("", "pay", "admin"), ApproverRule("slack:T1", "pay", "finance")),
        (Link("discord:G/1", "web:bob", "web:"), Link("slack:T1/U1", "web:bob", "")),
        9,
    )


def test_an_admin_sees_what_is_said_in_their_workspaces() -> None:
    document = document_of(BOOK, frozenset({"slack:T1"}), 100)

    assert [rule.subject for rule in document.rules] == ["channel:slack:T1/C1", "slack:T1/U1"]
    assert document.approvers == (ApproverRule("slack:T1", "pay", "finance"),)
    assert document.links == (Link("slack:T1/U1", "web:bob", ""),)
    assert document_of(BOOK, frozenset(), 100) == Document(version=9)


# --- reading ------------------------------------------------------------------------------------------------------


def test_a_mark_at_the_start_and_windows_line_ends_are_fine() -> None:
    assert read("\ufeff" + write(POLICY).replace("\n", "\r\n")) == POLICY


def test_conditions_and_approvers_come_back_canonical() -> None:
    text = f'{RULE}when = "amount <= 100  and a = 1"\n{APPROVER}'.replace('"admin"', '"1 of  finance , ops"')

    document = read(text)

    assert document.rules[0].when == "amount<=100 and a=1"
    assert document.approvers[0].approver == "finance,ops"


def test_times_of_other_timezones_are_the_same_moments() -> None:
    assert read(f"{RULE}until = 2026-12-01T12:00:00.0+02:00").rules[0].expires_ms == NOON_MS


def test_the_same_condition_in_other_words_is_the_same_rule() -> None:
    with pytest.raises(PolicyError, match=r"^\[\[rule\]\] 2 says the same thing again as \[\[rule\]\] 1\.$"):
        read(f'{RULE}when = "a=1"\n{RULE}when = "a = 1"\n')


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[rule]", r"This is not TOML: Expected"),
        ("x = " + "[" * 5000, "The file is nested too deeply"),
        ('x = "\ud800"', "This is not TOML"),
        (f"version = 1{'0' * 5000}", "This is not TOML"),
        ("version = -1", "`version` has to be a whole number"),
        ("version = true", "`version` has to be a whole number"),
        ('version = "1"', "`version` has to be a whole number"),
        ("[[rules]]", "The file has a key 'rules' that means nothing; did you mean rule?"),
        ("[[nothing]]", "it has to be one of approver, link, rule, version"),
        ("[rule]", "`rule` has to be a list of tables, each under [[rule]]."),
        ("rule = [1]", "`rule` has to be a list of tables"),
        (f"{RULE}til = 1", "[[rule]] 1 has a key 'til' that means nothing; did you mean until?"),
        (f'{RULE}{RULE}"\\n" = 1', r"[[rule]] 2 has a key '\n' that means nothing; it has to be one of"),
        ('[[rule]]\nkind = "deny"\ntool = "pay"', "[[rule]] 1 needs `who`."),
        ('[[rule]]\nwho = "web:bob"\nkind = "deny"', "[[rule]] 1 needs `tool`."),
        ('[[rule]]\nwho = "web:bob"\nkind = "role"', "[[rule]] 1 needs `role`."),
        (f"{RULE}when = 1", "[[rule]] 1 has a `when` that is not text."),
        (f'{RULE}when = ""', "[[rule]] 1 has an empty `when`"),
        (RULE.replace("pay", "pay "), "[[rule]] 1 has a `tool` that begins or ends with a space."),
        (RULE.replace("deny", "denied"), "[[rule]] 1 has an unknown kind 'denied'; did you mean deny?"),
        (RULE.replace("deny", "\\u200b"), r"unknown kind '\u200b'; it has to be one of allow, ask, deny, role."),
        (RULE.replace("web:bob", "bob"), "[[rule]] 1 has a `who` that is no person, group or channel"),
        (RULE.replace("web:bob", "web:"), "no person, group or channel"),
        (RULE.replace("web:bob", "group:S1"), "no person, group or channel"),
        (RULE.replace("web:bob", "a b:bob"), "no person, group or channel"),
        (f'{RULE}role = "ops"', "[[rule]] 1 is of the kind deny and cannot have a `role`."),
        (RULE.replace("deny", "role"), "[[rule]] 1 is of the kind role and cannot have a `tool`."),
        (
            '[[rule]]\nwho = "web:bob"\nkind = "role"\nrole = "ops"\nwhen = "a=1"',
            "[[rule]] 1 gives a role and cannot have a `when`.",
        ),
        (f'{RULE}when = "a=*"', "[[rule]] 1, `when`: "),
        (f"{RULE}until = 2026-12-01T10:00:00", "[[rule]] 1 has an `until` without a timezone"),
        (f"{RULE}until = 2026-12-01", "[[rule]] 1 has an `until` that is no date and time"),
        (f"{RULE}until = 0001-01-01T00:00:00Z", "not between the years 1970 and 9999"),
        (f"{RULE}until = 9999-12-31T23:59:59-23:00", "not between the years 1970 and 9999"),
        (f"{RULE}\n{RULE}", "[[rule]] 2 says the same thing again as [[rule]] 1."),
        (f"{APPROVER}{APPROVER}", "[[approver]] 2 says the same thing again as [[approver]] 1."),
        (f'{APPROVER}when = "a=1"\nunless = "a=2"', "[[approver]] 1 has both `when` and `unless`"),
        (APPROVER.replace("admin", "2 of"), "[[approver]] 1, `approver`: "),
        (f'{APPROVER}scope = "T1"', "[[approver]] 1 has a `scope` that is no workspace"),
        ('[[link]]\nfirst = "web:bob"\nsecond = "group:web:ops"', "[[link]] 1 has a `second` that is no person"),
        ('[[link]]\nfirst = "web:bob"\nsecond = "web:bob"', "[[link]] 1 links somebody with themselves."),
        (
            '[[link]]\nfirst = "a:b"\nsecond = "c:d"\n[[link]]\nfirst = "c:d"\nsecond = "a:b"',
            "[[link]] 2 says the same thing again as [[link]] 1.",
        ),
        ("#" * 8193, "Line 1 is longer than 8,192 characters."),
        ("#\n" * (128 * 1024 + 1), "The file is longer than 256 KiB."),
        ("# é\n" * (60 * 1024), "The file is longer than 256 KiB."),
        ("[[link]]\n" * (MAX_ENTRIES + 1), "The file has more than 10,000 entries."),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_not_right_is_refused_with_its_table_and_number(text: str, why: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read(text)

    assert why in caught.value.user_message
    assert "\n" not in caught.value.user_message
    assert len(caught.value.user_message) < 400


@given(st.text(max_size=80) | spoiled)
def test_whatever_is_read_gives_a_policy_or_a_sentence(text: str) -> None:
    found = read_or_sentence(lambda: text)

    assert "\n" not in found if isinstance(found, str) else read(write(found)) == found


# --- comparing ----------------------------------------------------------------------------------------------------


def test_changes_are_said_a_line_each() -> None:
    old = Document(
        (Rule("web:bob", "allow", "deploy", expires_ms=NOON_MS), Rule("web:bob", "role", "ops")),
        (ApproverRule("slack:T1", "deploy", "admin", "a=1"), ApproverRule("", "mail", "admin", expires_ms=NOON_MS)),
        (Link("slack:T1/U1", "web:bob", "web:"),),
        1,
    )
    new = Document(
        (Rule("web:bob", "deny", "files_write", expires_ms=NOON_MS), Rule("web:bob", "allow", "deploy")),
        (
            ApproverRule("slack:T1", "pay", "2 of finance", "amount>1000"),
            ApproverRule("", "pay", "none", unless="amount>1000", expires_ms=NOON_MS + 1),
            ApproverRule("slack:T1", "deploy", "ops", "a=1"),
            ApproverRule("", "mail", "admin"),
        ),
        (Link("slack:T1/U1", "web:bob", ""),),
        2,
    )

    assert difference(old, new) == [
        "+ approver pay everywhere: none unless amount>1000 until 2026-12-01 10:00:00.001000 UTC",
        "+ approver pay in slack:T1: 2 of finance when amount>1000",
        "+ deny web:bob files_write until 2026-12-01 10:00 UTC",
        "+ link slack:T1/U1 web:bob",
        "- link slack:T1/U1 web:bob said in web:",
        "- role web:bob ops",
        "~ allow web:bob deploy: until 2026-12-01 10:00 UTC -> for good",
        "~ approver deploy in slack:T1 when a=1: admin for good -> ops for good",
        "~ approver mail everywhere: admin until 2026-12-01 10:00 UTC -> admin for good",
    ]


@given(books, books)
def test_only_what_differs_is_a_difference(one: Book, other: Book) -> None:
    old, new = document_of(one, None, -1), document_of(other, None, -1)

    assert difference(old, old) == []
    assert (difference(old, new) == []) is (old == new)
    assert len(difference(old, new)) == len(difference(new, old))
    assert all(line.isprintable() for line in difference(old, new))


def test_a_name_cannot_look_like_more_than_a_name() -> None:
    rule = Rule("web:bob files_write until 2030\n- deny web:eve", "allow", "pay")

    assert difference(Document(), Document((rule,))) == [
        '+ allow "web:bob files_write until 2030\\n- deny web:eve" pay'
    ]


# --- tools --------------------------------------------------------------------------------------------------------

TOOLS = {
    "pay": {"type": "object", "properties": {"amount": {"type": "integer"}}},
    "files_write": {"type": "object", "properties": {"path": {"type": "string"}}},
}


def test_a_policy_that_fits_the_tools_is_fine() -> None:
    check_tools(POLICY, TOOLS)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (Document((Rule("web:bob", "deny", "payy"),)), "deny web:bob payy: there is no tool 'payy'; did you mean pay?"),
        (Document((Rule("web:bob", "deny", "zzz"),)), "it has to be one of files_write, pay."),
        (Document((), (ApproverRule("", "pai", "admin"),)), "approver pai: there is no tool 'pai'; did you mean pay?"),
        (Document((Rule("web:bob", "deny", "pay", "amont>1"),)), "pay has no parameter amont"),
        (Document((), (ApproverRule("", "pay", "admin", unless="path=x"),)), "pay has no parameter path"),
        (Document((Rule("web:bob", "deny", "files_write", "path>1"),)), "path of files_write is string"),
    ],
)
def test_what_speaks_of_no_tool_or_parameter_is_refused(document: Document, why: str) -> None:
    with pytest.raises(PolicyError) as caught:
        check_tools(document, TOOLS)

    assert why in caught.value.user_message


def test_where_there_are_many_tools_not_all_are_listed() -> None:
    tools: dict[str, dict[str, object]] = {f"tool_{number}": {} for number in range(13)}

    with pytest.raises(PolicyError, match="no name is close to it"):
        check_tools(Document((Rule("web:bob", "deny", "zzz"),)), tools)
