"""Read-only SQL over the published views, for statements written by anybody.

What keeps a statement in its place does not depend on reading it:

- it is sent as `DECLARE CURSOR FOR statement` by the extended protocol, so it is one statement and
  that a query: no `SET`, `COPY`, `DO`, `EXPLAIN`, `CREATE`, nor a second statement behind it;
- it runs in a read-only transaction, logged in as a role that may read four views and nothing
  else (`storage/reader.sql`), so there is no other role to fall back to;
- server and client both end it when its time is over, and stop reading at a number of rows and
  of bytes; on this machine the memory of its server process is bounded as well.
"""

from __future__ import annotations

import os
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL

from pipeline.errors import LedgermillError
from storage.database import unavailable, url_of
from storage.views import READER

_MOST_BYTES = 256 * 1024**2
_MOST_MEMORY = 1024**3
_LONGEST_STATEMENT = 100_000
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*([a-z]*)", re.I | re.S)
_ALLOWED = ("select", "with", "values", "table")
_VIEWS = "the views pages, lines, regions, cells and observations"


class SqlError(LedgermillError):
    """A statement that is wrong or refused."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"sql: {reason}; {remedy}")


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of an answer; `cut` says that there were more than allowed."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    cut: bool


def reader_url(database_url: str, configured: str | None) -> str:
    """Return the address that logs in as the reader.

    That is `configured`, where somebody has; otherwise the same server, without a password: the
    embedded server trusts whoever reaches its socket, another may know one from `~/.pgpass`.
    """
    if configured is not None:
        return configured
    url = url_of(database_url)
    reader = URL.create(url.drivername, READER, None, url.host, url.port, url.database, url.query)
    return reader.render_as_string(hide_password=False)


def ask(url: str, statement: str, *, seconds: float, rows: int) -> Answer:
    """Return the answer to one statement, `rows` of it at most, within `seconds`.

    `url` must log in as a role that can read the views only (`reader_url`). Raises `SqlError` with
    the one line that says what was wrong or refused, `Unavailable` where the server cannot be
    reached.
    """
    _check(statement)
    with _connect(url, seconds) as connection:
        _check_role(connection)
        _bound_memory(connection)
        # The server keeps the time too, but only until a statement could change its mind.
        clock = threading.Timer(seconds + 1, connection.cancel)
        clock.daemon = True
        clock.start()
        try:
            return _read(connection, statement, rows)
        except psycopg.Error as error:
            raise _explained(error, statement, seconds) from None
        finally:
            clock.cancel()
            _give_up(connection)


def _check(statement: str) -> None:
    """Refuse what the server would refuse too, in words that help more."""
    if "\x00" in statement or len(statement) > _LONGEST_STATEMENT:
        raise SqlError("the statement is too long or not text", "write a shorter one")
    if not statement.strip().strip(";"):
        raise SqlError("no statement", 'try `ledgermill sql "SELECT * FROM pages"`')
    found = _FIRST_WORD.match(statement)
    word = found[1] if found else ""
    if word and word.lower() not in _ALLOWED:
        raise SqlError(f"{word.upper()} is refused", f"write one SELECT over {_VIEWS}")


def _connect(url: str, seconds: float) -> psycopg.Connection[tuple[Any, ...]]:
    address = url_of(url, "LEDGERMILL_READER_URL").set(drivername="postgresql")
    milliseconds = max(1, int(seconds * 1000))
    options = {
        "default_transaction_read_only": "on",
        "statement_timeout": str(milliseconds),
        "lock_timeout": "2000",
        "idle_in_transaction_session_timeout": str(milliseconds + 60_000),
        "search_path": "pg_catalog,public,pg_temp",
        "work_mem": "16MB",
        "max_parallel_workers_per_gather": "0",
        "cursor_tuple_fraction": "1",
        "jit": "off",
    }
    try:
        return psycopg.connect(
            address.render_as_string(hide_password=False),
            connect_timeout=10,
            application_name="ledgermill sql",
            options=" ".join(f"-c {name}={value}" for name, value in options.items()),
        )
    except psycopg.OperationalError as error:
        if _REFUSED_LOGIN.search(str(error)):
            raise SqlError(
                f"the database does not let {READER} in",
                f"give that role a password (ALTER ROLE {READER} PASSWORD '…') and set "
                "LEDGERMILL_READER_URL",
            ) from None
        raise unavailable(error) from error


_REFUSED_LOGIN = re.compile(
    r"authentication failed|no password supplied|role \"[^\"]*\" does not exist"
    r"|no pg_hba.conf entry|not permitted to log in"
)


def _check_role(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Refuse a login that could do more than read the views."""
    found = connection.execute(
        """
        select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
            or coalesce(has_schema_privilege(to_regnamespace('mill'), 'usage'), false)
            or exists (select from pg_auth_members where member = pg_roles.oid)
        from pg_roles where rolname = session_user
        """
    ).fetchone()
    connection.rollback()
    if found is None or found[0]:
        raise SqlError(
            "LEDGERMILL_READER_URL logs in as a role that may do more than read",
            f"let it log in as {READER}",
        )


