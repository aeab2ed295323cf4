"""Words on the policy as a whole: its file, the past under another policy, and what is known of a person."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from bot.admin.asking import Asking
from bot.admin.changing import (
    CHANGING,
    Changes,
    applied,
    apply_to,
    check_admins,
    check_role,
    make,
    read_changes,
)
from bot.admin.whom import parse_who
from bot.errors import PolicyError, PolicyMoved
from bot.policy.book import scope_of
from bot.policy.document import Document, check_tools, difference, document_of, read, write
from bot.policy.durations import duration, parse_duration
from bot.policy.simulate import Past, in_words, simulate, suggestions
from bot.policy.types import ApproverRule, Link, Rule
from bot.storage.policies import Change, StoredPolicy
from bot.work import with_stored

Said = Rule | ApproverRule | Link
LOOK_BACK_S = 30 * 86_400
MAX_PAST = 100_000
MAX_SHOWN = 500_000


# --- the file ------------------------------------------------------------------------------------------------------


async def policy(asking: Asking) -> str:
    """`policy export`, `policy diff` and `policy import`, the file pasted below."""
    verb, _, text = asking.rest.partition("\n") if "\n" in asking.rest else asking.rest.partition(" ")
    match verb.strip():
        case "export":
            return f"```toml\n{write(_now(asking))}```"
        case "diff":
            return _shown(difference(_now(asking), _read(text, asking)))
        case "import":
            return await _import(text, asking)
        case _:
            raise PolicyError("Write policy export, or policy diff or policy import with the file pasted below.")


def _now(asking: Asking) -> Document:
    scopes = None if asking.is_operator else frozenset({asking.actor.scope})
    return document_of(asking.book, scopes, asking.now_ms)


def _read(text: str, asking: Asking) -> Document:
    """A pasted file, with or without its fence. Raises `PolicyError` when it says something about other workspaces."""
    lines = text.strip().splitlines()
    if not lines:
        raise PolicyError("There is no file: write policy diff or policy import, and the file on the next lines.")
    if len(lines) > 1 and lines[0].startswith("```") and lines[-1].strip() == "```":
        lines = lines[1:-1]
    document = read("\n".join(lines) + "\n")
    check_tools(document, {spec.name: spec.parameters for spec in asking.parts.tools})
    in_force = {_key(one) for one in asking.book.rules}
    for rule in document.rules:
        if _key(rule) in in_force:
            continue  # it was taken once
        who = parse_who(rule.subject, asking) if asking.sees(scope_of(rule.subject)) else None
        if who is not None and rule.kind == "role":
            check_role(who, rule.value, asking)
    if asking.is_operator:
        return document
    mine = asking.actor.scope
    known = {_key(one) for one in _all_of(_now(asking))}
    for rule in document.rules:
        if scope_of(rule.subject) != mine:
            raise PolicyError(f"The file says something about {rule.subject}, who is in another workspace.")
    elsewhere: list[ApproverRule | Link] = [*document.approvers, *document.links]
    for one in elsewhere:
        said_in = one.scope if isinstance(one, ApproverRule) else one.said_in
        if said_in != mine and _key(one) not in known:
            where = said_in or "every workspace"
            raise PolicyError(f"The file says something about {where}, which is not yours to say.")
    return document


def _shown(lines: list[str]) -> str:
    return "```diff\n" + "\n".join(lines) + "\n```" if lines else "The file says what is in force already."


async def _import(text: str, asking: Asking) -> str:
    """Let the policy be what the file says, in one step. A file made from an older policy is refused."""
    wanted, known = _read(text, asking), _now(asking)
    if not wanted.version:
        raise PolicyError("The file has no version: export the policy, and make your changes in that file.")
    if wanted.version != known.version:
        raise PolicyMoved(
            f"The policy has changed since this file was written (version {wanted.version}, now {known.version}): "
            "nothing was changed. Look at `policy diff`, export again, and make your changes there."
        )
    lines = difference(known, wanted)
    if not lines:
        return "The file says what is in force already."
    changes = tuple(_changes(known, wanted, asking))
    said = f"imported {len(lines)} change{'' if len(lines) == 1 else 's'}: {'; '.join(lines)}"[:4000]
    await asking.parts.policies.change(
        changes, actor=asking.actor.key, scope=asking.scope, said=said, check=_check(changes, asking)
    )
    await asking.tools.doors.look_again()
    return f"Imported.\n{_shown(lines)}"


def _check(changes: tuple[Change, ...], asking: Asking) -> Callable[[StoredPolicy], None]:
    seen = asking.book

    def check(stored: StoredPolicy) -> None:
        if stored.version != seen.version:
            raise PolicyMoved("Somebody changed the policy a moment ago: nothing was changed. Look, then try again.")
        before = replace(with_stored(seen, replace(stored, grants=(), people=())), people=seen.people)
        if not asking.is_operator and not before.is_admin(asking.actor, asking.now_ms):
            raise PolicyMoved("You are not an admin any more: nothing was changed.")
        after = apply_to(before, changes, by=asking.actor.key, now_ms=asking.now_ms)
        check_admins(before, after, asking)

    return check


def _changes(known: Document, wanted: Document, asking: Asking) -> list[Change]:
    """The rows that lead from one document to the other: what is gone is taken back, the rest is written."""
    rows: list[Change] = []
    rows += [Change("rule", "take", _row(one)) for one in known.rules if _key(one) not in set(map(_key, wanted.rules))]
    rows += [
        Change("approver", "take", _row(one))
        for one in known.approvers
        if _key(one) not in set(map(_key, wanted.approvers)) and _is_mine(one, asking)
    ]
    rows += [
        Change("link", "take", _row(one))
        for one in known.links
        if one not in wanted.links and (asking.is_operator or one.said_in == asking.actor.scope)
    ]
    said = {(_key(one), _value(one)) for one in _all_of(known)}
    new = [one for one in _all_of(wanted) if (_key(one), _value(one)) not in said]
    return [*rows, *(Change(_table(one), "put", _row(one) | _more(one)) for one in new)]


def _all_of(document: Document) -> list[Said]:
    return [*document.rules, *document.approvers, *document.links]


def _is_mine(one: ApproverRule, asking: Asking) -> bool:
    return asking.is_operator or one.scope == asking.actor.scope


def _key(one: Said) -> tuple[str, ...]:
    match one:
        case Rule():
            return (one.subject, one.kind, one.value, one.when)
        case ApproverRule():
            return (one.scope, one.tool, one.when, one.unless)
        case _:
            return (one.first, one.second, one.said_in)


def _value(one: Said) -> object:
    match one:
        case Rule():
            return one.expires_ms
        case ApproverRule():
            return (one.approver, one.expires_ms)
        case _:
            return None


def _table(one: Said) -> Literal["rule", "approver", "link"]:
    return "rule" if isinstance(one, Rule) else "approver" if isinstance(one, ApproverRule) else "link"


def _row(one: Said) -> dict[str, object]:
    """The columns that find a row."""
    match one:
        case Rule():
            return {"subject": one.subject, "kind": one.kind, "value": one.value, "condition": one.when}
        case ApproverRule():
            return {"scope": one.scope, "tool": one.tool, "condition": one.when, "exception": one.unless}
        case _:
            return {"first": one.first, "second": one.second, "said_in": one.said_in}


def _more(one: Said) -> dict[str, object]:
    match one:
        case Rule():
            return {"scope": scope_of(one.subject), "expires_ms": one.expires_ms}
        case ApproverRule():
            return {"approver": one.approver, "expires_ms": one.expires_ms}
        case _:
            return {}


# --- the past ------------------------------------------------------------------------------------------------------


async def simulated(asking: Asking) -> str:
    """`simulate ask @bob files_delete for 30d`: what would have been, had this been in force."""
    verb, _, rest = asking.rest.partition(" ")
    if verb not in CHANGING - {"link", "unlink"}:
        raise PolicyError("Write simulate, then a change (allow, ask, deny, reset, role, approver), then for 30d.")
    head, found, text = rest.rpartition(" for ")
    back_s = parse_duration(text) if found else LOOK_BACK_S
    changes = read_changes(verb, head if found else rest, asking)
    past = await _past(asking, back_s)
    facts = {spec.name: spec.facts for spec in asking.parts.tools}
    before, after = asking.book, applied(asking.book, changes, asking)
    now_ms = asking.now_ms
    result = await asyncio.to_thread(simulate, past, before, after, facts, now_ms)
    told = in_words(result, what=changes.said, days=duration(back_s))
    hints = await _suggested(asking, past)
    return f"{told}\n\n{hints}" if hints else told


async def suggest(asking: Asking) -> str:
    """The narrowest rules that would have saved people from approving the same again and again."""
    back_s = parse_duration(asking.rest.removeprefix("for ").strip() or "30d")
    hints = await _suggested(asking, await _past(asking, back_s))
    return hints or f"Nothing was approved again and again in the last {duration(back_s)}."


async def _suggested(asking: Asking, past: list[Past]) -> str:
    has_rule = {rule.tool for rule in asking.book.approvers}  # what more than one look is wanted on is not suggested
    facts = {one.name: one.facts for one in asking.parts.tools if not one.approver and one.name not in has_rule}
    found = await asyncio.to_thread(suggestions, past, asking.book, facts, asking.now_ms)
    lines = [f"- approved {one.count} times and never denied: `/nod-admin {one.words}`" for one in found[:10]]
    return "\n".join(["What people approve again and again:", *lines]) if lines else ""


async def _past(asking: Asking, back_s: int) -> list[Past]:
    scope = None if asking.is_operator else asking.actor.scope
    since_ms = asking.now_ms - back_s * 1000
    rows = await asking.tools.audit.calls(scope=scope, since_ms=since_ms, at_most=MAX_PAST)
    return await asyncio.to_thread(lambda: [Past(**row) for row in rows])


# --- a person's data -----------------------------------------------------------------------------------------------


async def data(asking: Asking) -> str:
    """`data export WHO`, `data erase WHO`: everything that is kept of a person."""
    verb, _, rest = asking.rest.partition(" ")
    text, _, confirmed = rest.strip().partition(" ")
    if verb not in ("export", "erase") or not text:
        raise PolicyError("Write data export WHO, or data erase WHO.")
    who = parse_who(text, asking)
    if not who.is_person:
        raise PolicyError("Name a person.")
    if verb == "export":
        found = await asking.tools.people.export(who.subject)
        text = await asyncio.to_thread(json.dumps, found, indent=2, ensure_ascii=False)
        if len(text) > MAX_SHOWN and not asking.is_operator:
            raise PolicyError(
                f"That is too much to show here: `nod admin data export {who.subject}` gives it to the operator."
            )
        return f"```json\n{text}\n```"
    if confirmed.strip() != "yes":
        counts = await asking.tools.people.count(who.subject)
        kept = _counted(counts) or "nothing"
        return (
            f"Of {who.text} is kept: {kept}. What they wrote, what was answered and what ran goes for good; the audit "
            f"keeps who decided what, with digests in place of arguments. To do it: `data erase {text} yes`."
        )
    stopped = await asking.tools.doors.stop_all_of(who.subject, asking.actor)
    erased = await asking.tools.people.erase(who.subject, by=asking.actor.key, scope=asking.scope)
    gone = _counted(erased) or "nothing was there"
    also = f" {_number(stopped, 'open runs')} {'was' if stopped == 1 else 'were'} stopped first." if stopped else ""
    return f"Erased: {gone}.{also} Files in the shared folder and posts in other channels are nobody's own, and stay."


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(_number(count, what) for what, count in counts.items() if count)


def _number(count: int, what: str) -> str:
    """`1 message`, `3 messages`."""
    return f"{count} {what.removesuffix('s') if count == 1 else what}"


async def change(verb: str, asking: Asking) -> str:
    """Do what a changing word says."""
    changes: Changes = read_changes(verb, asking.rest, asking)
    return await make(changes, asking)
