from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from pipeline.errors import Unavailable
from storage.database import DatabaseError, connect, latest_version, migrate, url_of
from storage.languages import CONFIGURATIONS, configuration_of
from storage.schema import SCHEMA, Base


@pytest.fixture
def empty(database_url: str, engine: sqlalchemy.Engine) -> Iterator[str]:
    """Return the address of a new database of the same server."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        server.execute(text("create database another"))
        yield url_of(database_url).set(database="another").render_as_string(hide_password=False)
        server.execute(text("drop database another with (force)"))


def _is_ours(name: str | None, kind: str, _: object) -> bool:
    """Tell whether a name of the database is to be compared: partitions are no tables of ours."""
    if kind == "schema":
        return name == SCHEMA
    return kind != "table" or re.fullmatch(r"(line|cell)_p\d+", name or "") is None


@pytest.mark.filterwarnings("ignore:Computed default")
def test_the_migrations_make_what_the_schema_says(engine: sqlalchemy.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": _is_ours,
                "version_table_schema": SCHEMA,
                "target_metadata": Base.metadata,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_check_constraints_are_those_of_the_schema(engine: sqlalchemy.Engine) -> None:
    """Alembic does not compare these."""
    wanted = {
        str(constraint.name)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sqlalchemy.CheckConstraint)
    }
    with engine.connect() as connection:
        found = connection.scalars(
            text(
                "select conname from pg_constraint"
                " where contype = 'c' and connamespace = 'mill'::regnamespace"
            )
        )
        assert set(found) == wanted


def test_tables_are_stored_as_the_schema_says(engine: sqlalchemy.Engine) -> None:
    """Alembic does not compare this either."""
    wanted = {
        table.name: {f"{name}={value}" for name, value in storage.items()}
        for table in Base.metadata.sorted_tables
        if (storage := table.dialect_options["postgresql"]["with"])
    }
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select relname, reloptions from pg_class where reloptions is not null"
                " and relkind in ('r', 'p') and relnamespace = 'mill'::regnamespace"
            )
        )
        found = {row.relname: set(row.reloptions) for row in rows}
    assert wanted == {name: said for name, said in found.items() if _is_ours(name, "table", None)}


def test_many_processes_may_migrate_at_once(empty: str) -> None:
    order = "import sys; from storage.database import migrate; migrate(sys.argv[1])"
    command = [sys.executable, "-c", order, empty]
    others = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(2)]
    migrate(empty)
    assert [other.wait(60) for other in others] == [0, 0]
    engine = connect(empty)
    with engine.connect() as connection:
        version = connection.scalar(text("select version_num from mill.alembic_version"))
        assert version == latest_version()
        assert connection.scalar(text("select count(*) from cells")) == 0
    engine.dispose()


def test_a_server_that_is_not_there_is_one_line_and_may_come_back() -> None:
    with pytest.raises(Unavailable, match=r"^database: .*try again$") as caught:
        migrate("postgresql://nobody@127.0.0.1:1/none")
    assert "\n" not in str(caught.value)


def test_a_lost_connection_is_named_and_replaced(database_url: str) -> None:
    engine = connect(database_url)
    with engine.connect() as victim, engine.connect() as other:
        pid = victim.scalar(text("select pg_backend_pid()"))
        other.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(Unavailable):
            victim.execute(text("select 1"))
    with engine.connect() as again:
        assert again.scalar(text("select 1")) == 1
    engine.dispose()


def test_a_wrong_statement_is_no_outage(connection: sqlalchemy.Connection) -> None:
    with pytest.raises(sqlalchemy.exc.ProgrammingError):
        connection.execute(text("select nothing from nowhere"))


@pytest.mark.parametrize("address", ["nonsense", "sqlite:///x.db", "mysql://host/name"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(DatabaseError, match="DATABASE_URL"):
        connect(address)


def test_every_language_has_its_configuration(engine: sqlalchemy.Engine) -> None:
    with engine.connect() as connection:
        known = set(connection.scalars(text("select cfgname from pg_ts_config")))
    assert {configuration_of(language) for language in (*CONFIGURATIONS, "xx")} <= known
    assert configuration_of("en-GB") == "english"
