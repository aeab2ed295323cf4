"""The one question every door asks: may this person do this? Message, slash command, button, modal, page and command
line come here, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from bot.engine.types import Actor, Place, parse_actor
from bot.policy.approvers import Asked, Voter, approvers_of, may_vote
from bot.policy.book import NOBODY, OPERATOR_PLATFORM, Book
from bot.policy.judge import ADMIN, GUEST

MAY_NOT_TALK = "You may not talk to this bot; ask an admin."
_WORDS = frozenset({"everyone", "members", "guests", "external", "admins", GUEST})
NO_ADMIN = "Only admins can do this."


@dataclass(frozen=True, slots=True)
class Talk:
    """Write to the bot in this workspace, or use the words everybody has."""

    scope: str


@dataclass(frozen=True, slots=True)
class Administer:
    """Change or look at what concerns others in this workspace (`slack:T1`, `web:`)."""

    scope: str


@dataclass(frozen=True, slots=True)
class Decide:
    """Approve, deny or edit a call that waits.

    `approver` is the rule it was asked under, `place` where it was asked; `requester` asked for it, `editor` (an
    identity) edited its arguments; it has waited for `age_s`. `is_operator` is said by the command line alone.
    """

    approver: str
    place: Place
    requester: Actor
    editor: str = ""
    age_s: float = 0.0
    is_operator: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """End what this person (an identity) had started, in this workspace."""

    requester: str
    scope: str


Deed = Talk | Administer | Decide | Stop


def authorize(book: Book, actor: Actor, deed: Deed, now_ms: int) -> str | None:
    """None when this person may do this now, else the sentence that says why not."""
    actor = book.known(actor)
    if actor.standing in NOBODY:
        return (
            "Programs cannot do this." if actor.standing == "bot" else "You do not belong to this workspace any more."
        )
    match deed:
        case Talk(scope):
            is_here = actor.scope == scope or OPERATOR_PLATFORM in (actor.platform, scope.rstrip(":"))
            return None if is_here and _may_talk(book, actor, now_ms) else MAY_NOT_TALK
        case Administer(scope):
            is_theirs = actor.platform == OPERATOR_PLATFORM or actor.scope == scope
            return None if is_theirs and book.is_admin(actor, now_ms) else NO_ADMIN
        case Decide():
            return _may_decide(book, actor, deed, now_ms)
        case Stop(requester, scope):
            if book.human_of(requester) == book.human_of(actor.key):
                return None
            is_allowed = authorize(book, actor, Administer(scope), now_ms) is None
            return None if is_allowed else "Only who started this, or an admin, can stop it."


def _may_talk(book: Book, actor: Actor, now_ms: int) -> bool:
    """`WHO_MAY_TALK`: everyone, members, guests (of the workspace, and by role), external (people of other companies),
    admins, or roles. Admins always may."""
    roles = book.roles_of(actor, now_ms)
    words = book.who_may_talk
    if ADMIN in roles or "everyone" in words or not roles.isdisjoint(words - _WORDS):
        return True
    if actor.standing == "external":
        return "external" in words
    if actor.standing == "guest" or roles == {GUEST}:
        return not words.isdisjoint({"guests", GUEST})
    return "members" in words


def _may_decide(book: Book, actor: Actor, deed: Decide, now_ms: int) -> str | None:
    is_on_terminal = deed.place.platform == OPERATOR_PLATFORM
    here = _here(book, actor, deed.place) if deed.is_operator or not is_on_terminal else None
    if here is None:
        return "This can only be decided where it was asked for."
    return may_vote(approvers_of(deed.approver), book.voter(here, now_ms), asked_of(book, deed))


def _here(book: Book, actor: Actor, place: Place) -> Actor | None:
    """This human as the workspace of a place knows them. A call that was asked for on the terminal is decided there,
    by the operator in whosever name."""
    return actor if place.platform == OPERATOR_PLATFORM else book.identity_in(actor, place.scope)


def asked_of(book: Book, deed: Decide, *, is_any_age: bool = False) -> Asked:
    """What the approvers' rule needs to know of a waiting call."""
    requester = deed.requester
    return Asked(
        requester.key,
        requester.label,
        book.human_of(requester.key),
        book.human_of(deed.editor) if deed.editor else "",
        None if is_any_age else deed.age_s,
    )


def voters_of(book: Book, keys: tuple[str, ...], place: Place, now_ms: int) -> list[Voter]:
    """These people as the workspace knows them now; whoever is nobody there is left out."""
    found = [_here(book, parse_actor(key), place) for key in keys]
    return [book.voter(one, now_ms) for one in found if one is not None]
