"""The policy as a TOML file, to be reviewed and kept in git. Pure: text in, text out; who may import it is asked
elsewhere."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import NoReturn, TypeVar, get_args

from bot.engine.types import parse_actor
from bot.errors import PolicyError
from bot.policy.approvers import parse_approvers
from bot.policy.book import Book, is_person, scope_of
from bot.policy.conditions import check_fits, parse_condition
from bot.policy.judge import at
from bot.policy.shown import visible, word
from bot.policy.types import EVERYWHERE, NONE, ApproverRule, Kind, Link, Rule

T = TypeVar("T", Rule, ApproverRule, Link)

MAX_BYTES = 256 * 1024
MAX_LINE_CHARS = 8192
"""No entry needs a longer line, and tomllib is slow with keys of thousands of parts."""
MAX_ENTRIES = 10_000
HEAD = """\
# The policy of Nod: who may use which tool, and who approves it.
# Written by `policy export`. Edit it, look at what would change with `policy diff`, put it in force with
# `policy import`: what is not in the file is then no longer said. Times are in UTC; without `until` it is for good.
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
KEYS = {
    "rule": ("who", "kind", "tool", "role", "when", "until"),
    "approver": ("scope", "tool", "approver", "when", "unless", "until"),
    "link": ("first", "second", "said_in"),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Document:
    """What was said, without who said it and when. `version` is the book's when it was written, 0 = none was."""

    rules: tuple[Rule, ...] = ()
    approvers: tuple[ApproverRule, ...] = ()
    links: tuple[Link, ...] = ()
    version: int = 0


def document_of(book: Book, scopes: frozenset[str] | None, now_ms: int) -> Document:
    """What is in force now for these workspaces; None = for all of them, and everywhere."""

    def is_seen(scope: str) -> bool:
        return scopes is None or scope in scopes

    def is_on(expires_ms: int | None) -> bool:
        return expires_ms is None or expires_ms > now_ms

    rules = [rule for rule in book.rules if is_seen(scope_of(rule.subject)) and is_on(rule.expires_ms)]
    approvers = [rule for rule in book.approvers if is_seen(rule.scope) and is_on(rule.expires_ms)]
    links = [link for link in book.links if any(is_seen(parse_actor(key).scope) for key in (link.first, link.second))]
    return _in_order(Document(tuple(rules), tuple(approvers), tuple(links), book.version))


def _in_order(document: Document) -> Document:
    """The same in the order of the file, without what is not in it; the two ends of a link in order, too."""
    links = (Link(min(one.first, one.second), max(one.first, one.second), one.said_in) for one in document.links)
    return replace(
        document,
        rules=_sorted(replace(rule, set_by="", set_ms=0) for rule in document.rules),
        approvers=_sorted(replace(rule, set_by="", set_ms=0) for rule in document.approvers),
        links=_sorted(links),
    )


def _sorted(entries: Iterable[T]) -> tuple[T, ...]:
    by_key = {_key(entry): entry for entry in entries}
    return tuple(by_key[key] for key in sorted(by_key))


def _key(entry: Rule | ApproverRule | Link) -> tuple[str, ...]:
    """What an entry speaks of: no two of a document speak of the same."""
    match entry:
        case Rule():
            return ("rule", entry.subject, entry.kind, entry.value, entry.when)
        case ApproverRule():
            return ("approver", entry.scope, entry.tool, entry.when, entry.unless)
    return ("link", entry.first, entry.second, entry.said_in)


# --- writing ------------------------------------------------------------------------------------------------------


def write(document: Document) -> str:
    """The file. The same policy always gives the same text, and a small change of it a small difference.

    Raises `PolicyError` where something was said that no file can hold.
    """
    document = _in_order(document)
    parts = [f"{HEAD}\nversion = {document.version}\n"]
    for rule in document.rules:
        what = "role" if rule.kind == "role" else "tool"
        entry = {"who": rule.subject, "kind": rule.kind, what: rule.value, "when": rule.when}
        parts.append(_table("rule", entry, rule.expires_ms))
    for one in document.approvers:
        entry = {"scope": one.scope, "tool": one.tool, "approver": one.approver, "when": one.when, "unless": one.unless}
        parts.append(_table("approver", entry, one.expires_ms))
    for link in document.links:
        entry = {"first": link.first, "second": link.second, "said_in": link.said_in}
        parts.append(_table("link", entry, None))
    return "\n".join(parts)


def _table(table: str, entry: Mapping[str, str], expires_ms: int | None) -> str:
    lines = [f"{key} = {_quoted(text)}" for key, text in entry.items() if text]
    if expires_ms is not None:
        lines.append(f"until = {_moment(expires_ms)}")
    return "\n".join((f"[[{table}]]", *lines, ""))


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's, but for DEL. What cannot be seen is escaped, so that no reviewer overlooks it."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise PolicyError(f"{ascii(text)[:80]} is not text that a file can hold.")
    return visible(json.dumps(text, ensure_ascii=False))


def _moment(ms: int) -> str:
    try:
        return (_EPOCH + timedelta(milliseconds=ms)).isoformat().replace("+00:00", "Z")
    except OverflowError as err:
        raise PolicyError(f"The time {ms} ms is in no year that a file can hold.") from err


# --- reading ------------------------------------------------------------------------------------------------------


def read(text: str) -> Document:
    """Read a file back, strictly; conditions and approvers come in their canonical words.

    Raises `PolicyError` naming the table and its number: nothing is guessed and nothing is left out.
    """
    top = _parsed(text)
    _check_keys(top, "The file", ("version", *KEYS))
    version = top.get("version", 0)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise PolicyError("`version` has to be a whole number, 0 or more.")
    tables = {name: _entries(top, name) for name in KEYS}
    if sum(map(len, tables.values())) > MAX_ENTRIES:
        raise PolicyError(f"The file has more than {MAX_ENTRIES:,} entries.")
    document = Document(
        tuple(_once(map(_rule, tables["rule"]), "rule")),
        tuple(_once(map(_approver, tables["approver"]), "approver")),
        tuple(_once(map(_link, tables["link"]), "link")),
        version,
    )
    return _in_order(document)


def _parsed(text: str) -> dict[str, object]:
    for number, line in enumerate(text[: MAX_BYTES + 1].split("\n"), start=1):
        if len(line) > MAX_LINE_CHARS:
            raise PolicyError(f"Line {number} is longer than {MAX_LINE_CHARS:,} characters.")
    try:
        if len(text) > MAX_BYTES or len(text.encode()) > MAX_BYTES:
            raise PolicyError(f"The file is longer than {MAX_BYTES // 1024} KiB.")
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError as err:
        raise PolicyError("The file is nested too deeply.") from err
    except ValueError as err:
        raise PolicyError(f"This is not TOML: {visible(str(err))}.") from err


@dataclass(frozen=True, slots=True)
class _Entry:
    """One table as it was read. `name` is what it is called in errors: `[[rule]] 3`."""

    name: str
    values: Mapping[str, object]

    def fail(self, why: str) -> NoReturn:
        raise PolicyError(f"{self.name} {why}")

    def text(self, key: str, *, is_needed: bool = False) -> str:
        """The text under a key, "" when it is left out."""
        value = self.values.get(key)
        if value is None and not is_needed:
            return ""
        if value is None:
            self.fail(f"needs `{key}`.")
        if not isinstance(value, str):
            self.fail(f"has a `{key}` that is not text.")
        if not value.strip():
            self.fail(f"has an empty `{key}`; leave it out or fill it in.")
        if value != value.strip():
            self.fail(f"has a `{key}` that begins or ends with a space.")
        return value

    def canonical(self, key: str, parse: Callable[[str], object], *, is_needed: bool = False) -> str:
        """The text under a key in its canonical words."""
        text = self.text(key, is_needed=is_needed)
        try:
            return str(parse(text)) if text else ""
        except PolicyError as err:
            raise PolicyError(f"{self.name}, `{key}`: {err.user_message}") from err

    def until_ms(self) -> int | None:
        value = self.values.get("until")
        if value is None:
            return None
        if not isinstance(value, datetime):
            self.fail("has an `until` that is no date and time, such as 2026-12-01T10:00:00Z.")
        if value.tzinfo is None:
            self.fail("has an `until` without a timezone; write it in UTC, such as 2026-12-01T10:00:00Z.")
        ms = (value - _EPOCH) // timedelta(milliseconds=1)
        if not 0 <= ms <= _LAST_MS:
            self.fail("has an `until` that is not between the years 1970 and 9999.")
        return ms

    def scope(self, key: str) -> str:
        scope = self.text(key)
        if scope and not _is_key(f"{scope}x"):
            self.fail(f"has a `{key}` that is no workspace, such as slack:T1 or web: are.")
        return scope

    def person(self, key: str) -> str:
        key_of_person = self.text(key, is_needed=True)
        if not is_person(key_of_person) or not _is_key(key_of_person):
            self.fail(f"has a `{key}` that is no person, such as web:alice or slack:T1/U1 are.")
        return key_of_person


def _entries(top: Mapping[str, object], name: str) -> list[_Entry]:
    found = top.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise PolicyError(f"`{name}` has to be a list of tables, each under [[{name}]].")
    entries = [_Entry(f"[[{name}]] {number}", one) for number, one in enumerate(found, start=1)]
    for entry in entries:
        _check_keys(entry.values, entry.name, KEYS[name])
    return entries


def _check_keys(found: Iterable[str], name: str, known: tuple[str, ...]) -> None:
    for key in found:
        if key not in known:
            raise PolicyError(f"{name} has a key {ascii(key)[:60]} that means nothing; {_closest(key, known)}")


def _closest(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = get_close_matches(word[:60], names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"it has to be one of {', '.join(names)}." if len(names) <= 12 else "no name is close to it."


def _rule(entry: _Entry) -> Rule:
    who, said = entry.text("who", is_needed=True), entry.text("kind", is_needed=True)
    if not _is_key(who if is_person(who) else who.partition(":")[2]):
        entry.fail("has a `who` that is no person, group or channel, such as web:alice or group:slack:T1/S1 are.")
    kind = next((kind for kind in KINDS if kind == said), None)
    if kind is None:
        entry.fail(f"has an unknown kind {ascii(said)[:60]}; {_closest(said, KINDS)}")
    what, other = ("role", "tool") if kind == "role" else ("tool", "role")
    if other in entry.values:
        entry.fail(f"is of the kind {kind} and cannot have a `{other}`.")
    if kind == "role" and "when" in entry.values:
        entry.fail("gives a role and cannot have a `when`.")
    value = entry.text(what, is_needed=True)
    return Rule(who, kind, value, entry.canonical("when", parse_condition), entry.until_ms())


def _approver(entry: _Entry) -> ApproverRule:
    if "when" in entry.values and "unless" in entry.values:
        entry.fail("has both `when` and `unless`; say it with one of them.")
    return ApproverRule(
        entry.scope("scope"),
        entry.text("tool", is_needed=True),
        entry.canonical("approver", canonical_approver, is_needed=True),
        entry.canonical("when", parse_condition),
        entry.canonical("unless", parse_condition),
        entry.until_ms(),
    )


def canonical_approver(text: str) -> str:
    """An approver of a tool in its canonical words, or `none`."""
    return NONE if text == NONE else str(parse_approvers(text))


def _link(entry: _Entry) -> Link:
    first, second = sorted((entry.person("first"), entry.person("second")))
    if first == second:
        entry.fail("links somebody with themselves.")
    return Link(first, second, entry.scope("said_in"))


def _is_key(text: str) -> bool:
    """Whether this has the form of an identity: `web:alice`, `slack:T1/U1`."""
    platform = text.partition(":")[0]
    return bool(platform) and not re.search(r"[\s/]", platform) and bool(parse_actor(text).user)


def _once(entries: Iterable[T], name: str) -> Iterator[T]:
    seen: dict[tuple[str, ...], int] = {}
    for number, entry in enumerate(entries, start=1):
        first = seen.setdefault(_key(entry), number)
        if first != number:
            raise PolicyError(f"[[{name}]] {number} says the same thing again as [[{name}]] {first}.")
        yield entry


# --- comparing and checking ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Said:
    """One entry in words: as a whole, and as what it is about and what it says of that."""

    whole: str
    about: str
    says: str


def difference(old: Document, new: Document) -> list[str]:
    """What `new` says otherwise than `old`, a line each: `+` is new, `-` is gone, `~` is changed."""
    before, after = _said(old), _said(new)
    gone = [f"- {before[key].whole}" for key in before.keys() - after.keys()]
    added = [f"+ {after[key].whole}" for key in after.keys() - before.keys()]
    changed = [
        f"~ {after[key].about}: {before[key].says} -> {after[key].says}"
        for key in before.keys() & after.keys()
        if before[key].says != after[key].says
    ]
    return sorted([*gone, *added, *changed])


def _said(document: Document) -> dict[tuple[str, ...], _Said]:
    """Everything it says, by what must not be said twice."""
    document = _in_order(document)
    said: dict[tuple[str, ...], _Said] = {}
    for rule in document.rules:
        about = f"{rule.kind} {word(rule.subject)} {word(rule.value)}{_limit('when', rule.when)}"
        until = _until(rule.expires_ms)
        said[_key(rule)] = _Said(f"{about}{until}", about, until.strip() or "for good")
    for one in document.approvers:
        where = "everywhere" if one.scope == EVERYWHERE else f"in {word(one.scope)}"
        about, limits = f"approver {word(one.tool)} {where}", _limit("when", one.when) + _limit("unless", one.unless)
        until, who = _until(one.expires_ms), visible(one.approver)
        whole = f"{about}: {who}{limits}{until}"
        said[_key(one)] = _Said(whole, f"{about}{limits}", f"{who}{until or ' for good'}")
    for link in document.links:
        where = "" if link.said_in == EVERYWHERE else f" said in {word(link.said_in)}"
        whole = f"link {word(link.first)} {word(link.second)}{where}"
        said[_key(link)] = _Said(whole, whole, "")
    return said


def _limit(when: str, condition: str) -> str:
    return f" {when} {visible(condition)}" if condition else ""


def _until(expires_ms: int | None) -> str:
    """Until when, to the minute where that is all there is to say."""
    if expires_ms is None:
        return ""
    moment = _moment(expires_ms).replace("T", " ").replace("Z", " UTC")
    return f" until {moment if expires_ms % 60_000 else at(expires_ms)}"


def check_tools(document: Document, tools: Mapping[str, Mapping[str, object]]) -> None:
    """Raise `PolicyError` where a tool does not exist, or a condition speaks of what the tool does not take.

    `tools`: the JSON schema of the parameters, by name.
    """
    for rule in document.rules:
        if rule.kind != "role":
            about = f"{rule.kind} {word(rule.subject)} {word(rule.value)}"
            _check_tool(about, rule.value, (rule.when,), tools)
    for one in document.approvers:
        _check_tool(f"approver {word(one.tool)}", one.tool, (one.when, one.unless), tools)


def _check_tool(about: str, tool: str, conditions: tuple[str, ...], tools: Mapping[str, Mapping[str, object]]) -> None:
    if tool not in tools:
        raise PolicyError(f"{about}: there is no tool {ascii(tool)[:60]}; {_closest(tool, tools)}")
    for condition in filter(None, conditions):
        check_fits(parse_condition(condition), tools[tool], tool)
