"""Who reviews which column just now: a lease that ends by itself, so that no two do the same.

The least that is leased is a column of a page's table, by an item of the queue as by the sheet
view; a line of text counts as a column of table `LINES`. No function commits.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

SECONDS = 120
"""How long a lease lasts where nobody renews it."""

LINES = -1

_TAKE = """
    insert into mill.lease (page_id, "table", "column", holder, ends_at)
    values (:page, :table, :column, :holder, clock_timestamp() + make_interval(secs => :seconds))
    on conflict (page_id, "table", "column") do update
        set holder = excluded.holder, ends_at = excluded.ends_at
        where lease.holder = excluded.holder or lease.ends_at < clock_timestamp()
    returning holder
"""

_GIVE_BACK = """
    delete from mill.lease where holder = :holder
        and (page_id, "table", "column") is distinct from (:page, :table, :column)
"""

_HELD = """
    select "table", "column", holder from mill.lease
    where page_id = :page and ends_at > clock_timestamp()
        and holder is distinct from cast(:viewer as text)
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """A column of a page's table, or a line of its text, that somebody may hold."""

    page_id: int
    table: int
    column: int


def take(connection: Connection, lease: Lease, holder: str) -> bool:
    """Take or renew a lease for `SECONDS`; returns False where somebody else holds it."""
    taken = connection.execute(
        text(_TAKE),
        {
            "page": lease.page_id,
            "table": lease.table,
            "column": lease.column,
            "holder": holder,
            "seconds": SECONDS,
        },
    ).one_or_none()
    return taken is not None


def give_back(connection: Connection, holder: str, keep: Lease | None = None) -> None:
    """Give back all that somebody holds, `keep` excepted."""
    connection.execute(
        text(_GIVE_BACK),
        {
            "holder": holder,
            "page": keep and keep.page_id,
            "table": keep and keep.table,
            "column": keep and keep.column,
        },
    )


def holders(connection: Connection, page_id: int, viewer: str | None) -> dict[int, dict[int, str]]:
    """Return who besides `viewer` holds which columns of a page, by table."""
    found: dict[int, dict[int, str]] = {}
    for table, column, holder in connection.execute(
        text(_HELD), {"page": page_id, "viewer": viewer}
    ):
        found.setdefault(table, {})[column] = holder
    return found
