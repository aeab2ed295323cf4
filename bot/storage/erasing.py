"""Erase a person: what they wrote, what was answered, what ran for them, and their names.

What has to stay provable stays: that a run was, which tools it used, who decided about it, by identities; in the audit
a digest stands in the place of arguments. A run that is open is not touched, whoever's it is; it is counted, and what
it holds of them goes when they are erased again after its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, delete, func, literal_column, or_, select, update

from bot.storage import audit as audit_rows
from bot.storage.calls import sha256
from bot.storage.database import Transaction
from bot.storage.emptying import OPEN, OVER, as_list, drop_messages, empty_runs, empty_summaries, listed
from bot.storage.exporting import IS_THEIR_NOTE, IS_THEIR_VOTE, OVERHEARD, UNTAKEN, names
from bot.storage.policies import next_revision
from bot.storage.schema import (
    ERASED,
    approvals,
    audit,
    calls,
    conversations,
    grants,
    inbox,
    notes,
    outbox,
    people,
    run_messages,
    runs,
    turns,
    votes,
)
from bot.storage.statements import Statement, among, this

DIGEST = "sha256:"
SOMEBODY = "somebody"
_SAID_OF_PEOPLE = ("enied by {}.", "enied by {};", "ancelled by {}:", "topped by {} before", "were edited by {};")
"""How `bot.engine.words` names people in what the model was told of a call; `SOMEBODY` takes the place of a name."""

_mine = runs.c.requester == this("who")
_is_over, _is_open = among(runs.c.status, OVER), among(runs.c.status, OPEN)
_THEIRS = Statement(select(runs.c.id, runs.c.conversation_id).where(_mine, _is_over).order_by(runs.c.seq))
_open_ids = select(runs.c.id).where(_is_open)
_over_ids = select(runs.c.id).where(_is_over)

# --- what is theirs ---
_was_heard = select(turns.c.conversation_id).where(turns.c.author == this("who"))
_asked = select(runs.c.conversation_id).where(_mine)
_SPOKE_IN = Statement(
    select(conversations.c.id.label("conversation_id")).where(
        or_(conversations.c.id.in_(_asked), conversations.c.id.in_(_was_heard))
    )
)
_TURNS = Statement(
    update(turns)
    .where(turns.c.author == this("who"), turns.c.text != ERASED)
    .where(or_(turns.c.run_id.is_(None), turns.c.run_id.not_in(_open_ids)))
    .values(text=ERASED)
)
_DELIVERED = Statement(update(inbox).where(inbox.c.author == this("who")).values(state="settled", body="", author=""))
_NOTES = Statement(delete(notes).where(IS_THEIR_NOTE))
_GRANTS = Statement(delete(grants).where(grants.c.person == this("who")))
_PERSON = Statement(update(people).where(people.c.key == this("who")).values(name="", groups=""))

# --- what they decided about the requests of others ---
_votes_over = select(approvals.c.id).where(approvals.c.run_id.in_(_over_ids))
_VOTES = Statement(update(votes).where(IS_THEIR_VOTE, votes.c.approval_id.in_(_votes_over)).values(name="", reason=""))
_is_decider, _is_editor = names(calls.c.decider), calls.c.editor == this("who")
_DECIDED = Statement(
    select(calls)
    .join(runs, runs.c.id == calls.c.run_id)
    .where(_is_over, or_(_is_decider, _is_editor))
    .where(or_(calls.c.decided_by != "", calls.c.edited_by != "", calls.c.reason != ""))
)
_NAMELESS_CALL = Statement(
    update(calls).where(calls.c.id == this("this_id")), *("decided_by", "edited_by", "reason", "result")
)
_IN_RESULTS = Statement(
    update(calls)
    .where(calls.c.run_id == this("this_run"), func.instr(calls.c.result, this("old")) > 0)
    .values(result=func.replace(calls.c.result, this("old"), this("new")))
)
_EDITED_APPROVALS = Statement(
    update(approvals)
    .where(approvals.c.call_id == this("this_call"), approvals.c.reason == this("said"))
    .values(reason="its arguments were edited")
)
_IN_REPORTS = Statement(
    update(outbox)
    .where(outbox.c.ref == this("this_call"), outbox.c.kind == "notice")
    .values(text=func.replace(outbox.c.text, this("old"), this("new")))
)
_DROP_MESSAGES = Statement(
    delete(run_messages).where(run_messages.c.run_id.in_(listed("these_runs")), run_messages.c.run_id.in_(_over_ids))
)
_DECIDED_APPROVALS = Statement(
    select(approvals.c.id, approvals.c.decided_by, approvals.c.decided_name)
    .where(names(approvals.c.decided_by), approvals.c.run_id.in_(_over_ids))
    .where(or_(approvals.c.decided_name != "", approvals.c.reason != ""))
)
_NAMELESS_APPROVAL = Statement(update(approvals).where(approvals.c.id == this("this_id")), "decided_name", "reason")

# --- what the audit keeps ---
_audited = audit.c.run.not_in(_open_ids)
_ARGUMENTS = Statement(
    select(audit.c.id, audit.c.arguments).where(audit.c.requester == this("who"), audit.c.arguments != "", _audited)
)
_DIGEST = Statement(update(audit).where(audit.c.id == this("this_id")), "arguments")
_is_their_word = and_(names(audit.c.approver), audit.c.event != "click.refused")
_REASONS = Statement(
    update(audit)
    .where(or_(audit.c.requester == this("who"), _is_their_word), _audited)
    .where(audit.c.reason != "", audit.c.reason != ERASED)
    .values(reason=ERASED)
)
_GRANTED = Statement(
    select(audit.c.id, audit.c.event, audit.c.tool, audit.c.rule).where(
        audit.c.event.in_([literal_column("'grant.given'"), literal_column("'grant.revoked'")]),
        func.instr(audit.c.rule, this("who")) > 0,
    )
)
_TRIED = Statement(
    select(audit.c.id, audit.c.rule).where(audit.c.event == "words.refused", audit.c.requester == this("who"))
)
_SAY_LESS = Statement(update(audit).where(audit.c.id == this("this_id")), "rule")

# --- what is still open: theirs, those they decided in, and those that were told what they said ---
_decided_in = select(calls.c.id).where(calls.c.run_id == runs.c.id, or_(_is_decider, _is_editor)).correlate(runs)
_voted_in = (
    select(votes.c.approval_id)
    .join(approvals, approvals.c.id == votes.c.approval_id)
    .where(approvals.c.run_id == runs.c.id, votes.c.person == this("who"))
    .correlate(runs)
)
_was_told = (
    select(run_messages.c.seq)
    .where(run_messages.c.run_id == runs.c.id, func.instr(run_messages.c.body, this("who")) > 0)
    .correlate(runs)
)
_STILL_OPEN = Statement(
    select(func.count())
    .select_from(runs)
    .where(_is_open, or_(_mine, _decided_in.exists(), _voted_in.exists(), _was_told.exists()))
)


def erase(tx: Transaction, key: str, *, by: str, scope: str) -> dict[str, int]:
    """Erase this identity; gives how much of each kind went, in words. What admins said of it stays: it is their word,
    and a deny must not end because somebody asked to be forgotten."""
    theirs = tx.all(_THEIRS, who=key)
    its_notes = tx.execute(_NOTES, {"who": key})
    emptied = empty_runs(tx, [row.id for row in theirs])
    overheard = tx.execute(_TURNS, {"who": key})
    spoke_in = [row.conversation_id for row in tx.all(_SPOKE_IN, who=key)]
    drop_messages(tx, spoke_in)
    empty_summaries(tx, spoke_in)
    _forget_names(tx, key)
    audited = _erase_audit(tx, key)
    gone = {
        "messages": emptied.runs,
        OVERHEARD: overheard,
        UNTAKEN: tx.execute(_DELIVERED, {"who": key}),
        "answers": emptied.answers,
        "tool calls": emptied.calls,
        "attachments": emptied.attachments,
        "notes": its_notes,
        "votes": tx.execute(_VOTES, {"who": key}),
        "grants": tx.execute(_GRANTS, {"who": key}),
        "audit rows": audited,
        "still open": int(tx.scalar(_STILL_OPEN, who=key)),
    }
    tx.execute(_PERSON, {"who": key})  # what they are to the workspace stays: it says what they may not
    next_revision(tx)
    counted = ", ".join(f"{count} {what}" for what, count in gone.items() if count) or "nothing was there"
    audit_rows.note_change(tx, event="data.erased", actor=by, scope=scope, said=f"{key}: {counted}")
    return gone


# --- names ---------------------------------------------------------------------------------------------------------


def _forget_names(tx: Transaction, key: str) -> None:
    """Take their names and their words from what they decided; their identity stays with it."""
    decided = tx.all(_DECIDED, who=key)
    for row in decided:
        _forget_in_call(tx, key, row)
    tx.execute(_DROP_MESSAGES, {"these_runs": as_list({row.run_id for row in decided})})
    for row in tx.all(_DECIDED_APPROVALS, who=key):
        name = _without(key, row.decided_by, row.decided_name)
        tx.execute(_NAMELESS_APPROVAL, {"this_id": row.id, "decided_name": name, "reason": ""})


def _forget_in_call(tx: Transaction, key: str, row: Any) -> None:
    """Take them from one call, and from what the tools of its run gave: a denial names who denied, and why."""
    is_decider = key in row.decider.split(",")
    decided_by = _without(key, row.decider, row.decided_by) if is_decider else row.decided_by
    edited_by = "" if row.editor == key else row.edited_by
    result = row.result
    if is_decider and row.reason and result is not None:
        result = result.removesuffix(f" Reason: {row.reason}")
    values = {"decided_by": decided_by, "edited_by": edited_by, "reason": "" if is_decider else row.reason}
    tx.execute(_NAMELESS_CALL, {"this_id": row.id, **values, "result": result})
    for old, new in ((row.decided_by, decided_by), (row.edited_by, edited_by)):
        if old and old != new:
            _forget_in_results(tx, row, old, new or SOMEBODY)
    if row.edited_by and row.editor == key:
        said = f"its arguments were edited by {row.edited_by}"
        tx.execute(_EDITED_APPROVALS, {"this_call": row.id, "said": said})


def _forget_in_results(tx: Transaction, call: Any, old: str, new: str) -> None:
    for said in _SAID_OF_PEOPLE:
        tx.execute(_IN_RESULTS, {"this_run": call.run_id, "old": said.format(old), "new": said.format(new)})
    report = ", {}: it is not known"
    tx.execute(_IN_REPORTS, {"this_call": call.id, "old": report.format(old), "new": report.format(new)})


def _without(key: str, keys: str, said: str) -> str:
    """The names without this person's: nothing where they decided alone, their identity where others did too."""
    if keys == key:
        return ""
    each, shown = keys.split(","), said.split(" and ")
    if len(each) != len(shown):
        return ""  # a name with " and " in it: nobody can tell whose is whose
    return " and ".join(one if one == key else name for one, name in zip(each, shown, strict=True))


