"""Words that change the policy. Each is read into `Changes`, which can be done or only tried (`simulate`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.admin.asking import Asking
from bot.admin.lines import Tail, ends, limits_of, listed, read_tail, tool_named, two
from bot.admin.whom import Who, parse_who, unmet
from bot.engine.types import parse_actor
from bot.errors import PolicyError, PolicyMoved
from bot.policy.approvers import in_words, parse_approvers
from bot.policy.book import Book, effective_links, scope_of
from bot.policy.conditions import check_fits, parse_condition
from bot.policy.judge import ADMIN
from bot.policy.types import EVERYWHERE, NONE, ApproverRule, Kind, Link, Rule
from bot.storage.policies import Change, StoredPolicy
from bot.tools.registry import ToolSpec
from bot.work import with_stored

DEFAULT = "default"
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_NOT_ROLES = frozenset({"everyone", "members", "guests", "external", "admins", "none", "requester", "not_requester"})
USAGE = {
    "allow": "allow WHO TOOL [when CONDITION] [for DURATION]",
    "ask": "ask WHO TOOL [when CONDITION] [for DURATION]",
    "deny": "deny WHO TOOL [when CONDITION] [for DURATION]",
    "reset": "reset WHO [TOOL]",
    "role": f"role WHO ROLE [for DURATION], or role WHO {DEFAULT}",
    "approver": f"approver TOOL RULE [when CONDITION | unless CONDITION] [for DURATION], or approver TOOL {DEFAULT}",
    "link": "link PERSON PERSON",
    "unlink": "unlink PERSON PERSON",
}
CHANGING = frozenset(USAGE)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a line of words asks for: the rows to write, what it says to people, and in short for the audit."""

    changes: tuple[Change, ...]
    said: str
    sentence: str
    subject: str = ""
    tool: str = ""
    warnings: tuple[str, ...] = ()


def read_changes(verb: str, rest: str, asking: Asking) -> Changes:
    """Read the words after a verb of `CHANGING`. Raises `PolicyError` with what to write instead."""
    if "\n" in rest or "\0" in rest:
        raise PolicyError("Write it on one line, without control characters.")
    tail = read_tail(rest)
    match verb:
        case "allow" | "ask" | "deny":
            return _rule(verb, tail, asking)
        case "reset":
            return _reset(tail, asking)
        case "role":
            return _role(tail, asking)
        case "approver":
            return _approver(tail, asking)
        case _:
            return _link(verb, tail, asking)


async def make(changes: Changes, asking: Asking) -> str:
    """Do them, let what waits be looked at again, and say so. Raises `PolicyMoved` when somebody was quicker."""
    seen = asking.book
    await asking.parts.policies.change(
        changes.changes,
        actor=asking.actor.key,
        scope=scope_of(changes.subject) if changes.subject else asking.scope,
        said=changes.said,
        tool=changes.tool,
        check=_checks(changes, seen, asking),
    )
    await asking.tools.doors.look_again()
    return " ".join([changes.sentence, *changes.warnings])


def _checks(changes: Changes, seen: Book, asking: Asking) -> Callable[[StoredPolicy], None]:
    """What has to hold in the very transaction of the change: nobody else changed the same, an admin remains, and
    whoever asks is still an admin."""

    def check(stored: StoredPolicy) -> None:
        now = with_stored(seen, replace(stored, grants=(), people=()))
        now = replace(now, people=seen.people)
        if not asking.is_operator and not now.is_admin(asking.actor, asking.now_ms):
            raise PolicyMoved("You are not an admin any more: nothing was changed.")
        if _of(changes, seen) != _of(changes, now):
            raise PolicyMoved("Somebody else changed the same a moment ago: nothing was changed. Look, then try again.")
        check_admins(now, applied(now, changes, asking), asking)

    return check


