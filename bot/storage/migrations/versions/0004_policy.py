"""rules with conditions, approver rules, grants, votes, links, people; scopes of the audit, tokens, marks of calls"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_SCOPE_OF_SUBJECT = """
CASE WHEN instr(subject, '/') > 0 THEN substr(subject, 1, instr(subject, '/') - 1)
ELSE substr(subject, 1, instr(subject, ':')) END
"""


def _text(name: str, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=default, nullable=False)


def _ms(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def upgrade() -> None:
    _rules()
    _approver_rules_and_links()
    _grants_and_votes()
    _people()
    for table, column in (
        ("audit", _text("scope", "")),
        ("notes", _text("author_key", "")),
        ("runs", sa.Column("prompt_tokens", sa.BigInteger(), server_default="0", nullable=False)),
        ("runs", sa.Column("completion_tokens", sa.BigInteger(), server_default="0", nullable=False)),
        ("conversations", sa.Column("forgotten_upto", sa.BigInteger(), server_default="0", nullable=False)),
        ("calls", _text("marks", "")),
        ("calls", _text("edited_by", "")),
        ("calls", _text("editor", "")),
    ):
        op.add_column(table, column)
    op.execute(f"UPDATE audit SET scope = {_SCOPE_OF_SUBJECT.replace('subject', 'requester')} WHERE requester <> ''")
    for marks, names in (("sends,untrusted", "'fetch_url'"), ("private", "'files_read', 'notes_search'")):
        op.execute(f"UPDATE calls SET marks = '{marks}' WHERE name IN ({names})")
    op.execute("UPDATE calls SET edited_by = decided_by, editor = decider WHERE edited IS NOT NULL")
    op.execute(
        "UPDATE runs SET prompt_tokens = coalesce(json_extract(head, '$.usage.prompt_tokens'), 0), "
        "completion_tokens = coalesce(json_extract(head, '$.usage.completion_tokens'), 0) "
        "WHERE typeof(head) = 'text' AND json_valid(head)"
    )
    op.create_index("ix_runs_settled_ms", "runs", ["settled_ms"], sqlite_where=sa.text("requester_name <> ''"))
    op.create_index("ix_audit_scope_at_ms", "audit", ["scope", "at_ms"])


def _rules() -> None:
    op.create_table(
        "rules",
        sa.Column("id", _row_id, autoincrement=True, nullable=False),
        *(_text(name) for name in ("scope", "subject", "kind", "value", "condition", "set_by")),
        _ms("set_ms"),
        _ms("expires_ms", nullable=True),
        sa.CheckConstraint("kind IN ('role', 'allow', 'ask', 'deny')", name=op.f("ck_rules_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        sa.UniqueConstraint(
            "subject", "kind", "value", "condition", name=op.f("uq_rules_subject_kind_value_condition")
        ),
    )
    op.execute(
        "INSERT INTO rules (scope, subject, kind, value, condition, set_by, set_ms, expires_ms) "
        f"SELECT {_SCOPE_OF_SUBJECT}, subject, kind, value, '', set_by, set_ms, expires_ms FROM policies ORDER BY id"
    )
    op.drop_table("policies")
    op.create_table(
        "policy_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_version")),
    )
    op.execute("INSERT INTO policy_version (id, version, revision) VALUES (1, 1, 1)")


def _approver_rules_and_links() -> None:
    op.create_table(
        "approver_rules",
        sa.Column("id", _row_id, autoincrement=True, nullable=False),
        *(_text(name) for name in ("scope", "tool", "approver", "condition", "exception", "set_by")),
        _ms("set_ms"),
        _ms("expires_ms", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approver_rules")),
        sa.UniqueConstraint(
            "scope", "tool", "condition", "exception", name=op.f("uq_approver_rules_scope_tool_condition_exception")
        ),
    )
    op.create_table(
        "links",
        *(_text(name) for name in ("first", "second", "said_in", "set_by")),
        _ms("set_ms"),
        sa.PrimaryKeyConstraint("first", "second", "said_in", name=op.f("pk_links")),
    )


def _grants_and_votes() -> None:
    op.create_table(
        "grants",
        *(_text(name) for name in ("id", "person", "tool", "arguments", "pattern", "definition", "approver")),
        *(_text(name) for name in ("run_id", "place", "given_by", "revoked_by")),
        _ms("given_ms"),
        _ms("expires_ms", nullable=True),
        _ms("revoked_ms", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index("ix_grants_person", "grants", ["person"])
    op.create_table(
        "votes",
        *(_text(name) for name in ("approval_id", "person", "name", "verb", "reason", "grant", "pattern")),
        _ms("at_ms"),
        sa.CheckConstraint("verb IN ('approve', 'deny')", name=op.f("ck_votes_verb")),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.id"], name=op.f("fk_votes_approval_id_approvals")),
        sa.PrimaryKeyConstraint("approval_id", "person", name=op.f("pk_votes")),
    )


def _people() -> None:
    op.create_table(
        "people",
        *(_text(name) for name in ("key", "name", "groups", "standing")),
        _ms("seen_ms"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_people")),
    )
