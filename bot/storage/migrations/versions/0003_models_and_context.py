"""the model of a conversation and of a message, summaries, attachments"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("conversations", sa.Column("model", sa.Text(), server_default="", nullable=False))
    op.add_column("run_messages", sa.Column("by", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "summaries",
        sa.Column("conversation_id", _row_id, autoincrement=False, nullable=False),
        sa.Column("upto_turn", _row_id, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_summaries_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_summaries")),
    )
    op.create_table(
        "attachments",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('image', 'file')", name=op.f("ck_attachments_kind")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_attachments_run_id_runs")),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_attachments")),
    )
