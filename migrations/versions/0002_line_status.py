"""Lines that are less sure than their profile asks say so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "line",
        sa.Column("status", sa.Text(), server_default="plain", nullable=False),
        schema="mill",
    )
    op.create_check_constraint(
        op.f("line_status_check"), "line", "status in ('plain', 'rejected')", schema="mill"
    )


def downgrade() -> None:
    op.drop_column("line", "status", schema="mill")
