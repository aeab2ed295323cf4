"""Why something runs, asks or is denied, and what would change that. Pure, and honest by construction: everything it
says was asked of `judge` itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bot.engine.types import NO_TAINT, Actor, Place, ToolFacts, Use, Verdict
from bot.policy.approvers import approvers_of, in_words
from bot.policy.book import Book, channel_of, group_key, home_of
from bot.policy.grants import covers
from bot.policy.judge import ADMIN, GUEST, at, in_roles, judge, whom
from bot.policy.shown import code_span, word
from bot.policy.types import NONE, ApproverRule, Grant, Kind, Policy, Rule

MAX_CHANGES = 6
_KINDS: tuple[Kind, ...] = ("allow", "ask", "deny")
_OUTCOMES = {"run": "runs without asking", "ask": "has to be approved", "deny": "is denied"}
_WOULD = {"run": "it would run without asking", "ask": "it would have to be approved", "deny": "it would be denied"}
_APPLIES = {True: "applies", False: "does not apply", None: "depends on the arguments"}


@dataclass(frozen=True, slots=True)
class Considered:
    """One thing that was said about this tool and this person. `applies` None = not known without arguments."""

    text: str
    applies: bool | None
    set_by: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What an admin could say (`words`, those after `/nod-admin`), and the outcome of the verdict there would be
    then."""

    words: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict on one tool for one person in one place. `asks` is who would approve, "" unless it asks."""

    who: str
    tool: str
    place: str
    roles: tuple[str, ...]
    verdict: Verdict
    asks: str
    considered: tuple[Considered, ...]
    would_change: tuple[Change, ...]

    def as_data(self) -> dict[str, object]:
        """The same as plain data for JSON."""
        return {
            "who": self.who,
            "tool": self.tool,
            "place": self.place,
            "roles": list(self.roles),
            "verdict": self.verdict.outcome,
            "rule": self.verdict.rule,
            "approver": self.verdict.approver,
            "asks": self.asks,
            "considered": [{"text": one.text, "applies": one.applies, "set_by": one.set_by} for one in self.considered],
            "would_change": [{"words": one.words, "outcome": one.outcome} for one in self.would_change],
        }

    def in_words(self) -> str:
        """The same as a few lines of Markdown: the verdict and its rule first."""
        who, tool, place = code_span(self.who), code_span(self.tool), code_span(self.place)
        lines = [
            f"{tool} **{_OUTCOMES[self.verdict.outcome]}** for {who} in {place}: {code_span(self.verdict.rule)}",
            *([f"\nWho approves: {code_span(self.asks)}"] if self.asks else []),
            "\nWhat was considered:\n",
            *(_line(one) for one in self.considered),
        ]
        if not self.would_change:
            return "\n".join((*lines, "\nNo single word of an admin would change this."))
        changes = (f"- {code_span(f'/nod-admin {one.words}')}: {_WOULD[one.outcome]}" for one in self.would_change)
        return "\n".join((*lines, "\nWhat would change it:\n", *changes))


def _line(one: Considered) -> str:
    set_by = f" (set by {code_span(one.set_by)})" if one.set_by else ""
    return f"- {code_span(one.text)}: {_APPLIES[one.applies]}{set_by}"


def explain(book: Book, actor: Actor, place: Place, facts: ToolFacts, use: Use | None, now_ms: int) -> Explanation:
    """Say what `judge` says, what it went by, and which single change would make it say otherwise."""
    policy = book.policy_of(actor, place, now_ms)
    verdict = judge(policy, facts, use)
    return Explanation(
        actor.key,
        facts.name,
        str(place),
        tuple(sorted(policy.roles)),
        verdict,
        in_words(approvers_of(verdict.approver), actor.label) if verdict.outcome == "ask" else "",
        tuple(_considered(book, actor, place, facts, use, now_ms)),
        tuple(_would_change(book, actor, place, facts, use, now_ms)),
    )


# --- what was considered ------------------------------------------------------------------------------------------


def _considered(
    book: Book, actor: Actor, place: Place, facts: ToolFacts, use: Use | None, now_ms: int
) -> Iterator[Considered]:
    policy = book.policy_of(actor, place, now_ms)
    yield _roles(book, actor, place, facts, now_ms)
    for rule in _in_order(one for one in policy.rules if one.value == facts.name):
        text = f"{rule.kind} {whom(rule.subject)}{_limits(rule.when, '', rule.expires_ms)}"
        yield Considered(text, _speaks(policy, facts, use, rule), rule.set_by)
    for one in sorted(_of_tool(policy.approvers, facts), key=lambda one: (one.scope, one.when, one.unless)):
        where = f"in {one.scope}" if one.scope else "everywhere"
        text = f"approver {one.approver} {where}{_limits(one.when, one.unless, one.expires_ms)}"
        yield Considered(text, _speaks(policy, facts, use, one), one.set_by)
    for granted in sorted((one for one in policy.grants if one.tool == facts.name), key=lambda one: one.id):
        yield Considered(_grant_text(granted), _covers(policy, facts, use, granted), granted.given_by)
    if use is not None and use.taint.untrusted:
        text = f"this run has read what strangers wrote ({', '.join(use.taint.untrusted)})"
        yield Considered(text, _is_tainted(policy, facts, use))


def _of_tool(rules: Iterable[ApproverRule], facts: ToolFacts) -> list[ApproverRule]:
    return [rule for rule in rules if rule.tool == facts.name]


def _in_order(rules: Iterable[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda rule: (("deny", "ask", "allow").index(rule.kind), rule.subject, rule.when))


def _limits(when: str, unless: str, expires_ms: int | None) -> str:
    said = (f" when {when}" if when else "") + (f" unless {unless}" if unless else "")
    return said if expires_ms is None else f"{said} until {at(expires_ms)}"


def _roles(book: Book, actor: Actor, place: Place, facts: ToolFacts, now_ms: int) -> Considered:
    """Whether the roles have the tool; `set_by` are those who gave them."""
    roles = book.roles_of(actor, now_ms, place)
    said = [rule for rule in _role_rules(book, actor, place, now_ms) if rule.value in roles]
    has = "has" if in_roles(roles, facts) else "does not have"
    text = f"role {' and '.join(sorted(roles))} {has} {facts.name}"
    return Considered(text, True, ", ".join(sorted({rule.set_by for rule in said if rule.set_by})))


def _role_rules(book: Book, actor: Actor, place: Place, now_ms: int) -> list[Rule]:
    known = book.known(actor)
    subjects = {known.key, channel_of(place), *(group_key(known.scope, group) for group in known.groups)}
    return [
        rule
        for rule in book.rules
        if rule.kind == "role" and rule.subject in subjects and (rule.expires_ms is None or rule.expires_ms > now_ms)
    ]


def _speaks(policy: Policy, facts: ToolFacts, use: Use | None, said: Rule | ApproverRule) -> bool | None:
    """Whether this speaks of the use: whether it makes a difference where nothing else was said."""
    if use is None:
        return None if said.when or (isinstance(said, ApproverRule) and said.unless) else True
    frees = said.kind == "allow" if isinstance(said, Rule) else said.approver == NONE
    tool = ToolFacts(facts.name, confirm=frees)
    rules, approvers = ((said,), ()) if isinstance(said, Rule) else ((), (said,))
    alone = _stripped(policy, rules=rules, approvers=approvers)
    otherwise = _stripped(policy)
    clean = replace(use, taint=NO_TAINT)
    return judge(alone, tool, clean).outcome != judge(otherwise, tool, clean).outcome


def _stripped(policy: Policy, rules: tuple[Rule, ...] = (), approvers: tuple[ApproverRule, ...] = ()) -> Policy:
    """Somebody who has every tool, and of whom nothing else was said."""
    return Policy(policy.person, frozenset({ADMIN}), None, rules, approvers, (), policy.default_approver)


def _grant_text(granted: Grant) -> str:
    what = f"calls with exactly {granted.arguments}"
    if granted.pattern:
        what = f"{what}, but for {granted.pattern}"
    run = " in one run" if granted.run_id else ""
    thread = f" in {granted.place}" if granted.place else ""
    return f"granted ({granted.id[:8]}): {what}{run}{thread}{_limits('', '', granted.expires_ms)}"


def _covers(policy: Policy, facts: ToolFacts, use: Use | None, granted: Grant) -> bool | None:
    if use is None:
        return None
    return covers(granted, facts, use, approver=_approver(policy, facts, use), person=policy.person)


def _approver(policy: Policy, facts: ToolFacts, use: Use) -> str:
    """Who would approve this use if it had to ask."""
    asking = _stripped(policy, rules=(Rule("", "ask", facts.name),), approvers=policy.approvers)
    return judge(asking, facts, use).approver


def _is_tainted(policy: Policy, facts: ToolFacts, use: Use) -> bool:
    """Whether what strangers wrote makes even that ask which is allowed."""
    allowed = replace(_stripped(policy, rules=(Rule("", "allow", facts.name),)), grants=policy.grants)
    return judge(replace(allowed, approvers=policy.approvers), facts, use).outcome == "ask"


# --- what would change it -----------------------------------------------------------------------------------------


def _would_change(
    book: Book, actor: Actor, place: Place, facts: ToolFacts, use: Use | None, now_ms: int
) -> list[Change]:
    """The single changes that make a difference, those that touch the fewest people first."""
    now = judge(book.policy_of(actor, place, now_ms), facts, use).outcome
    found: list[Change] = []
    for words, changed in _candidates(book, actor, place, facts, now_ms):
        outcome = judge(changed.policy_of(actor, place, now_ms), facts, use).outcome
        if outcome != now:
            found.append(Change(words, outcome))
    return found[:MAX_CHANGES]


def _candidates(book: Book, actor: Actor, place: Place, facts: ToolFacts, now_ms: int) -> Iterator[tuple[str, Book]]:
    """Everything that could be said, as words and as the book there would be then; the smallest first."""
    tool = facts.name
    if book.known(actor).standing == "bot":
        return  # a program has no rights of its own
    speaking = {one.subject for one in book.policy_of(actor, place, now_ms).rules if one.value == tool}
    if actor.key in speaking:
        yield f"reset {word(actor.key)} {word(tool)}", _without(book, actor.key, tool)
    for kind in _KINDS:
        rule = Rule(actor.key, kind, tool)
        yield f"{kind} {word(actor.key)} {word(tool)}", replace(book, rules=(*_others(book, rule), rule))
    for role in _roles_with(book, facts):
        rules = tuple(rule for rule in book.rules if (rule.subject, rule.kind) != (actor.key, "role"))
        given = Rule(actor.key, "role", role)
        yield f"role {word(actor.key)} {word(role)}", replace(book, rules=(*rules, given))
    for subject in sorted(speaking - {actor.key}):
        yield f"reset {word(subject)} {word(tool)}", _without(book, subject, tool)
    none = ApproverRule(home_of(actor, place), tool, NONE)
    kept = (one for one in book.approvers if (one.scope, one.tool, one.when, one.unless) != (none.scope, tool, "", ""))
    yield f"approver {word(tool)} {NONE}", replace(book, approvers=(*kept, none))


def _without(book: Book, subject: str, tool: str) -> Book:
    """The book after a reset: what was said of this subject and this tool is gone, its roles stay."""
    kept = (one for one in book.rules if (one.subject, one.value) != (subject, tool) or one.kind == "role")
    return replace(book, rules=tuple(kept))


def _others(book: Book, rule: Rule) -> Iterator[Rule]:
    """All rules but the one that this one replaces."""
    key = (rule.subject, rule.kind, rule.value, rule.when)
    return (one for one in book.rules if (one.subject, one.kind, one.value, one.when) != key)


def _roles_with(book: Book, facts: ToolFacts) -> list[str]:
    """The roles that have the tool; where all but guests do, the one people have by default."""
    if facts.roles is None:
        return [] if book.default_role == GUEST else [book.default_role]
    return sorted(facts.roles)
