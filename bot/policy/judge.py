"""The policy as pure functions: default deny, order-free, exact names only.

An explicit deny (a tool outside the person's list) wins, then ask, then allow, then the tool's own default.
"""

from __future__ import annotations

from bot.engine.types import Actor, Permit, Rights, ToolFacts, Verdict

GUEST = "guest"
ADMIN = "admin"


def permit_for(rights: Rights, *, default_approver: str = "requester") -> Permit:
    """Give the policy of one person as a function of a tool."""
    return lambda facts: judge(rights, facts, default_approver=default_approver)


def judge(rights: Rights, facts: ToolFacts, *, default_approver: str = "requester") -> Verdict:
    """Say whether this person's call of this tool runs, asks or is denied, and which rule decided.

    effective_confirm = (CONFIRM_REQUIRED - confirm_allow) | confirm_deny
    """
    if not _in_role(rights.role, facts):
        return Verdict("deny", f"role {rights.role} does not have {facts.name}")
    if rights.tool_list is not None and facts.name not in rights.tool_list:
        return Verdict("deny", f"{facts.name} is not in this person's tool list")
    if facts.name in rights.deny:
        return Verdict("deny", f"{facts.name} is denied for this person")
    approver = facts.approver or default_approver
    if facts.name in rights.ask:
        return _ask(facts, f"{facts.name} always asks for this person", approver)
    if not facts.confirm:
        return Verdict("run", f"{facts.name} needs no confirmation", effect=facts.effect)
    if facts.name in rights.allow:
        return Verdict("run", f"{facts.name} is allowed for this person without asking", effect=facts.effect)
    return _ask(facts, f"{facts.name} needs confirmation", approver)


def _ask(facts: ToolFacts, rule: str, approver: str) -> Verdict:
    return Verdict("ask", rule, effect=facts.effect, approver=approver, ttl_s=facts.ttl_s)


def _in_role(role: str, facts: ToolFacts) -> bool:
    """Admins have the tools of every role; a role that is named nowhere has those that are for everybody but guests."""
    if facts.roles is None:
        return bool(role) and role != GUEST
    return role == ADMIN or role in facts.roles


def named_approvers(rule: str, *, requester: Actor, admins: frozenset[str]) -> list[str]:
    """The identities `rule` names, for a reminder: a role names nobody."""
    if rule == "requester":
        return [requester.key]
    if rule == "admin":
        home = requester.key.removesuffix(requester.user)
        return sorted(key for key in admins if key.startswith(home))
    return [person.strip() for person in rule.split(",")] if ":" in rule else []


def may_decide(rule: str, *, actor: Actor, role: str, requester: Actor) -> str | None:
    """None when this person may decide a call under `rule`, else a sentence saying who may.

    `requester`: whoever asked for it. `admin`: an admin. `not_requester`: anybody but whoever asked, with at least
    the role
    `user`. Another word: that role. A comma-separated list of identities (`web:root,slack:T1/U2`): those people. An
    admin of the workspace may always decide, but for their own request under `not_requester`. No rule = nobody.
    """
    is_requester = actor == requester
    if rule == "not_requester":
        if is_requester:
            return "Somebody else than the person who asked for this has to decide it."
        return None if role not in ("", GUEST) else "Guests cannot decide this."
    if not rule:
        return "Nobody is allowed to decide this."
    if role == ADMIN:
        return None
    if rule == "requester":
        return None if is_requester else f"Only {requester.label} or an admin can decide this."
    if ":" in rule:
        people = {person.strip() for person in rule.split(",")}
        return None if actor.key in people else f"Only {rule} or an admin can decide this."
    return None if role == rule else f"Only people with the role {rule} can decide this."
