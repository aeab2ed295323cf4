"""The policy as one pure function: default deny, order-free, exact names only.

The role's tools, narrowed by the list, come first. Then an explicit deny wins, then ask, then untrusted content, then
allow, then what approvers granted, then what was set for the tool, then the tool's own default.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from bot.engine.types import Permit, Rights, ToolFacts, Use, Verdict
from bot.errors import PolicyError
from bot.policy.approvers import joined
from bot.policy.conditions import parse_condition
from bot.policy.grants import covers, is_exact
from bot.policy.types import NONE, ApproverRule, Grant, Policy, Rule

GUEST = "guest"
ADMIN = "admin"


def policy_of_rights(rights: Rights, *, default_approver: str = "requester") -> Policy:
    """The policy of somebody whose rights a script hands in."""
    named: tuple[tuple[Literal["allow", "ask", "deny"], frozenset[str]], ...]
    named = (("allow", rights.allow), ("ask", rights.ask), ("deny", rights.deny))
    rules = tuple(Rule("", kind, tool) for kind, tools in named for tool in sorted(tools))
    return Policy("", frozenset({rights.role}), rights.tool_list, rules, default_approver=default_approver)


def permit_for(policy: Policy) -> Permit:
    """Give a policy as a function of a tool and its use."""
    return lambda facts, use: judge(policy, facts, use)


def judge(policy: Policy, facts: ToolFacts, use: Use | None) -> Verdict:
    """Say whether this use of a tool runs, asks or is denied, and which rule decided.

    `use` None asks about the tool as such: whether there is any use of it that would not be denied. Without conditions,
    grants and taint this is `effective_confirm = (CONFIRM_REQUIRED - confirm_allow) | confirm_deny`. Where something
    that was said cannot be read, it is denied.
    """
    try:
        return _judge(policy, facts, use)
    except PolicyError:
        return Verdict("deny", f"what was said about {facts.name} cannot be read")


def _judge(policy: Policy, facts: ToolFacts, use: Use | None) -> Verdict:
    if why := _not_theirs(policy, facts):
        return Verdict("deny", why)
    mine = [rule for rule in policy.rules if rule.value == facts.name]
    if denying := _speaking(mine, "deny", use, if_unknown=use is not None):
        return Verdict("deny", f"{facts.name} is denied {_for(denying)}")
    set_for_tool = [rule for rule in policy.approvers if rule.tool == facts.name and _speaks(rule, use)]
    required = _required(set_for_tool)
    approver = required or _canonical(facts.approver or policy.default_approver)
    if asking := _speaking(mine, "ask", use, if_unknown=True):
        return _ask(facts, f"{facts.name} always asks {_for(asking)}", approver)
    granted = _granted(policy, facts, use, approver)
    if use is not None and (why := _tainted(facts, use, granted)):
        return _ask(facts, why, approver)
    if allowing := _speaking(mine, "allow", use, if_unknown=False):
        return _run(facts, f"{facts.name} is allowed {_for(allowing)} without asking")
    if granted is not None:
        return _run(facts, f"{facts.name} was approved for more than once ({granted.id[:8]})")
    return _by_default(facts, set_for_tool, required, approver)


@lru_cache(maxsize=256)
def _canonical(approver: str) -> str:
    """An approver as it is stored and compared; one that cannot be read stays as it is, and lets nobody decide."""
    try:
        return joined([approver])
    except PolicyError:
        return approver


def _required(set_for_tool: list[ApproverRule]) -> str:
    """All that has to be satisfied together, "" where nobody has to approve. Raises `PolicyError` for a rule that names
    nobody: it frees nothing."""
    said = [rule.approver for rule in set_for_tool if rule.approver != NONE]
    required = joined(said) if said else ""
    if said and not required:
        raise PolicyError("An approver rule names nobody.")
    return required


def _by_default(facts: ToolFacts, set_for_tool: list[ApproverRule], required: str, approver: str) -> Verdict:
    """What was set for the tool, else its own default."""
    if required:
        speaking = [rule for rule in set_for_tool if rule.approver != NONE]
        return _ask(facts, f"{facts.name} needs approval{_where(speaking)}", approver)
    if set_for_tool:
        return _run(facts, f"{facts.name} needs no approval{_where(set_for_tool)}")
    if facts.confirm:
        return _ask(facts, f"{facts.name} needs confirmation", approver)
    return _run(facts, f"{facts.name} needs no confirmation")


def _run(facts: ToolFacts, rule: str) -> Verdict:
    return Verdict("run", rule, effect=facts.effect, marks=facts.marks)


def _ask(facts: ToolFacts, rule: str, approver: str) -> Verdict:
    return Verdict("ask", rule, effect=facts.effect, approver=approver, ttl_s=facts.ttl_s, marks=facts.marks)


# --- whose tools --------------------------------------------------------------------------------------------------


def _not_theirs(policy: Policy, facts: ToolFacts) -> str:
    """Why a tool is none of this person's, "" when it is."""
    if not in_roles(policy.roles, facts):
        return f"role {' and '.join(sorted(policy.roles)) or 'none'} does not have {facts.name}"
    if policy.tool_list is not None and facts.name not in policy.tool_list:
        return f"{facts.name} is not in this person's tool list"
    return ""


