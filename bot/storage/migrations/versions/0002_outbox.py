"""outbox, recoveries, reminders"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("conversation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("addressed", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sent_revision", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('answer', 'card', 'notice', 'post')", name=op.f("ck_outbox_kind")),
        sa.CheckConstraint("state IN ('pending', 'sent', 'parked')", name=op.f("ck_outbox_state")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_outbox_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index("ix_outbox_ref", "outbox", ["ref"], unique=False)
    op.create_index("ix_outbox_state_conversation_id", "outbox", ["state", "conversation_id"], unique=False)
    op.add_column("runs", sa.Column("recoveries", sa.Integer(), server_default="0", nullable=False))
    op.add_column("approvals", sa.Column("reminders", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_approvals_state_expires_ms", "approvals", ["state", "expires_ms"], unique=False)
    # an upgrade with approvals waiting: their cards follow, as those that are asked for from now on
    op.execute(
        "INSERT INTO outbox (conversation_id, kind, key, ref, run_id, text, addressed, revision, sent_revision, receipt,"
        " state, attempts, error, created_ms, due_ms)"
        " SELECT runs.conversation_id, 'card', 'card:' || approvals.id, approvals.call_id, approvals.run_id, '', '', 1, 0,"
        " '', 'pending', 0, '', approvals.created_ms, approvals.created_ms"
        " FROM approvals JOIN runs ON runs.id = approvals.run_id JOIN conversations"
        " ON conversations.id = runs.conversation_id"
        " WHERE approvals.state = 'pending' AND conversations.platform <> 'cli'"
    )
