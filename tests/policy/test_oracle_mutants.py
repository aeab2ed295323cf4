"""The check of the check: an error made on purpose in the policy's code is found by a small part of the grids."""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest

from bot.policy import access, book, judge
from tests.policy import grids
from tests.policy.grids import Cell
from tests.policy.test_oracle import Deed, administrations, decisions, judged, refused, talks

EVERY_CELL, EVERY_DEED = 13, 11

JUDGE = [
    ("deny", "use, if_unknown=use is not None)", "use, if_unknown=False)"),
    ("deny of no use", "use, if_unknown=use is not None)", "use, if_unknown=True)"),
    ("ask", '"ask", use, if_unknown=True', '"ask", use, if_unknown=False'),
    ("allow", '"allow", use, if_unknown=False', '"allow", use, if_unknown=True'),
    ("prefix of a name", "if rule.value == facts.name]", "if rule.value.startswith(facts.name)]"),
    ("approver rules of any tool", "if rule.tool == facts.name and _speaks", "if _speaks"),
    ("approver needs confirm", "    if required:\n", "    if required and facts.confirm:\n"),
    ("none needs no confirm", "    if set_for_tool:\n", "    if set_for_tool and not facts.confirm:\n"),
    ("what sends", 'facts.effect == "read" and "sends" not in facts.marks', 'facts.effect == "read"'),
    ("what reads", '(facts.effect == "read" and "sends" not in facts.marks)', "False"),
    ("no taint", "if not use.taint.untrusted or", "if True or"),
    ("private is untrusted", "if not use.taint.untrusted or", "if not (use.taint.untrusted or use.taint.private) or"),
    ("grant of a pattern", "(is_exact(granted) or granted.run_id)", "True"),
    ("grant of this run", "(is_exact(granted) or granted.run_id)", "is_exact(granted)"),
    ("which grant", "(not is_exact(one), not one.run_id, one.id)", "one.id"),
    (
        "taint after allow",
        "if use is not None and (why",
        'if not any(one.kind == "allow" for one in mine) and use and (why',
    ),
    ("unless", "if_unknown=not is_strict", "if_unknown=is_strict"),
    ("when", "use, if_unknown=is_strict", "use, if_unknown=not is_strict"),
    ("admin's tools", "    if ADMIN in roles:\n", "    if ADMIN in roles and facts.roles is None:\n"),
    ("guest's tools", "any(role and role != GUEST for", "any(role for"),
    ("who is set", "approver = required or _canonical", "approver = _canonical"),
    ("tool's approver", "_canonical(facts.approver or policy.default_approver)", "_canonical(policy.default_approver)"),
    ("default approver", "facts.approver or policy.default_approver", 'facts.approver or "requester"'),
    (
        "one of several",
        "said = [rule.approver for rule in set_for_tool if",
        "said = [rule.approver for rule in set_for_tool[:1] if",
    ),
    (
        "ask before deny",
        "if denying := _speaking(mine,",
        'if denying := _speaking([r for r in mine if not any(one.kind == "ask" for one in mine)],',
    ),
]
BOOK = [
    ("a moment too long", "expires_ms <= now_ms", "expires_ms < now_ms"),
    ("no groups", "*sorted(group_key(actor.scope, group) for group in actor.groups))", ")"),
    (
        "guest and more",
        "if any(rule.value == GUEST for rule in given):",
        "if all(rule.value == GUEST for rule in given[:1]) and given:",
    ),
    ("admin by name", "or actor.key in self.admins", 'or any(key.endswith("U1") for key in self.admins)'),
    ("admin of no terminal", "actor.platform == OPERATOR_PLATFORM or actor.key in", "actor.key in"),
    ("external", 'if actor.standing != "member":', 'if actor.standing == "guest":'),
    ("roles of guests' groups", "for rule in given if rule.subject == actor.key)", "for rule in given)"),
    ("program", "        if actor.standing in NOBODY:\n", "        if False:\n"),
    (
        "program admin",
        "        if actor.standing in NOBODY:\n",
        "        if actor.standing in NOBODY and actor.key not in self.admins:\n",
    ),
    ("channel elsewhere", 'return f"channel:{_in(place.scope, place.channel)}"', 'return "channel:slack:T1/C1"'),
    ("no channel", "(*self._subjects(actor), channel_of(place))", "self._subjects(actor)"),
    (
        "approvers for ever",
        "home_of(actor, place)) if not _is_over(rule.expires_ms, now_ms)),",
        "home_of(actor, place))),",
    ),
    ("grants for ever", "        if _is_over(grant.expires_ms, now_ms):\n            return False\n", ""),
    ("rules for ever", "            if not _is_over(rule.expires_ms, now_ms)\n        ]", "        ]"),
    ("approvers of all", "if rule.scope in (EVERYWHERE, scope)]", "]"),
    ("approvers not everywhere", "if rule.scope in (EVERYWHERE, scope)]", "if rule.scope == scope]"),
    ("what comes along", "        if person is None:\n            return actor\n", "        return actor\n"),
    ("half a link", "key in pair} <= scopes", "key in pair} & scopes"),
    ("no link", "return self.known(parse_actor(mine[0], actor.name)) if mine else None", "return None"),
    ("rights go along", "return self.known(parse_actor(mine[0], actor.name)) if", "return actor if"),
    ("default role", "or frozenset({self.default_role})", 'or frozenset({"user"})'),
    (
        "roles of both",
        "for rule in given) or frozenset({self.default_role})",
        "for rule in given) | {self.default_role}",
    ),
    ("program votes", "is_bot=actor.standing in NOBODY", "is_bot=False"),
    ("groups of any workspace", "frozenset(group_key(actor.scope,", 'frozenset(group_key("slack:T1",'),
]
ACCESS = [
    ("programs", "    if actor.standing in NOBODY:\n", "    if False:\n"),
    ("any workspace", "== OPERATOR_PLATFORM or actor.scope == scope\n", "== OPERATOR_PLATFORM or bool(scope)\n"),
    ("not the operator", "actor.platform == OPERATOR_PLATFORM or actor.scope == scope\n", "actor.scope == scope\n"),
    ("anybody administers", "is_theirs and book.is_admin(actor, now_ms)", "is_theirs"),
    ("anybody on the terminal", "if deed.is_operator or not is_on_terminal else None", ""),
    ("no identity", "else book.identity_in(actor, place.scope)", "else actor"),
    ("external", 'return "external" in words', 'return "members" in words'),
    ("everyone", '"everyone" in words', "False"),
    ("members only", 'actor.standing == "guest" or roles == {GUEST}', 'actor.standing == "guest"'),
    ("guests are members", 'actor.standing == "guest" or roles == {GUEST}', "roles == {GUEST}"),
    ("roles", "not roles.isdisjoint(words - _WORDS)", "False"),
    ("admins", "if ADMIN in roles or", "if"),
    ("editor", 'book.human_of(deed.editor) if deed.editor else ""', '""'),
    ("editor by name", 'book.human_of(deed.editor) if deed.editor else ""', "deed.editor"),
    ("requester by name", "        book.human_of(requester.key),\n", "        requester.key,\n"),
    ("age", "None if is_any_age else deed.age_s", "None"),
]


