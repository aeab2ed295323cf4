"""The words of the policy, all of them frozen plain data: what admins and approvers have said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.engine.types import Standing

Kind = Literal["role", "allow", "ask", "deny"]
NONE = "none"
"""As an approver: nobody has to approve it."""
EVERYWHERE = ""
"""As a scope: every workspace. Only the operator says something there."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing an admin set for somebody.

    `subject`: a person (`web:alice`, `slack:T1/U1`), a group of the platform (`group:slack:T1/S1`) or a channel
    (`channel:slack:T1/C1`). `value`: a role, or the exact name of a tool. `when`: a condition on the arguments
    (`bot.policy.conditions`), "" = always; never with a role.
    """

    subject: str
    kind: Kind
    value: str
    when: str = ""
    expires_ms: int | None = None
    set_by: str = ""
    set_ms: int = 0


@dataclass(frozen=True, slots=True)
class ApproverRule:
    """Who has to approve a tool, in a workspace (`scope`: `slack:T1`, `web:`) or `EVERYWHERE`.

    `approver` in the words of `bot.policy.approvers`, or `NONE`. It speaks for calls that meet the condition `when`
    and do not meet the condition `unless`; "" = no such condition. At most one of the two is set.
    """

    scope: str
    tool: str
    approver: str
    when: str = ""
    unless: str = ""
    expires_ms: int | None = None
    set_by: str = ""
    set_ms: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """What approvers said about more than one call: calls like this one of this person need not be asked about again.

    It covers calls of `tool` by `person` whose arguments are exactly `arguments` (JSON text), but for those that
    `pattern` (a condition) speaks of: those only have to meet it. It ends with its run (`run_id`) or stays in its
    thread (`place`, as text) where these are set, and at `expires_ms`. It holds while the tool's `definition` and its
    `approver` are what they were.
    """

    id: str
    person: str
    tool: str
    arguments: str
    definition: str
    approver: str
    pattern: str = ""
    run_id: str = ""
    place: str = ""
    expires_ms: int | None = None
    given_by: str = ""
    given_ms: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """Two identities of one human, said by an admin of the workspace `said_in` (`EVERYWHERE`: by the operator)."""

    first: str
    second: str
    said_in: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as their platform last described them."""

    key: str
    name: str = ""
    groups: frozenset[str] = frozenset()
    standing: Standing = "member"


@dataclass(frozen=True, slots=True)
class Policy:
    """One person's rights, here and now: what `judge` goes by.

    `rules` are the allow, ask and deny rules that speak of this person in this place; `approvers` those of their
    workspace; `grants` their own. None of them has expired. `tool_list` None = every tool of the roles.
    """

    person: str = ""
    roles: frozenset[str] = frozenset({"user"})
    tool_list: tuple[str, ...] | None = None
    rules: tuple[Rule, ...] = ()
    approvers: tuple[ApproverRule, ...] = ()
    grants: tuple[Grant, ...] = ()
    default_approver: str = "requester"