def check_admins(before: Book, after: Book, asking: Asking) -> None:
    """Raise `PolicyError` when a change takes the last lasting admin of a workspace, or whoever asks, away."""
    now_ms = asking.now_ms
    scopes = {scope_of(rule.subject) for rule in before.rules if rule.kind == "role"} | {asking.actor.scope}
    for scope in scopes:
        if before.admins_in(scope, now_ms, for_good=True) and not after.admins_in(scope, now_ms, for_good=True):
            raise PolicyError("This would take the last admin away: nothing was changed. Make somebody else one first.")
    if before.is_admin(asking.actor, now_ms) and not after.is_admin(asking.actor, now_ms):
        raise PolicyError("You cannot take your own role as an admin: another admin has to.")


def _of(changes: Changes, book: Book) -> object:
    """The part of the book these changes are about."""
    if changes.subject:
        return [rule for rule in book.rules if rule.subject == changes.subject]
    if changes.tool:
        return [rule for rule in book.approvers if rule.tool == changes.tool]
    return book.links


def applied(book: Book, changes: Changes, asking: Asking) -> Book:
    """The book as it would be with these changes."""
    return apply_to(book, changes.changes, by=asking.actor.key, now_ms=asking.now_ms)


def apply_to(book: Book, changes: Sequence[Change], *, by: str, now_ms: int) -> Book:
    """The book with these rows written or taken back."""
    rules = {(one.subject, one.kind, one.value, one.when): one for one in book.rules}
    approvers = {(one.scope, one.tool, one.when, one.unless): one for one in book.approvers}
    links = {(one.first, one.second, one.said_in): one for one in book.links}
    for change in changes:
        row, is_put = change.row, change.verb == "put"
        if change.table == "rule":
            key = (row["subject"], row["kind"], row["value"], row["condition"])
            rules.pop(key, None)
            if is_put:
                rules[key] = Rule(*key, row["expires_ms"], by, now_ms)
        elif change.table == "approver":
            at_key = (row["scope"], row["tool"], row["condition"], row["exception"])
            approvers.pop(at_key, None)
            if is_put:
                scope, tool, when, unless = at_key
                made = ApproverRule(scope, tool, row["approver"], when, unless, row["expires_ms"], by, now_ms)
                approvers[at_key] = made
        else:
            pair = (row["first"], row["second"], row["said_in"])
            links.pop(pair, None)
            if is_put:
                links[pair] = Link(*pair)
    return replace(book, rules=tuple(rules.values()), approvers=tuple(approvers.values()), links=tuple(links.values()))


# --- allow, ask, deny ----------------------------------------------------------------------------------------------


def _rule(kind: Kind, tail: Tail, asking: Asking) -> Changes:
    who_text, names = two(tail.head, USAGE[kind])
    if tail.unless:
        raise PolicyError(f"Write it with `when`: {USAGE[kind]}.")
    who = parse_who(who_text, asking)
    tools = [tool_named(name, asking) for name in listed(names)]
    for spec in tools:
        if tail.when:
            check_fits(parse_condition(tail.when), spec.parameters, spec.name)
    expires_ms = ends(tail, asking)
    rows = tuple(_put_rule(who, kind, spec.name, tail.when, expires_ms) for spec in tools)
    named = ", ".join(spec.name for spec in tools)
    limits = limits_of(tail, expires_ms)
    does = {
        "allow": f"{who.text} may run {named} without being asked{limits}.",
        "ask": f"{who.text} is always asked before {named} runs{limits}.",
        "deny": f"{who.text} cannot run {named}{limits}.",
    }
    warnings = [word for spec in tools for word in _overruled(kind, who, spec, asking)]
    return Changes(
        rows,
        f"{kind} {who.subject} {named}{limits}",
        does[kind],
        who.subject,
        tools[0].name if len(tools) == 1 else "",
        (*warnings, *filter(None, [unmet(who, asking)])),
    )


def _put_rule(who: Who, kind: Kind, value: str, when: str, expires_ms: int | None) -> Change:
    row = {"scope": scope_of(who.subject), "subject": who.subject, "kind": kind, "value": value, "condition": when}
    return Change("rule", "put", {**row, "expires_ms": expires_ms})


