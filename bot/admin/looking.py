"""Words that look: who has which rights and why, what waits, what was granted, what was used, what was done."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from bot.admin.asking import Asking
from bot.admin.lines import tool_named
from bot.admin.sheets import sheet
from bot.admin.whom import Who, parse_who
from bot.chat import Card, Click
from bot.engine.types import Actor, Place, Use, parse_actor
from bot.engine.words import pretty
from bot.errors import PolicyError
from bot.policy import grants
from bot.policy.book import channel_of
from bot.policy.conditions import canonical
from bot.policy.durations import parse_duration
from bot.policy.explain import Explanation, explain
from bot.policy.judge import at, judge
from bot.policy.shown import code_span
from bot.policy.types import Grant, Rule
from bot.storage.asked import StoredApproval
from bot.tools.arguments import ArgumentError, parse_arguments

MAX_LINES = 50
MAX_AUDIT = 200
MAX_EXPORTED = 10_000
MAX_SHOWN = 2_000
MAX_SHEET_BYTES = 4_000_000
"""A sheet in a chat: platforms take files of some megabytes."""
_ID = re.compile(r"[0-9a-f]{6,32}")
_IN = re.compile(r"\s+in\s+(\S+)$")
_FILTERS = ("who", "tool", "event", "decision", "outcome", "run", "since", "limit", "as")


# --- show ----------------------------------------------------------------------------------------------------------


async def show(asking: Asking) -> str:
    """Somebody's roles and tools; for admins also a group's or a channel's rules."""
    who = Who(asking.actor.key) if not asking.rest else _seen_by(parse_who(asking.rest, asking), asking)
    said = [rule for rule in asking.book.rules if rule.subject == who.subject]
    lines = [f"- {_rule_line(rule)}" for rule in said if rule.expires_ms is None or rule.expires_ms > asking.now_ms]
    if not who.is_person:
        return "\n".join([f"**{who.text}**", *(lines or ["- nothing is set"])])
    person = _person(who, asking)
    roles = ", ".join(sorted(asking.book.roles_of(person, asking.now_ms, asking.place)))
    parts = [f"**{who.text}**: {roles}", *_tools_of(person, asking), *lines]
    parts += [
        f"- {_grant_line(one)}" for one in asking.book.grants if one.person == who.subject and _is_on(one, asking)
    ]
    human = asking.book.human_of(who.subject)
    others = [key for key in asking.book.people if key != who.subject and asking.book.human_of(key) == human]
    if others:
        parts.append(f"- the same person as {', '.join(sorted(others))}")
    return "\n".join(parts)


def _seen_by(who: Who, asking: Asking) -> Who:
    """Everybody may look at themselves, admins at everybody."""
    if who.subject != asking.actor.key and not asking.is_admin:
        raise PolicyError("Only admins can look at others.")
    return who


def _person(who: Who, asking: Asking) -> Actor:
    if who.subject == asking.actor.key:
        return asking.actor
    return asking.book.known(parse_actor(who.subject))


def _tools_of(person: Actor, asking: Asking) -> list[str]:
    policy = asking.book.policy_of(person, asking.place, asking.now_ms)
    found: dict[str, list[str]] = {"run": [], "ask": [], "deny": []}
    for spec in asking.parts.tools:
        verdict = judge(policy, spec.facts, Use({}, place=asking.place))
        found[judge(policy, spec.facts, None).outcome if verdict.outcome == "run" else verdict.outcome].append(
            spec.name
        )
    words = {"run": "without being asked", "ask": "asked before", "deny": "not at all"}
    return [f"- {words[kind]}: {', '.join(names)}" for kind, names in found.items() if names]


def _rule_line(rule: Rule) -> str:
    limits = f" when {rule.when}" if rule.when else ""
    limits += f" until {at(rule.expires_ms)}" if rule.expires_ms else ""
    return f"{rule.kind} {rule.value}{limits} (set by {rule.set_by}, {at(rule.set_ms)})"


# --- explain -------------------------------------------------------------------------------------------------------


