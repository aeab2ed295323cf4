"""The policy read from its text a second time: slow, plain, and blind to the code that enforces it.

It knows the words of the policy (`bot.policy.types`) and conditions, and nothing else of `bot.policy`. Every function
is one paragraph of the text; whatever it says that the code does not is a mistake in one of the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.engine.types import Actor, Place, ToolFacts, Use, parse_actor
from bot.policy.conditions import parse_condition
from bot.policy.types import EVERYWHERE, NONE, ApproverRule, Grant, Link, Person, Rule

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class World:
    """Everything that was said, by anybody, at one moment."""

    admins: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    approvers: tuple[ApproverRule, ...] = ()
    grants: tuple[Grant, ...] = ()
    links: tuple[Link, ...] = ()
    people: Mapping[str, Person] = field(default_factory=dict)
    default_role: str = "user"
    default_approver: str = "requester"
    who_may_talk: frozenset[str] = frozenset({"members"})


@dataclass(frozen=True)
class Answer:
    """`approver` are the clauses of who has to approve, empty unless it asks."""

    outcome: str
    approver: frozenset[str] = frozenset()


# --- who somebody is -----------------------------------------------------------------------------------------------


def described(world: World, actor: Actor) -> Person:
    if actor.key in world.people:
        return world.people[actor.key]
    return Person(actor.key, actor.name, actor.groups, actor.standing)


def holds_until(expires_ms: int | None, now_ms: int) -> bool:
    return expires_ms is None or now_ms < expires_ms


def subject(kind: str, scope: str, name: str) -> str:
    return f"{kind}:{scope}{name}" if scope.endswith(":") else f"{kind}:{scope}/{name}"


def subjects(world: World, actor: Actor, place: Place | None) -> set[str]:
    """The subjects that rules about this person may have: themselves, their groups and, in a channel, the channel."""
    found = {actor.key}
    for group in described(world, actor).groups:
        found.add(subject("group", actor.scope, group))
    if place is not None and place.channel:
        found.add(subject("channel", place.scope, place.channel))
    return found


def said_of(world: World, actor: Actor, place: Place | None, now_ms: int) -> list[Rule]:
    mine = subjects(world, actor, place)
    return [rule for rule in world.rules if rule.subject in mine and holds_until(rule.expires_ms, now_ms)]


def roles(world: World, actor: Actor, place: Place | None, now_ms: int) -> set[str]:
    """`place` None: the roles for deciding and administering, where no channel counts."""
    person = described(world, actor)
    if person.standing == "bot":
        return {"guest"}
    if actor.platform == "cli" or actor.key in world.admins:
        return {"admin"}
    said = {rule.value for rule in said_of(world, actor, place, now_ms) if rule.kind == "role"}
    if "guest" in said:
        return {"guest"}
    if person.standing != "member":
        mine = [rule for rule in said_of(world, actor, place, now_ms) if rule.subject == actor.key]
        return {rule.value for rule in mine if rule.kind == "role"} or {"guest"}
    return said or {world.default_role}


# --- what they may do with a tool ----------------------------------------------------------------------------------


def has_tool(theirs: set[str], facts: ToolFacts, tool_list: tuple[str, ...] | None) -> bool:
    if tool_list is not None and facts.name not in tool_list:
        return False
    if "admin" in theirs:
        return True
    if facts.roles is None:
        return theirs != {"guest"}
    return bool(theirs & facts.roles)


def meets(text: str, use: Use | None) -> bool | None:
    """None: it cannot be told."""
    if not text:
        return True
    return None if use is None else parse_condition(text).holds(use.arguments)


def speaks(rule: Rule, use: Use | None) -> bool:
    met = meets(rule.when, use)
    if met is None:
        return rule.kind == "ask" or (rule.kind == "deny" and use is not None)
    return met


def applies(rule: ApproverRule, use: Use | None) -> bool:
    met = meets(rule.when, use)
    spared = meets(rule.unless, use) if rule.unless else False
    if met is False or spared is True:
        return False
    return rule.approver != NONE or (met is True and spared is False)


def set_for(world: World, actor: Actor, facts: ToolFacts, use: Use | None, now_ms: int) -> list[ApproverRule]:
    """The approver rules that apply to this use."""
    return [
        rule
        for rule in world.approvers
        if rule.scope in (actor.scope, EVERYWHERE)
        and rule.tool == facts.name
        and holds_until(rule.expires_ms, now_ms)
        and applies(rule, use)
    ]


def clauses_of(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(clause.strip() for text in texts for clause in text.split(" and "))


def who_approves(world: World, facts: ToolFacts, rules: list[ApproverRule]) -> frozenset[str]:
    naming = [rule.approver for rule in rules if rule.approver != NONE]
    return clauses_of(naming or [facts.approver or world.default_approver])


def is_covered(grant: Grant, actor: Actor, facts: ToolFacts, use: Use, approver: frozenset[str], now_ms: int) -> bool:
    if not holds_until(grant.expires_ms, now_ms):
        return False
    if (grant.person, grant.tool, grant.definition) != (actor.key, facts.name, facts.definition):
        return False
    if clauses_of([grant.approver]) != approver:
        return False
    if grant.run_id and grant.run_id != use.run_id:
        return False
    if grant.place and grant.place != str(use.place):
        return False
    then = json.loads(grant.arguments)
    if set(then) != set(use.arguments) or meets(grant.pattern, use) is not True:
        return False
    free = parse_condition(grant.pattern).names if grant.pattern else frozenset()
    return all(same(then[name], use.arguments[name]) for name in then if name not in free)


def same(one: object, other: object) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def verdict(
    world: World,
    actor: Actor,
    place: Place,
    facts: ToolFacts,
    use: Use | None,
    now_ms: int,
    *,
    tool_list: tuple[str, ...] | None = None,
) -> Answer:
    """What becomes of this use. `use` None asks about the tool as such: would any use of it not be denied?"""
    is_at_home = actor.scope == place.scope or place.platform in ("cli", "script")
    if not has_tool(roles(world, actor, place, now_ms) if is_at_home else {"guest"}, facts, tool_list):
        return Answer("deny")
    said = [rule for rule in said_of(world, actor, place, now_ms) if rule.kind != "role" and rule.value == facts.name]
    speaking = {rule.kind for rule in said if speaks(rule, use)}
    rules = set_for(world, actor, facts, use, now_ms)
    approver = who_approves(world, facts, rules)
    covering = [one for one in world.grants if use and is_covered(one, actor, facts, use, approver, now_ms)]
    if "deny" in speaking:
        return Answer("deny")
    if "ask" in speaking:
        return Answer("ask", approver)
    has_read = use is not None and bool(use.taint.untrusted)
    matters = facts.effect != "read" or "sends" in facts.marks
    was_seen = any(not grant.pattern or grant.run_id for grant in covering)
    if has_read and matters and not was_seen:
        return Answer("ask", approver)
    if "allow" in speaking or covering:
        return Answer("run")
    if any(rule.approver != NONE for rule in rules):
        return Answer("ask", approver)
    if rules or not facts.confirm:
        return Answer("run")
    return Answer("ask", approver)


# --- talking, administering, deciding ------------------------------------------------------------------------------


def is_bot(world: World, actor: Actor) -> bool:
    return described(world, actor).standing == "bot"


def may_talk(world: World, actor: Actor, now_ms: int) -> bool:
    standing, theirs = described(world, actor).standing, roles(world, actor, None, now_ms)
    if standing == "bot":
        return False
    if "admin" in theirs:
        return True
    for word in world.who_may_talk:
        if word == "everyone":
            return True
        if word == "members" and standing == "member" and theirs != {"guest"}:
            return True
        if word == "guests" and standing != "external" and (standing == "guest" or "guest" in theirs):
            return True
        if word == "external" and standing == "external":
            return True
        if word not in ("members", "guests", "external", "guest") and word in theirs:
            return True
        if word == "guest" and standing != "external" and word in theirs:
            return True
    return False


def may_administer(world: World, actor: Actor, scope: str, now_ms: int) -> bool:
    if is_bot(world, actor):
        return False
    if actor.platform == "cli":
        return True
    return actor.scope == scope and "admin" in roles(world, actor, None, now_ms)


def scope_of(key: str) -> str:
    return parse_actor(key).scope


def humans_identities(world: World, key: str) -> set[str]:
    """This identity and all that are linked to it, directly or by others."""
    said: dict[frozenset[str], set[str]] = {}
    for link in world.links:
        said.setdefault(frozenset({link.first, link.second}), set()).add(link.said_in)
    holding = [pair for pair, where in said.items() if EVERYWHERE in where or {scope_of(k) for k in pair} <= where]
    found = {key}
    while True:
        more = {one for pair in holding if pair & found for one in pair}
        if more <= found:
            return found
        found |= more


def known_in(world: World, actor: Actor, place: Place) -> Actor | None:
    """Who this human is in the workspace of a place; None = nobody. The operator is known everywhere."""
    if actor.scope == place.scope or "cli" in (place.platform, actor.platform):
        return actor
    there = [key for key in humans_identities(world, actor.key) if scope_of(key) == place.scope]
    return parse_actor(min(there)) if there else None


@dataclass(frozen=True)
class Clause:
    count: int
    words: tuple[str, ...]
    is_for_others: bool
    then: tuple[str, ...]
    after_s: int


def parse_clause(text: str) -> Clause:
    found = re.fullmatch(r"(?:(\d+) of )?(\S+)( not_requester)?(?: then (\S+) after (\d+)([smhdw]))?", text)
    assert found is not None, text
    count, words, others, then, amount, unit = found.groups()
    after_s = int(amount) * UNITS_S[unit] if then else 0
    fallback = tuple(then.split(",")) if then else ()
    return Clause(int(count or 1), tuple(words.split(",")), bool(others), fallback, after_s)


@dataclass(frozen=True)
class Request:
    """A call that waits: who asked for it, who edited it ("" = nobody), where, and for how long."""

    approver: str
    place: Place
    requester: Actor
    editor: str = ""
    age_s: float = 0.0
    is_operator: bool = False


def matches(world: World, words: tuple[str, ...], clause: Clause, me: Actor, request: Request, now_ms: int) -> bool:
    """Whether this person, as the workspace knows them, is one of these."""
    mine = humans_identities(world, me.key)
    asked = request.requester.key in mine
    had_a_hand = asked or request.editor in mine
    if had_a_hand and (clause.is_for_others or "not_requester" in clause.words):
        return False
    theirs = roles(world, me, None, now_ms)
    groups = {subject("group", me.scope, group) for group in described(world, me).groups}
    for word in words:
        if word == "not_requester" and had_a_hand:
            continue
        if "admin" in theirs or (word == "requester" and asked) or word == me.key:
            return True
        if "guest" not in theirs and (word == "not_requester" or word in groups or word in theirs - {"admin"}):
            return True
    return False


def due_words(clause: Clause, request: Request) -> tuple[str, ...]:
    return clause.then if request.age_s >= clause.after_s else ()


def may_decide(world: World, actor: Actor, request: Request, now_ms: int) -> bool:
    """Whether their vote counts for at least one clause."""
    if request.place.platform == "cli" and not request.is_operator:
        return False
    me = known_in(world, actor, request.place)
    if me is None or is_bot(world, me) or is_bot(world, actor):
        return False
    for text in clauses_of([request.approver]):
        clause = parse_clause(text)
        if matches(world, clause.words + due_words(clause, request), clause, me, request, now_ms):
            return True
    return False


def is_enough(world: World, votes: Iterable[Actor], request: Request, now_ms: int) -> bool:
    """Whether these votes satisfy every clause."""
    here = [me for vote in votes if (me := known_in(world, vote, request.place)) and not is_bot(world, me)]
    for text in clauses_of([request.approver]):
        clause = parse_clause(text)
        if any(matches(world, due_words(clause, request), clause, me, request, now_ms) for me in here):
            continue
        humans = {
            frozenset(humans_identities(world, me.key))
            for me in here
            if matches(world, clause.words, clause, me, request, now_ms)
        }
        if len(humans) < clause.count:
            return False
    return True
