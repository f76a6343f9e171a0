"""Connections to Postgres, and bringing its schema up to date."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import psycopg
import sqlalchemy
from sqlalchemy import event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError

from pipeline.errors import LedgermillError, Unavailable

_DRIVER = "postgresql+psycopg"
_PERMANENT = (psycopg.errors.QueryCanceled, psycopg.errors.ProgramLimitExceeded)


class DatabaseError(LedgermillError):
    """Something about the database that somebody has to change."""


def connect(database_url: str) -> sqlalchemy.Engine:
    """Return an engine for `database_url`; nothing is connected yet.

    Each process needs its own: an engine must not cross a fork. Whatever may pass by itself (no
    connection, a server that restarts, a deadlock) is raised as `Unavailable` in place of
    SQLAlchemy's error; a wrong statement stays what it is.
    """
    engine = sqlalchemy.create_engine(
        url_of(database_url),
        pool_pre_ping=True,
        # A connection is kept once it is made: its process reads the catalogue for milliseconds.
        pool_size=8,
        max_overflow=0,
        pool_timeout=30,
        connect_args={
            "application_name": "ledgermill",
            "connect_timeout": 10,
            # A host that vanished is noticed within a minute, not within hours.
            "keepalives_idle": 20,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "handle_error", _name_what_may_pass)
    return engine


def url_of(database_url: str, setting: str = "DATABASE_URL") -> URL:
    """Return `database_url` as SQLAlchemy wants it.

    Raises `DatabaseError`, naming the `setting`, where it is no address of a database.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise DatabaseError(
            f"{setting}: no address of a database; write postgresql://user:password@host/name"
        ) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseError(
            f"{setting}: {url.get_backend_name()} is not supported; use PostgreSQL 16 or newer"
        )
    return url.set(drivername=_DRIVER)


def unavailable(error: psycopg.OperationalError) -> Unavailable:
    """Return `error` as the one line that a user reads."""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return Unavailable(
        f"database: {reason}; see whether it runs with `ledgermill status`, then try again"
    )


def may_pass(error: BaseException | None) -> bool:
    """Return whether the same statement may succeed later."""
    return isinstance(error, psycopg.OperationalError) and not isinstance(error, _PERMANENT)


def _name_what_may_pass(context: ExceptionContext) -> Unavailable | None:
    """Return what SQLAlchemy is to raise in place of its own error, if anything."""
    error = context.original_exception
    if isinstance(error, psycopg.OperationalError) and may_pass(error):
        return unavailable(error)
    return None


def commit_soon(connection: sqlalchemy.Connection) -> None:
    """Let this transaction's commit not wait until it is on the disk: for what can be done again.

    Where the server dies in the moment after, the transaction may not have been, and nothing that
    was committed after it; what was before stands.
    """
    connection.execute(text("set local synchronous_commit = off"))


def migrate(database_url: str) -> None:
    """Bring the database to this version of the schema; does nothing where it is already there.

    Safe to call from several processes at once. Raises `Unavailable` where the database cannot be
    reached and `DatabaseError` where it cannot hold the schema.
    """
    engine = connect(database_url)
    try:
        with engine.connect() as connection:
            if _version(connection) == latest_version():
                return
            _check_server(connection)
        _upgrade(engine)
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise DatabaseError(
            f"database: its schema cannot be brought up to date ({reason}); "
            "let the owner of the database, who may create extensions and schemas, do it"
        ) from error
    finally:
        engine.dispose()


def latest_version() -> str:
    """Return the version that the packaged migrations lead to."""
    return max(path.name.partition("_")[0] for path in _migrations().glob("versions/0*.py"))


def _migrations() -> Path:
    return Path(str(resources.files("migrations")))


def _version(connection: sqlalchemy.Connection) -> str | None:
    table = connection.scalar(text("select to_regclass('mill.alembic_version')::text"))
    if table is None:
        return None
    version: str | None = connection.scalar(text("select version_num from mill.alembic_version"))
    return version


def _check_server(connection: sqlalchemy.Connection) -> None:
    version = int(connection.scalar(text("select current_setting('server_version_num')")) or 0)
    if version < 160000:
        raise DatabaseError(
            f"database: PostgreSQL {version // 10000} is too old; use PostgreSQL 16 or newer"
        )
    encoding = connection.scalar(text("select current_setting('server_encoding')"))
    if encoding != "UTF8":
        raise DatabaseError(
            f"database: its encoding is {encoding}, which cannot hold every script; "
            "create it with `createdb -E UTF8 -T template0`"
        )


def _upgrade(engine: sqlalchemy.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["engine"] = engine
    command.upgrade(config, "head")
