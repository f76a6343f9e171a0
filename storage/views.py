"""The published views and the role that reads them.

Both are no part of a migration: every upgrade of the schema drops the views and makes them anew.
"""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Connection

READER = "ledgermill_reader"


def drop(connection: Connection) -> None:
    """Drop the views, so that the tables below them can change."""
    _execute(
        connection,
        "drop view if exists public.pages, public.lines, public.regions, public.cells,"
        " public.observations, mill.observation",
    )


def create(connection: Connection) -> None:
    """Make the views and the role that reads them; the caller commits.

    Where the right to make the role is missing it is left out, and `ledgermill sql` says what the
    owner of the database has to do.
    """
    for name in ("views.sql", "reader.sql"):
        _execute(connection, resources.files("storage").joinpath(name).read_text("utf-8"))


def _execute(connection: Connection, statements: str) -> None:
    connection.exec_driver_sql(statements, execution_options={"no_parameters": True})