@cache
def few_cells() -> list[Cell]:
    some = [cell for grid in grids.grids() for cell in islice(grid.cells(), 0, None, EVERY_CELL)]
    return [*some, *(cell for cell in grids.grids()[4].cells() if len(cell.world.grants) > 1)]


@cache
def few_deeds() -> list[Deed]:
    of_all = [talks(), administrations(), islice(decisions(), 0, None, EVERY_DEED)]
    return [deed for deeds in of_all for deed in deeds]


def mutant(module: ModuleType, right: str, wrong: str) -> ModuleType:
    """The module as it would be with this error in it."""
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    assert source.count(right) == 1, right
    changed = ModuleType(module.__name__)
    exec(compile(source.replace(right, wrong), f"<{wrong}>", "exec"), changed.__dict__)
    return changed


def is_caught_by_cells(*, books: ModuleType = book, judges: ModuleType = judge) -> bool:
    found = judged(few_cells(), books=books, judges=judges)
    return any(said != does for cell, said, does in found)


def test_nothing_is_caught_where_nothing_is_wrong() -> None:
    assert not is_caught_by_cells()
    assert refused(few_deeds()) == []


@pytest.mark.parametrize(("right", "wrong"), [one[1:] for one in JUDGE], ids=[one[0] for one in JUDGE])
def test_an_error_in_judging_is_caught(right: str, wrong: str) -> None:
    assert is_caught_by_cells(judges=mutant(judge, right, wrong))


@pytest.mark.parametrize(("right", "wrong"), [one[1:] for one in BOOK], ids=[one[0] for one in BOOK])
def test_an_error_in_the_book_is_caught(right: str, wrong: str) -> None:
    books = mutant(book, right, wrong)

    assert is_caught_by_cells(books=books) or refused(few_deeds(), books=books)


@pytest.mark.parametrize(("right", "wrong"), [one[1:] for one in ACCESS], ids=[one[0] for one in ACCESS])
def test_an_error_at_the_doors_is_caught(right: str, wrong: str) -> None:
    assert refused(few_deeds(), doors=mutant(access, right, wrong))
