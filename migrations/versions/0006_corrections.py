"""Corrections know their place, and lie on readings that keep beside what the machine had said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Nothing has written corrections before, so none lack what is asked for from now on.
    op.add_column("correction", sa.Column("spot", sa.BigInteger(), nullable=True), schema="mill")
    op.create_foreign_key(
        "correction_spot_fkey",
        "correction",
        "correction",
        ["spot"],
        ["id"],
        source_schema="mill",
        referent_schema="mill",
    )
    op.alter_column("correction", "run_id", nullable=False, schema="mill")
    for name in ("line", "table", "row", "column"):
        op.add_column("correction", sa.Column(name, sa.Integer(), nullable=True), schema="mill")
    op.add_column("correction", sa.Column("read", sa.Text(), nullable=False), schema="mill")
    op.add_column("correction", sa.Column("withdrawn_by", sa.Text(), nullable=True), schema="mill")
    op.create_check_constraint(
        op.f("correction_place_check"),
        "correction",
        'num_nulls(line, "table", "row", "column") in (1, 3)',
        schema="mill",
    )
    op.create_table(
        "line_as_read",
        sa.Column("transcription_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("confidence", sa.REAL(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("correction_id", sa.BigInteger(), nullable=False),
        *_keys("line_as_read", "number"),
        _correction("line_as_read"),
        schema="mill",
    )
    op.create_table(
        "cell_as_read",
        sa.Column("transcription_id", sa.BigInteger(), nullable=False),
        sa.Column("table", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("confidence", sa.REAL(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("checks", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("correction_id", sa.BigInteger(), nullable=True),
        *_keys("cell_as_read", "table", "row", "column"),
        _correction("cell_as_read"),
        schema="mill",
    )
    op.create_table(
        "table_as_read",
        sa.Column("transcription_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("relations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        *_keys("table_as_read", "number"),
        schema="mill",
    )


def _keys(table: str, *within: str) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("transcription_id", *within, name=f"{table}_pkey"),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["mill.transcription.id"],
            name=f"{table}_transcription_id_fkey",
            ondelete="CASCADE",
        ),
    ]


def _correction(table: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint(
        ["correction_id"], ["mill.correction.id"], name=f"{table}_correction_id_fkey"
    )


def downgrade() -> None:
    for table in ("table_as_read", "cell_as_read", "line_as_read"):
        op.drop_table(table, schema="mill")
    for name in ("spot", "line", "table", "row", "column", "read", "withdrawn_by"):
        op.drop_column("correction", name, schema="mill")
    op.alter_column("correction", "run_id", nullable=True, schema="mill")