def _overruled(kind: Kind, who: Who, spec: ToolSpec, asking: Asking) -> list[str]:
    """What else is said about this person and tool, and wins."""
    stronger = {"allow": ("deny", "ask"), "ask": ("deny",), "deny": ()}[kind]
    mine = [rule for rule in asking.book.rules if rule.subject == who.subject and rule.value == spec.name]
    mine = [rule for rule in mine if rule.expires_ms is None or rule.expires_ms > asking.now_ms]
    found = [f"But {other} is set for the same, and wins." for other in stronger if other in {r.kind for r in mine}]
    if kind == "allow" and spec.roles is not None:
        found.append(f"Only the roles {', '.join(sorted(spec.roles))} have {spec.name}: it needs one of them too.")
    return found


def _reset(tail: Tail, asking: Asking) -> Changes:
    who_text, _, tool = tail.head.partition(" ")
    if not who_text:
        raise PolicyError(f"Write {USAGE['reset']}.")
    who, tool = parse_who(who_text, asking), tool.strip()
    mine = [rule for rule in asking.book.rules if rule.subject == who.subject and rule.kind != "role"]
    mine = [rule for rule in mine if not tool or rule.value == tool]
    if not mine:
        what = f" about {tool}" if tool else ""
        raise PolicyError(f"Nothing is set for {who.text}{what}.")
    rows = tuple(_take_rule(who, rule.kind, rule.value, rule.when) for rule in mine)
    named = ", ".join(sorted({rule.value for rule in mine}))
    return Changes(
        rows,
        f"reset {who.subject} {named}",
        f"Nothing special is set any more for {who.text} about {named}.",
        who.subject,
        tool,
    )


def _take_rule(who: Who, kind: Kind, value: str, when: str) -> Change:
    return Change("rule", "take", {"subject": who.subject, "kind": kind, "value": value, "condition": when})


# --- roles ---------------------------------------------------------------------------------------------------------


def _role(tail: Tail, asking: Asking) -> Changes:
    who_text, role = two(tail.head, USAGE["role"])
    who = parse_who(who_text, asking)
    check_role(who, role, asking)
    before = [one for one in asking.book.rules if one.subject == who.subject and one.kind == "role"]
    rows = [_take_rule(who, "role", one.value, one.when) for one in before]
    expires_ms = ends(tail, asking)
    if role != DEFAULT:
        rows.append(_put_rule(who, "role", role, "", expires_ms))
    limits = limits_of(tail, expires_ms)
    sentence = (
        f"{who.text} has no role of its own any more." if role == DEFAULT else f"{who.text} is {role} now{limits}."
    )
    unknown = _unused_role(role, asking)
    warnings = tuple(filter(None, [unknown, unmet(who, asking)]))
    return Changes(tuple(rows), f"role {who.subject} {role}{limits}", sentence, who.subject, "", warnings)


def check_role(who: Who, role: str, asking: Asking) -> None:
    """Raise `PolicyError` for a role that nobody can be given, or not this one."""
    if role != DEFAULT and (not _ROLE.fullmatch(role) or role in _NOT_ROLES):
        raise PolicyError("A role is one word of lower-case letters, digits, dash and underscore, and none of ours.")
    if who.subject.startswith("channel:") and role == ADMIN:
        raise PolicyError("A channel cannot make people admins: name a person or a group.")
    if who.subject in asking.book.admins:
        raise PolicyError(f"{who.text} is an admin by ADMINS: the operator changes that there.")
    if who.subject == asking.actor.key:
        raise PolicyError("You cannot change your own role: another admin has to.")


def _unused_role(role: str, asking: Asking) -> str:
    """A word on a role that opens nothing."""
    named = {one for spec in asking.parts.tools if spec.roles for one in spec.roles}
    known = named | {"user", "guest", ADMIN, DEFAULT, asking.book.default_role}
    known |= {one for model in asking.parts.models.labels() for one in asking.parts.models.get(model).for_roles or ()}
    return "" if role in known else f"No tool or model names the role {role} yet."


# --- approvers -----------------------------------------------------------------------------------------------------


