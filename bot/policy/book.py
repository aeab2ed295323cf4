"""The book of rights: what the operator configured and what the admins set, as one person's `Rights`.

Pure reading of rules handed in; where they are stored is not known here. Identity is platform, workspace and id
together: an admin of one workspace is nobody in another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.engine.types import Actor, Rights
from bot.policy.judge import ADMIN

OPERATOR_PLATFORM = "cli"
"""Whoever runs the command line on this machine owns the data folder: that person is the operator."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing an admin set: `subject` is a person's key; `value` a role or a tool's exact name."""

    subject: str
    kind: Literal["role", "allow", "ask", "deny"]
    value: str
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """Everybody's rights at one moment. `admins` are identities from the operator's configuration."""

    admins: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    default_role: str = "user"

    def with_rules(self, rules: Iterable[Rule]) -> Book:
        return Book(self.admins, tuple(rules), self.default_role)

    def role_of(self, actor: Actor, now_ms: int) -> str:
        if actor.key in self.admins or actor.platform == OPERATOR_PLATFORM:
            return ADMIN
        roles = [rule.value for rule in self._rules_of(actor, now_ms) if rule.kind == "role"]
        return roles[-1] if roles else self.default_role

    def rights_of(self, actor: Actor, now_ms: int) -> Rights:
        rules = self._rules_of(actor, now_ms)
        named = {
            kind: frozenset(rule.value for rule in rules if rule.kind == kind) for kind in ("allow", "ask", "deny")
        }
        return Rights(self.role_of(actor, now_ms), None, named["allow"], named["ask"], named["deny"])

    def _rules_of(self, actor: Actor, now_ms: int) -> list[Rule]:
        mine = (rule for rule in self.rules if rule.subject == actor.key)
        return [rule for rule in mine if rule.expires_ms is None or rule.expires_ms > now_ms]
