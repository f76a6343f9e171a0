"""What was learnt from corrections, and what came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    now = sa.func.clock_timestamp()
    time = sa.DateTime(timezone=True)
    op.create_table(
        "learning",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("started_at", time, server_default=now, nullable=False),
        sa.Column("heartbeat_at", time, server_default=now, nullable=False),
        sa.Column("finished_at", time),
        sa.Column("better", sa.Boolean()),
        sa.Column("reason", sa.Text()),
        sa.Column("cells", sa.Integer()),
        sa.Column("proved", sa.Integer()),
        sa.Column("right_before", sa.Integer()),
        sa.Column("right_after", sa.Integer()),
        sa.Column("profile", postgresql.JSONB()),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["mill.collection.id"], name="learning_collection_id_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="learning_pkey"),
        schema="mill",
    )
    op.create_index("learning_collection_id_idx", "learning", ["collection_id"], schema="mill")


def downgrade() -> None:
    op.drop_table("learning", schema="mill")
