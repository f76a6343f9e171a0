"""Lines say their language and what was made of them; pages their regions; Korean is found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

_UNSPACED = "ㄱ-ㆎ가-힣㐀-䶿一-鿿ぁ-ヿ々"


def upgrade() -> None:
    for name in ("raw", "joined", "bcp47", "script"):
        op.add_column("line", sa.Column(name, sa.Text()), schema="mill")
    op.add_column("line", sa.Column("tagged", postgresql.JSONB()), schema="mill")
    op.alter_column("line", "region", nullable=True, schema="mill")
    op.add_column("transcription", sa.Column("regions", postgresql.JSONB()), schema="mill")
    # Nothing ever read these: every page had one for its lines and one for each table.
    op.drop_table("region", schema="mill")
    op.drop_column("table", "region", schema="mill")
    op.create_table(
        "collection_language",
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("language", postgresql.REGCONFIG(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["mill.collection.id"],
            name="collection_language_collection_id_fkey",
        ),
        sa.PrimaryKeyConstraint("collection_id", "language", name="collection_language_pkey"),
        schema="mill",
    )
    _search()


def _search() -> None:
    # What is written without spaces, or with endings grown on, is found by pairs of characters:
    # every one that has neighbours on both sides is written twice, with a space between.
    op.execute(rf"""
        create or replace function mill.search_text(text) returns text
        language sql immutable strict parallel safe
        return regexp_replace(
            regexp_replace(
                regexp_replace(
                    normalize($1, NFKC), '([[:alpha:]])[./:@_\\]+(?=[[:alpha:]])', '\1 ', 'g'
                ),
                '(?<=[{_UNSPACED}])(?=[0-9A-Za-z])|(?<=[0-9A-Za-z])(?=[{_UNSPACED}])', ' ', 'g'
            ),
            '(?<=[{_UNSPACED}])([{_UNSPACED}])(?=[{_UNSPACED}])', '\1 \1', 'g'
        )
    """)
    # No longer generated, since that would have to be changed by writing the table anew.
    op.execute("alter table mill.line alter column search drop expression")
    op.execute("""
        create function mill.index_line() returns trigger language plpgsql as $$
        begin
            new.search := to_tsvector(
                new.language, mill.search_text(concat_ws(' ', new.text, new.joined))
            );
            return new;
        end $$
    """)
    op.execute(
        "create trigger index_line before insert or update of text, joined, language on mill.line"
        " for each row execute function mill.index_line()"
    )
    unspaced = f"[{_UNSPACED}]"
    known = sa.text("select exists (select from mill.word where word ~ :unspaced)")
    connection = op.get_bind()
    if connection.scalar(known, {"unspaced": unspaced}):
        for table in ("line", "cell"):
            again = f"update mill.{table} set text = text where text ~ :unspaced"  # noqa: S608
            connection.execute(sa.text(again), {"unspaced": unspaced})
        connection.execute(
            sa.text("delete from mill.word where word ~ :unspaced"), {"unspaced": unspaced}
        )


def downgrade() -> None:
    op.execute("drop trigger index_line on mill.line")
    op.execute("drop function mill.index_line")
    op.execute(r"""
        create or replace function mill.search_text(text) returns text
        language sql immutable strict parallel safe
        return regexp_replace(
            normalize($1, NFKC), '([[:alpha:]])[./:@_\\]+(?=[[:alpha:]])', '\1 ', 'g'
        )
    """)
    op.execute(
        "alter table mill.line drop column search, drop column raw, drop column joined,"
        " drop column bcp47, drop column script, drop column tagged,"
        " add column search tsvector not null"
        " generated always as (to_tsvector(language, mill.search_text(text))) stored"
    )
    op.execute("create index line_search_idx on mill.line using gin (search)")
    op.execute("update mill.line set region = 0 where region is null")
    op.alter_column("line", "region", nullable=False, schema="mill")
    op.drop_table("collection_language", schema="mill")
    op.drop_column("transcription", "regions", schema="mill")
    op.execute('alter table mill."table" add column region integer not null default 0')
    op.execute('alter table mill."table" alter column region drop default')
    op.execute("""
        create table mill.region (
            transcription_id bigint not null
                constraint region_transcription_id_fkey
                references mill.transcription on delete cascade,
            number integer not null,
            kind text not null constraint region_kind_check check (kind in ('text', 'table')),
            polygon real[] not null,
            constraint region_pkey primary key (transcription_id, number)
        )
    """)
