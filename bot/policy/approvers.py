"""Who has to approve a call: `2 of finance not_requester then admin after 2h`, as pure functions of who voted.

Grammar: `[N of] WHO[,WHO...] [not_requester] [then WHO[,WHO...] after DURATION]`, clauses joined by ` and `.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.errors import PolicyError
from bot.policy.durations import duration, parse_duration

REQUESTER = "requester"
ADMIN = "admin"
NOT_REQUESTER = "not_requester"
RESERVED = frozenset(
    {"none", REQUESTER, ADMIN, NOT_REQUESTER, "of", "then", "after", "and", "everyone", "bot", "guest"}
)
"""Words that are no roles here."""
MAX_COUNT = 20
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_GROUP = re.compile(r"group:[a-z][a-z0-9_]*:[^\s,]+")
_PERSON = re.compile(r"(?!(?:group|channel):)[a-z][a-z0-9_]*:[^\s,]+")
_COUNT = re.compile(r"[1-9][0-9]?")
_HOW = "write it like requester, admin, finance, web:bob or '2 of finance not_requester then admin after 2h'"


@dataclass(frozen=True, slots=True)
class Clause:
    """`count` people of `who`; from `after_s` seconds on one of `then` is enough, where there is one.

    `not_requester`: neither whoever asked nor whoever edited the arguments counts.
    """

    who: tuple[str, ...]
    count: int = 1
    not_requester: bool = False
    then: tuple[str, ...] = ()
    after_s: int = 0

    @property
    def is_for_others(self) -> bool:
        """Whether whoever asked and whoever edited never counts, in the fallback neither."""
        return self.not_requester or NOT_REQUESTER in self.who

    def __str__(self) -> str:
        of = f"{self.count} of " if self.count > 1 else ""
        others = f" {NOT_REQUESTER}" if self.not_requester else ""
        then = f" then {','.join(self.then)} after {duration(self.after_s)}" if self.then else ""
        return f"{of}{','.join(self.who)}{others}{then}"


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who has to approve: every clause has to be satisfied; without any, nobody may decide. The text is canonical."""

    clauses: tuple[Clause, ...] = ()

    def __str__(self) -> str:
        return " and ".join(map(str, self.clauses))


