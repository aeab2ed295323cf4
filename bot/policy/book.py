"""The book: what the operator configured and what admins and approvers said, and from it each person's `Policy`.

Pure. Identity is platform, workspace and id together: an admin of one workspace is nobody in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from bot.engine.types import Actor, Place, parse_actor
from bot.policy.approvers import Asked, Voter, approvers_of, is_satisfied
from bot.policy.judge import ADMIN, GUEST
from bot.policy.types import EVERYWHERE, ApproverRule, Grant, Link, Person, Policy, Rule

T = TypeVar("T")

_NOWHERE = frozenset({"cli", "script"})
NOBODY = frozenset({"bot", "gone"})
"""Standings that have no rights, whatever was said."""
OPERATOR_PLATFORM = "cli"
"""Whoever runs the command line on this machine owns the data folder: that person is the operator."""


@dataclass(frozen=True)
class Book:
    """Everybody's rights at one moment. `admins` are identities from the operator's configuration; `version` grows with
    what admins say, `revision` with anything that is stored of all this."""

    admins: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    approvers: tuple[ApproverRule, ...] = ()
    grants: tuple[Grant, ...] = ()
    links: tuple[Link, ...] = ()
    people: Mapping[str, Person] = field(default_factory=dict)
    default_role: str = "user"
    default_approver: str = "requester"
    who_may_talk: frozenset[str] = frozenset({"members"})
    version: int = 0
    revision: int = 0

    # --- one person ---

    def policy_of(self, actor: Actor, place: Place, now_ms: int) -> Policy:
        """This person's rights in this place."""
        actor = self.known(actor)
        said = self._said_of((*self._subjects(actor), channel_of(place)), now_ms)
        return Policy(
            actor.key,
            self._roles(actor, said) if home_of(actor, place) == actor.scope else frozenset({GUEST}),
            None,
            tuple(rule for rule in said if rule.kind != "role"),
            tuple(rule for rule in self._approvers_in(home_of(actor, place)) if not _is_over(rule.expires_ms, now_ms)),
            tuple(one for one in self._grants_by_person.get(actor.key, ()) if self._holds(one, actor, now_ms)),
            self.default_approver,
        )

    def _holds(self, grant: Grant, requester: Actor, now_ms: int) -> bool:
        """Whether a grant still counts: its time is not over, and those who gave it could give it today."""
        if _is_over(grant.expires_ms, now_ms):
            return False
        givers = (self.identity_in(parse_actor(key), requester.scope) for key in grant.given_by.split(","))
        voters = [self.voter(giver, now_ms) for giver in givers if giver is not None]
        asked = Asked(requester.key, requester.label, self.human_of(requester.key))
        return is_satisfied(approvers_of(grant.approver), voters, asked)

    def roles_of(self, actor: Actor, now_ms: int, place: Place | None = None) -> frozenset[str]:
        """This person's roles; those of a channel count there only, and never for what people decide."""
        actor = self.known(actor)
        channel = () if place is None else (channel_of(place),)
        return self._roles(actor, self._said_of((*self._subjects(actor), *channel), now_ms))

    def is_admin(self, actor: Actor, now_ms: int) -> bool:
        return ADMIN in self.roles_of(actor, now_ms)

    def known(self, actor: Actor) -> Actor:
        """This person with what their platform last said of them, where it said anything: an identity that was read
        back from the store brings nothing of its own."""
        person = self.people.get(actor.key)
        if person is None:
            return actor
        return replace(actor, name=actor.name or person.name, groups=person.groups, standing=person.standing)

    def _roles(self, actor: Actor, said: Iterable[Rule]) -> frozenset[str]:
        if actor.standing in NOBODY:
            return frozenset({GUEST})
        if actor.platform == OPERATOR_PLATFORM or actor.key in self.admins:
            return frozenset({ADMIN})
        given = [rule for rule in said if rule.kind == "role"]
        if any(rule.value == GUEST for rule in given):
            return frozenset({GUEST})
        if actor.standing != "member":  # others have only the roles that were given to them by name
            return frozenset(rule.value for rule in given if rule.subject == actor.key) or frozenset({GUEST})
        return frozenset(rule.value for rule in given) or frozenset({self.default_role})

    def _said_of(self, subjects: Iterable[str], now_ms: int) -> list[Rule]:
        by_subject = self._rules_by_subject
        return [
            rule
            for subject in subjects
            for rule in by_subject.get(subject, ())
            if not _is_over(rule.expires_ms, now_ms)
        ]

    def _subjects(self, actor: Actor) -> tuple[str, ...]:
        return (actor.key, *sorted(group_key(actor.scope, group) for group in actor.groups))

    # --- one human behind several identities ---

    def human_of(self, key: str) -> str:
        """The same word for all linked identities of one human: the first of them."""
        return self._humans.get(key, key)

    def identity_in(self, actor: Actor, scope: str) -> Actor | None:
        """This human as a workspace knows them: themselves, or a linked identity of theirs; None when they have
        none there."""
        if actor.scope == scope or actor.platform == OPERATOR_PLATFORM:
            return actor
        human = self.human_of(actor.key)
        mine = sorted(key for key, one in self._humans.items() if one == human and parse_actor(key).scope == scope)
        return self.known(parse_actor(mine[0], actor.name)) if mine else None

    def voter(self, actor: Actor, now_ms: int) -> Voter:
        """This person as somebody who may decide."""
        actor = self.known(actor)
        roles = self.roles_of(actor, now_ms)
        return Voter(
            actor.key,
            self.human_of(actor.key),
            roles,
            frozenset(group_key(actor.scope, group) for group in actor.groups),
            is_guest=roles == {GUEST} or not roles,
            is_bot=actor.standing in NOBODY,
        )

    # --- time ---

    def ends_next(self, now_ms: int) -> int:
        """When the next of all these ends by itself: until then nothing changes but by somebody's word."""
        ends = (one.expires_ms for many in (self.rules, self.approvers, self.grants) for one in many)
        return min((end for end in ends if end is not None and end > now_ms), default=1 << 62)

    # --- one workspace ---

    def _approvers_in(self, scope: str) -> list[ApproverRule]:
        return [rule for rule in self.approvers if rule.scope in (EVERYWHERE, scope)]

    def admins_in(self, scope: str, now_ms: int, *, for_good: bool = False) -> list[str]:
        """The identities that administer a workspace, by configuration or because an admin said so; `for_good` those
        that do not end by themselves. Whoever is an admin through a group alone is not known here."""
        made = {
            rule.subject
            for rule in self.rules
            if rule.kind == "role" and rule.value == ADMIN and not (for_good and rule.expires_ms is not None)
        }
        named = self.admins | {subject for subject in made if is_person(subject)}
        theirs = (key for key in named if parse_actor(key).scope == scope)
        return sorted(key for key in theirs if self.is_admin(parse_actor(key), now_ms))

    @cached_property
    def _rules_by_subject(self) -> dict[str, list[Rule]]:
        return _by(self.rules, lambda rule: rule.subject)

    @cached_property
    def _grants_by_person(self) -> dict[str, list[Grant]]:
        return _by(self.grants, lambda grant: grant.person)

    @cached_property
    def _humans(self) -> dict[str, str]:
        return _components(effective_links(self.links))


