"""Everything that is kept of a person, as JSON data, for them to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select

from bot.storage.database import Transaction
from bot.storage.emptying import IS_FULL, IS_FULL_CALL
from bot.storage.places import COLUMNS, read_place
from bot.storage.schema import (
    ERASED,
    approvals,
    approver_rules,
    attachments,
    audit,
    calls,
    conversations,
    grants,
    inbox,
    links,
    notes,
    outbox,
    people,
    rules,
    runs,
    turns,
    votes,
)
from bot.storage.statements import Statement, this

AT_MOST = 100_000
"""Rows of each kind."""


def names(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a list with commas holds this identity; given `who`."""
    return func.instr("," + column + ",", "," + this("who") + ",") > 0


def is_of_a_run(key: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether this key, `run:call`, is of a run; so that the index on it is used."""
    return and_(key > runs.c.id + ":", key < runs.c.id + ";")


_mine = runs.c.requester == this("who")
_in = conversations.c.id == runs.c.conversation_id
_run_of_note = func.substr(notes.c.key, 1, func.instr(notes.c.key, ":") - 1)
_keyed_note = select(runs.c.id).where(_mine, runs.c.id == _run_of_note).correlate(notes).exists()
IS_THEIR_NOTE = or_(notes.c.author_key == this("who"), and_(notes.c.author_key == "", _keyed_note))
"""Notes that were made before identities were kept with them are found by the run that made them."""
IS_THEIR_VOTE = and_(votes.c.person == this("who"), or_(votes.c.name != "", votes.c.reason != ""))


_WAS_HEARD = and_(turns.c.author == this("who"), turns.c.run_id.is_(None))
OVERHEARD = "overheard messages"
"""What they said to others where the bot was, in the words of what is counted."""
UNTAKEN = "untaken messages"
"""What they wrote and the bot has not come to yet."""


def _of_their_runs(table: Any, *columns: Any) -> Select[Any]:
    return select(*columns).join(runs, runs.c.id == table.c.run_id).where(_mine)


_SELECTS: Mapping[str, Select[Any]] = {
    "messages": select(
        *(runs.c.id, *COLUMNS, runs.c.created_ms.label("asked_ms"), runs.c.settled_ms, runs.c.requester_name),
        *(runs.c.task, runs.c.answer, runs.c.status, runs.c.model, runs.c.prompt_tokens, runs.c.completion_tokens),
    )
    .join(conversations, _in)
    .where(_mine)
    .order_by(runs.c.seq),
    "attachments": _of_their_runs(
        attachments,
        *(attachments.c.run_id, attachments.c.kind, attachments.c.name, func.length(attachments.c.body).label("size")),
        case((attachments.c.kind == "file", attachments.c.body)).label("text"),
    ).order_by(runs.c.seq, attachments.c.seq),
    "tool_calls": _of_their_runs(
        calls,
        *(calls.c.id, calls.c.run_id, calls.c.name.label("tool"), calls.c.arguments, calls.c.edited, calls.c.editor),
        *(calls.c.state, calls.c.decision, calls.c.decider, calls.c.decided_by.label("decider_name"), calls.c.reason),
        *(calls.c.rule, calls.c.result, calls.c.started_ms, calls.c.ended_ms),
    ).order_by(runs.c.seq, calls.c.position),
    "notices": _of_their_runs(outbox, outbox.c.run_id, outbox.c.text, outbox.c.created_ms.label("at_ms"))
    .where(outbox.c.text != "")
    .order_by(outbox.c.id),
    "posts": select(turns.c.key, *COLUMNS, turns.c.text, turns.c.at_ms)
    .select_from(runs)
    .join(turns, is_of_a_run(turns.c.key))
    .join(conversations, conversations.c.id == turns.c.conversation_id)
    .where(_mine, turns.c.run_id.is_(None))
    .order_by(turns.c.id),
    "heard": select(turns.c.key, *COLUMNS, turns.c.text, turns.c.at_ms)
    .join(conversations, conversations.c.id == turns.c.conversation_id)
    .where(_WAS_HEARD)
    .order_by(turns.c.id),
    "delivered": select(inbox.c.platform, inbox.c.key, inbox.c.body, inbox.c.at_ms)
    .where(inbox.c.author == this("who"))
    .order_by(inbox.c.id),
    "approvals_decided": select(
        *(approvals.c.id, approvals.c.run_id, approvals.c.tool, approvals.c.state, approvals.c.reason),
        *(approvals.c.decided_by, approvals.c.decided_name, approvals.c.decided_ms),
    )
    .where(names(approvals.c.decided_by))
    .order_by(approvals.c.decided_ms),
    "votes": select(
        *(votes.c.approval_id, votes.c.name, votes.c.verb, votes.c.reason, votes.c.grant, votes.c.pattern),
        votes.c.at_ms,
    )
    .where(votes.c.person == this("who"))
    .order_by(votes.c.at_ms),
    "edits": select(calls.c.id.label("call"), calls.c.run_id, calls.c.name.label("tool"), calls.c.edited)
    .add_columns(calls.c.edited_by.label("name"))
    .where(calls.c.editor == this("who"))
    .order_by(calls.c.run_id, calls.c.position),
    "notes": select(
        *(notes.c.platform, notes.c.workspace, notes.c.channel, literal("").label("thread")),
        *(notes.c.author, notes.c.text, notes.c.at_ms),
    )
    .where(IS_THEIR_NOTE)
    .order_by(notes.c.id),
    "rules": select(*(column for column in rules.columns if column.key != "id"))
    .where(or_(rules.c.subject == this("who"), rules.c.set_by == this("who")))
    .order_by(rules.c.id),
    "approver_rules": select(*(column for column in approver_rules.columns if column.key != "id"))
    .where(
        or_(
            approver_rules.c.set_by == this("who"),
            names(func.replace(approver_rules.c.approver, " ", ",")),  # `2 of web:bob,finance then admin after 2h`
        )
    )
    .order_by(approver_rules.c.id),
    "grants": select(grants)
    .where(or_(grants.c.person == this("who"), names(grants.c.given_by), grants.c.revoked_by == this("who")))
    .order_by(grants.c.given_ms, grants.c.id),
    "links": select(links).where(
        or_(links.c.first == this("who"), links.c.second == this("who"), links.c.set_by == this("who"))
    ),
    "audit": select(*(column for column in audit.columns if column.key != "id"))
    .where(or_(audit.c.requester == this("who"), names(audit.c.approver)))
    .order_by(audit.c.id),
}
_KINDS = {name: Statement(chosen.limit(this("at_most"))) for name, chosen in _SELECTS.items()}
_WHO = Statement(
    select(people.c.key, people.c.name, people.c.groups, people.c.standing, people.c.seen_ms).where(
        people.c.key == this("who")
    )
)


def export(tx: Transaction, key: str, *, at_most: int = AT_MOST) -> dict[str, Any]:
    """Everything, by kind; `cut` names the kinds of which there is more than `at_most`."""
    who = tx.first(_WHO, who=key)
    found = {name: tx.all(one, who=key, at_most=at_most + 1) for name, one in _KINDS.items()}
    return {
        "of": key,
        "at": _iso(tx.now_ms),
        "at_most": at_most,
        "cut": [name for name, rows in found.items() if len(rows) > at_most],
        "who": None if who is None else _public(who),
        **{name: [_public(row) for row in rows[:at_most]] for name, rows in found.items()},
    }


def _public(row: Any) -> dict[str, Any]:
    """A row with its times as people read them, and its place in one word."""
    said = dict(row._asdict())
    if "thread" in said:
        said = {"place": str(read_place(row)), **said}
        for name in ("platform", "workspace", "channel", "thread"):
            del said[name]
    if "groups" in said:
        said["groups"] = said["groups"].split(",") if said["groups"] else []
    return {name.removesuffix("_ms"): _iso(value) if name.endswith("_ms") else value for name, value in said.items()}


def _iso(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- how much there is ---------------------------------------------------------------------------------------------


def _how_many(chosen: Select[Any]) -> Statement:
    return Statement(select(func.count()).select_from(chosen.subquery()))


def _runs_where(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(runs.c.id).where(_mine, *conditions)


_COUNTS = {
    "messages": _how_many(_runs_where(IS_FULL)),
    OVERHEARD: _how_many(select(turns.c.id).where(_WAS_HEARD, turns.c.text != ERASED)),
    UNTAKEN: _how_many(select(inbox.c.id).where(inbox.c.author == this("who"))),
    "answers": _how_many(_runs_where(runs.c.answer.is_not(None), runs.c.answer != ERASED)),
    "tool calls": _how_many(_of_their_runs(calls, calls.c.id).where(IS_FULL_CALL)),
    "attachments": _how_many(_of_their_runs(attachments, attachments.c.seq)),
    "notes": _how_many(select(notes.c.id).where(IS_THEIR_NOTE)),
    "votes": _how_many(select(votes.c.approval_id).where(IS_THEIR_VOTE)),
    "grants": _how_many(select(grants.c.id).where(grants.c.person == this("who"))),
}


def count(tx: Transaction, key: str) -> dict[str, int]:
    """How much is kept and could be erased, by kind in words."""
    return {what: int(tx.scalar(statement, who=key)) for what, statement in _COUNTS.items()}
