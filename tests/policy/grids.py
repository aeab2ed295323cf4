"""The worlds, people, tools and uses that the policy is checked on against its oracle, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, combinations, permutations, product
from typing import Literal

from bot.engine.types import NO_TAINT, Actor, Effect, Mark, Place, Standing, Taint, ToolFacts, Use
from bot.policy.types import EVERYWHERE, NONE, ApproverRule, Grant, Link, Person, Rule
from tests.policy.oracle import World

Kind = Literal["allow", "ask", "deny"]
NOW = 1_000_000
OVER, LATER = NOW, NOW + 1
MET = "amount<=100"
KINDS: tuple[Kind, ...] = ("allow", "ask", "deny")

HERE = Place("slack", "T1", "C1", "t1")
ASIDE = Place("slack", "T1", "C2")
ABROAD = Place("slack", "T2", "C1")
ON_WEB = Place("web", "", "C1")
TERMINAL = Place("cli")
READ = Taint(untrusted=("fetch_url",))


@dataclass(frozen=True)
class Cell:
    world: World
    actor: Actor
    place: Place
    facts: ToolFacts
    use: Use | None


@dataclass(frozen=True)
class Grid:
    """All of its axes, multiplied."""

    worlds: tuple[World, ...]
    people: tuple[tuple[Actor, Place], ...]
    tools: tuple[ToolFacts, ...]
    uses: tuple[Use | None, ...]

    def cells(self) -> Iterator[Cell]:
        for world, (actor, place), facts, use in product(self.worlds, self.people, self.tools, self.uses):
            yield Cell(world, actor, place, facts, use)

    @property
    def axes(self) -> tuple[tuple[object, ...], ...]:
        return self.worlds, self.people, self.tools, self.uses


def somebody(
    user: str, *, scope: str = "slack:T1", standing: Standing = "member", groups: Iterable[str] = ("S1",)
) -> Actor:
    platform, _, workspace = scope.partition(":")
    return Actor(platform, workspace, user, user.title(), frozenset(groups), standing)


KNOWN = Person("slack:T1/U1", groups=frozenset({"S1"}), standing="guest")
"""What the platform said last, of somebody who comes along as whatever."""


def up_to_two(things: Iterable[Rule]) -> Iterator[tuple[Rule, ...]]:
    known = tuple(things)
    return chain([()], ((one,) for one in known), combinations(known, 2))


# --- uses ----------------------------------------------------------------------------------------------------------

LITTLE: dict[str, object] = {"amount": 5, "to": "bob"}
MUCH: dict[str, object] = {"amount": 500, "to": "bob"}


def use_of(arguments: dict[str, object], taint: Taint = NO_TAINT, place: Place = HERE) -> Use:
    return Use(arguments, run_id="r1", place=place, taint=taint)


USES: tuple[Use | None, ...] = (
    use_of(LITTLE),
    use_of(MUCH),
    use_of({"to": "bob"}),
    use_of({"amount": "a lot", "to": "bob"}),
    None,
)
TAINTED: tuple[Use | None, ...] = (*(replace(use, taint=READ) for use in USES if use), *USES)
OTHER_USES = (use_of({"amount": 6, "to": "bob"}), use_of({"amount": 5, "to": "eve"}))
GRANTED: tuple[Use | None, ...] = (
    use_of(LITTLE),
    use_of(LITTLE, READ),
    use_of(LITTLE, Taint(private=("read_mail",))),
    *OTHER_USES,
    *(replace(use, taint=READ) for use in OTHER_USES),
    use_of({"to": "bob"}),
    use_of(MUCH, READ),
)

# --- people and roles ----------------------------------------------------------------------------------------------


def role(subject: str, value: str, expires_ms: int | None = None) -> Rule:
    return Rule(subject, "role", value, expires_ms=expires_ms)


OWN_ROLES: tuple[tuple[Rule, ...], ...] = (
    (),
    (role("slack:T1/U1", "finance"),),
    (role("slack:T1/U1", "finance", OVER),),
    (role("slack:T1/U1", "finance", LATER),),
    (role("slack:T1/U1", "guest"),),
    (role("slack:T1/U1", "guest", OVER),),
    (role("slack:T1/U1", "admin"),),
    (role("slack:T1/U1", "admin"), role("group:slack:T1/S1", "guest")),
    (role("group:slack:T1/S1", "finance"),),
    (role("group:slack:T1/S1", "finance"), role("slack:T1/U1", "ops")),
    (role("channel:slack:T1/C1", "finance"),),
    (role("channel:slack:T1/C1", "guest"), role("slack:T1/U1", "finance")),
    (role("slack:T2/U1", "finance"), role("web:U1", "finance"), role("group:slack:T2/S1", "finance")),
    (role("slack:T2/U1", "guest"), role("channel:slack:T2/C1", "guest"), role("group:slack:T1/S2", "guest")),
)
STANDINGS: tuple[tuple[Actor, Place], ...] = tuple(
    (somebody("U1", standing=standing), place)
    for standing in ("member", "guest", "external", "bot")
    for place in (HERE, ASIDE)
)
ADMINS: tuple[frozenset[str], ...] = (frozenset(), frozenset({"slack:T1/U1"}), frozenset({"slack:T2/U1", "web:U1"}))

# --- tools ---------------------------------------------------------------------------------------------------------


def tool(
    *,
    confirm: bool = False,
    effect: Effect = "once",
    approver: str = "",
    roles: Iterable[str] | None = None,
    marks: Iterable[Mark] = (),
) -> ToolFacts:
    named = None if roles is None else frozenset(roles)
    return ToolFacts("pay", confirm, effect, approver, named, marks=frozenset(marks), definition="d1")


ROLE_LISTS: tuple[tuple[str, ...] | None, ...] = (None, ("finance",), ("ops", "guest"), ())
BY_ROLE = tuple(tool(confirm=confirm, roles=roles) for confirm in (False, True) for roles in ROLE_LISTS)
KINDS_OF_TOOL: tuple[tuple[Effect, tuple[Mark, ...]], ...] = (
    ("once", ()),
    ("read", ()),
    ("read", ("sends",)),
    ("idempotent", ("untrusted", "private")),
)
GATED = tuple(
    tool(confirm=confirm, approver=approver, effect=effect, marks=marks)
    for confirm in (False, True)
    for approver in ("", "ops and finance")
    for effect, marks in KINDS_OF_TOOL
)

# --- rules ---------------------------------------------------------------------------------------------------------

MINE = ("slack:T1/U1", "group:slack:T1/S1", "channel:slack:T1/C1")
NOT_MINE = ("slack:T2/U1", "web:U1", "slack:T1/U2", "group:slack:T2/S1", "group:slack:T1/S2", "channel:slack:T2/C1")
SAID = tuple(
    Rule(who, kind, "pay", when, expires_ms)
    for who, kind, when, expires_ms in product((*MINE, *NOT_MINE), KINDS, ("", MET), (None, OVER, LATER))
) + tuple(Rule(MINE[0], kind, name) for kind in KINDS for name in ("pa", "pay_", "PAY", "*"))
PAIRED = tuple(
    Rule(who, kind, "pay", when) for who, kind, when in product(MINE, KINDS, ("", MET, "amount>100", "to=bob"))
)

# --- who has to approve --------------------------------------------------------------------------------------------

SET = tuple(
    ApproverRule(scope, "pay", approver, when, unless)
    for scope in ("slack:T1", EVERYWHERE)
    for approver in ("finance", "finance and admin", NONE)
    for when, unless in (("", ""), (MET, ""), ("", MET))
)
SET_ELSEWHERE = (
    ApproverRule("slack:T2", "pay", "finance"),
    ApproverRule("web:", "pay", NONE),
    ApproverRule("slack:T1", "other", "finance"),
    ApproverRule("slack:T1", "pay", "finance", expires_ms=OVER),
    ApproverRule("slack:T1", "pay", NONE, expires_ms=OVER),
    ApproverRule("slack:T1", "pay", "ops", expires_ms=LATER),
)
SETS: tuple[tuple[ApproverRule, ...], ...] = (
    (),
    *((one,) for one in (*SET, *SET_ELSEWHERE)),
    *combinations(SET, 2),
)
SOME_SETS = (*SETS[:4], SETS[7], SETS[10])

# --- grants --------------------------------------------------------------------------------------------------------

GIVER = "cli:operator"
"""Whoever gave a grant could give it today: the operator always can."""
SHOWN = '{"amount":5,"to":"bob"}'
GRANTS = tuple(
    Grant("g1", person, "pay", SHOWN, definition, approver, pattern, run_id, place, expires_ms, GIVER)
    for person, definition, approver, pattern, run_id, place, expires_ms in product(
        ("slack:T1/U1", "slack:T2/U1"),
        ("d1", "d0"),
        ("requester", "finance"),
        ("", MET),
        ("", "r1", "r0"),
        ("", str(HERE), str(ASIDE)),
        (None, OVER, LATER),
    )
)
TWO_GRANTS = tuple(
    (replace(one, id="g1"), replace(other, id="g2"))
    for one, other in permutations(
        [
            Grant("g", "slack:T1/U1", "pay", SHOWN, "d1", "requester", pattern, run_id, given_by=GIVER)
            for pattern, run_id in product(("", MET), ("", "r1"))
        ],
        2,
    )
)


@cache
def grids() -> tuple[Grid, ...]:
    """All that is judged: who, what was said, who approves, and what was granted."""
    me = ((somebody("U1"), HERE),)
    return (
        Grid(
            tuple(World(admins, roles) for admins in ADMINS for roles in OWN_ROLES),
            (*STANDINGS, (somebody("U1", scope="slack:T2"), ABROAD), (somebody("U1", scope="web:"), ON_WEB)),
            BY_ROLE,
            USES[:1],
        ),
        Grid(
            tuple(World(rules=(*roles, *said)) for roles in OWN_ROLES[:2] for said in [(), *((one,) for one in SAID)]),
            (*STANDINGS[:2], (somebody("U1", scope="slack:T2"), ABROAD), (somebody("U1", scope="web:"), ON_WEB)),
            (BY_ROLE[0], BY_ROLE[4], BY_ROLE[5]),
            TAINTED,
        ),
        Grid(
            tuple(World(rules=said, approvers=rules) for said in up_to_two(PAIRED) for rules in SOME_SETS[:3]),
            me,
            (GATED[0], GATED[8]),
            TAINTED,
        ),
        Grid(
            tuple(
                World(rules=said, approvers=rules)
                for said in ((), (PAIRED[0],), (PAIRED[1],), (PAIRED[4],), (PAIRED[5],))
                for rules in SETS
            ),
            me,
            GATED,
            TAINTED[:3] + USES,
        ),
        Grid(
            tuple(World(approvers=rules, grants=(grant,)) for rules in SOME_SETS for grant in GRANTS)
            + tuple(World(grants=grants) for grants in TWO_GRANTS),
            me,
            (GATED[0], GATED[8], GATED[9]),
            GRANTED,
        ),
        Grid(
            tuple(
                World(
                    approvers=SETS[which], default_role=default_role, default_approver=default_approver, people=people
                )
                for which in (0, 1, 10)
                for default_role in ("user", "guest", "finance")
                for default_approver in ("requester", "ops and admin")
                for people in ({}, {KNOWN.key: KNOWN})
            ),
            (*STANDINGS, (somebody("root", scope="cli:"), TERMINAL)),
            (*BY_ROLE, *GATED),
            TAINTED[1:6],
        ),
    )


# --- deciding ------------------------------------------------------------------------------------------------------

BOT = somebody("UB", standing="bot")
CREW = (
    somebody("U1", groups=()),
    somebody("UF", groups=()),
    somebody("UX", groups=()),
    somebody("UC", groups=()),
    somebody("UG"),
    somebody("UE", standing="external", groups=()),
    somebody("UH", standing="external", groups=("S1",)),
    somebody("UP", standing="guest", groups=("S1",)),
    somebody("UQ", standing="guest", groups=()),
    somebody("UR", groups=("S1",)),
    somebody("UA", groups=()),
    somebody("UN", groups=()),
    somebody("UM", groups=("S9",)),
    somebody("UO", groups=()),
    BOT,
    somebody("UF", scope="slack:T2", groups=()),
    somebody("UA", scope="slack:T2", groups=("S1",)),
    somebody("fay", scope="web:", groups=()),
    somebody("ann", scope="web:", groups=()),
    somebody("half", scope="web:", groups=()),
    somebody("robot", scope="web:", groups=()),
    somebody("machine", scope="web:", standing="bot", groups=()),
    somebody("root", scope="cli:", groups=()),
)
CREW_RULES = (
    role("slack:T1/UF", "finance"),
    role("slack:T1/UX", "finance", OVER),
    role("channel:slack:T1/C1", "finance"),
    role("channel:slack:T1/C1", "admin"),
    role("slack:T1/UH", "finance"),
    role("slack:T1/UQ", "finance"),
    role("slack:T1/UR", "guest"),
    role("slack:T1/UN", "admin"),
    role("group:slack:T1/S9", "admin"),
    role("slack:T1/UO", "admin", OVER),
    role("slack:T1/UB", "admin"),
    role("slack:T2/UF", "ops"),
    role("web:fay", "ops"),
)
CREW_LINKS = (
    Link("slack:T1/UF", "web:fay", EVERYWHERE),
    Link("slack:T1/UA", "web:ann", "slack:T1"),
    Link("slack:T1/UA", "web:ann", "web:"),
    Link("slack:T1/UN", "web:half", "web:"),
    Link("slack:T1/UB", "web:robot", EVERYWHERE),
    Link("slack:T1/U1", "web:machine", EVERYWHERE),
    Link("slack:T2/UF", "web:fay", EVERYWHERE),
)
TALKERS = tuple(
    frozenset(words)
    for count in range(5)
    for words in combinations(("everyone", "members", "guests", "external", "finance", "user", "admins"), count)
)


def crew_world(who_may_talk: frozenset[str] = frozenset({"members"}), default_role: str = "user") -> World:
    """Everybody as their platform described them, some of them linked."""
    return World(
        admins=frozenset({"slack:T1/UA", "slack:T1/UB", "web:root"}),
        rules=CREW_RULES,
        links=CREW_LINKS,
        people={one.key: Person(one.key, one.name, one.groups, one.standing) for one in CREW},
        default_role=default_role,
        who_may_talk=who_may_talk,
    )


APPROVERS = (
    "requester",
    "admin",
    "not_requester",
    "finance",
    "finance,ops",
    "user",
    "finance not_requester",
    "admin not_requester",
    "slack:T1/UF",
    "web:fay",
    "slack:T1/UP",
    "slack:T1/UB",
    "slack:T1/UA not_requester",
    "group:slack:T1/S1",
    "group:slack:T1/S1 not_requester",
    "2 of finance,requester",
    "2 of not_requester",
    "requester and finance",
    "finance then admin after 2h",
    "finance not_requester then user after 2h",
    "2 of finance then slack:T1/U1 after 30m",
    "not_requester then web:fay after 2h",
)
EDITORS = ("", "slack:T1/UF", "web:fay", "slack:T1/UA")
AGES_S = (0.0, 7199.0, 7200.0)
REQUESTERS = (CREW[0], CREW[1], CREW[8], CREW[10], CREW[17])