def home_of(actor: Actor, place: Place) -> str:
    """The workspace whose rules for tools count: where it is asked; on the terminal, that of who asks."""
    return actor.scope if place.platform in _NOWHERE else place.scope


def effective_links(links: Iterable[Link]) -> list[tuple[str, str]]:
    """The links that hold: those the operator said, and those an admin of each workspace they touch has said."""
    said: dict[tuple[str, str], set[str]] = {}
    for link in links:
        first, second = sorted((link.first, link.second))
        said.setdefault((first, second), set()).add(link.said_in)
    return [
        pair
        for pair, scopes in said.items()
        if EVERYWHERE in scopes or {parse_actor(key).scope for key in pair} <= scopes
    ]


def _components(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Every linked identity with the first of all those it is linked to, directly or by others."""
    together: dict[str, set[str]] = {}
    for first, second in links:
        both = together.get(first, {first}) | together.get(second, {second})
        together.update(dict.fromkeys(both, both))
    return {key: min(all_of_them) for key, all_of_them in together.items()}


def _by(things: Iterable[T], key_of: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for thing in things:
        found.setdefault(key_of(thing), []).append(thing)
    return found


def _is_over(expires_ms: int | None, now_ms: int) -> bool:
    return expires_ms is not None and expires_ms <= now_ms


# --- subjects ------------------------------------------------------------------------------------------------------


def group_key(scope: str, group: str) -> str:
    """A group of a platform as a subject: `group:slack:T1/S1`, `group:web:ops`."""
    return f"group:{_in(scope, group)}"


def channel_of(place: Place) -> str:
    """A channel as a subject: `channel:slack:T1/C1`, `channel:web:general`."""
    return f"channel:{_in(place.scope, place.channel)}"


def _in(scope: str, name: str) -> str:
    return f"{scope}{name}" if scope.endswith(":") else f"{scope}/{name}"


def is_person(subject: str) -> bool:
    return not subject.startswith(("group:", "channel:"))


def scope_of(subject: str) -> str:
    """The workspace a subject belongs to: `slack:T1`, `web:`."""
    return parse_actor(subject if is_person(subject) else subject.partition(":")[2]).scope
