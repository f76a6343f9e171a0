"""Rows and columns of tables stand for days, hours and variables, at a station."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "station",
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("altitude", sa.Double(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("utc_offset", sa.Interval(), nullable=True),
        sa.Column("said", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "(zone is null) <> (utc_offset is null)", name=op.f("station_clock_check")
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["mill.collection.id"], name="station_collection_id_fkey"
        ),
        sa.PrimaryKeyConstraint("collection_id", name="station_pkey"),
        schema="mill",
    )
    op.create_table(
        "observed",
        sa.Column("transcription_id", sa.BigInteger(), nullable=False),
        sa.Column("table", sa.Integer(), nullable=False),
        sa.Column("first_column", sa.Integer(), nullable=False),
        sa.Column("last_column", sa.Integer(), nullable=False),
        sa.Column("row_dates", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("row_days", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("row_minutes", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("column_dates", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("column_days", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("column_minutes", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("variables", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("units", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("statistics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unknown", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["transcription_id", "table"],
            ["mill.table.transcription_id", "mill.table.number"],
            name="observed_transcription_id_table_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transcription_id", "table", "first_column", name="observed_pkey"),
        schema="mill",
    )


def downgrade() -> None:
    op.drop_table("observed", schema="mill")
    op.drop_table("station", schema="mill")