async def explain_words(asking: Asking) -> str:
    """Why: for a pretended call (`explain [WHO] TOOL [NAME=VALUE ...] [in #channel]`), or a real one (its id)."""
    first = asking.rest.partition(" ")[0]
    if _ID.fullmatch(first) and first not in {spec.name for spec in asking.parts.tools}:
        return await _explain_real(first, asking)
    return explanation(asking).in_words()


def explanation(asking: Asking) -> Explanation:
    """The explanation of a pretended call. Raises `PolicyError`."""
    rest, place = _place(asking)
    first, _, others = rest.partition(" ")
    if not first:
        raise PolicyError("Write explain TOOL, or explain WHO TOOL, then NAME=VALUE for the arguments you think of.")
    if first in {spec.name for spec in asking.parts.tools}:
        who, name, said = Who(asking.actor.key), first, others
    else:
        who = _seen_by(parse_who(first, asking), asking)
        name, _, said = others.strip().partition(" ")
    if not who.is_person:
        raise PolicyError("Name a person: groups and channels call no tools by themselves.")
    spec = tool_named(name, asking)
    if asking.is_operator and place == asking.place:
        person = parse_actor(who.subject)
        place = Place(person.platform, person.workspace)
    arguments = _said_arguments(said)
    use = None if arguments is None else Use(arguments, canonical(arguments), place=place)
    return explain(asking.book, _person(who, asking), place, spec.facts, use, asking.now_ms)


def _place(asking: Asking) -> tuple[str, Place]:
    """Where the pretended call is made: here, or `in #channel`."""
    found = _IN.search(asking.rest)
    if found is None:
        return asking.rest.strip(), asking.place
    subject = parse_who(found[1], asking).subject
    if not asking.is_admin and subject != channel_of(asking.place):
        raise PolicyError("Only admins can look into other channels.")
    if not subject.startswith("channel:"):
        raise PolicyError("Write `in #channel`.")
    where = parse_actor(subject.removeprefix("channel:"))
    return asking.rest[: found.start()].strip(), Place(where.platform, where.workspace, where.user)


def _said_arguments(said: str) -> dict[str, object] | None:
    """`NAME=VALUE ...`, or a JSON object; None when nothing was said of them."""
    if not (said := said.strip()):
        return None
    if said.startswith("{"):
        try:
            return parse_arguments(said)
        except ArgumentError as err:
            raise PolicyError(str(err)) from err
    found = re.findall(r'([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|\S+)', said)
    if not found or re.sub(r'([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|\S+)', "", said).strip():
        raise PolicyError("Write the arguments as NAME=VALUE, or as one JSON object.")
    return {name: _value(text) for name, text in found}


