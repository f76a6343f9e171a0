"""Lines and cells in partitions, work that is counted as it changes, room on blocks that change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_SIZE = 100_000
_KEYS = {"line": "transcription_id, number", "cell": 'transcription_id, "table", "row", "column"'}
_INDEXES = {
    "line": {"line_search_idx": "using gin (search)"},
    "cell": {
        "cell_search_idx": "using gin (search) where search is not null",
        "cell_value_idx": "(value) where value is not null",
    },
}
_FOREIGN_KEYS = {
    "line": "(transcription_id) references mill.transcription (id)",
    "cell": '(transcription_id, "table") references mill."table" (transcription_id, number)',
}
_FOREIGN_NAMES = {"line": "line_transcription_id_fkey", "cell": "cell_transcription_id_table_fkey"}
_GROWS = (
    "autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05,"
    " autovacuum_freeze_min_age = 0"
)
_OFTEN = (
    "fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02"
)
_ONCE = "fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05"
_STORAGE = {"job_page": _OFTEN, "job_source": _OFTEN, "page": _ONCE, "attempt": _ONCE}


def upgrade() -> None:
    for table in _KEYS:
        _part(table)
    op.execute("""
        create function mill.delete_readings() returns trigger language plpgsql as $$
        declare
            gone bigint;
        begin
            for gone in select id from old_rows loop
                delete from mill.line where transcription_id = gone;
                delete from mill.cell where transcription_id = gone;
            end loop;
            return null;
        end $$
    """)
    op.execute(
        "create trigger delete_readings after delete on mill.transcription"
        " referencing old table as old_rows for each statement"
        " execute function mill.delete_readings()"
    )
    _count()
    for table, storage in _STORAGE.items():
        op.execute(f"alter table mill.{table} set ({storage})")
    op.create_index(
        "job_source_refused_idx",
        "job_source",
        ["job_id", "number"],
        schema="mill",
        postgresql_where=sa.text("state = 'refused'"),
    )
    op.create_index("job_source_document_idx", "job_source", ["document_id"], schema="mill")


def _part(table: str) -> None:
    """Make a table the first partition of itself: no row is copied."""
    last = op.get_bind().scalar(sa.text("select coalesce(max(id), 0) from mill.transcription"))
    end = (last // _SIZE + 1) * _SIZE
    first = f"{table}_p0"
    op.execute(f"alter table mill.{table} rename to {first}")
    op.execute(f"alter table mill.{first} drop constraint {_FOREIGN_NAMES[table]}")
    op.execute(f"alter index mill.{table}_pkey rename to {first}_pkey")
    for index in _INDEXES[table]:
        op.execute(f"alter index mill.{index} rename to {index.replace(table, first, 1)}")
    op.execute(
        f"create table mill.{table} (like mill.{first} including defaults including constraints"
        " including generated) partition by range (transcription_id)"
    )
    op.execute(f"alter table mill.{table} add constraint {table}_pkey primary key ({_KEYS[table]})")
    for index, what in _INDEXES[table].items():
        op.execute(f"create index {index} on mill.{table} {what}")
    op.execute(
        f"alter table mill.{table} attach partition mill.{first}"
        f" for values from (minvalue) to ({end})"
    )
    op.execute(f"alter table mill.{first} set ({_GROWS})")


def _count() -> None:
    op.create_table(
        "job_count",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind in ('ingest', 'digitize')", name=op.f("job_count_kind_check")),
        sa.PrimaryKeyConstraint("id", name="job_count_pkey"),
        schema="mill",
    )
    op.execute(
        "alter table mill.job_count set"
        " (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)"
    )
    op.create_index("job_count_job_id_idx", "job_count", ["job_id"], schema="mill")
    op.execute("""
        create function mill.count_work() returns trigger language plpgsql as $$
        begin
            if tg_op = 'INSERT' then
                insert into mill.job_count (job_id, kind, state, n)
                select job_id, tg_argv[0], state, count(*) from new_rows group by job_id, state;
            elsif tg_op = 'DELETE' then
                insert into mill.job_count (job_id, kind, state, n)
                select job_id, tg_argv[0], state, -count(*) from old_rows group by job_id, state;
            else
                insert into mill.job_count (job_id, kind, state, n)
                select job_id, tg_argv[0], state, sum(n)
                from (
                    select job_id, state, 1 as n from new_rows
                    union all select job_id, state, -1 from old_rows
                ) as moved
                group by job_id, state having sum(n) <> 0;
            end if;
            return null;
        end $$
    """)
    for table, kind in (("job_source", "ingest"), ("job_page", "digitize")):
        for event, rows in (
            ("insert", "new table as new_rows"),
            ("update", "old table as old_rows new table as new_rows"),
            ("delete", "old table as old_rows"),
        ):
            op.execute(
                f"create trigger count_{event} after {event} on mill.{table}"
                f" referencing {rows} for each statement"
                f" execute function mill.count_work('{kind}')"
            )
        op.execute(
            "insert into mill.job_count (job_id, kind, state, n)"  # noqa: S608
            f" select job_id, '{kind}', state, count(*) from mill.{table} group by job_id, state"
        )


def downgrade() -> None:
    op.drop_index("job_source_document_idx", "job_source", schema="mill")
    op.drop_index("job_source_refused_idx", "job_source", schema="mill")
    for table in _STORAGE:
        op.execute(
            f"alter table mill.{table} reset (fillfactor, autovacuum_vacuum_scale_factor,"
            " autovacuum_analyze_scale_factor)"
        )
    for table in ("job_source", "job_page"):
        for event in ("insert", "update", "delete"):
            op.execute(f"drop trigger count_{event} on mill.{table}")
    op.execute("drop function mill.count_work")
    op.drop_table("job_count", schema="mill")
    op.execute("drop trigger delete_readings on mill.transcription")
    op.execute("drop function mill.delete_readings")
    for table in _KEYS:
        op.execute(f"create table mill.whole (like mill.{table} including all)")
        columns = op.get_bind().scalar(
            sa.text(
                "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute"
                " where attrelid = cast(:name as regclass) and attnum > 0 and not attisdropped"
                " and attgenerated = ''"
            ),
            {"name": f"mill.{table}"},
        )
        op.execute(f"insert into mill.whole ({columns}) select {columns} from mill.{table}")  # noqa: S608
        op.execute(f"drop table mill.{table}")
        op.execute(f"alter table mill.whole rename constraint whole_pkey to {table}_pkey")
        op.execute(f"alter table mill.whole rename to {table}")
        for index in _INDEXES[table]:
            found = "whole" + index.removeprefix(table)
            op.execute(f"alter index mill.{found} rename to {index}")
        op.execute(
            f"alter table mill.{table} add constraint {_FOREIGN_NAMES[table]}"
            f" foreign key {_FOREIGN_KEYS[table]} on delete cascade"
        )