def _approver(tail: Tail, asking: Asking) -> Changes:
    name, said = two(tail.head, USAGE["approver"])
    spec = tool_named(name, asking)
    for condition in filter(None, (tail.when, tail.unless)):
        check_fits(parse_condition(condition), spec.parameters, spec.name)
    key = {"scope": asking.scope, "tool": spec.name, "condition": tail.when, "exception": tail.unless}
    where = " everywhere" if asking.scope == EVERYWHERE else " here"
    if said == DEFAULT:
        return _own_approver(spec, key, where, asking)
    approver = NONE if said == NONE else str(parse_approvers(_with_ids(said, asking)))
    expires_ms = ends(tail, asking)
    limits = limits_of(tail, expires_ms)
    who = "nobody has to approve it" if approver == NONE else in_words(parse_approvers(approver), "whoever asked")
    sentence = (
        f"{spec.name}{where}{limits}: {who}."
        if approver == NONE
        else f"{spec.name}{where}{limits} is approved by {who}."
    )
    row = {**key, "approver": approver, "expires_ms": expires_ms}
    text = f"approver {spec.name} {approver}{limits}"
    return Changes((Change("approver", "put", row),), text, sentence, "", spec.name)


def _own_approver(spec: ToolSpec, key: dict[str, str], where: str, asking: Asking) -> Changes:
    """Take back what was set for a tool here: all of it, or what has this very condition."""
    is_one = bool(key["condition"] or key["exception"])
    mine = [one for one in asking.book.approvers if one.scope == key["scope"] and one.tool == spec.name]
    mine = [one for one in mine if not is_one or (one.when, one.unless) == (key["condition"], key["exception"])]
    if not mine:
        raise PolicyError(f"Nothing is set for {spec.name}{where}.")
    rows = tuple(Change("approver", "take", {**key, "condition": one.when, "exception": one.unless}) for one in mine)
    return Changes(
        rows, f"approver {spec.name} default", f"{spec.name}{where} goes by its own rule again.", "", spec.name
    )


def _with_ids(said: str, asking: Asking) -> str:
    """The rule with people and groups by id; bare words are roles."""

    def with_id(match: re.Match[str]) -> str:
        word = match[0]
        is_named = word.startswith(("@", "<", "&", "group:")) or ":" in word
        return parse_who(word, asking).subject if is_named else word

    return re.sub(r"[^\s,]+", with_id, said)


# --- links ---------------------------------------------------------------------------------------------------------


def _link(verb: str, tail: Tail, asking: Asking) -> Changes:
    texts = two(tail.head, USAGE[verb])
    first, second = sorted(_identity(text, asking) for text in texts)
    if first == second:
        raise PolicyError("These are the same identity: name two.")
    if not (asking.sees(parse_actor(first).scope) or asking.sees(parse_actor(second).scope)):
        raise PolicyError("Both belong to other workspaces: only admins there can link them.")
    row = {"first": first, "second": second, "said_in": asking.scope}
    if verb == "unlink":
        known = [(one.first, one.second, one.said_in) for one in asking.book.links]
        if (first, second, asking.scope) not in known:
            raise PolicyError(f"{first} and {second} are not linked from here.")
        sentence = f"{first} and {second} count as two people again."
        return Changes((Change("link", "take", row),), f"unlink {first} {second}", sentence)
    change = Change("link", "put", row)
    after = apply_to(asking.book, [change], by=asking.actor.key, now_ms=asking.now_ms)
    if (first, second) in effective_links(after.links):
        sentence = f"{first} and {second} count as one person now."
    else:
        sentence = f"Noted: {first} and {second} count as one person once an admin of the other workspace says so too."
    return Changes((change,), f"link {first} {second}", sentence)


def _identity(text: str, asking: Asking) -> str:
    """One identity: here by mention or name, in another workspace by its whole key."""
    if re.fullmatch(r"(slack|discord):[\w.-]+/[\w.-]+|web:[\w.-]+", text):
        return text
    who = parse_who(text, asking)
    if not who.is_person:
        raise PolicyError("Only people can be linked.")
    return who.subject