def _read(connection: psycopg.Connection[tuple[Any, ...]], statement: str, most: int) -> Answer:
    connection.read_only = True
    cursor = connection.cursor()
    # `binary` has psycopg use the extended protocol, which takes one statement only.
    cursor.execute(f"declare answer no scroll cursor for {statement}".encode(), binary=True)
    described = connection.pgconn.describe_portal(b"answer")
    names = [(described.fname(i) or b"").decode() for i in range(described.nfields)]
    rows: list[tuple[Any, ...]] = []
    size = 0
    # One FETCH, as each has the whole time anew.
    for row in cursor.stream(f"fetch forward {int(most) + 1} from answer".encode()):
        size += sum(sys.getsizeof(value) for value in row)
        if size > _MOST_BYTES:
            connection.cancel()
            raise SqlError(
                f"the answer is longer than {_MOST_BYTES // 1024**2} MB", "ask for less of it"
            )
        rows.append(row)
    return Answer(_distinct(names), rows[:most], len(rows) > most)


def _distinct(names: list[str]) -> tuple[str, ...]:
    taken: list[str] = []
    for name in names:
        chosen, number = name, 1
        while chosen in taken:
            number += 1
            chosen = f"{name}_{number}"
        taken.append(chosen)
    return tuple(taken)


def _give_up(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    # Not rolled back in good order: a broken-off stream would first have to be read to its end.
    connection.close()


def _bound_memory(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Bound the memory of the server process that answers, if it is a child of our socket's peer.

    Postgres has no such limit of its own, and an aggregate over long texts could otherwise have
    the kernel kill the whole server. Where this process may not set it, the time limit is all.
    """
    if not connection.info.host.startswith("/") or not hasattr(resource, "prlimit"):
        return
    backend = connection.info.backend_pid
    try:
        with socket.fromfd(connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        server, user, group = struct.unpack("3i", credentials)
        parent = Path(f"/proc/{backend}/stat").read_text("ascii").rpartition(")")[2].split()[1]
        if server > 0 and int(parent) == server:
            _bound_process(backend, user, group)
    except (OSError, ValueError, subprocess.SubprocessError):
        return


def _bound_process(process: int, user: int, group: int) -> None:
    try:
        resource.prlimit(process, resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    except PermissionError:
        # Root in a container may not do this to another user, but may become that user.
        if os.geteuid() == 0:
            subprocess.run(
                ["prlimit", "--pid", str(process), f"--data={_MOST_MEMORY}"],
                user=user,
                group=group,
                extra_groups=[],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=5,
                check=False,
            )


def _explained(error: psycopg.Error, statement: str, seconds: float) -> LedgermillError:
    state = error.sqlstate or ""
    reason = error.diag.message_primary or str(error).strip().partition("\n")[0]
    if error.diag.message_hint:
        reason = f"{reason} ({error.diag.message_hint.rstrip('.')})"
    if state == "57014":
        return SqlError(
            f"took more than {seconds:g} s",
            "narrow it with WHERE, or raise LEDGERMILL_SQL_SECONDS",
        )
    if "multiple commands" in reason:
        return SqlError("more than one statement", "send them one by one")
    if state in ("53200", "53400"):
        return SqlError(f"needs too much memory or disk ({reason})", "ask for less of it")
    if state in ("42501", "25006", "42P01", "3F000"):
        return SqlError(reason, f"what can be read are {_VIEWS}")
    if state == "42601" and re.search(r"\binto\b", statement, re.I):
        return SqlError(reason, f"write one SELECT over {_VIEWS}, without INTO")
    if isinstance(error, psycopg.OperationalError) and state[:2] not in ("53", "54", "22"):
        return unavailable(error)
    return SqlError(reason, "correct the statement")