# --- the audit -----------------------------------------------------------------------------------------------------


def _erase_audit(tx: Transaction, key: str) -> int:
    """Put digests in the place of what ran for them; gives how many rows of calls that were."""
    changed = 0
    for row in tx.all(_ARGUMENTS, who=key):
        if not _is_digest(row.arguments):
            changed += tx.execute(_DIGEST, {"this_id": row.id, "arguments": digest(row.arguments)})
    tx.execute(_REASONS, {"who": key})
    for row in tx.all(_TRIED, who=key):
        if not _is_digest(row.rule):
            tx.execute(_SAY_LESS, {"this_id": row.id, "rule": digest(row.rule)})
    for row in tx.all(_GRANTED, who=key):
        if said := _said_less(key, row):
            tx.execute(_SAY_LESS, {"this_id": row.id, "rule": said})
    return changed


def digest(text: str) -> str:
    """What stands in the audit in the place of arguments."""
    return DIGEST + sha256(text)


def _is_digest(text: str) -> bool:
    head, digits = text[: len(DIGEST)], text[len(DIGEST) :]
    return head == DIGEST and len(digits) == 64 and set(digits) <= set("0123456789abcdef")


def _said_less(key: str, row: Any) -> str:
    """What was granted to them, without the arguments; "" where that is said already, or it was somebody else's."""
    beginnings: Sequence[str] = (f"{key} may run {row.tool}", f"revoked for {key}: {row.tool}")
    begun = next((one for one in beginnings if row.rule.startswith(f"{one} ")), None)
    if begun is None or _is_digest(row.rule.removeprefix(f"{begun} ")):
        return ""
    return f"{begun} {digest(row.rule)}"