@dataclass(frozen=True, slots=True)
class Voter:
    """Somebody who votes, or might.

    `key` is the identity (`web:bob`), `human` the same for all linked identities of one human; `roles` are Nod's,
    `groups` the platform's, as the grammar writes them (`group:slack:T1/S1`).
    """

    key: str
    human: str
    roles: frozenset[str]
    groups: frozenset[str] = frozenset()
    is_guest: bool = False
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of the waiting call.

    `editor_human` is who edited its arguments, "" = nobody; `age_s` how long it has waited, None = count every
    fallback as due.
    """

    requester: str
    requester_name: str
    requester_human: str
    editor_human: str = ""
    age_s: float | None = None


# --- reading -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def parse_approvers(text: str) -> Approvers:
    """Read who has to approve; "" = nobody may decide. Raises `PolicyError` where the text is not in the grammar."""
    words = ",".join(part.strip() for part in text.split(",")).split()
    if not words:
        return Approvers()
    clauses: list[list[str]] = [[]]
    for word in words:
        if word == "and":
            clauses.append([])
        else:
            clauses[-1].append(word)
    return Approvers(tuple(dict.fromkeys(map(_clause, clauses))))


def approvers_of(text: str) -> Approvers:
    """Read back what was stored; nobody may decide what cannot be read."""
    try:
        return parse_approvers(text)
    except PolicyError:
        return Approvers(())


def joined(texts: Iterable[str]) -> str:
    """Give one canonical text for all of these together, the same in whatever order they are given.

    "" where one of them is "", or there is none: then nobody may decide. Raises `PolicyError` as `parse_approvers`.
    """
    parsed = [parse_approvers(text) for text in texts]
    if not all(approvers.clauses for approvers in parsed):
        return ""
    return " and ".join(sorted({str(clause) for approvers in parsed for clause in approvers.clauses}))


def _clause(words: list[str]) -> Clause:
    rest = list(words)
    count = _count(rest)
    who = _who_list(rest)
    is_for_others = rest[:1] == [NOT_REQUESTER]
    if is_for_others:
        del rest[0]
    then, after_s = _fallback(rest)
    clause = Clause(who, count, is_for_others, then, after_s)
    _check(clause)
    return clause


def _count(rest: list[str]) -> int:
    if rest[1:2] != ["of"]:
        return 1
    if not _COUNT.fullmatch(rest[0]) or int(rest[0]) > MAX_COUNT:
        raise PolicyError(
            f"{rest[0][:40]!r} people cannot be asked for: write a number from 1 to {MAX_COUNT} before 'of'."
        )
    count = int(rest[0])
    del rest[:2]
    return count


def _who_list(rest: list[str]) -> tuple[str, ...]:
    if not rest:
        raise PolicyError(f"It does not say who has to approve: {_HOW}.")
    who = tuple(dict.fromkeys(rest.pop(0).split(",")))
    for one in who:
        if not _is_who(one):
            raise PolicyError(f"{one[:40]!r} is nobody who can approve: {_HOW}.")
    if NOT_REQUESTER in who and len(who) > 1:
        raise PolicyError("not_requester stands alone or after the others: write 'finance,ops not_requester'.")
    return who


def _fallback(rest: list[str]) -> tuple[tuple[str, ...], int]:
    if not rest:
        return (), 0
    if rest[0] != "then":
        raise PolicyError(f"{rest[0][:40]!r} cannot stand there: {_HOW}.")
    del rest[0]
    then = _who_list(rest)
    if len(rest) != 2 or rest[0] != "after":
        raise PolicyError("After 'then' it has to say who and when: write 'then admin after 2h'.")
    return then, parse_duration(rest[1])


def _check(clause: Clause) -> None:
    one_each = all(one == REQUESTER or _is_person(one) for one in clause.who)
    if one_each and clause.count > len(clause.who):
        raise PolicyError(f"Only {len(clause.who)} can be counted there: write a number up to that before 'of'.")
    if clause.not_requester and NOT_REQUESTER in clause.who:
        raise PolicyError("not_requester is said twice: write it once.")
    if clause.is_for_others and REQUESTER in (*clause.who, *clause.then):
        raise PolicyError("requester and not_requester exclude each other: write one of them.")


def _is_who(word: str) -> bool:
    is_one = word in (REQUESTER, ADMIN, NOT_REQUESTER) or _is_role(word) or _is_group(word) or _is_person(word)
    return is_one and word.isprintable()


def _is_role(word: str) -> bool:
    return word not in RESERVED and _ROLE.fullmatch(word) is not None


def _is_group(word: str) -> bool:
    return _GROUP.fullmatch(word) is not None


def _is_person(word: str) -> bool:
    return _PERSON.fullmatch(word) is not None


# --- counting ------------------------------------------------------------------------------------------------------


def may_vote(approvers: Approvers, voter: Voter, asked: Asked) -> str | None:
    """None when the vote of this person counts for at least one clause, else a sentence saying who may."""
    if not approvers.clauses:
        return "Nobody is allowed to decide this."
    if _counts(approvers, voter, asked):
        return None
    if voter.is_bot:
        return "Bots cannot decide this."
    if _counts(approvers, voter, replace(asked, requester="", requester_human="", editor_human="")):
        did = "asked for" if _is_requester(voter, asked) else "edited"
        return f"Somebody else than the person who {did} this has to decide it."
    return "Guests cannot decide this." if voter.is_guest else _only(approvers, asked)


def is_satisfied(approvers: Approvers, voters: Iterable[Voter], asked: Asked) -> bool:
    """Tell whether the votes of these are enough for every clause. All identities of one human count once."""
    votes = list(voters)
    return bool(approvers.clauses) and not any(_left(clause, votes, asked) for clause in approvers.clauses)


def _left(clause: Clause, votes: list[Voter], asked: Asked) -> int:
    """How many people more this clause needs."""
    if any(_is_of(_due(clause, asked.age_s), clause, voter, asked) for voter in votes):
        return 0
    humans = {_human(voter) for voter in votes if _is_of(clause.who, clause, voter, asked)}
    return max(0, clause.count - len(humans))


def _counts(approvers: Approvers, voter: Voter, asked: Asked) -> bool:
    return any(_is_of((*clause.who, *_due(clause, asked.age_s)), clause, voter, asked) for clause in approvers.clauses)


def _due(clause: Clause, age_s: float | None) -> tuple[str, ...]:
    return clause.then if age_s is None or age_s >= clause.after_s else ()


def _is_of(who: tuple[str, ...], clause: Clause, voter: Voter, asked: Asked) -> bool:
    if voter.is_bot or (clause.is_for_others and _has_a_hand(voter, asked)):
        return False
    return any(_is_one(word, voter, asked) for word in who)


def _is_one(word: str, voter: Voter, asked: Asked) -> bool:
    if word == NOT_REQUESTER and _has_a_hand(voter, asked):
        return False
    if (word == REQUESTER and _is_requester(voter, asked)) or (_is_person(word) and voter.key == word):
        return True
    if voter.is_guest:
        return False
    is_in = (_is_role(word) and word in voter.roles) or (_is_group(word) and word in voter.groups)
    return is_in or word == NOT_REQUESTER or ADMIN in voter.roles


def _human(voter: Voter) -> str:
    return voter.human or voter.key


def _is_requester(voter: Voter, asked: Asked) -> bool:
    return voter.key == asked.requester or _human(voter) == asked.requester_human


def _has_a_hand(voter: Voter, asked: Asked) -> bool:
    """Whether the call is theirs: they asked for it, or wrote its arguments."""
    return _is_requester(voter, asked) or _human(voter) == asked.editor_human


# --- words ---------------------------------------------------------------------------------------------------------


def missing(approvers: Approvers, voters: Iterable[Voter], asked: Asked) -> str:
    """Say what is still needed: `1 more of finance`; "" when nothing is."""
    if not approvers.clauses:
        return "somebody who may decide, but nobody may"
    votes = list(voters)
    needed = []
    for clause in approvers.clauses:
        left = _left(clause, votes, asked)
        if left:
            due = [_one(word, asked.requester_name) for word in _due(clause, asked.age_s)]
            needed.append(", or ".join([_people(clause, asked.requester_name, left, " more"), *due]))
    return _together(needed)


def in_words(approvers: Approvers, requester_name: str) -> str:
    """Say who has to approve: `Alice`, `an admin`, `2 of finance, not Alice; after 2h also an admin`."""
    clauses = []
    for clause in approvers.clauses:
        later = _either([_one(word, requester_name) for word in clause.then])
        also = f"; after {duration(clause.after_s)} also {later}" if later else ""
        clauses.append(_people(clause, requester_name, clause.count) + also)
    return _together(clauses) or "nobody"


def _people(clause: Clause, name: str, count: int, more: str = "") -> str:
    others = f", not {name}" if clause.not_requester else ""
    if clause.count == 1:
        return _either([_one(word, name) for word in clause.who]) + others
    return f"{count}{more} of {_either([_several(word, name) for word in clause.who])}{others}"


def _one(word: str, name: str) -> str:
    if word == ADMIN:
        return "an admin"
    if word == NOT_REQUESTER:
        return f"somebody else than {name}"
    return f"somebody of {word}" if _is_role(word) or _is_group(word) else _several(word, name)


def _several(word: str, name: str) -> str:
    return {REQUESTER: name, ADMIN: "the admins", NOT_REQUESTER: f"those who are not {name}"}.get(word, word)


def _only(approvers: Approvers, asked: Asked) -> str:
    who = dict.fromkeys(word for clause in approvers.clauses for word in (*clause.who, *_due(clause, asked.age_s)))
    if all(word == ADMIN or _is_role(word) for word in who):
        return f"Only people with the role {_either(list(who))} can decide this."
    people = [asked.requester_name if word == REQUESTER else word for word in who if not _is_role(word)]
    roles = [f"people with the role {word}" for word in who if _is_role(word)]
    return f"Only {_either([*(word for word in people if word != ADMIN), *roles, 'an admin'])} can decide this."


def _either(parts: list[str]) -> str:
    return " or ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def _together(parts: list[str]) -> str:
    has_inner_breaks = any("," in part or ";" in part for part in parts)
    return ("; and " if has_inner_breaks else " and ").join(parts)


# --- reminders -----------------------------------------------------------------------------------------------------


def named(approvers: Approvers, *, requester: str, admins: Iterable[str], scope: str, age_s: float) -> list[str]:
    """Give the identities that are named now, for a reminder: people, the requester, the admins of this workspace.

    Roles, groups and fallbacks that are not due name nobody. Each identity comes once, in the order of the text.
    """
    of_scope = sorted(key for key in admins if _scope(key) == scope)
    found: dict[str, None] = {}
    for clause in approvers.clauses:
        for word in (*clause.who, *_due(clause, age_s)):
            keys = [requester] if word == REQUESTER else of_scope if word == ADMIN else [word] * _is_person(word)
            found |= dict.fromkeys(key for key in keys if not (clause.is_for_others and key == requester))
    return list(found)


def fallback_due_s(approvers: Approvers) -> tuple[int, ...]:
    """Give the ages in seconds from which on somebody else may decide, ascending."""
    return tuple(sorted({clause.after_s for clause in approvers.clauses if clause.then}))


def _scope(key: str) -> str:
    workspace, slash, _ = key.rpartition("/")
    return workspace if slash else f"{key.partition(':')[0]}:"
