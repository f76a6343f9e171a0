"""PostgreSQL, a Redis-protocol broker and a folder as object store, private to this machine.

What the settings name an address for is used as it is; the rest is embedded: started when first
needed, left running for the next command, stopped by `down()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from workers.services import place, postgres, valkey
from workers.services.place import Place, ServiceError
from workers.settings import Settings, settings, without_password

__all__ = ["Endpoints", "ServiceError", "ServiceStatus", "down", "ensure", "revive", "status", "up"]


@dataclass(frozen=True)
class Endpoints:
    """Where everything is: an SQLAlchemy address, a Celery broker address, a store's address.

    `object_store` is `file:///folder`, percent-encoded, or `s3://bucket/prefix?endpoint=...`.
    """

    database_url: str
    broker_url: str
    object_store: str


@dataclass(frozen=True)
class ServiceStatus:
    """One service: `mode` is `embedded` or `configured`; `where` has no password in it."""

    name: str
    mode: str
    running: bool
    pid: int | None
    where: str
    version: str | None
    reason: str | None = None


def endpoints() -> Endpoints:
    """Return where everything is or would be, starting nothing."""
    chosen = settings()
    where = place.place(chosen.home)
    return Endpoints(
        database_url=chosen.database_url or postgres.url(where),
        broker_url=chosen.broker_url or valkey.url(where),
        object_store=chosen.object_store or _file_url(where.home / "objects"),
    )


def ensure() -> Endpoints:
    """Return where everything is, having started whatever is embedded and does not run.

    Safe to call from many processes at once and often: with everything running it takes about a
    millisecond. Raises `ServiceError` or `pipeline.errors.Unavailable`.
    """
    chosen = settings()
    where = place.place(chosen.home)
    _stopped(where).unlink(missing_ok=True)
    if not _all_ready(chosen, where):
        place.prepare(where)
        with place.exclusive(where):
            _start(chosen, where)
    if chosen.database_url is not None:
        _migrate_once(chosen.database_url)
    return endpoints()


def revive() -> None:
    """Start again whatever is embedded and has died; not what `down()` has stopped.

    For those who work on for days. Raises as `ensure` does.
    """
    chosen = settings()
    where = place.place(chosen.home)
    if _stopped(where).exists() or _all_ready(chosen, where):
        return
    place.prepare(where)
    with place.exclusive(where):
        if not _stopped(where).exists():
            _start(chosen, where)


def up() -> Endpoints:
    """Start the embedded services."""
    return ensure()


def down() -> None:
    """Stop the embedded services, whatever the settings say now, and return when they have."""
    where = place.place(settings().home)
    if not where.home.exists():
        return
    with place.exclusive(where):
        _stopped(where).touch()
        try:
            valkey.stop(where)
        finally:
            postgres.stop(where)


def status() -> list[ServiceStatus]:
    """Return how database, broker and object store are; starts nothing."""
    chosen = settings()
    found = endpoints()
    where = place.place(chosen.home)
    return [
        _database(found, where) if chosen.database_url is None else _configured_database(found),
        _broker(found, where) if chosen.broker_url is None else _configured_broker(found),
        _store(found, "embedded" if chosen.object_store is None else "configured"),
    ]


def is_migrated(found: list[ServiceStatus]) -> bool:
    """Say whether the database of a `status()` runs and holds our tables."""
    if not any(service.name == "database" and service.running for service in found):
        return False
    import psycopg

    address = endpoints().database_url.replace("+psycopg", "", 1)
    with psycopg.connect(address, connect_timeout=5) as connection:
        row = connection.execute("select to_regclass('mill.alembic_version')").fetchone()
    return row is not None and row[0] is not None


def _stopped(where: Place) -> Path:
    """Return the mark of services that were stopped on purpose."""
    return where.home / "stopped"


def _start(chosen: Settings, where: Place) -> None:
    if chosen.broker_url is None:
        valkey.start(where)
    if chosen.database_url is None:
        postgres.start(where)
        if not postgres.is_migrated(where):
            postgres.create_database(where)
            _migrate(endpoints().database_url)
            postgres.set_migrated(where)


def _all_ready(chosen: Settings, where: Place) -> bool:
    return (
        (chosen.database_url is not None or postgres.is_ready(where))
        and (chosen.database_url is not None or postgres.is_migrated(where))
        and (chosen.broker_url is not None or valkey.is_ready(where))
        and (chosen.object_store is not None or (where.home / "objects").is_dir())
    )


def _file_url(folder: Path) -> str:
    return f"file://{quote(str(folder))}"


def _migrate(database_url: str) -> None:
    from storage.database import migrate

    migrate(database_url)


@cache
def _migrate_once(database_url: str) -> None:
    _migrate(database_url)


def _database(found: Endpoints, where: Place) -> ServiceStatus:
    return ServiceStatus(
        "database",
        "embedded",
        postgres.is_ready(where),
        postgres.pid(where),
        without_password(found.database_url),
        f"PostgreSQL {postgres.version()}",
    )


def _broker(found: Endpoints, where: Place) -> ServiceStatus:
    return ServiceStatus(
        "broker",
        "embedded",
        valkey.is_ready(where),
        valkey.pid(where),
        found.broker_url,
        f"Valkey {valkey.version()}",
    )


def _configured_database(found: Endpoints) -> ServiceStatus:
    import psycopg

    shown = without_password(found.database_url)
    try:
        address = found.database_url.replace("+psycopg", "", 1)
        with psycopg.connect(address, connect_timeout=5) as connection:
            number = connection.info.server_version
    except psycopg.Error as error:
        return ServiceStatus("database", "configured", False, None, shown, None, _line(error))
    return ServiceStatus(
        "database", "configured", True, None, shown, f"PostgreSQL {number // 10000}.{number % 100}"
    )


def _configured_broker(found: Endpoints) -> ServiceStatus:
    import redis

    shown = without_password(found.broker_url)
    address = found.broker_url.replace("redis+socket://", "unix://", 1)
    try:
        with redis.Redis.from_url(address, socket_timeout=5, socket_connect_timeout=5) as client:
            number = client.info("server")["redis_version"]
    except (redis.RedisError, OSError, ValueError) as error:
        return ServiceStatus("broker", "configured", False, None, shown, None, _line(error))
    return ServiceStatus("broker", "configured", True, None, shown, f"Redis {number}")


def _store(found: Endpoints, mode: str) -> ServiceStatus:
    from storage.objects import open_store

    shown = without_password(found.object_store)
    try:
        open_store(found.object_store).exists("0" * 64)
    except Exception as error:  # every kind of store fails in its own way; all mean the same here
        return ServiceStatus("objects", mode, False, None, shown, None, _line(error))
    return ServiceStatus("objects", mode, True, None, shown, None)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
