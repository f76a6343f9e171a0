"""The partitions of lines and cells: each holds those of `SIZE` successive transcriptions.

New rows go to the newest, whose indexes stay in memory; the others never change, are frozen once,
and vacuum passes them by. Search looks through the newest first. Once all of what a partition
holds is superseded it can be dropped whole (`storage.pruning`).

They are made ahead of need, by every migration and by the reconciler.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

SIZE = 100_000
"""Transcriptions; with a thousand cells a page some 25 GB of cells and their indexes."""

TABLES = ("line", "cell")

LISTED = """
    select substr(relname, length('cell_') + 1) as name,
        coalesce(substring(bound from $$FROM \\('?([0-9]+)'?\\)$$)::bigint, 0) as first,
        substring(bound from $$TO \\('?([0-9]+)'?\\)$$)::bigint as end
    from pg_inherits join pg_class on pg_class.oid = inhrelid,
        pg_get_expr(relpartbound, pg_class.oid) as bound
    where inhparent = 'mill.cell'::regclass
"""
"""All partitions: name, first, end."""

_LOCK = 0x6C6D_7061_7274  # "lmpart"
_GROWS = (
    "autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05,"
    " autovacuum_freeze_min_age = 0"
)


@dataclass(frozen=True, slots=True)
class Partition:
    """Lines and cells of the transcriptions from `first` up to, not including, `end`.

    `name` is what the names of both tables end in. The oldest begins below any transcription.
    """

    name: str
    first: int
    end: int


def partitions(connection: Connection) -> list[Partition]:
    """Return all partitions, oldest first."""
    return [Partition(*row) for row in connection.execute(text(f"{LISTED} order by 2"))]


def grow(connection: Connection) -> list[str]:
    """Make what the next `SIZE` / 2 transcriptions need and return the names; the caller commits.

    Neither readers nor writers wait for it.
    """
    last = text("select last_value + :ahead from mill.transcription_id_seq")
    ahead = {"ahead": SIZE // 2}
    made: list[str] = []
    if _end(connection) > int(connection.scalar(last, ahead) or 0):
        return made
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    end = _end(connection)
    while end <= int(connection.scalar(last, ahead) or 0):
        name = f"p{end}"
        for table in TABLES:
            # Made alone and then attached: `partition of` would lock the whole table.
            connection.execute(
                text(f"create table mill.{table}_{name} (like mill.{table} including all)")
            )
            connection.execute(text(f"alter table mill.{table}_{name} set ({_GROWS})"))
            connection.execute(
                text(
                    f"alter table mill.{table} attach partition mill.{table}_{name}"
                    f" for values from ({end}) to ({end + SIZE})"
                )
            )
        made.append(name)
        end += SIZE
    return made


def _end(connection: Connection) -> int:
    """Return the first transcription that has no partition yet."""
    return max(partition.end for partition in partitions(connection))
