"""Sources may lie elsewhere; where a document came from, and what was said of it, is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_TOLD = ("address", "station", "date", "title", "rights")


def upgrade() -> None:
    for name in _TOLD:
        op.add_column("document", sa.Column(name, sa.Text(), nullable=True), schema="mill")
    op.add_column(
        "document",
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        schema="mill",
    )
    op.add_column(
        "document",
        sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        schema="mill",
    )
    op.create_index(
        "document_address_idx",
        "document",
        ["address"],
        schema="mill",
        postgresql_using="hash",
        postgresql_where=sa.text("address is not null"),
    )
    op.add_column("job_source", sa.Column("address", sa.Text(), nullable=True), schema="mill")
    op.add_column(
        "job_source",
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        schema="mill",
    )
    op.add_column(
        "job_source",
        sa.Column("postponed", sa.SmallInteger(), server_default="0", nullable=False),
        schema="mill",
    )
    op.create_table(
        "remote_host",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", name="remote_host_pkey"),
        schema="mill",
    )


def downgrade() -> None:
    op.drop_table("remote_host", schema="mill")
    for name in ("address", "details", "postponed"):
        op.drop_column("job_source", name, schema="mill")
    op.drop_index("document_address_idx", table_name="document", schema="mill")
    for name in (*_TOLD, "fetched_at", "told"):
        op.drop_column("document", name, schema="mill")
