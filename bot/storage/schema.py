"""The tables, as SQLAlchemy Core. Times are integer milliseconds since 1970; arguments and their hash are text."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.engine.types import CallState

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

RowId = BigInteger().with_variant(Integer, "sqlite")
RUN_STATES = ("queued", "running", "waiting", "done", "failed", "cancelled")
APPROVAL_STATES = ("pending", "approved", "denied", "expired", "cancelled")
OUTBOX_STATES = ("pending", "sent", "parked")
RULE_KINDS = ("role", "allow", "ask", "deny")
INBOX_STATES = ("waiting", "settled")
OUTBOX_KINDS = ("answer", "card", "notice", "post")
ERASED = "[erased]"
"""Stands for what was taken away."""


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


conversations = Table(
    "conversations",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    # the label of the model people chose for it, "" = the usual one
    Column("model", Text, nullable=False, server_default=""),
    # people asked to forget the turns up to this one
    Column("forgotten_upto", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("platform", "workspace", "channel", "thread"),
)

# What a conversation's old turns came to, up to and including `upto_turn`: what does not fit the window any more.
summaries = Table(
    "summaries",
    metadata,
    Column("conversation_id", RowId, ForeignKey("conversations.id"), primary_key=True, autoincrement=False),
    Column("upto_turn", RowId, nullable=False),
    Column("text", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

# The settled messages of a conversation, ordered by when their turn settled. Without a run: what the bot posted by
# itself (role assistant), and what it heard people say to each other (role user).
turns = Table(
    "turns",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("conversation_id", RowId, ForeignKey("conversations.id"), nullable=False),
    Column("run_id", Text, nullable=True),
    Column("role", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("key", Text, nullable=True, unique=True),
    Column("at_ms", BigInteger, nullable=False),
    _one_of("role", ("user", "assistant")),
    Index("ix_turns_conversation_id_id", "conversation_id", "id"),
)

# A run's head: one row that changes; what grows is in run_messages and calls.
runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", RowId, nullable=False, unique=True),
    Column("conversation_id", RowId, ForeignKey("conversations.id"), nullable=False),
    Column("event_id", Text, nullable=True, unique=True),
    Column("requester", Text, nullable=False),
    Column("requester_name", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("head", Text, nullable=False),
    Column("answer", Text, nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger, nullable=True),
    # how often a start took this run up since it last moved: one that ends the process each time is parked
    Column("recoveries", Integer, nullable=False, server_default="0"),
    Column("prompt_tokens", BigInteger, nullable=False, server_default="0"),
    Column("completion_tokens", BigInteger, nullable=False, server_default="0"),
    _one_of("status", RUN_STATES),
    Index("ix_runs_conversation_id_seq", "conversation_id", "seq"),
    Index("ix_runs_status", "status"),
    # what is still to be forgotten, the oldest first
    Index("ix_runs_settled_ms", "settled_ms", sqlite_where=text("requester_name <> ''")),
)

# What the model is sent, as JSON; in the place of an image stands a reference (see `bot.storage.images`).
run_messages = Table(
    "run_messages",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("role", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("sent", Text, nullable=True),
    Column("by", Text, nullable=False, server_default=""),
)

# What came with a message: images as data URLs, files as text.
attachments = Table(
    "attachments",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    _one_of("kind", ("image", "file")),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("reply", Integer, nullable=False),
    Column("provider_id", Text, nullable=True),
    Column("wire_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("arguments_sha256", Text, nullable=False),
    Column("edited", Text, nullable=True),
    Column("state", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decider", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("result", Text, nullable=True),
    Column("is_error", Boolean, nullable=False),
    Column("duration_ms", Integer, nullable=True),
    Column("started_ms", BigInteger, nullable=True),
    Column("ended_ms", BigInteger, nullable=True),
    Column("marks", Text, nullable=False, server_default=""),
    Column("edited_by", Text, nullable=False, server_default=""),
    Column("editor", Text, nullable=False, server_default=""),
    UniqueConstraint("run_id", "position"),
    _one_of("state", tuple(state.value for state in CallState)),
    Index("ix_calls_state", "state"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("call_id", Text, ForeignKey("calls.id"), nullable=False),
    Column("tool", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("arguments_sha256", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_name", Text, nullable=False),
    Column("decided_ms", BigInteger, nullable=True),
    Column("reason", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("reminders", Integer, nullable=False, server_default="0"),
    # what the model said when it asked for the call
    Column("why", Text, nullable=False, server_default=""),
    _one_of("state", APPROVAL_STATES),
    Index("ix_approvals_state_created_ms", "state", "created_ms"),
    Index("ix_approvals_state_expires_ms", "state", "expires_ms"),
    Index("ix_approvals_run_id", "run_id"),
)

# What a platform delivered, until it is taken; from then on only that it was. `key` is what it is known by; another key
# of the same thing is an empty row of its own (`same_as`). `author` is the identity of the person who made it.
inbox = Table(
    "inbox",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("platform", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("same_as", RowId, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    _one_of("state", INBOX_STATES),
    UniqueConstraint("platform", "key"),
    Index("ix_inbox_at_ms", "at_ms"),
    Index("ix_inbox_platform", "platform", sqlite_where=text("state = 'waiting'")),
)

# What has to be shown in a place: written with the change itself, sent afterwards, at least once, in order per place.
# `ref` is what it shows (a run, a call, ...); a card is sent again whenever `revision` has moved past `sent_revision`,
# and `receipt` is what the platform calls it. `addressed` are the identities a notice is for, comma-separated.
outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("conversation_id", RowId, ForeignKey("conversations.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("ref", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("addressed", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("sent_revision", Integer, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    _one_of("state", OUTBOX_STATES),
    _one_of("kind", OUTBOX_KINDS),
    Index("ix_outbox_state_conversation_id", "state", "conversation_id"),
    Index("ix_outbox_ref", "ref"),
)

# What the admins set. `subject` is a person, a group or a channel; `value` the role or the tool; `condition` on the
# arguments, "" = always.
rules = Table(
    "rules",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("scope", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=True),
    _one_of("kind", RULE_KINDS),
    UniqueConstraint("subject", "kind", "value", "condition"),
)

# Who has to approve a tool, in a workspace (`scope`, "" = everywhere); `condition` is when, `exception` is unless.
approver_rules = Table(
    "approver_rules",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("scope", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("exception", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=True),
    UniqueConstraint("scope", "tool", "condition", "exception"),
)

# Identities of one human; each workspace they belong to has to say so (`said_in`), or the operator ("").
links = Table(
    "links",
    metadata,
    Column("first", Text, primary_key=True),
    Column("second", Text, primary_key=True),
    Column("said_in", Text, primary_key=True),
    Column("set_by", Text, nullable=False),
    Column("set_ms", BigInteger, nullable=False),
)

# One row: `version` grows with every change of rules, approver rules and links, `revision` also with grants and people.
policy_version = Table(
    "policy_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

# What approvers said about more than one call.
grants = Table(
    "grants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("pattern", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("given_by", Text, nullable=False),
    Column("revoked_by", Text, nullable=False),
    Column("given_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=True),
    Column("revoked_ms", BigInteger, nullable=True),
    Index("ix_grants_person", "person"),
)

# What each person said about a waiting call; another approval of the call begins without any.
votes = Table(
    "votes",
    metadata,
    Column("approval_id", Text, ForeignKey("approvals.id"), primary_key=True),
    Column("person", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("grant", Text, nullable=False),
    Column("pattern", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    _one_of("verb", ("approve", "deny")),
)

# Everybody who was heard of, as their platform last described them; `groups` with commas.
people = Table(
    "people",
    metadata,
    Column("key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("groups", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("ms", Integer, nullable=True),
    # the workspace it happened in
    Column("scope", Text, nullable=False, server_default=""),
    Index("ix_audit_run", "run"),
    Index("ix_audit_scope_at_ms", "scope", "at_ms"),
)

notes = Table(
    "notes",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("platform", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("author_key", Text, nullable=False, server_default=""),
    Index("ix_notes_platform_workspace_channel", "platform", "workspace", "channel"),
)
