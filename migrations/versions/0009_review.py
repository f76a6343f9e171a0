"""Who reviews what just now, and what should be reviewed next."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_FAILS = (
    "checks && array['sum:fail', 'mean:fail', 'midpoint:fail', 'difference:fail', 'running:fail',"
    " 'step:fail', 'copy:fail', 'carry:fail']"
)


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("table", sa.Integer(), nullable=False),
        sa.Column("column", sa.Integer(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["mill.page.id"], name="lease_page_id_fkey"),
        sa.PrimaryKeyConstraint("page_id", "table", "column", name="lease_pkey"),
        schema="mill",
    )
    op.execute(
        "create index cell_doubtful_idx on mill.cell (confidence) where"
        f" (status in ('doubtful', 'rejected') or status <> 'verified' and {_FAILS})"
    )
    op.execute(
        "create index cell_unsure_idx on mill.cell (confidence) where confidence < 0.9"
        f" and status in ('plain', 'repaired', 'inferred') and not {_FAILS}"
    )
    op.execute("create index line_unsure_idx on mill.line (confidence) where confidence < 0.9")
    op.create_index("correction_created_at_idx", "correction", ["created_at"], schema="mill")


def downgrade() -> None:
    op.drop_index("correction_created_at_idx", "correction", schema="mill")
    op.execute("drop index mill.line_unsure_idx")
    op.execute("drop index mill.cell_unsure_idx")
    op.execute("drop index mill.cell_doubtful_idx")
    op.drop_table("lease", schema="mill")
