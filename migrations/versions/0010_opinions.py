"""What several people say of the same places, before it is decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "opinion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer()),
        sa.Column("table", sa.Integer()),
        sa.Column("row", sa.Integer()),
        sa.Column("column", sa.Integer()),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.clock_timestamp(),
            nullable=False,
        ),
        sa.CheckConstraint(
            'num_nulls(line, "table", "row", "column") in (1, 3)', name=op.f("opinion_place_check")
        ),
        sa.ForeignKeyConstraint(["page_id"], ["mill.page.id"], name="opinion_page_id_fkey"),
        sa.ForeignKeyConstraint(["run_id"], ["mill.run.id"], name="opinion_run_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="opinion_pkey"),
        sa.UniqueConstraint(
            "page_id",
            "run_id",
            "line",
            "table",
            "row",
            "column",
            "author",
            name="opinion_place_key",
            postgresql_nulls_not_distinct=True,
        ),
        schema="mill",
    )


def downgrade() -> None:
    op.drop_table("opinion", schema="mill")
