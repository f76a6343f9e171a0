"""Everything there is at the beginning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("create extension if not exists pg_trgm with schema public")
    # Parts words that a missing space has joined: Postgres would take `Barometer.Daily` for a host
    # name and `max/min` for a file, each one word.
    op.execute(r"""
        create function mill.search_text(text) returns text
        language sql immutable strict parallel safe
        return regexp_replace(
            normalize($1, NFKC), '([[:alpha:]])[./:@_\\]+(?=[[:alpha:]])', '\1 ', 'g'
        )
    """)
    op.create_table(
        "collection",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "language",
            postgresql.REGCONFIG(),
            server_default=sa.text("'simple'::regconfig"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="collection_pkey"),
        sa.UniqueConstraint("name", name="collection_name_key"),
        schema="mill",
    )
    op.create_table(
        "image",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("sha256", name="image_pkey"),
        schema="mill",
    )
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("weights_digest", sa.Text(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "name",
            sa.Text(),
            sa.Computed(
                "profile || '@' || left(weights_digest, 8) || '+' || code_version", persisted=True
            ),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="run_pkey"),
        sa.UniqueConstraint(
            "profile",
            "weights_digest",
            "code_version",
            name="run_profile_weights_digest_code_version_key",
        ),
        schema="mill",
    )
    op.create_table(
        "document",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["mill.collection.id"], name="document_collection_id_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="document_pkey"),
        sa.UniqueConstraint(
            "collection_id", "sha256", "source", name="document_collection_id_sha256_source_key"
        ),
        schema="mill",
    )
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), server_default="ingesting", nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column(
            "options",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind in ('ingest', 'reprocess', 'export')", name=op.f("job_kind_check")
        ),
        sa.CheckConstraint(
            "state in ('ingesting', 'running', 'done', 'failed')", name=op.f("job_state_check")
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["mill.collection.id"], name="job_collection_id_fkey"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["mill.run.id"], name="job_run_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="job_pkey"),
        schema="mill",
    )
    op.create_index(
        ("job_collection_id_idx"), "job", ["collection_id"], unique=False, schema="mill"
    )
    op.create_index(("job_run_id_idx"), "job", ["run_id"], unique=False, schema="mill")
    op.create_table(
        "page",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("image_sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("current_run_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["mill.collection.id"], name="page_collection_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["current_run_id"], ["mill.run.id"], name="page_current_run_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["image_sha256"], ["mill.image.sha256"], name="page_image_sha256_fkey"
        ),
        sa.PrimaryKeyConstraint("id", name="page_pkey"),
        sa.UniqueConstraint(
            "collection_id", "image_sha256", name="page_collection_id_image_sha256_key"
        ),
        schema="mill",
    )
    op.create_index(
        ("page_current_run_id_idx"), "page", ["current_run_id"], unique=False, schema="mill"
    )
    op.create_index("page_name_idx", "page", ["collection_id", "name"], unique=False, schema="mill")
    op.create_table(
        "attempt",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("pages", sa.SmallInteger(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome in ('done', 'failed', 'unavailable', 'died', 'returned')",
            name=op.f("attempt_outcome_check"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["mill.job.id"], name="attempt_job_id_fkey"),
        sa.ForeignKeyConstraint(["page_id"], ["mill.page.id"], name="attempt_page_id_fkey"),
        sa.PrimaryKeyConstraint("job_id", "page_id", "number", name="attempt_pkey"),
        schema="mill",
    )
    op.create_table(
        "correction",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("polygon", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["page_id"], ["mill.page.id"], name="correction_page_id_fkey"),
        sa.ForeignKeyConstraint(["run_id"], ["mill.run.id"], name="correction_run_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="correction_pkey"),
        schema="mill",
    )
    op.create_index(
        ("correction_page_id_idx"), "correction", ["page_id"], unique=False, schema="mill"
    )
    op.create_table(
        "document_page",
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["mill.document.id"], name="document_page_document_id_fkey"
        ),
        sa.ForeignKeyConstraint(["page_id"], ["mill.page.id"], name="document_page_page_id_fkey"),
        sa.PrimaryKeyConstraint("document_id", "number", name="document_page_pkey"),
        schema="mill",
    )
    op.create_index(
        ("document_page_page_id_idx"), "document_page", ["page_id"], unique=False, schema="mill"
    )
    op.create_table(
        "job_page",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("shard", sa.Text(), nullable=True),
        sa.Column("shard_limit", sa.SmallInteger(), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('pending', 'queued', 'running', 'done', 'quarantined')",
            name=op.f("job_page_state_check"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["mill.job.id"], name="job_page_job_id_fkey"),
        sa.ForeignKeyConstraint(["page_id"], ["mill.page.id"], name="job_page_page_id_fkey"),
        sa.PrimaryKeyConstraint("job_id", "page_id", name="job_page_pkey"),
        schema="mill",
    )
    op.create_index(
        "job_page_moving_idx",
        "job_page",
        ["shard"],
        unique=False,
        schema="mill",
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )
    op.create_index(
        "job_page_pending_idx",
        "job_page",
        ["job_id", "page_id"],
        unique=False,
        schema="mill",
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "job_source",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("document_id", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("shard", sa.Text(), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('pending', 'queued', 'running', 'stored', 'refused')",
            name=op.f("job_source_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["mill.document.id"], name="job_source_document_id_fkey"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["mill.job.id"], name="job_source_job_id_fkey"),
        sa.PrimaryKeyConstraint("job_id", "number", name="job_source_pkey"),
        schema="mill",
    )
    op.create_index(
        "job_source_moving_idx",
        "job_source",
        ["shard"],
        unique=False,
        schema="mill",
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )
    op.create_index(
        "job_source_pending_idx",
        "job_source",
        ["job_id", "number"],
        unique=False,
        schema="mill",
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "quarantine",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["job_id"], ["mill.job.id"], name="quarantine_job_id_fkey"),
        sa.ForeignKeyConstraint(["page_id"], ["mill.page.id"], name="quarantine_page_id_fkey"),
        sa.PrimaryKeyConstraint("job_id", "page_id", name="quarantine_pkey"),
        schema="mill",
    )
    op.create_table(
        "transcription",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("angle", sa.REAL(), nullable=False),
        sa.Column("confidence", sa.REAL(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["page_id"], ["mill.page.id"], name="transcription_page_id_fkey"),
        sa.ForeignKeyConstraint(["run_id"], ["mill.run.id"], name="transcription_run_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="transcription_pkey"),
        sa.UniqueConstraint("page_id", "run_id", name="transcription_page_id_run_id_key"),
        schema="mill",
    )
    op.create_index(
        ("transcription_run_id_idx"), "transcription", ["run_id"], unique=False, schema="mill"
    )
    op.create_table(
        "line",
        sa.Column("transcription_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("confidence", sa.REAL(), nullable=False),
        sa.Column("polygon", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("alternatives", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("language", postgresql.REGCONFIG(), nullable=False),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed("to_tsvector(language, mill.search_text(text))", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint("cardinality(polygon) = 8", name=op.f("line_polygon_check")),
        sa.CheckConstraint("confidence between 0 and 1", name=op.f("line_confidence_check")),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["mill.transcription.id"],
            name="line_transcription_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transcription_id", "number", name="line_pkey"),
        schema="mill",
    )
    op.create_index(
        "line_search_idx", "line", ["search"], unique=False, schema="mill", postgresql_using="gin"
    )
    op.create_table(
        "refused_entry",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id", "number"],
            ["mill.job_source.job_id", "mill.job_source.number"],
            name="refused_entry_job_id_number_fkey",
        ),
        sa.PrimaryKeyConstraint("job_id", "number", "entry", name="refused_entry_pkey"),
        schema="mill",
    )
    op.create_table(
        "region",
        sa.Column("transcription_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("polygon", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.CheckConstraint("kind in ('text', 'table')", name=op.f("region_kind_check")),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["mill.transcription.id"],
            name="region_transcription_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transcription_id", "number", name="region_pkey"),
        schema="mill",
    )
    op.create_table(
        "table",
        sa.Column("transcription_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("header_rows", sa.Integer(), nullable=False),
        sa.Column("polygon", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("relations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["mill.transcription.id"],
            name="table_transcription_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transcription_id", "number", name="table_pkey"),
        schema="mill",
    )
    op.create_table(
        "cell",
        sa.Column("transcription_id", sa.BigInteger(), nullable=False),
        sa.Column("table", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.Integer(), nullable=False),
        sa.Column("row_span", sa.SmallInteger(), nullable=False),
        sa.Column("column_span", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("confidence", sa.REAL(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("polygon", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("alternatives", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("checks", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("language", postgresql.REGCONFIG(), nullable=False),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "case when text ~ '[[:alpha:]]' "
                "then to_tsvector(language, mill.search_text(text)) end",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "status in ('verified', 'repaired', 'inferred', 'plain', 'doubtful', 'rejected')",
            name=op.f("cell_status_check"),
        ),
        sa.CheckConstraint("cardinality(polygon) = 8", name=op.f("cell_polygon_check")),
        sa.CheckConstraint("confidence between 0 and 1", name=op.f("cell_confidence_check")),
        sa.ForeignKeyConstraint(
            ["transcription_id", "table"],
            ["mill.table.transcription_id", "mill.table.number"],
            name="cell_transcription_id_table_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transcription_id", "table", "row", "column", name="cell_pkey"),
        schema="mill",
    )
    op.create_index(
        "cell_search_idx",
        "cell",
        ["search"],
        unique=False,
        schema="mill",
        postgresql_using="gin",
        postgresql_where=sa.text("search is not null"),
    )
    op.create_index(
        "cell_value_idx",
        "cell",
        ["value"],
        unique=False,
        schema="mill",
        postgresql_where=sa.text("value is not null"),
    )
    op.create_table(
        "word",
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("word", name="word_pkey"),
        schema="mill",
    )
    op.create_index(
        "word_trgm_idx",
        "word",
        ["word"],
        unique=False,
        schema="mill",
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
        postgresql_with={"fastupdate": "off"},
    )


def downgrade() -> None:
    op.execute("drop schema mill cascade")