def _value(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


async def _explain_real(beginning: str, asking: Asking) -> str:
    approval = await _approval(beginning, asking)
    run = (await asking.parts.runs.load(approval.run_id)).run
    call = next(call for call in run.calls if call.id == approval.call_id)
    lines = [
        f"**{approval.tool}**, asked for by {approval.requester.label} in {approval.place}: {approval.state}.",
        f"- it was asked because {approval.rule}",
        f"- who may decide: {approval.approver}",
        f"- its arguments: {code_span(call.to_run)}",
        *(f"- {vote.name}: {vote.verb}" for vote in approval.votes),
    ]
    spec = next((spec for spec in asking.parts.tools if spec.name == approval.tool), None)
    if spec is None:
        return "\n".join([*lines, "- the tool is not there any more"])
    use = Use(parse_arguments(call.to_run), call.to_run, run.id, run.place, run.taint_before(call.reply))
    requester = asking.book.known(run.requester)
    now = explain(asking.book, requester, run.place, spec.facts, use, asking.now_ms)
    return "\n".join([*lines, "", "As things stand now:", now.in_words()])


# --- approvals and grants ------------------------------------------------------------------------------------------


async def approvals(asking: Asking) -> str:
    """What waits for this person, and what they wait for."""
    theirs = await asking.tools.doors.pending(asking.actor)
    mine = [one for one in await asking.parts.approvals.pending() if one.requester == asking.actor and not one.is_late]
    lines = [_waiting_line(card) for card in theirs[:MAX_LINES]]
    decidable = {card.approval_id for card in theirs}
    lines += [
        f"- `{one.id[:8]}` **{one.tool}** waits for {one.approver}"
        for one in mine[:MAX_LINES]
        if one.id not in decidable
    ]
    return "\n".join(lines) or "Nothing waits for you."


async def decide(verb: str, asking: Asking) -> str:
    """`approve ID [for run | thread | DURATION | always]`, `deny ID [REASON]`."""
    beginning, _, more = asking.rest.partition(" ")
    if not _ID.fullmatch(beginning):
        raise PolicyError(f"Write {verb} ID: `/nod approvals` lists what waits for you.")
    approval = await _approval(beginning, asking, is_seen=True)
    more = more.strip()
    if verb == "deny":
        click = Click(approval.id, "deny", asking.actor, reason=more)
    elif not _whole(pretty(approval.arguments)):
        raise PolicyError("Its arguments cannot be shown here in full: approve it on its card.")
    else:
        kind = grants.parse_grant(more.removeprefix("for ").strip()) if more else "once"
        click = Click(approval.id, "approve", asking.actor, grant=kind)
    return (await asking.tools.doors.decide(click)).message


def _waiting_line(card: Card) -> str:
    short, shown = card.approval_id[:8], _whole(card.arguments) or "(only its card can show its arguments)"
    say = f"`/nod approve {short}` or `/nod deny {short} REASON`"
    return f"- `{short}` **{card.tool}** {shown} for {card.requester_name}: {say}"


def _whole(arguments: str) -> str:
    """Arguments as one exact line, "" where that would hide or change something of them."""
    line = " ".join(part.strip() for part in arguments.splitlines())
    span = code_span(line, MAX_SHOWN)
    return span if span == f"`{line}`" else ""


async def _approval(beginning: str, asking: Asking, *, is_seen: bool = False) -> StoredApproval:
    """The approval whose id begins so. Where it may not be looked at, it does not exist."""
    found = await asking.parts.approvals.approval_ids(beginning)
    approval = await asking.parts.approvals.approval(found[0]) if len(found) == 1 else None
    if approval is None or not (is_seen or _may_see(approval, asking)):
        raise PolicyError("There is no approval of this id.")
    return approval


def _may_see(approval: StoredApproval, asking: Asking) -> bool:
    is_theirs = approval.requester == asking.actor
    return is_theirs or (asking.is_admin and asking.sees(approval.requester.scope))


async def granted(asking: Asking) -> str:
    """What was approved for more than once: one's own, or for admins everybody's or somebody's."""
    only = _seen_by(parse_who(asking.rest, asking), asking).subject if asking.rest else ""
    lines = [
        f"- {_grant_line(one)}; `/nod revoke {one.id[:8]}` takes it back"
        for one in asking.book.grants
        if _is_on(one, asking) and _sees_grant(one, asking) and only in ("", one.person)
    ]
    return "\n".join(lines[:MAX_LINES]) or "Nothing was approved for more than once."


async def revoke(asking: Asking) -> str:
    """Take back a grant: whoever it is for, whoever gave it, and admins may."""
    beginning = asking.rest.strip()
    found = [one for one in asking.book.grants if one.id.startswith(beginning) and _sees_grant(one, asking)]
    if len(beginning) < 6 or len(found) != 1:
        raise PolicyError("There is no grant of this id: write `/nod revoke ID`; `/nod grants` lists them.")
    one = found[0]
    said = f"revoked for {one.person}: {one.tool} {one.arguments}"
    scope = parse_actor(one.person).scope
    if not await asking.parts.policies.revoke(one.id, actor=asking.actor.key, scope=scope, said=said, tool=one.tool):
        return "It was taken back already."
    await asking.tools.doors.look_again()
    return f"Taken back: {one.tool} is asked about again."


def _sees_grant(one: Grant, asking: Asking) -> bool:
    is_theirs = asking.actor.key in (one.person, *one.given_by.split(","))
    return is_theirs or (asking.is_admin and asking.sees(parse_actor(one.person).scope))


def _is_on(one: Grant, asking: Asking) -> bool:
    return one.expires_ms is None or one.expires_ms > asking.now_ms


def _grant_line(one: Grant) -> str:
    kind = "run" if one.run_id else "thread" if one.place else "always"
    covered = grants.in_words(kind, one.pattern, one.tool)
    if one.expires_ms:
        covered = f"until {at(one.expires_ms)}, {covered.removeprefix('always, ')}"
    return (
        f"`{one.id[:8]}` {one.person} may run **{one.tool}** {covered}: "
        f"{code_span(one.arguments, 200)} (given by {one.given_by}, {at(one.given_ms)})"
    )


# --- usage and audit -----------------------------------------------------------------------------------------------


async def usage(asking: Asking, *, is_everybody: bool) -> str:
    """Tokens and runs of the last days: one's own, or everybody's of this workspace."""
    back_s = parse_duration(asking.rest.removeprefix("for ").strip() or "30d")
    since_ms = asking.now_ms - back_s * 1000
    scope = None if asking.is_operator else asking.actor.scope
    rows = await asking.tools.people.usage(since_ms=since_ms, scope=scope, who="" if is_everybody else asking.actor.key)
    lines = [
        f"- {row.who}: {row.prompt_tokens + row.completion_tokens:,} tokens ({row.prompt_tokens:,} in, "
        f"{row.completion_tokens:,} out) in {row.runs:,} run{'' if row.runs == 1 else 's'}, {row.calls:,} tool calls"
        for row in rows[:MAX_LINES]
    ]
    return "\n".join(lines) or "Nothing was used in this time."


async def audited(asking: Asking) -> str:
    """What was asked, decided and changed in this workspace, the newest last; with filters. `as=csv`: as a sheet."""
    said = dict(_filter(word) for word in asking.rest.split())
    is_sheet = _is_sheet(said.pop("as", ""))
    limit = _limit(said.pop("limit", str(MAX_EXPORTED) if is_sheet else "20"), MAX_EXPORTED if is_sheet else MAX_AUDIT)
    since_ms = asking.now_ms - parse_duration(said.pop("since")) * 1000 if "since" in said else 0
    if "who" in said:
        said["who"] = parse_who(said["who"], asking).subject
    scope = None if asking.is_operator else asking.actor.scope
    rows = await asking.tools.audit.read(limit=limit, scope=scope, since_ms=since_ms, filters=said)
    if is_sheet and rows:
        return await asyncio.to_thread(_fenced, rows)
    return "\n".join(_audit_line(row) for row in rows) or "Nothing like this is in the audit."


def _audit_line(row: dict[str, Any]) -> str:
    return (
        f"- {row['at'][:16].replace('T', ' ')} **{row['event']}** {row['tool']} "
        f"{code_span(' '.join(row['arguments'].split()), 100) if row['arguments'] else ''} for {row['requester']}"
        f"{' by ' + row['approver'] if row['decision'] else ''}: {row['outcome'] or row['decision'] or row['verdict']} "
        f"({code_span(' '.join((row['reason'] or row['rule']).split()), 300)})"
    )


def _fenced(rows: list[dict[str, Any]]) -> str:
    """The rows as one block of CSV. No line of it can end the block: each begins with a moment."""
    text = sheet(rows, is_lines=True)
    if len(text.encode()) > MAX_SHEET_BYTES:
        raise PolicyError(
            "That is too much for one file: narrow it with since=, limit= or the other filters. "
            "`nod audit --csv` gives all of it to the operator."
        )
    return f"```csv\n{text}```"


def _is_sheet(form: str) -> bool:
    if form not in ("", "csv"):
        raise PolicyError("Write as=csv, or leave it out.")
    return form == "csv"


def _filter(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if name not in _FILTERS or not equals or not value:
        raise PolicyError(f"Write filters as NAME=VALUE; names: {', '.join(_FILTERS)}.")
    return name, value


def _limit(text: str, most: int) -> int:
    """How many rows: clamped, whatever was asked for."""
    try:
        return max(1, min(int(float(text)), most))
    except (ValueError, OverflowError):
        raise PolicyError(f"limit is a number from 1 to {most:,}.") from None
