from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import LedgermillError, Unavailable
from storage import sql
from storage.database import migrate, url_of
from storage.sql import Answer, SqlError, ask, reader_url
from storage.transcriptions import save
from storage.views import READER
from tests.storage.pages import MakePage, box, transcription


@pytest.fixture
def reader(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int, database_url: str
) -> str:
    grid = [["DAY", "BAROMETER"], ["1", "29.874"], ["2", "9.95"]]
    save(connection, make_page("ledger-1"), run_id, transcription(("Remarks 100 %",), grid))
    connection.commit()
    return reader_url(database_url, None)


def _ask(url: str, statement: str, seconds: float = 5, rows: int = 100) -> Answer:
    return ask(url, statement, seconds=seconds, rows=rows)


def test_numbers_are_found_with_their_place(reader: str) -> None:
    answer = _ask(
        reader,
        "SELECT page, row_number, column_number, value, polygon, confidence FROM cells"
        " WHERE value BETWEEN 9.9 AND 10",
    )
    assert answer.columns == (
        *("page", "row_number", "column_number"),
        *("value", "polygon", "confidence"),
    )
    polygon = [list(corner) for corner in box(100, 40)]
    assert answer.rows == [("ledger-1", 2, 1, 9.95, polygon, pytest.approx(0.9))]
    assert not answer.cut


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("select text from lines where text like '%100 %%' and 7 % 2 = 1;", [("Remarks 100 %",)]),
        ("-- a comment\n (select 1) union (select 2) order by 1", [(1,), (2,)]),
        ("/* a comment */ with x as (select 3) select * from x", [(3,)]),
        ("values (1, 'a')", [(1, "a")]),
        ("select count(*), sum(value), max(page) from cells", [(6, 42.824, "ledger-1")]),
        ("select ':x %s %(y)s', 'a;b'", [(":x %s %(y)s", "a;b")]),
        ("select 'barumeter' <% text from cells where column_number = 1 and is_header", [(False,)]),
    ],
)
def test_ordinary_statements_are_answered(
    reader: str, statement: str, rows: list[tuple[object, ...]]
) -> None:
    assert _ask(reader, statement).rows == rows


def test_columns_of_an_empty_answer_and_of_one_name_are_told_apart(reader: str) -> None:
    assert _ask(reader, "select page, text from lines where false").columns == ("page", "text")
    assert _ask(reader, "select 1 as a, 2 as a, 3 as a").columns == ("a", "a_2", "a_3")


def test_rows_beyond_the_limit_are_left_out_and_that_is_said(reader: str) -> None:
    answer = _ask(reader, "select n from generate_series(1, 1000000) as n", rows=7)
    assert (len(answer.rows), answer.cut) == (7, True)
    assert not _ask(reader, "select n from generate_series(1, 7) as n", rows=7).cut


WRITING = [
    "INSERT INTO pages VALUES (1)",
    "INSERT INTO mill.page (name) VALUES ('x')",
    "UPDATE cells SET value = 0",
    "DELETE FROM mill.cell",
    "TRUNCATE mill.cell",
    "MERGE INTO mill.page USING pages ON false WHEN MATCHED THEN DELETE",
    "DROP TABLE mill.cell",
    "DROP VIEW cells CASCADE",
    "ALTER TABLE mill.cell ADD x int",
    "CREATE TABLE x (a int)",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE VIEW x AS SELECT 1",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'",
    "SELECT * INTO x FROM pages",
    "SELECT * INTO TEMP x FROM pages",
    "WITH gone AS (DELETE FROM mill.cell RETURNING *) SELECT * FROM gone",
    "SELECT * FROM pages FOR UPDATE",
    "GRANT SELECT ON mill.page TO PUBLIC",
    "COMMENT ON VIEW pages IS 'x'",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT nextval('mill.page_id_seq')",
    "REFRESH MATERIALIZED VIEW x",
    "VACUUM",
    "LOCK TABLE mill.page",
]
ESCAPING = [
    "COPY pages TO PROGRAM 'id > /tmp/ledgermill-owned'",
    "COPY pages FROM PROGRAM 'id'",
    "COPY (SELECT 1) TO '/tmp/ledgermill-owned'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT pg_stat_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/ledgermill-owned')",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_shadow",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT current_setting('data_directory')",
    "SELECT * FROM mill.page",
    "SELECT * FROM mill.correction",
    "SET ROLE NONE",
    "RESET ROLE",
    "RESET SESSION AUTHORIZATION",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SELECT set_config('role', 'none', false)",
    "SELECT set_config('session_authorization', 'ledgermill', false)",
    "SET statement_timeout = 0",
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "UPDATE pg_settings SET setting = 0 WHERE name = 'statement_timeout'",
    "DO $$ BEGIN PERFORM 1; END $$",
    "CALL x()",
    "EXPLAIN ANALYZE SELECT * FROM pages",
    "PREPARE x AS SELECT 1",
    "LISTEN x",
    "SELECT pg_notify('x', 'y')",
    "SELECT dblink('dbname=ledgermill', 'drop table mill.page')",
    "SELECT query_to_xml('select * from mill.page', true, true, '')",
    "SELECT database_to_xml(true, true, '')",
    "SELECT * FROM ts_stat('select search from mill.line')",
    "SELECT ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery')",
    "BEGIN",
    "COMMIT",
    "COMMIT; DROP TABLE mill.page",
    "SELECT 1; DROP TABLE mill.page",
    "SELECT 1; SELECT 2",
    "SELECT 1); DROP TABLE mill.page; --",
    "; ; DROP TABLE mill.page",
    "/* */ -- x\n DROP TABLE mill.page",
    "/* /* */ SELECT 1 */ DROP TABLE mill.page",
    "FETCH ALL FROM answer",
    "CLOSE answer",
    "SHOW ALL",
    "LOAD 'x'",
]
DISTURBING = [
    "SELECT pg_sleep(60)",
    "SELECT pg_sleep_for('1 minute')",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
    "SELECT pg_cancel_backend(1)",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_switch_wal()",
    "SELECT pg_export_snapshot()",
    "SELECT pg_logical_emit_message(false, 'a', 'b')",
    "SELECT pg_stat_reset()",
    "CHECKPOINT",
    "",
    " ; ",
    "select \0",
    "select '" + "x" * 200_000 + "'",
    "nonsense",
    "SELECT",
    "SELECT * FROM nowhere",
    "SELECT nothing FROM pages",
    "SELECT 1 / 0",
    "SELECT 'x'::int",
    "SELECT repeat('x', 2000000000)",
]