def in_roles(roles: frozenset[str], facts: ToolFacts) -> bool:
    """Admins have the tools of every role; a role that is named nowhere has those that are for everybody but guests."""
    if ADMIN in roles:
        return True
    if facts.roles is None:
        return any(role and role != GUEST for role in roles)
    return not roles.isdisjoint(facts.roles)


# --- which rules speak --------------------------------------------------------------------------------------------


def _speaking(rules: list[Rule], kind: str, use: Use | None, *, if_unknown: bool) -> list[Rule]:
    """The rules of a kind that speak of this use; `if_unknown` where a condition cannot be told."""
    return [rule for rule in rules if rule.kind == kind and _meets(rule.when, use, if_unknown=if_unknown)]


def _speaks(rule: ApproverRule, use: Use | None) -> bool:
    """Whether a rule speaks of this use. What asks speaks where that cannot be told; what frees does not."""
    is_strict = rule.approver != NONE
    if rule.unless:
        return not _meets(rule.unless, use, if_unknown=not is_strict)
    return _meets(rule.when, use, if_unknown=is_strict)


def _meets(condition: str, use: Use | None, *, if_unknown: bool) -> bool:
    if not condition:
        return True
    if use is None:
        return if_unknown
    said = parse_condition(condition).holds(use.arguments)
    return if_unknown if said is None else said


def _granted(policy: Policy, facts: ToolFacts, use: Use | None, approver: str) -> Grant | None:
    """What was granted for this use; a grant for exactly these arguments before one for a pattern."""
    if use is None:
        return None
    mine = [one for one in policy.grants if covers(one, facts, use, approver=approver, person=policy.person)]
    return min(mine, key=lambda one: (not is_exact(one), not one.run_id, one.id), default=None)


def _tainted(facts: ToolFacts, use: Use, granted: Grant | None) -> str:
    """Why what strangers wrote makes this use ask, "" when it does not. What people approved for exactly these
    arguments, or in this very run, they have seen."""
    if not use.taint.untrusted or (facts.effect == "read" and "sends" not in facts.marks):
        return ""
    if granted is not None and (is_exact(granted) or granted.run_id):
        return ""
    what = "sends something out" if "sends" in facts.marks else "changes something"
    too = f"; it has also read what is private ({', '.join(use.taint.private)})" if use.taint.private else ""
    return f"{facts.name} {what} after this run has read what strangers wrote ({', '.join(use.taint.untrusted)}){too}"


# --- saying which --------------------------------------------------------------------------------------------------


def _for(rules: list[Rule]) -> str:
    """Whom the deciding rule is for; of several the first by name, so that the words do not depend on order."""
    rule = min(rules, key=lambda one: (one.subject, one.when))
    return f"for {whom(rule.subject)}{_limits(rule.when, '', rule.expires_ms)}"


def _where(rules: Iterable[ApproverRule]) -> str:
    rule = min(rules, key=lambda one: (one.when, one.unless, one.scope))
    return _limits(rule.when, rule.unless, rule.expires_ms)


def _limits(when: str, unless: str, expires_ms: int | None) -> str:
    said = f" when {when}" if when else f" unless {unless}" if unless else ""
    return said if expires_ms is None else f"{said} until {at(expires_ms)}"


def whom(subject: str) -> str:
    """A subject in words: `web:bob`, `group slack:T1/S1`, `channel slack:T1/C1`."""
    kind, _, rest = subject.partition(":")
    return f"{kind} {rest}" if kind in ("group", "channel") else subject or "this person"


def at(ms: int) -> str:
    """A moment, for people: `2026-11-22 20:30 UTC`."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
