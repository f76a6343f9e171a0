"""What keeps a job from getting on, and when each job was served last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column(
        "job", sa.Column("served_at", sa.DateTime(timezone=True), nullable=True), schema="mill"
    )
    op.create_table(
        "trouble",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tried", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("holds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("kind in ('ingest', 'digitize')", name=op.f("trouble_kind_check")),
        sa.ForeignKeyConstraint(["job_id"], ["mill.job.id"], name="trouble_job_id_fkey"),
        sa.PrimaryKeyConstraint("job_id", "kind", name="trouble_pkey"),
        schema="mill",
    )


def downgrade() -> None:
    op.drop_table("trouble", schema="mill")
    op.drop_column("job", "served_at", schema="mill")
