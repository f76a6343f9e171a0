"""Jobs can be paused; what is current says for when it was asked; rollbacks are recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column(
        "job", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True), schema="mill"
    )
    op.add_column(
        "page",
        sa.Column("current_asked_at", sa.DateTime(timezone=True), nullable=True),
        schema="mill",
    )
    op.create_table(
        "rollback",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("pages", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["mill.run.id"], name="rollback_run_id_fkey"),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["mill.collection.id"], name="rollback_collection_id_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="rollback_pkey"),
        schema="mill",
    )


def downgrade() -> None:
    op.drop_table("rollback", schema="mill")
    op.drop_column("page", "current_asked_at", schema="mill")
    op.drop_column("job", "paused_at", schema="mill")