@pytest.mark.parametrize("statement", [*WRITING, *ESCAPING, *DISTURBING])
def test_whatever_else_is_refused_with_one_line(
    reader: str, connection: sqlalchemy.Connection, statement: str
) -> None:
    before = _contents(connection)
    begun = time.monotonic()
    if statement == "SELECT":  # valid in Postgres: a row of no columns
        assert _ask(reader, statement).rows == [()]
        return
    with pytest.raises(LedgermillError, match=r"^sql: .+; .+") as caught:
        _ask(reader, statement)
    assert time.monotonic() - begun < 20
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, Unavailable)
    assert _contents(connection) == before
    assert not Path("/tmp/ledgermill-owned").exists()


def _contents(connection: sqlalchemy.Connection) -> tuple[object, ...]:
    found = connection.execute(
        text(
            "select (select count(*) from mill.cell), (select sum(value) from mill.cell),"
            " (select count(*) from pg_class), (select count(*) from pg_largeobject_metadata)"
        )
    ).one()
    connection.rollback()
    return tuple(found)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM generate_series(1, 10000000) AS a, generate_series(1, 10000000) AS b",
        "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT count(*) FROM r",
        "SELECT sum(sqrt(a * b)) FROM generate_series(1, 1e6) AS a, generate_series(1, 1e6) AS b",
    ],
)
def test_long_queries_are_ended(reader: str, statement: str) -> None:
    begun = time.monotonic()
    with pytest.raises(SqlError, match=r"took more than 0\.5 s; .*LEDGERMILL_SQL_SECONDS"):
        _ask(reader, statement, seconds=0.5)
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT array_agg(repeat('x', 10000000)) FROM generate_series(1, 100000)",
        "SELECT repeat('x', 900000000), repeat('x', 900000000)",
        "SELECT * FROM generate_series(1, 100000000000)",
    ],
)
def test_greedy_queries_do_not_take_the_server_down(
    reader: str, statement: str, connection: sqlalchemy.Connection
) -> None:
    server = connection.scalar(text("select pg_postmaster_start_time()"))
    connection.rollback()
    with pytest.raises(SqlError, match=r"too much memory|longer than|took more than"):
        _ask(reader, statement, seconds=20)
    assert connection.scalar(text("select pg_postmaster_start_time()")) == server


def test_a_long_answer_is_broken_off(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_MOST_BYTES", 10_000_000)
    with pytest.raises(SqlError, match="longer than"):
        _ask(
            reader,
            "SELECT repeat('x', 1000000) FROM generate_series(1, 100)",
            seconds=20,
        )


def test_the_memory_of_the_server_process_is_bounded(reader: str) -> None:
    import resource

    connection = psycopg.connect(url_of(reader).set(drivername="postgresql").render_as_string())
    sql._bound_memory(connection)
    limits = Path(f"/proc/{connection.info.backend_pid}/limits").read_text("ascii")
    connection.close()
    assert f"Max data size {resource.RLIM_INFINITY}" not in limits
    line = next(line for line in limits.splitlines() if line.startswith("Max data size"))
    assert line.split()[3] == str(sql._MOST_MEMORY)


def test_the_client_keeps_the_time_where_the_server_does_not(
    reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a statement had managed to put the server's limit up."""
    connect = sql._connect

    def patient(url: str, _: float) -> psycopg.Connection[tuple[object, ...]]:
        return connect(url, 3600)

    monkeypatch.setattr(sql, "_connect", patient)
    ten = "(VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10))"
    tables = ", ".join(f"{ten} AS t{i}" for i in range(11))
    with pytest.raises(SqlError, match="took more than"):
        _ask(reader, f"SELECT count(*) FROM {tables}", seconds=0.2)  # needs time, but no disk


def test_a_login_that_may_do_more_is_not_used(database_url: str, reader: str) -> None:
    with pytest.raises(SqlError, match="may do more than read"):
        _ask(reader_url(database_url, database_url), "select 1")


def test_the_reader_may_call_nothing_that_acts(
    connection: sqlalchemy.Connection,
) -> None:
    """Every volatile function is closed to the reader, but those that only compute."""
    names = connection.scalars(
        text(
            "select distinct proname from pg_proc where provolatile = 'v' and prokind <> 'a'"
            " and prorettype <> 'trigger'::regtype"  # nobody can call those
            f" and has_function_privilege('{READER}', oid, 'execute')"
        )
    )
    assert set(names) == {
        *("array_sample", "array_shuffle", "clock_timestamp", "gen_random_uuid", "random"),
        *("random_normal", "setseed", "timeofday", "uuidv4", "uuidv7"),
    }


def test_the_reader_may_read_nothing_but_the_views(connection: sqlalchemy.Connection) -> None:
    names = connection.scalars(
        text(
            "select relname from pg_class"
            " join pg_namespace on pg_namespace.oid = relnamespace"
            " where nspname not in ('pg_catalog', 'information_schema') and relkind <> 'i'"
            f" and has_schema_privilege('{READER}', relnamespace, 'usage')"
            f" and (has_table_privilege('{READER}', pg_class.oid,"
            " 'select, insert, update, delete, truncate, references, trigger')"
            f" or has_any_column_privilege('{READER}', pg_class.oid,"
            " 'select, insert, update, references'))"
        )
    )
    assert set(names) == {"pages", "lines", "regions", "cells", "observations"}


@pytest.fixture
def strict_server(connection: sqlalchemy.Connection, database_url: str) -> Iterator[str]:
    """Return the address of the reader where it may not log in."""
    connection.execute(text(f"alter role {READER} nologin"))
    connection.commit()
    yield reader_url(database_url, None)
    connection.rollback()
    connection.execute(text(f"alter role {READER} login"))
    connection.commit()


@pytest.fixture(scope="module")
def hosted(database_url: str, engine: sqlalchemy.Engine) -> Iterator[str]:
    """Return the reader's address in a database whose owner is no superuser, as a host gives."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        server.execute(text("create role tenant login"))
        server.execute(text("create database hosted owner tenant"))
        owner = url_of(database_url).set(username="tenant", database="hosted")
        migrate(owner.render_as_string())
        yield reader_url(owner.render_as_string(), None)
        server.execute(text("drop database hosted with (force)"))
        server.execute(text("drop role tenant"))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_sleep(60)",
        "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)",
        "SELECT * FROM (SELECT set_config('transaction_read_only', 'off', true)) x, lo_create(0)",
        "SELECT set_config('session_authorization', 'tenant', false)",
        "SELECT set_config('role', 'tenant', false)",
        "SELECT query_to_xml('select * from mill.page', true, true, '')",
        "SELECT query_to_xml('delete from mill.page', true, true, '')",
        "SELECT query_to_xml('set role none', true, true, '')",
        "SELECT lo_create(0)",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT * FROM mill.page",
        "DROP VIEW pages",
    ],
)
def test_it_holds_without_a_superuser_too(hosted: str, statement: str) -> None:
    assert _ask(hosted, "select count(*) from pages").rows == [(0,)]
    begun = time.monotonic()
    with pytest.raises(SqlError):
        _ask(hosted, statement, seconds=0.5)
    assert time.monotonic() - begun < 20


def test_a_server_that_does_not_let_the_reader_in_has_a_remedy(strict_server: str) -> None:
    with pytest.raises(SqlError, match="set LEDGERMILL_READER_URL"):
        _ask(strict_server, "select 1")


def test_the_owner_s_password_is_not_tried_for_the_reader() -> None:
    made = reader_url("postgresql+psycopg://owner:secret@host:5432/name", None)
    assert made == f"postgresql+psycopg://{READER}@host:5432/name"


def test_no_server_may_come_back() -> None:
    with pytest.raises(Unavailable, match=r"^database: "):
        _ask("postgresql://nobody@127.0.0.1:1/none", "select 1")


def test_questions_do_not_wait_for_each_other(reader: str) -> None:
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(_ask(reader, "table pages")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
